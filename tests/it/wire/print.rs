//! What is printed reads back the same, and no value can become more than a value.

use super::corpus;
use jackfield::sip::wire::print::compact_headers;
use jackfield::sip::wire::text::List;
use jackfield::sip::wire::{Header, Index, Message, Start, ViaStamp, Writer};
use std::net::SocketAddr;

fn stamp(source: &str) -> ViaStamp {
    ViaStamp { source: source.parse::<SocketAddr>().expect("an address"), force_rport: false }
}

/// A value as its printed form has it: folds made single spaces (RFC 3261 7.3.1).
fn unfolded(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut fold = false;
    for b in value {
        match b {
            b'\r' | b'\n' => fold = true,
            b' ' | b'\t' if fold => {}
            b => {
                if std::mem::take(&mut fold) {
                    out.push(b' ');
                }
                out.push(*b);
            }
        }
    }
    out
}

fn fields(message: &Message<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    message
        .lines()
        .filter(|(name, _)| !matches!(Header::from_name(name), Header::ContentLength | Header::ContentType))
        .map(|(name, value)| (name.to_vec(), unfolded(value)))
        .collect()
}

#[test]
fn every_request_printed_again_reads_the_same() {
    let mut printed = 0;
    for sample in corpus::all() {
        let mut index = Index::default();
        let Ok(message) = index.scan(&sample.bytes) else { continue };
        let Start::Request { method_text, uri, .. } = message.start() else { continue };
        let mut out = b"before".to_vec();
        let mut writer = Writer::request(&mut out, method_text, uri);
        for (name, value) in message.lines() {
            if !matches!(Header::from_name(name), Header::ContentLength | Header::ContentType) {
                writer.named(std::str::from_utf8(name).expect("a token is ASCII"), value);
            }
        }
        let content_type =
            message.header(Header::ContentType).map(|t| String::from_utf8_lossy(t).into_owned());
        match &content_type {
            Some(kind) => writer.finish_with_body(kind, message.body()),
            None => writer.finish(),
        }
        let again = out.strip_prefix(b"before").expect("what was there stays");
        let mut second = Index::default();
        let read = second.scan(again).unwrap_or_else(|fault| panic!("{}: {fault}", sample.name));
        assert_eq!(read.method_text(), method_text, "{}", sample.name);
        assert_eq!(read.uri_text(), uri, "{}", sample.name);
        assert_eq!(fields(&read), fields(&message), "{}", sample.name);
        if content_type.is_some() {
            assert_eq!(read.body(), message.body(), "{}: its body, byte for byte", sample.name);
        }
        printed += 1;
    }
    assert!(printed >= 60, "only {printed} requests");
}

#[test]
fn every_request_can_be_answered_even_a_faulty_one() {
    for sample in corpus::all() {
        let mut index = Index::default();
        let scanned = index.scan(&sample.bytes).is_ok();
        let Some(message) = index.faulty(&sample.bytes).filter(|m| m.method().is_some()) else { continue };
        let mut out = Vec::new();
        Writer::response(&mut out, &message, stamp("198.51.100.7:5062"), (400, ""), Some(b"mine")).finish();
        let mut second = Index::default();
        let answer = second.scan(&out).unwrap_or_else(|fault| panic!("{}: {fault}", sample.name));
        assert_eq!(answer.status(), Some(400));
        assert_eq!(
            answer.values(Header::Via).count(),
            message.values(Header::Via).count(),
            "{}",
            sample.name
        );
        for header in [Header::CallId, Header::From, Header::CSeq] {
            let (ours, theirs) = (answer.header(header), message.header(header).map(unfolded));
            assert_eq!(ours, theirs.as_deref(), "{}: {}", sample.name, header.name());
        }
        if scanned && let Some(to) = answer.to() {
            assert!(to.tag().is_some(), "{}: the To has a tag", sample.name);
        }
    }
}

const REQUEST: &[u8] = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

