//! A session description: read, printed, read again the same; answered as a first and as a later offer, and taken as
//! the answer to an offer of several streams.
#![no_main]

use jackfield::sdp::{
    Attributes, Capabilities, Codec, Description, Fax, Format, Identity, Local, MediaKind, Proposal, Situation, accept_answer, answer,
    offer,
};
use jackfield::sdp::{Direction, OwnOrigin};
use std::net::{IpAddr, Ipv4Addr};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = Description::parse(bytes) else { return };
    let printed = read.to_bytes();
    let again = Description::parse(&printed).expect("what was printed reads");
    assert_eq!(again.to_bytes(), printed, "printing twice prints the same");
    for media in &read.media {
        media.payloads().for_each(|payload| drop(format!("{payload:?}")));
        let _ = (media.codec_formats(), media.kind.codec_kind(), media.attributes.ptime_ms());
        let _ = (read.connection_of(media), read.direction_of(media), read.rtcp_of(media));
        media.attributes.cryptos().for_each(|crypto| drop(format!("{crypto:?}")));
    }
    let formats = ["ulaw", "opus", "g729", "vp8", "h264"].iter().filter_map(|name| Codec::from_name(name));
    let local = Capabilities {
        formats: formats.map(Format::of).collect(),
        max_audio_streams: 2,
        max_video_streams: 2,
        fax: true,
        ..Capabilities::default()
    };
    let me = Identity { owner: "-".into(), session: "-".into(), address: HERE };
    let (mut before, parameters) = (None, Attributes::default());
    // The second time it is a running session's re-offer, and T.38 is wanted.
    for fax in [Fax::Refuse, Fax::Accept(&parameters)] {
        let situation = Situation { previous: before.as_ref(), fax, ..Situation::default() };
        if let Ok(decided) = answer(&read, &local, &situation) {
            let mut text = decided.describe(&me, |at| Some(Local::at(HERE, 10_000 + 2 * at as u16)));
            OwnOrigin::new(1).stamp(&mut text);
            let answered = Description::parse(&text.to_bytes()).expect("our answer reads");
            assert_eq!(answered.media.len(), read.media.len(), "a line for each line of the offer");
            before = Some(decided.agreement);
        }
    }
    let stream = |kind: MediaKind, port| Proposal::Rtp {
        kind,
        local: Local::at(HERE, port),
        formats: local.formats.clone(),
        direction: Direction::SendRecv,
    };
    let proposals = vec![
        stream(MediaKind::Audio, 10_000),
        stream(MediaKind::Video, 10_002),
        Proposal::Removed { kind: MediaKind::Audio },
        Proposal::Fax { local: Local::at(HERE, 10_004), parameters: parameters.clone() },
    ];
    for previous in [None, before.as_ref()] {
        let ours = offer(proposals.clone(), &local, previous);
        Description::parse(&ours.describe(&me, &local).to_bytes()).expect("our offer reads");
        let _ = accept_answer(&ours, &read, &local);
    }
});
