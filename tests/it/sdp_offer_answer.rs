//! Offer and answer as phones and trunks send them (RFC 3264, RFC 4317), one behaviour per test.

use jackfield::sdp::*;
use std::net::IpAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("address")
}

fn formats(names: &str) -> Vec<Format> {
    names.split_whitespace().map(|n| Format::of(Codec::from_name(n).expect("known"))).collect()
}

fn endpoint(names: &str) -> Capabilities {
    Capabilities { formats: formats(names), ..Capabilities::default() }
}

fn parse(text: &str) -> Description {
    Description::parse(text.as_bytes()).expect("reads")
}

/// A description with one address and the given lines from `m=` on.
fn offer_of(lines: &str) -> Description {
    parse(&format!("v=0\no=- 1 1 IN IP4 192.0.2.5\ns=-\nc=IN IP4 192.0.2.5\nt=0 0\n{lines}"))
}

fn me() -> Identity {
    Identity { owner: "-".into(), session: "Asterisk".into(), address: ip("127.0.0.1") }
}

fn place(port: u16) -> Local {
    Local::at(ip("127.0.0.1"), port)
}

/// The lines from `m=` on.
fn media_lines(description: &Description) -> String {
    let text = String::from_utf8(description.to_bytes()).expect("text").replace("\r\n", "\n");
    text[text.find("m=").expect("media")..].to_owned()
}

fn answer_text(offer: &Description, local: &Capabilities) -> String {
    let decided = answer(offer, local, &Situation::default()).expect("answered");
    media_lines(&decided.describe(&me(), |at| Some(place(10_000 + 2 * at as u16))))
}

fn refusal(offer: &Description, local: &Capabilities) -> String {
    answer(offer, local, &Situation::default()).expect_err("refused").to_string()
}

fn audio(direction: Direction, names: &str) -> Proposal {
    Proposal::Rtp { kind: MediaKind::Audio, local: place(10_000), formats: formats(names), direction }
}

/// The answers Asterisk gave in the recordings, line by line.
#[test]
fn answers_read_as_the_recorded_ones() {
    let offered = offer_of("m=audio 4000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n");
    let decided = answer(&offered, &endpoint("ulaw alaw"), &Situation::default()).expect("answered");
    let mut text = decided.describe(&me(), |_| Some(place(4002)));
    OwnOrigin::new(2_000).stamp(&mut text);
    assert_eq!(
        String::from_utf8(text.to_bytes()).expect("text"),
        "v=0\r\no=- 1000 1000 IN IP4 127.0.0.1\r\ns=Asterisk\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio 4002 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na=maxptime:140\r\na=sendrecv\r\n"
    );
}

/// The offer of the recordings: two codecs, events, packet times.
#[test]
fn offers_read_as_the_recorded_ones() {
    let local = endpoint("ulaw alaw");
    let made = offer(vec![audio(Direction::SendRecv, "ulaw alaw")], &local, None);
    assert_eq!(
        media_lines(&made.describe(&me(), &local)),
        "m=audio 10000 RTP/AVP 0 8 101\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\n\
         a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=ptime:20\na=maxptime:140\na=sendrecv\n"
    );
}

/// S4-14: rtpmaps of codecs that the m= line does not list are no offer.
#[test]
fn maps_outside_the_media_line_are_not_offered() {
    let offered = offer_of("m=audio 4000 RTP/AVP 0\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\n");
    assert!(answer_text(&offered, &endpoint("alaw ulaw")).starts_with("m=audio 10000 RTP/AVP 0\n"));
    assert!(refusal(&offered, &endpoint("alaw")).contains("no codec in common"));
}

#[test]
fn dynamic_numbers_are_the_offers_in_both_directions() {
    let offered = offer_of(
        "m=audio 4000 RTP/AVP 111 96 97 98\na=rtpmap:111 opus/48000/2\na=fmtp:111 useinbandfec=1\n\
         a=rtpmap:96 telephone-event/48000\na=rtpmap:97 telephone-event/8000\na=rtpmap:98 iLBC/8000\na=fmtp:98 mode=20\n",
    );
    let decided = answer(&offered, &endpoint("opus ilbc"), &Situation::default()).expect("answered");
    let stream = decided.agreement.audio().expect("runs");
    let numbers: Vec<_> = stream.formats.iter().map(|f| (f.codec.name(), f.send, f.receive)).collect();
    assert_eq!(numbers, [("opus", 111, 111), ("ilbc", 98, 98)]);
    let events: Vec<_> = stream.events.iter().map(|e| (e.clock_rate, e.send)).collect();
    assert_eq!(events, [(48_000, 96), (8000, 97)]);
    assert_eq!(
        media_lines(&decided.describe(&me(), |_| Some(place(4002)))),
        "m=audio 4002 RTP/AVP 111 98 96 97\na=rtpmap:111 opus/48000/2\na=rtpmap:98 iLBC/8000\na=fmtp:98 mode=20\n\
         a=rtpmap:96 telephone-event/48000\na=fmtp:96 0-16\na=rtpmap:97 telephone-event/8000\na=fmtp:97 0-16\n\
         a=ptime:20\na=maxptime:60\na=sendrecv\n"
    );
}