/// S4-53: `received` is the packet's source, `rport` its port when asked for (RFC 3261 18.2.1, RFC 3581 4).
#[test]
fn the_topmost_via_is_stamped_and_the_others_are_not() {
    for (via, source, force_rport, expected) in [
        (
            "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
            "192.0.2.1:5060",
            false,
            "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        ),
        (
            "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1",
            "192.0.2.1:5060",
            false,
            "SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;branch=z9hG4bK1",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1:9;rport;branch=z9hG4bK1",
            "192.0.2.1:5071",
            false,
            "SIP/2.0/UDP 192.0.2.1:9;rport=5071;received=192.0.2.1;branch=z9hG4bK1",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
            "192.0.2.1:5071",
            true,
            "SIP/2.0/UDP 192.0.2.1;rport=5071;received=192.0.2.1;branch=z9hG4bK1",
        ),
        (
            "SIP/2.0/UDP phone.example.com;rport=1;received=6.6.6.6;x=\"a;b\";branch=z9hG4bK1;ttl",
            "[2001:db8::9]:5071",
            false,
            "SIP/2.0/UDP phone.example.com;rport=5071;received=2001:db8::9;x=\"a;b\";branch=z9hG4bK1;ttl",
        ),
        (
            "SIP / 2.0 / TCP\r\n 10.0.0.1 : 5060 ;\r\n branch = z9hG4bK1",
            "192.0.2.1:5060",
            false,
            "SIP/2.0/TCP 10.0.0.1 : 5060;received=192.0.2.1;branch=z9hG4bK1",
        ),
    ] {
        let request = format!(
            "OPTIONS sip:h SIP/2.0\r\nVia: {via}, SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK2;rport\r\nv: SIP/2.0/TLS x;a\r\n\
             From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n"
        );
        let mut index = Index::default();
        let message = index.scan(request.as_bytes()).expect("reads");
        let mut out = Vec::new();
        let stamp = ViaStamp { force_rport, ..stamp(source) };
        Writer::response(&mut out, &message, stamp, (200, ""), None).finish();
        let text = String::from_utf8(out).expect("text");
        let expected = format!(
            "SIP/2.0 200 OK\r\nVia: {expected}\r\nVia: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK2;rport\r\n\
             Via: SIP/2.0/TLS x;a\r\nCall-ID: c\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length:  0\r\n\r\n"
        );
        assert_eq!(text, expected);
    }
}

/// A response that lost a Via never arrives, so no limit of ours may cut their list, nor the parameters of one.
#[test]
fn a_response_keeps_more_vias_and_parameters_than_we_read() {
    let vias: Vec<String> = (0..300).map(|i| format!("SIP/2.0/UDP h{i};branch=z9hG4bK{i}")).collect();
    let params: String = (0..300).map(|i| format!(";p{i}=1")).collect();
    let request = format!(
        "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP top{params};branch=z9hG4bKtop,{}\r\nFrom: <sip:a@h>;tag=1\r\n\
         To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n",
        vias.join(",")
    );
    let mut index = Index::default();
    let message = index.scan(request.as_bytes()).expect("reads");
    assert_eq!(message.envelope().expect("reads").via.branch(), Some(&b"z9hG4bKtop"[..]));
    let mut out = Vec::new();
    Writer::response(&mut out, &message, stamp("192.0.2.1:5060"), (200, ""), None).finish();
    let mut again = Index::default();
    let answer = again.scan(&out).expect("reads");
    let ours: Vec<_> = answer.headers(Header::Via).flat_map(List::unbounded).skip(1).collect();
    assert!(ours.iter().eq(vias.iter().map(String::as_bytes).collect::<Vec<_>>().iter()));
    let text = String::from_utf8(out).expect("text");
    assert!(text.contains(";p299=1;branch=z9hG4bKtop\r\n"));
}

#[test]
fn latin_1_and_utf_8_bytes_pass_untouched() {
    let mut request = REQUEST.to_vec();
    let at = request.windows(8).position(|w| w == b"<sip:a@h").expect("the From");
    request.splice(at..at, *b"\"M\xfcller \xe2\x82\xac\" ");
    let mut index = Index::default();
    let message = index.scan(&request).expect("reads");
    let mut out = Vec::new();
    let mut writer =
        Writer::response(&mut out, &message, stamp("192.0.2.1:5060"), (486, "Besetzt \u{e4}"), None);
    writer.header(Header::Subject, b"caf\xe9");
    writer.finish();
    let holds = |what: &[u8]| out.windows(what.len()).any(|window| window == what);
    assert!(holds(b"\"M\xfcller \xe2\x82\xac\" <sip:a@h>;tag=1\r\n"), "the display name");
    assert!(holds(b": caf\xe9\r\n"), "the subject");
    assert!(out.starts_with("SIP/2.0 486 Besetzt \u{e4}\r\n".as_bytes()), "the phrase");
}

/// Every way in which a caller hands text to the writer, with text that would add a header if it could.
#[test]
fn no_value_ends_its_line() {
    const EVIL: &[u8] = b"x\r\nEvil: 1\r\n\r\nINVITE sip:v SIP/2.0\r\nEvil: 2\nEvil: 3\rEvil: 4";
    let evil = std::str::from_utf8(EVIL).expect("text");
    let mut index = Index::default();
    let message = index.scan(REQUEST).expect("reads");

    let mut request = Vec::new();
    let mut writer = Writer::request(&mut request, EVIL, EVIL);
    writer.header(Header::Subject, EVIL).named(evil, EVIL).pieces(Header::Reason, &[b"a", EVIL]);
    writer.begin(evil);
    writer.raw().extend_from_slice(EVIL);
    writer.end();
    writer.begin("Left-Open");
    writer.raw().extend_from_slice(EVIL);
    writer.finish_with_body(evil, b"body\r\n\r\nEvil: 5\r\n");
    let mut response = Vec::new();
    Writer::response(&mut response, &message, stamp("192.0.2.1:5060"), (200, evil), Some(EVIL)).finish();

    for (bytes, count) in [(&request, 7), (&response, 6)] {
        let mut again = Index::default();
        let read = again.scan(bytes).expect("still one message");
        let names: Vec<_> = read.lines().map(|(name, _)| String::from_utf8_lossy(name)).collect();
        assert_eq!(names.len(), count, "{names:?}");
        assert!(!names.iter().any(|name| name == "Evil"), "{names:?}");
        let head = &bytes[..bytes.len() - read.body().len()];
        assert_eq!(head.iter().filter(|b| **b == b'\n').count(), count + 2, "one line each");
        assert_eq!(head.iter().filter(|b| **b == b'\r').count(), count + 2);
    }
    let mut again = Index::default();
    assert_eq!(
        again.scan(&request).expect("reads").body(),
        b"body\r\n\r\nEvil: 5\r\n",
        "a body is no header"
    );
}

/// Whole lines, as a CANCEL's Reason: kept when they are header lines; an empty line among them ends nothing.
#[test]
fn whole_lines_are_kept_and_nothing_else() {
    for through_raw in [false, true] {
        let mut out = Vec::new();
        let mut writer = Writer::request(&mut out, b"CANCEL", b"sip:h");
        let lines = b"Reason: SIP;cause=200\r\n\r\nno header\r\nX-A : 1\r\n 2\r\nBare: a\rb\r\nX-Cut: 3";
        if through_raw {
            writer.raw().extend_from_slice(lines);
        } else {
            writer.lines(lines);
        }
        writer.header(Header::Subject, b"s");
        writer.finish();
        assert_eq!(
            String::from_utf8_lossy(&out),
            "CANCEL sip:h SIP/2.0\r\nReason: SIP;cause=200\r\nX-A : 1 2\r\nSubject: s\r\nContent-Length:  0\r\n\r\n"
        );
    }
}

#[test]
fn compact_names_are_those_of_the_rfcs_and_nothing_else_changes() {
    let mut out = Vec::new();
    compact_headers(
        b"INVITE sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCALL-ID : c\r\nMax-Forwards: 70\r\n\
          Content-Type:\r\n application/sdp\r\nX-Via: y\r\nContent-Length:  9\r\n\r\nVia: z\r\n\x00",
        &mut out,
    );
    assert_eq!(
        String::from_utf8_lossy(&out),
        "INVITE sip:h SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1\r\ni : c\r\nMax-Forwards: 70\r\n\
         c:\r\n application/sdp\r\nX-Via: y\r\nl:  9\r\n\r\nVia: z\r\n\x00"
    );
    for sample in corpus::all() {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        compact_headers(&sample.bytes, &mut once);
        compact_headers(&once, &mut twice);
        assert_eq!(once, twice, "{}", sample.name);
        let (mut before, mut after) = (Index::default(), Index::default());
        match (before.scan(&sample.bytes), after.scan(&once)) {
            (Ok(before), Ok(after)) => {
                assert!(before.fields().eq(after.fields()), "{}", sample.name);
                assert_eq!(before.body(), after.body(), "{}", sample.name);
            }
            (Err(before), Err(after)) => assert_eq!(before, after, "{}", sample.name),
            (before, after) => panic!("{}: {:?} became {:?}", sample.name, before.err(), after.err()),
        }
    }
}
