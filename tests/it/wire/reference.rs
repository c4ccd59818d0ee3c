//! Messages of known flows, read as a registrar and a B2BUA need them.

use jackfield::sip::method::Method;
use jackfield::sip::wire::{Contact, Header, Index, ViaStamp, Writer, check_request};

/// S4-14: the bare display name, the address and port of From, and a description whose m-line lists one payload.
#[test]
fn s4_14_the_reference_invite_names_its_caller() {
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n\
               a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:4 G723/8000\r\n";
    let text = format!(
        "INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-1-1-0\r\n\
         From: breakfast <sip:eggowaffles@127.0.0.1:5061>;tag=1\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: 1@127.0.0.1\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:eggowaffles@127.0.0.1:5061>\r\nMax-Forwards: 70\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    );
    let mut index = Index::default();
    let message = index.scan(text.as_bytes()).expect("reads");
    let envelope = check_request(&message).expect("is sound");
    assert_eq!(envelope.from_uri.user_text(), "eggowaffles");
    assert_eq!(envelope.from_uri.port, Some(5061));
    assert_eq!(envelope.from.display_text(), "breakfast");
    assert_eq!(message.number(Header::MaxForwards), Some(Some(70)));
    assert_eq!(message.part("application/sdp").expect("the offer").body, sdp.as_bytes());
}

/// S4-136: the reference REGISTER of a Digium D40 reads with its one contact and its lifetime.
#[test]
fn s4_136_the_reference_register_reads() {
    let text = b"REGISTER sip:10.24.18.124 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 10.24.16.37:5060;rport;branch=z9hG4bKPj2Y.kg\r\n\
        From: \"200\" <sip:200@10.24.18.124>;tag=x\r\nTo: \"200\" <sip:200@10.24.18.124>\r\n\
        Call-ID: ci\r\nCSeq: 1 REGISTER\r\nUser-Agent: Digium D40 1_4_0_0_57389\r\n\
        Contact: \"200\" <sip:200@10.24.16.37:5060;ob>\r\nExpires: 300\r\nMax-Forwards: 70\r\nContent-Length:  0\r\n\r\n";
    let mut index = Index::default();
    let message = index.scan(text).expect("reads");
    let envelope = check_request(&message).expect("is sound");
    assert_eq!(message.method(), Some(Method::Register));
    assert_eq!(envelope.to_uri.user_text(), "200");
    assert_eq!(message.number(Header::Expires), Some(Some(300)));
    let contacts: Vec<_> = message.contacts().collect();
    let [Ok(Contact::Address(contact))] = contacts.as_slice() else { panic!("one contact: {contacts:?}") };
    assert_eq!(contact.uri_text, b"sip:200@10.24.16.37:5060;ob");
    assert!(contact.uri().expect("a URI").params.has(b"ob"));
}

const CHALLENGED: &str = "INVITE sip:200@127.0.0.1 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 127.0.0.1:5061;rport;branch=z9hG4bKone\r\nFrom: <sip:a@127.0.0.1>;tag=from\r\n\
    To: <sip:200@127.0.0.1>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";

/// S4-50, S4-51, S4-53, S4-54: a 401 is printed with our tag and the source in the Via, and the challenge reads back.
#[test]
fn s4_50_to_54_a_challenge_is_printed_and_read() {
    let mut index = Index::default();
    let request = index.scan(CHALLENGED.as_bytes()).expect("reads");
    let stamp = ViaStamp { source: ([127, 0, 0, 9], 5071).into(), force_rport: false };
    let mut out = Vec::new();
    let mut writer = Writer::response(&mut out, &request, stamp, (401, ""), Some(b"z9hG4bKone"));
    let challenge =
        b"Digest realm=\"asterisk\",nonce=\"1398/0123\",opaque=\"00ff\",algorithm=md5,qop=\"auth\"";
    writer.header(Header::WwwAuthenticate, challenge);
    writer.finish();
    let mut again = Index::default();
    let answer = again.scan(&out).expect("reads");
    let envelope = answer.envelope().expect("is sound");
    assert_eq!(answer.status(), Some(401));
    assert_eq!(envelope.via.params.value(b"received"), Some(&b"127.0.0.9"[..]));
    assert_eq!(envelope.via.rport(), Some(Some(&b"5071"[..])));
    assert_eq!(envelope.via.branch(), Some(&b"z9hG4bKone"[..]));
    assert_eq!(envelope.to.tag(), Some(&b"z9hG4bKone"[..]));
    assert_eq!(envelope.from.tag(), Some(&b"from"[..]));
    let digest =
        answer.auth_fields(Header::WwwAuthenticate).next().and_then(|a| a.digest()).expect("a challenge");
    assert_eq!(digest.realm, Some(&b"asterisk"[..]));
    assert_eq!(digest.nonce, Some(&b"1398/0123"[..]));
    assert_eq!(digest.opaque, Some(&b"00ff"[..]));
    assert_eq!((digest.algorithm, digest.qop), (Some(&b"md5"[..]), Some(&b"auth"[..])));
}

/// S4-55: every field of the answer to a challenge is found, raw.
#[test]
fn s4_55_the_answer_to_a_challenge_is_read_whole() {
    let text = CHALLENGED.replace(
        "Content-Length",
        "Authorization: Digest username=\"a\", realm=\"asterisk\", nonce=\"1398/0123\", uri=\"sip:200@127.0.0.1\", \
         response=\"12\", algorithm=md5, cnonce=\"0a\", opaque=\"00ff\", qop=auth, nc=00000001\r\nContent-Length",
    );
    let mut index = Index::default();
    let message = index.scan(text.as_bytes()).expect("reads");
    let digest =
        message.auth_fields(Header::Authorization).next().and_then(|a| a.digest()).expect("credentials");
    let found = [
        digest.username,
        digest.realm,
        digest.nonce,
        digest.uri,
        digest.response,
        digest.algorithm,
        digest.cnonce,
        digest.opaque,
        digest.qop,
        digest.nc,
    ];
    let texts = found.map(|value| String::from_utf8_lossy(value.expect("found")).into_owned());
    let expected =
        ["a", "asterisk", "1398/0123", "sip:200@127.0.0.1", "12", "md5", "0a", "00ff", "auth", "00000001"];
    assert_eq!(texts, expected);
}

/// RFC 4475 3.1.2.9, 3.1.2.10: surplus blanks in the request line are forgiven and are no part of the URI.
#[test]
fn blanks_around_the_request_uri_are_forgiven() {
    let text =
        CHALLENGED.replace("INVITE sip:200@127.0.0.1 SIP/2.0", "INVITE   sip:200@127.0.0.1  SIP/2.0 \t ");
    let mut index = Index::default();
    let message = index.scan(text.as_bytes()).expect("reads");
    assert_eq!(message.uri_text(), b"sip:200@127.0.0.1");
    assert!(check_request(&message).is_ok());
}

/// A contact that cannot be read is a fault of the request, and is answered; pjproject drops it without a word.
#[test]
fn a_register_with_a_broken_contact_can_be_answered() {
    for contact in ["<sip:@@:x>", "no scheme", "\"never closed <sip:a@h>", "<sip:a@h", "<sip:a@h:99999>"] {
        let text = format!(
            "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\n\
             Call-ID: c\r\nCSeq: 1 REGISTER\r\nContact: {contact}\r\nContent-Length: 0\r\n\r\n"
        );
        let mut index = Index::default();
        let message = index.scan(text.as_bytes()).expect("scans");
        let fault = check_request(&message).expect_err(contact);
        assert_eq!(
            (fault.status(), fault.to_string()),
            (Some(400), "Bad Contact header".into()),
            "{contact}"
        );
    }
}

/// RFC 3515 2.4.1 and RFC 3891 3: a second one of these makes the request ambiguous.
#[test]
fn headers_that_may_stand_once_are_refused_twice() {
    for line in [
        "Content-Type: a/b",
        "Refer-To: <sip:a@h>",
        "Replaces: a;to-tag=1;from-tag=2",
        "Event: presence",
        "Expires: 1",
        "f: <sip:b@h>;tag=2",
    ] {
        let text = CHALLENGED.replace("Content-Length", &format!("{line}\r\n{line}\r\nContent-Length"));
        let mut index = Index::default();
        let fault = index.scan(text.as_bytes()).map(|_| ()).expect_err(line);
        assert_eq!(fault.status(), Some(400), "{line}: {fault}");
    }
}