/// Without RFC 4733 in `dtmf_mode`, events are neither offered nor answered.
#[test]
fn events_follow_the_dtmf_mode() {
    let mut local = endpoint("ulaw");
    local.telephone_event = false;
    let offered = offer_of("m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n");
    assert!(!answer_text(&offered, &local).contains("telephone-event"));
    let made = offer(vec![audio(Direction::SendRecv, "ulaw")], &local, None);
    assert!(!media_lines(&made.describe(&me(), &local)).contains("telephone-event"));
}

#[test]
fn an_event_number_per_clock_rate_and_always_one_at_8000() {
    let local = endpoint("opus");
    let made = offer(vec![audio(Direction::SendRecv, "opus")], &local, None);
    let text = media_lines(&made.describe(&me(), &local));
    assert!(text.starts_with("m=audio 10000 RTP/AVP 107 101 96\n"), "{text}");
    assert!(
        text.contains("a=rtpmap:101 telephone-event/8000\n")
            && text.contains("a=rtpmap:96 telephone-event/48000\n")
    );
}

/// S1-19: the preference options order the answer; one codec with the `_first` ones.
#[test]
fn preferences_order_the_answer() {
    let offered = offer_of("m=audio 4000 RTP/AVP 3 0 8\n");
    let with = |preference| {
        let incoming = CodecChoice::Call(preference);
        let text = answer_text(&offered, &Capabilities { incoming, ..endpoint("alaw ulaw g722") });
        text.lines().next().expect("m=").to_owned()
    };
    assert_eq!(with(OfferPreference::Local), "m=audio 10000 RTP/AVP 8 0");
    assert_eq!(with(OfferPreference::LocalFirst), "m=audio 10000 RTP/AVP 8");
    assert_eq!(with(OfferPreference::Remote), "m=audio 10000 RTP/AVP 0 8");
    assert_eq!(with(OfferPreference::RemoteFirst), "m=audio 10000 RTP/AVP 0");
}

/// S1-41: the answer to A carries only what B took, when nobody can transcode.
#[test]
fn an_answer_can_be_narrowed_to_the_other_leg() {
    let offered = offer_of("m=audio 4000 RTP/AVP 0 8 9\n");
    let only = formats("alaw");
    let situation = Situation { only: Some(&only), ..Situation::default() };
    let decided = answer(&offered, &endpoint("ulaw alaw g722"), &situation).expect("answered");
    let codecs: Vec<_> = decided.agreement.audio().expect("runs").formats.iter().map(|f| f.codec).collect();
    assert_eq!(codecs, [Codec::ALAW]);
    let only = formats("gsm");
    assert!(answer(&offered, &endpoint("ulaw"), &Situation { only: Some(&only), ..situation }).is_err());
}

/// Every m= of the offer is answered; what does not fit is declined in its place (RFC 3264 6).
#[test]
fn each_stream_is_answered_in_its_place() {
    let offered = offer_of(
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nm=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 8\n\
         m=video 4004 RTP/AVP 31\nm=image 4006 udptl t38\nm=text 4008 RTP/AVP 98\na=rtpmap:98 t140/1000\n\
         m=video 0 RTP/AVP 34\n",
    );
    assert_eq!(
        answer_text(&offered, &endpoint("ulaw alaw")),
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\nm=audio 10002 RTP/AVP 0\na=rtpmap:0 PCMU/8000\n\
         a=ptime:20\na=maxptime:140\na=sendrecv\nm=audio 0 RTP/AVP 8\nm=video 0 RTP/AVP 31\nm=image 0 udptl t38\n\
         m=text 0 RTP/AVP 98\nm=video 0 RTP/AVP 34\n"
    );
    let decided = answer(&offered, &endpoint("ulaw alaw"), &Situation::default()).expect("answered");
    let why: Vec<_> = decided
        .agreement
        .streams
        .iter()
        .filter_map(|s| match s.outcome {
            Outcome::Declined { why, .. } => Some(why),
            _ => None,
        })
        .collect();
    use Declined::*;
    assert_eq!(why, [UnknownKind, TooMany, KindNotAllowed, FaxOff, KindNotAllowed, ByOffer]);
}

