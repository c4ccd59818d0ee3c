//! `rsip` at both ends: our messages in its types and back, and its own parser as a second opinion on the messages its
//! grammar reaches.

use super::corpus;
use jackfield::sip::wire::interop::Unsayable;
use jackfield::sip::wire::text::{List, unfolded};
use jackfield::sip::wire::{Header, Index, Message, Start, Uri};
use rsip::headers::untyped::{ToTypedHeader, UntypedHeader};
use rsip::prelude::HeadersExt;

/// Name and value of every field as both sides see them: long names, one line, lists of addresses apart.
fn fields(message: &Message<'_>) -> Vec<(String, Vec<u8>)> {
    let mut fields = Vec::new();
    for ((name, value), (header, _)) in message.lines().zip(message.fields()) {
        let long = if header == Header::Other {
            String::from_utf8_lossy(name).into_owned()
        } else {
            header.name().into()
        };
        let name = long.to_ascii_lowercase();
        match header {
            Header::ContentLength | Header::ContentType => {}
            Header::Via | Header::Contact | Header::Route | Header::RecordRoute => {
                fields.extend(List::new(value).map(|item| (name.clone(), unfolded(item).into_owned())));
            }
            _ => fields.push((name, unfolded(value).into_owned())),
        }
    }
    fields
}

#[test]
fn every_message_its_types_can_hold_comes_back_the_same() {
    let (mut same, mut unsayable) = (0, Vec::new());
    for sample in corpus::all() {
        let mut index = Index::default();
        let Ok(message) = index.scan(&sample.bytes) else { continue };
        let theirs = match message.to_rsip() {
            Ok(theirs) => theirs,
            Err(why) => {
                unsayable.push((sample.name.clone(), why));
                continue;
            }
        };
        let (mut bytes, mut second) = (Vec::new(), Index::default());
        let back = Message::from_rsip(&theirs, &mut bytes, &mut second)
            .unwrap_or_else(|fault| panic!("{}: {fault}", sample.name));
        assert_eq!(fields(&back), fields(&message), "{}", sample.name);
        assert_eq!(back.body(), message.body(), "{}: the body, byte for byte", sample.name);
        assert_eq!(back.header(Header::ContentType), message.header(Header::ContentType), "{}", sample.name);
        match (message.start(), back.start()) {
            (Start::Request { method, uri, .. }, Start::Request { method: again, uri: uri_again, .. }) => {
                assert_eq!(method, again, "{}", sample.name);
                let (uri, again) =
                    (Uri::parse(uri).expect("sayable"), Uri::parse(uri_again).expect("printed"));
                assert!(uri.same(&again), "{}: {:?}", sample.name, String::from_utf8_lossy(uri_again));
            }
            (Start::Response { code, .. }, Start::Response { code: again, .. }) => assert_eq!(code, again),
            _ => panic!("{}: a request became a response", sample.name),
        }
        same += 1;
    }
    assert!(same >= 60, "only {same} messages");
    for (name, why) in &unsayable {
        let expected = match name.as_str() {
            "messages/unknown_method"
            | "messages/lowercase_method"
            | "rfc4475/esc02.dat"
            | "rfc4475/intmeth.dat"
            | "rfc4475/mismatch02.dat" => why == &Unsayable::Method,
            "messages/tel_ruri"
            | "rfc4475/novelsc.dat"
            | "rfc4475/unkscm.dat"
            | "rfc4475/escruri.dat"
            | "rfc4475/ltgtruri.dat"
            | "rfc5118/ipv6-bad" => why == &Unsayable::RequestUri,
            "messages/disp_latin1" => why == &Unsayable::Text(Header::From),
            "messages/unknown_hdr_latin1" => why == &Unsayable::Text(Header::Other),
            _ => false,
        };
        assert!(expected, "{name}: {why}");
    }
}

/// What its own parser makes of a message agrees with ours, where it reads the message at all. The differences are its
/// known ones.
#[test]
fn its_parser_agrees_where_it_reads() {
    const KNOWN: &[(&str, &str)] = &[
        ("messages/clen_short", "it takes all that follows for the body, whatever Content-Length says"),
        ("messages/dotted_user", "it takes `john.doe@` for a part of the host"),
        ("messages/dotted_user_port", "the same"),
        ("rfc4475/badaspec.dat", "the same"),
        ("rfc4475/regaut01.dat", "the same"),
        ("rfc4475/unksm2.dat", "it looks for a host in an http URI; to us that is opaque"),
    ];
    let (mut agreed, mut faults) = (0, Vec::new());
    for sample in corpus::all() {
        let mut index = Index::default();
        let Ok(message) = index.scan(&sample.bytes) else { continue };
        let Ok(envelope) = message.envelope() else { continue };
        let Ok(theirs) = rsip::SipMessage::try_from(sample.bytes.clone()) else { continue };
        let typed = (|| {
            let from = theirs.from_header().ok()?.typed().ok()?;
            let cseq = theirs.cseq_header().ok()?.typed().ok()?;
            let call_id = theirs.call_id_header().ok()?.value().to_owned();
            Some((from, cseq, call_id))
        })();
        let Some((from, cseq, call_id)) = typed else { continue };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ours = (
            envelope.from_uri.user.map(text),
            envelope.from_uri.host.to_string(),
            envelope.cseq.number,
            text(envelope.call_id),
            text(message.body()),
        );
        let theirs = (
            from.uri.user().map(str::to_owned),
            from.uri.host().to_string(),
            cseq.seq,
            call_id,
            text(theirs.body()),
        );
        let known = KNOWN.iter().any(|(name, _)| *name == sample.name);
        if ours == theirs {
            assert!(!known, "{}: no longer different", sample.name);
            agreed += 1;
        } else if !known {
            faults.push(format!("{}: {ours:?}\n    {theirs:?}", sample.name));
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
    assert!(agreed >= 20, "only {agreed} messages compared");
}

/// What an embedder may have put into its types cannot add a line to what we print.
#[test]
fn nothing_in_its_types_adds_a_line() {
    let evil = "x\r\nEvil: 1\r\n\r\nINVITE sip:v SIP/2.0";
    let mut index = Index::default();
    let sample = b"MESSAGE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
                   To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\n\x00\xff\r";
    let Ok(rsip::SipMessage::Request(mut request)) = index.scan(sample).expect("reads").to_rsip() else {
        panic!("a request")
    };
    request.uri.auth = Some(rsip::Auth { user: evil.into(), password: None });
    request.uri.host_with_port.host = rsip::Host::IpAddr("2001:db8::1".parse().expect("an address"));
    request.headers.push(rsip::Header::Other(evil.into(), evil.into()));
    request.headers.push(rsip::Header::Subject(evil.into()));
    let (mut bytes, mut second) = (Vec::new(), Index::default());
    let back = Message::from_rsip(&request.into(), &mut bytes, &mut second).expect("one message");
    assert!(back.lines().all(|(name, _)| name != b"Evil"));
    assert_eq!(back.lines().count(), 9);
    assert_eq!(back.body(), b"\x00\xff\r");
    assert_eq!(back.uri().expect("escaped").host.to_string(), "[2001:db8::1]");
}
