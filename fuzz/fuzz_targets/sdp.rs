//! A session description: read, printed, read again the same; answered, and taken as an answer.
#![no_main]

use jackfield::sdp::{
    Capabilities, Codec, Description, Format, Identity, Local, MediaKind, Proposal, Situation, accept_answer, answer,
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
    let formats = ["ulaw", "opus", "g729", "vp8"].iter().filter_map(|name| Codec::from_name(name)).map(Format::of);
    let local = Capabilities { formats: formats.collect(), ..Capabilities::default() };
    let me = Identity { owner: "-".into(), session: "-".into(), address: HERE };
    if let Ok(decided) = answer(&read, &local, &Situation::default()) {
        let mut text = decided.describe(&me, |at| Some(Local::at(HERE, 10_000 + 2 * at as u16)));
        OwnOrigin::new(1).stamp(&mut text);
        Description::parse(&text.to_bytes()).expect("our answer reads");
    }
    let proposal = Proposal::Rtp {
        kind: MediaKind::Audio,
        local: Local::at(HERE, 10_000),
        formats: local.formats.clone(),
        direction: Direction::SendRecv,
    };
    let ours = offer(vec![proposal], &local, None);
    let _ = accept_answer(&ours, &read, &local);
});