/// `max_audio_streams`, `max_video_streams`; S3-28: audio grows video.
#[test]
fn more_streams_run_when_the_options_allow() {
    let offered = offer_of(
        "m=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 0\nm=video 4004 RTP/AVP 99\na=rtpmap:99 H264/90000\n",
    );
    let local = Capabilities { max_audio_streams: 2, ..endpoint("ulaw h264") };
    let decided = answer(&offered, &local, &Situation::default()).expect("answered");
    assert_eq!(decided.running().count(), 3);
    assert!(decided.agreement.first(&MediaKind::Video).is_some());
    let local = Capabilities { max_video_streams: 0, ..local };
    let decided = answer(&offered, &local, &Situation::default()).expect("answered");
    assert_eq!(decided.running().count(), 2);
}

/// 488 with its reason; S3-24.
#[test]
fn what_cannot_be_taken_is_refused_with_its_reason() {
    let local = endpoint("ulaw");
    assert_eq!(refusal(&offer_of(""), &local), "no media stream offered");
    assert_eq!(refusal(&offer_of("m=audio 0 RTP/AVP 0\n"), &local), "no media stream offered");
    assert_eq!(
        refusal(&offer_of("m=audio 4000 RTP/AVP 97\na=rtpmap:97 iLBC/8000\nm=image 9 udptl t38\n"), &local),
        "no stream can be taken: audio: no codec in common; image: t38_udptl=no"
    );
    assert_eq!(
        refusal(&offer_of("m=audio 4000 RTP/SAVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\n"), &local),
        "stream 0: offered RTP/SAVP (media_encryption=sdes) but media_encryption=no"
    );
    assert_eq!(
        refusal(&parse("v=0\no=- 1 1 IN IP4 192.0.2.5\ns=-\nt=0 0\nm=audio 4000 RTP/AVP 0\n"), &local),
        "stream 0: no c= line holds for it"
    );
}

/// S3-16, S3-17, S3-21, S3-29: hold in every form, and back.
#[test]
fn hold_is_seen_in_every_form_and_answered() {
    let local = endpoint("ulaw");
    let line = "m=audio 4000 RTP/AVP 0\n";
    for (offered, held, answered) in [
        (offer_of(&format!("{line}a=sendonly\n")), true, Direction::RecvOnly),
        (offer_of(&format!("{line}a=inactive\n")), true, Direction::Inactive),
        (offer_of(&format!("{line}c=IN IP4 0.0.0.0\n")), true, Direction::RecvOnly),
        (offer_of(&format!("{line}c=IN IP6 ::\na=sendrecv\n")), true, Direction::RecvOnly),
        (offer_of(&format!("{line}c=IN IP4 0.0.0.0\na=sendonly\n")), true, Direction::RecvOnly),
        (offer_of(&format!("{line}c=IN IP4 0.0.0.0\na=inactive\n")), true, Direction::Inactive),
        (offer_of(&format!("a=sendonly\n{line}")), true, Direction::RecvOnly),
        (offer_of(&format!("a=sendonly\n{line}a=sendrecv\n")), false, Direction::SendRecv),
        (offer_of(&format!("{line}a=recvonly\n")), false, Direction::SendOnly),
        (offer_of(line), false, Direction::SendRecv),
    ] {
        let decided = answer(&offered, &local, &Situation::default()).expect("answered");
        assert_eq!(decided.agreement.is_remotely_held(), held, "{offered:?}");
        assert_eq!(decided.agreement.audio().expect("runs").direction, answered, "{offered:?}");
        // We never write a null address ourselves.
        let text = decided.describe(&me(), |_| Some(place(10_000)));
        assert!(!text.connection_of(&text.media[0]).expect("c=").address.is_null());
    }
    // We hold too: sendonly meets sendonly.
    let held = Situation { willing: Direction::SendOnly, ..Situation::default() };
    let decided = answer(&offer_of(&format!("{line}a=sendonly\n")), &local, &held).expect("answered");
    assert_eq!(decided.agreement.audio().expect("runs").direction, Direction::Inactive);
}

