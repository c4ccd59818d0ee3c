//! The largest messages an attacker can send, made of what is dearest to read: none may cost more than its bytes.

use super::exercise;
use jackfield::base::limits;
use jackfield::sip::wire::frame::{Frame, Stream};
use jackfield::sip::wire::{Fault, Header, Index, Parts, Uri, ViaStamp, Writer, check_request};
use std::time::{Duration, Instant};

/// Work that grows with the square of 64 KB takes minutes; work that grows with it, a few milliseconds even here.
const BOUND: Duration = Duration::from_millis(if cfg!(debug_assertions) { 300 } else { 30 });

#[expect(clippy::disallowed_methods, reason = "the test bounds real time")]
fn bounded(name: &str, mut run: impl FnMut()) {
    let best = (0..3)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .min()
        .expect("three rounds");
    eprintln!("{name:<60} {best:>12.1?}");
    assert!(best < BOUND, "{name} takes {best:?}");
}

const HEAD: &str = "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
                    To: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n";

/// `before`, then `filling` again and again, then `after`, 65,000 bytes in all.
fn filled(before: &str, filling: &str, after: &str) -> Vec<u8> {
    let room = 65_000 - before.len() - after.len() - 4;
    [before, &filling.repeat(room / filling.len()), after, "\r\n\r\n"].concat().into_bytes()
}

fn inputs() -> Vec<(String, Vec<u8>)> {
    let mut inputs = Vec::new();
    for filling in [
        "a:\r\n",
        "a\r\n",
        "a\n",
        ":\n",
        " \r\n",
        "X: y\r\n z\r\n",
        "\r",
        "\r\n \r",
        "Content-Length: 0\r\n",
        "l:0\n",
        "\r\n\t",
        "Contact: <sip:a@h>\r\n",
        "Via: SIP/2.0/UDP h\r\n",
        "Content-Type: multipart/mixed;boundary=b\r\n",
    ] {
        inputs.push((format!("lines of {filling:?}"), filled(HEAD, filling, "")));
    }
    for header in ["Contact", "Via", "From", "Authorization", "Supported", "Content-Type", "Route", "X-Other"]
    {
        for (before, filling, after) in [
            ("", ",", ""),
            ("", ";", ""),
            ("", " ", "x"),
            ("", "\"", ""),
            ("", "\\", ""),
            ("\"", "\\\"", ""),
            ("\"", "\\\"", "\""),
            ("", "<", ""),
            ("", ">", ""),
            ("", "<>", ""),
            ("", "<,", ""),
            ("", "\"\",", ""),
            ("", "a,", ""),
            ("", "a=\"b\",", ""),
            ("Digest ", "username=\"b\",", ""),
            ("Digest ", "=", ""),
            ("Digest ", "a=\"", ""),
            ("", "\r\n ", ""),
            ("<sip:", "a", "@h>"),
            ("<sip:", "%41", "@h>"),
            ("<sip:a@h;", "x=y;", ">"),
            ("<sip:a@h;x=\"", ";", "\">"),
            ("<sip:a@h?", "x=y&", ">"),
            ("<sip:[", ":", "]>"),
            ("<sip:h>", ";x=y", ""),
            ("<sip:h>", ";x=\"y;\"", ""),
            ("<sip:h>;x=", "<", ""),
            ("", "<sip:a@h>,", ""),
            ("", "\"a,b\" <sip:a@h>;x=\"<\",", ""),
            ("", "SIP/2.0/UDP h;branch=z9hG4bK1,", ""),
            ("SIP/2.0/UDP h", ";branch=", ""),
            ("SIP/2.0/UDP ", "[", ""),
            ("SIP", "/", ""),
            ("multipart/mixed", ";boundary=b", ""),
        ] {
            let (name, before) =
                (format!("{header}: {before:?} {filling:?} {after:?}"), format!("{header}: {before}"));
            inputs.push((name, filled(&format!("{HEAD}{before}"), filling, after)));
        }
    }
    for filling in
        ["\n", "--b\n", "--b\r\n\r\n", "--b", "--bb\r\n", "-", "--b\r\na: b\r\n", "\r\n--b\r\n\r\nx"]
    {
        let head = format!("{HEAD}Content-Type: multipart/mixed;boundary=b\r\n\r\n");
        inputs.push((format!("parts of {filling:?}"), filled(&head, filling, "")));
    }
    for start in ["", "REGISTER ", "SIP/2.0 ", "REGISTER sip:", "REGISTER sip:h SIP/2.0"] {
        for filling in ["A", " ", "\0", "\r", "%", "@", ":", "sip:"] {
            inputs.push((format!("start line {start:?} {filling:?}"), filled(start, filling, "")));
        }
    }
    inputs
}