/// Only the first running audio stream holds a call.
#[test]
fn a_held_video_does_not_hold_the_call() {
    let offered = offer_of(
        "m=audio 0 RTP/AVP 0\na=sendonly\nm=audio 4000 RTP/AVP 0\nm=video 4002 RTP/AVP 99\na=rtpmap:99 H264/90000\na=inactive\n",
    );
    let decided = answer(&offered, &endpoint("ulaw h264"), &Situation::default()).expect("answered");
    assert!(!decided.agreement.is_remotely_held());
}

/// S3-34, S3-35, S3-36: an offer we are asked for during hold tells what we are willing to do; the answer in the ACK
/// decides about hold again.
#[test]
fn an_asked_for_offer_during_hold_is_full_and_the_answer_keeps_the_hold() {
    let local = endpoint("ulaw");
    let made = offer(vec![audio(Direction::SendRecv, "ulaw")], &local, None);
    assert!(media_lines(&made.describe(&me(), &local)).contains("a=sendrecv\n"));
    let still_held =
        accept_answer(&made, &offer_of("m=audio 4000 RTP/AVP 0\na=sendonly\n"), &local).expect("accepted");
    assert!(still_held.is_remotely_held());
    assert_eq!(still_held.audio().expect("runs").direction, Direction::RecvOnly);
    let resumed = accept_answer(&made, &offer_of("m=audio 4000 RTP/AVP 0\n"), &local).expect("accepted");
    assert_eq!(resumed.audio().expect("runs").direction, Direction::SendRecv);
}

/// RFC 3264 5.1: the answer may use other numbers than the offer; each side sends with the other's.
#[test]
fn an_answer_with_other_numbers_is_understood() {
    let local = endpoint("opus ulaw");
    let made = offer(vec![audio(Direction::SendRecv, "opus ulaw")], &local, None);
    let answered = offer_of(
        "m=audio 4000 RTP/AVP 0 120 100 99\na=rtpmap:120 opus/48000/2\na=rtpmap:100 telephone-event/8000\na=rtpmap:99 G729/8000\n",
    );
    let agreed = accept_answer(&made, &answered, &local).expect("accepted");
    let stream = agreed.audio().expect("runs");
    let numbers: Vec<_> = stream.formats.iter().map(|f| (f.codec.name(), f.send, f.receive)).collect();
    assert_eq!(numbers, [("ulaw", 0, 0), ("opus", 120, 107)]);
    assert_eq!((stream.events[0].send, stream.events[0].receive), (100, 101));
}

#[test]
fn an_answer_without_maps_means_what_we_offered() {
    let local = endpoint("opus");
    let made = offer(vec![audio(Direction::SendRecv, "opus")], &local, None);
    let agreed = accept_answer(&made, &offer_of("m=audio 4000 RTP/AVP 107\n"), &local).expect("accepted");
    assert_eq!(agreed.audio().expect("runs").formats[0].codec, Codec::OPUS);
}

#[test]
fn an_answer_without_a_usable_stream_ends_it() {
    let local = endpoint("ulaw");
    let made = offer(vec![audio(Direction::SendRecv, "ulaw")], &local, None);
    for lines in ["m=audio 0 RTP/AVP 0\n", "m=audio 4000 RTP/AVP 8\n", "m=video 4000 RTP/AVP 31\n", ""] {
        assert!(
            matches!(accept_answer(&made, &offer_of(lines), &local), Err(Refusal::NothingAcceptable(_))),
            "{lines}"
        );
    }
    assert!(accept_answer(&made, &offer_of("m=audio 4000 RTP/SAVP 0\n"), &local).is_err());
}

/// S3-30: two videos become audio and a removed stream; S3-33: new lines behind removed ones; S3-32: all streams away,
/// then new ones.
#[test]
fn streams_change_type_are_added_and_removed_in_place() {
    let local = Capabilities { max_video_streams: 2, ..endpoint("ulaw h264") };
    let video = "RTP/AVP 99\na=rtpmap:99 H264/90000\n";
    let first =
        answer(&offer_of(&format!("m=video 1 {video}m=video 3 {video}")), &local, &Situation::default());
    let first = first.expect("answered").agreement;
    let now = Situation { previous: Some(&first), ..Situation::default() };
    let in_place = answer(&offer_of("m=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 99\n"), &local, &now);
    let in_place = in_place.expect("answered");
    assert!(in_place.agreement.audio().is_some() && !in_place.agreement.streams[1].is_active());
    assert_eq!(in_place.running().count(), 1);

    let appended = format!("m=video 0 {video}m=video 0 {video}m=audio 4000 RTP/AVP 0\n");
    let appended = answer(&offer_of(&appended), &local, &now).expect("answered");
    assert_eq!(appended.running().map(|(at, _)| at).collect::<Vec<_>>(), [2]);

    let emptied =
        answer(&offer_of(&format!("m=video 0 {video}m=video 0 {video}")), &local, &now).expect("answered");
    assert_eq!(emptied.running().count(), 0);
}

/// S3-31: our own offers never have fewer media lines than before, and numbers in use keep their meaning.
#[test]
fn our_next_offer_keeps_lines_and_numbers() {
    let local = endpoint("opus ilbc h264");
    let offered = offer_of(
        "m=audio 4000 RTP/AVP 107 97 96\na=rtpmap:107 iLBC/8000\na=rtpmap:97 opus/48000/2\na=rtpmap:96 telephone-event/8000\n\
         m=video 4002 RTP/AVP 120\na=rtpmap:120 H264/90000\n",
    );
    let before = answer(&offered, &local, &Situation::default()).expect("answered").agreement;
    let made = offer(vec![audio(Direction::SendRecv, "opus ilbc ulaw speex16")], &local, Some(&before));
    let text = media_lines(&made.describe(&me(), &local));
    assert!(text.starts_with("m=audio 10000 RTP/AVP 97 107 0 117 96 "), "{text}");
    assert!(text.contains("a=rtpmap:97 opus/48000/2\n") && text.contains("a=rtpmap:107 iLBC/8000\n"));
    assert!(text.contains("a=rtpmap:96 telephone-event/8000\n"));
    assert!(text.ends_with("m=video 0 RTP/AVP 32\n"), "{text}");
}

/// S3-23: a fax stream keeps its parameters on the way through.
#[test]
fn fax_parameters_pass_untouched() {
    let lines = "m=audio 0 RTP/AVP 0\nm=image 4004 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400\n\
        a=T38FaxFillBitRemoval\na=T38FaxRateManagement:transferredTCF\na=T38FaxUdpEC:t38UDPRedundancy\na=x:y\n";
    let offered = offer_of(lines);
    let local = Capabilities { fax: true, ..endpoint("ulaw") };
    let parameters = sdp_fax_parameters(&offered.media[1]);
    assert_eq!(parameters.0.len(), 5);
    // On to the other leg …
    let made = offer(
        vec![Proposal::Removed { kind: MediaKind::Audio }, Proposal::Fax { local: place(4008), parameters }],
        &local,
        None,
    );
    let text = media_lines(&made.describe(&me(), &local));
    assert_eq!(
        text,
        "m=audio 0 RTP/AVP 32\nm=image 4008 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400\n\
         a=T38FaxFillBitRemoval\na=T38FaxRateManagement:transferredTCF\na=T38FaxUdpEC:t38UDPRedundancy\n"
    );
    // … and back.
    let agreed = accept_answer(&made, &offer_of(lines), &local).expect("accepted");
    let fax = agreed.fax().expect("runs");
    let situation = Situation { fax: Fax::Accept(&fax.attributes), ..Situation::default() };
    let decided = answer(&offered, &local, &situation).expect("answered");
    assert_eq!(decided.agreement.fax().expect("runs").remote.port, 4004);
    assert!(
        media_lines(&decided.describe(&me(), |_| Some(place(4010))))
            .contains("a=T38FaxUdpEC:t38UDPRedundancy\n")
    );
    // Nobody takes it: 488, the call goes on with what it had (S3-24).
    assert!(refusal(&offered, &local).contains("fax not taken"));
}

use jackfield::sdp::answer::fax_parameters as sdp_fax_parameters;