#[test]
fn hostile_messages_cost_no_more_than_their_bytes() {
    for (name, bytes) in inputs() {
        assert!(bytes.len() <= limits::MESSAGE_BYTES, "{name}");
        bounded(&name, || pipeline(&bytes));
    }
}

/// What the pipeline does with whatever arrives: read, check, look up what everyone asks for, answer.
fn pipeline(bytes: &[u8]) {
    let mut index = Index::default();
    let mut out = Vec::new();
    let stamp = ViaStamp { source: ([127, 0, 0, 1], 5060).into(), force_rport: true };
    let readable = index.scan(bytes).is_ok();
    let Some(message) = index.faulty(bytes) else { return };
    if readable && let Ok(envelope) = check_request(&message) {
        let _ = (
            envelope.from.tag(),
            envelope.to.tag(),
            envelope.via.params.has(b"rport"),
            envelope.via.branch(),
        );
    }
    for contact in message.contacts() {
        if let Ok(jackfield::sip::wire::Contact::Address(a)) = contact {
            let _ =
                (a.params.value(b"expires"), a.params.value(b"q"), a.uri().map(|uri| uri.effective_port()));
        }
    }
    for fields in message.auth_fields(Header::Authorization) {
        let _ = fields.digest();
    }
    let _ = (message.has_token(Header::Supported, b"path"), message.part("application/sdp"));
    let mut writer = Writer::response(&mut out, &message, stamp, (400, ""), Some(b"tag"));
    writer.copy(&message, Header::RecordRoute);
    writer.finish();
}

#[test]
fn hostile_uris_compare_in_bounded_time() {
    for (before, filling) in [
        ("sip:h", ";x=y"),
        ("sip:h", ";"),
        ("sip:h?", "x=y&"),
        ("sip:", "%41"),
        ("tel:1", "-"),
        ("tel:1", ";x"),
        ("sip:h", ";x=%41"),
    ] {
        let a = [before, &filling.repeat(60_000 / filling.len())].concat();
        let b = [&a, "z"].concat();
        // As many parameters as are compared, and each as long as fits.
        let wide: String = (0..limits::LIST_ITEMS).map(|i| format!(";p{i}={}", "v".repeat(480))).collect();
        let (c, d) = (format!("sip:h{wide}"), format!("sip:h{}w", wide));
        for (left, right) in [(&a, &b), (&c, &d)] {
            bounded(&format!("{before} {filling} compared"), || {
                if let (Ok(left), Ok(right)) = (Uri::parse(left.as_bytes()), Uri::parse(right.as_bytes())) {
                    assert_eq!(left.same(&right), right.same(&left));
                }
            });
        }
    }
}

/// A peer that sends byte by byte makes us look at every byte once, not at all of them each time.
#[test]
fn a_slow_sender_costs_no_repeated_work() {
    let head = format!("{HEAD}X: {}\r\nContent-Length: 4000\r\n\r\n", "h".repeat(60_000));
    let lines = format!("{HEAD}{}Content-Length: 4000\r\n\r\n", "X: y\r\n".repeat(10_000));
    let feed = "\n".repeat(60_000);
    for (name, text) in [("one long line", head), ("many lines", lines), ("line ends", feed)] {
        let bytes = [text.as_bytes(), &[b'b'; 4000]].concat();
        bounded(&format!("{name}, byte by byte"), || {
            let (mut stream, mut messages) = (Stream::default(), 0);
            let mut start = 0;
            for end in 1..=bytes.len() {
                match stream.next(&bytes[start..end]) {
                    Frame::Message(n) => (start, messages) = (start + n, messages + 1),
                    Frame::Ping(n) | Frame::Pong(n) => start += n,
                    Frame::Partial => {}
                    Frame::Broken(fault) => panic!("{fault:?}"),
                }
            }
            assert_eq!(messages, usize::from(name != "line ends"));
        });
    }
}

/// Limits refuse; they do not cut silently.
#[test]
fn limits_are_told() {
    let mut index = Index::default();
    let many = filled(HEAD, "X: y\r\n", "");
    assert_eq!(index.scan(&many).err(), Some(Fault::TooMany));
    let answerable = index.faulty(&many).expect("its start line was read");
    assert!(answerable.header(Header::CallId).is_some(), "and what stood before the limit");
    let exactly = format!("{HEAD}{}\r\n", "X: y\r\n".repeat(limits::HEADERS - 5));
    assert!(index.scan(exactly.as_bytes()).is_ok());
    let none = Parts::new(b"multipart/mixed;boundary=b", b"--b--").expect("a multipart").count();
    assert_eq!(none, 0);
}

#[test]
fn the_exercise_takes_hostile_input_too() {
    for (_, bytes) in inputs().iter().step_by(7) {
        exercise::message(bytes);
    }
}