/// S3-41: our version goes up by one exactly when the text changes; theirs is watched.
#[test]
fn versions_tell_changes() {
    let mut own = OwnOrigin::new(4_000_000_000);
    let mut one = offer_of("m=audio 4000 RTP/AVP 0\n");
    own.stamp(&mut one);
    let first = one.origin.clone();
    assert!(first.id < 1 << 31 && first.id == first.version);
    own.stamp(&mut one);
    assert_eq!(one.origin, first);
    one.media[0].port = 4002;
    own.stamp(&mut one);
    assert_eq!((one.origin.id, one.origin.version), (first.id, first.version + 1));

    let mut theirs = TheirOrigin::default();
    let mut text = offer_of("m=audio 4000 RTP/AVP 0\n");
    assert_eq!(theirs.observe(&text), Change::First);
    assert_eq!(theirs.observe(&text), Change::None);
    text.origin.version = 5;
    assert_eq!(theirs.observe(&text), Change::VersionOnly);
    text.media[0].port = 4002;
    assert_eq!(theirs.observe(&text), Change::WithoutVersion);
    text.media[0].port = 4004;
    text.origin.version = 6;
    assert_eq!(theirs.observe(&text), Change::Proper);
    text.origin.version = 3;
    text.media[0].port = 4006;
    assert_eq!(theirs.observe(&text), Change::WithoutVersion);
    text.origin.id = 77;
    assert_eq!(theirs.observe(&text), Change::NewSession);
    assert!(Change::WithoutVersion.is_change() && !Change::VersionOnly.is_change());
}

#[test]
fn packet_times_follow_use_ptime_and_the_codec() {
    let offered = offer_of("m=audio 4000 RTP/AVP 0\na=ptime:40\n");
    let ptime = |local: &Capabilities| {
        answer(&offered, local, &Situation::default())
            .expect("answered")
            .agreement
            .audio()
            .expect("runs")
            .ptime_ms
    };
    assert_eq!(ptime(&endpoint("ulaw")), 20);
    assert_eq!(ptime(&Capabilities { use_ptime: true, ..endpoint("ulaw") }), 40);
    let mut longer = endpoint("ulaw");
    longer.formats[0].ptime_ms = 30;
    assert_eq!(ptime(&longer), 30);
    assert!(answer_text(&offered, &longer).contains("a=ptime:30\n"));
}

#[test]
fn rtcp_goes_where_both_agree() {
    let mux = "m=audio 4000 RTP/AVP 0\na=rtcp-mux\n";
    let remote = |lines: &str, rtcp_mux| {
        let local = Capabilities { rtcp_mux, ..endpoint("ulaw") };
        let decided = answer(&offer_of(lines), &local, &Situation::default()).expect("answered");
        let remote = decided.agreement.audio().expect("runs").remote.clone();
        (remote.rtcp_port, remote.rtcp_mux)
    };
    assert_eq!(remote(mux, true), (4000, true));
    assert_eq!(remote(mux, false), (4001, false));
    assert_eq!(remote("m=audio 4000 RTP/AVP 0\n", true), (4001, false));
    assert_eq!(remote("m=audio 4000 RTP/AVP 0\na=rtcp:4100\n", true), (4100, false));
    assert!(
        answer_text(&offer_of(mux), &Capabilities { rtcp_mux: true, ..endpoint("ulaw") })
            .contains("a=rtcp-mux\n")
    );
}

/// What a relay needs: A's numbers to B's, by codec and by clock rate of events.
#[test]
fn streams_translate_payload_numbers() {
    let local = endpoint("ulaw opus");
    let a = answer(
        &offer_of(
            "m=audio 4000 RTP/AVP 0 111 96\na=rtpmap:111 opus/48000/2\na=rtpmap:96 telephone-event/8000\n",
        ),
        &local,
        &Situation::default(),
    );
    let a = a.expect("answered").agreement;
    let made = offer(vec![audio(Direction::SendRecv, "ulaw opus")], &local, None);
    let b = offer_of(
        "m=audio 5000 RTP/AVP 0 120 101\na=rtpmap:120 opus/48000/2\na=rtpmap:101 telephone-event/8000\n",
    );
    let b = accept_answer(&made, &b, &local).expect("accepted");
    let (a, b) = (a.audio().expect("runs"), b.audio().expect("runs"));
    let to_b = a.translation(b);
    assert_eq!(
        (to_b.get(0), to_b.get(111), to_b.get(96), to_b.get(8)),
        (Some(0), Some(120), Some(101), None)
    );
    let to_a = b.translation(a);
    assert_eq!((to_a.get(107), to_a.get(101)), (Some(111), Some(96)));
    assert!(!to_a.is_identity() && Translation::NOTHING.is_identity());
    assert_eq!(a.common_codecs(b).collect::<Vec<_>>(), [Codec::ULAW, Codec::OPUS]);
}

/// A codec in common is passed on; G.711 without one is exchanged for the other law; what has no other side stays.
#[test]
fn the_laws_of_g711_are_exchanged() {
    let agreed = |allow: &str, lines: &str| {
        let answered = answer(&offer_of(lines), &endpoint(allow), &Situation::default());
        answered.expect("answered").agreement.audio().expect("runs").clone()
    };
    let event = "a=rtpmap:101 telephone-event/8000\n";
    let a = agreed("ulaw g722", &format!("m=audio 5000 RTP/AVP 0 9 101\n{event}"));
    let b = agreed("alaw", "m=audio 5000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\n");
    let to_b = a.translation(&b);
    assert_eq!((to_b.get(0), to_b.law(0)), (Some(8), Some(Law::A)));
    assert_eq!((to_b.get(101), to_b.law(101), to_b.get(9)), (Some(96), None, None));
    let to_a = b.translation(&a);
    assert_eq!((to_a.get(8), to_a.law(8), to_a.get(96)), (Some(0), Some(Law::Micro), Some(101)));
    assert!(a.differs_by_law(&b) && b.differs_by_law(&a) && !to_a.is_identity());
    let both = agreed("ulaw alaw", "m=audio 5000 RTP/AVP 0 8\n");
    assert_eq!((a.translation(&both).law(0), both.translation(&b).law(0)), (None, Some(Law::A)));
    assert!(!agreed("g722", "m=audio 5000 RTP/AVP 9\n").differs_by_law(&b));
}

/// Real-time text with redundancy, whose parameters name the text's own number.
#[test]
fn redundant_text_names_the_text() {
    let local = endpoint("t140 red");
    let text = Proposal::Rtp {
        kind: MediaKind::Text,
        local: place(4000),
        formats: formats("t140 red"),
        direction: Direction::SendRecv,
    };
    assert_eq!(
        media_lines(&offer(vec![text], &local, None).describe(&me(), &local)),
        "m=text 4000 RTP/AVP 106 105\na=rtpmap:106 T140/1000\na=rtpmap:105 RED/1000\na=fmtp:105 106/106/106\na=sendrecv\n"
    );
}

/// Mutated offers: whatever reads is answered or refused without a panic, and an answer reads again with as many lines.
#[test]
fn mutated_offers_get_a_whole_answer_or_a_refusal() {
    use jackfield::base::rng::Rng;
    let text = "v=0\no=- 1 1 IN IP4 192.0.2.5\ns=-\nc=IN IP4 192.0.2.5\nt=0 0\nm=audio 4000 RTP/AVP 0 8 111 101\n\
        a=rtpmap:111 opus/48000/2\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\na=ptime:20\na=sendrecv\n\
        m=video 4002 RTP/AVP 99 100\na=rtpmap:99 H264/90000\na=fmtp:99 packetization-mode=1\na=rtpmap:100 VP8/90000\n\
        m=image 4004 udptl t38\na=T38FaxVersion:0\n";
    let local =
        Capabilities { fax: true, max_audio_streams: 9, ..endpoint("ulaw opus alaw h264 vp8 t140 red") };
    let parameters = Attributes::default();
    let situation = Situation { fax: Fax::Accept(&parameters), ..Situation::default() };
    let (mut answered, mut refused) = (0, 0);
    for seed in 0..3_000 {
        let mut rng = Rng::seeded(seed);
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=rng.below(8) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(4) {
                0 => bytes[at] = b"0123456789 /:=\nmac"[rng.below(18) as usize],
                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                2 => {
                    let end = (at + rng.below(60) as usize).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => bytes.truncate(at.max(60)),
            }
        }
        let Ok(offered) = Description::parse(&bytes) else { continue };
        match answer(&offered, &local, &situation) {
            Ok(decided) => {
                let text = decided.describe(&me(), |at| Some(place(10_000 + at as u16)));
                let again = Description::parse(&text.to_bytes()).expect("ours reads");
                assert_eq!(again.media.len(), offered.media.len(), "seed {seed}");
                let made = offer(Vec::new(), &local, Some(&decided.agreement));
                assert_eq!(made.describe(&me(), &local).media.len(), offered.media.len(), "seed {seed}");
                answered += 1;
            }
            Err(refusal) => {
                assert!(!refusal.to_string().is_empty());
                refused += 1;
            }
        }
    }
    assert!(answered > 500 && refused > 50, "{answered} answered, {refused} refused");
}
