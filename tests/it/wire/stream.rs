//! A stream cut anywhere reads the same: every message of the corpora, split at every byte (RFC 3261 18.3, RFC 5626 3.5).

use super::corpus;
use jackfield::base::limits;
use jackfield::sip::wire::frame::{Frame, Stream, StreamFault};
use jackfield::sip::wire::{Fault, Index};

/// What a stream held.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cut {
    messages: Vec<Vec<u8>>,
    pings: usize,
    /// CRLFs in all, however they were told.
    blanks: usize,
    broken: Option<StreamFault>,
}

/// Feeds `parts` one after the other, as reads from a socket.
fn cut<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Cut {
    let (mut stream, mut buffer, mut out) = (Stream::default(), Vec::new(), Cut::default());
    for part in parts {
        buffer.extend_from_slice(part);
        while !buffer.is_empty() {
            match stream.next(&buffer) {
                Frame::Partial => break,
                Frame::Ping(n) => {
                    (out.pings, out.blanks) = (out.pings + 1, out.blanks + n);
                    buffer.drain(..n);
                }
                Frame::Pong(n) => {
                    out.blanks += n;
                    buffer.drain(..n);
                }
                Frame::Message(n) => out.messages.push(buffer.drain(..n).collect()),
                Frame::Broken(fault) => {
                    out.broken = Some(fault);
                    return out;
                }
            }
        }
    }
    out
}

/// The corpora and what only streams meet.
fn streams() -> Vec<(String, Vec<u8>)> {
    let mut streams: Vec<(String, Vec<u8>)> = corpus::all().into_iter().map(|s| (s.name, s.bytes)).collect();
    let mut everything = Vec::new();
    for (name, bytes) in &streams {
        let whole = cut([bytes.as_slice()]);
        if whole.broken.is_none()
            && whole.messages.len() == 1
            && everything.len() < 6_000
            && name.starts_with("messages/")
        {
            everything.extend_from_slice(b"\r\n\r\n");
            everything.extend_from_slice(&whole.messages[0]);
        }
    }
    streams.push(("one after the other, pings between".into(), everything));
    streams.push(("pings only".into(), b"\r\n\r\n\r\n\r\n\r\n".to_vec()));
    streams.push((
        "length folded".into(),
        b"OPTIONS sip:h SIP/2.0\r\nX: y\r\n z\r\nContent-Length\t:\r\n 5\r\n\r\nhelloSIP/2.0 200 OK\r\nl:0\r\n\r\n".to_vec(),
    ));
    streams
}

#[test]
fn every_split_reads_the_same() {
    let mut messages = 0;
    for (name, bytes) in streams() {
        let whole = cut([bytes.as_slice()]);
        messages += whole.messages.len();
        for at in 0..bytes.len() {
            let (left, right) = bytes.split_at(at);
            assert_eq!(cut([left, right]), whole, "{name}, split at {at}");
        }
        assert_eq!(cut(bytes.chunks(1)), whole, "{name}, byte by byte");
        assert_eq!(cut(bytes.chunks(7)), whole, "{name}, seven by seven");
    }
    assert!(messages >= 70, "only {messages} messages were cut");
}

/// RFC 4475 3.1.1.11 and 3.1.2.x on a stream: what the datagram's verdict becomes when lengths cut messages.
#[test]
fn torture_messages_on_a_stream() {
    for (name, bytes) in streams() {
        let whole = cut([bytes.as_slice()]);
        let count = whole.messages.len();
        match name.as_str() {
            // Two requests; the body of the second goes on behind its length, which is no message.
            "rfc4475/dblreq.dat" => {
                assert_eq!((count, whole.broken), (2, Some(StreamFault::Length)), "{name}")
            }
            "rfc4475/mcl01.dat" | "rfc4475/ncl.dat" | "rfc4475/inv2543.dat" | "messages/clen_missing" => {
                assert_eq!((count, whole.broken), (0, Some(StreamFault::Length)), "{name}");
            }
            // Its length is more than there is: on a stream the rest is still to come.
            "rfc4475/clerr.dat" | "messages/clen_long_trunc" => {
                assert_eq!((count, whole.broken), (0, None), "{name}")
            }
            "rfc4475/wsinv.dat" | "length folded" => assert!(count >= 1, "{name}"),
            _ => {}
        }
    }
}

/// Were there two ways to read a length, one message could hide in another (request smuggling).
#[test]
fn the_cutter_and_the_scanner_agree_on_every_length() {
    for (name, bytes) in streams() {
        for message in cut([bytes.as_slice()]).messages {
            let mut index = Index::default();
            match index.scan(&message) {
                Ok(read) => {
                    let head = message.len() - read.body().len();
                    assert!(message[..head].ends_with(b"\n"), "{name}: the body starts after a line end");
                    assert_eq!(read.body(), &message[head..], "{name}: the body fills the frame");
                }
                Err(Fault::BodyShort | Fault::Truncated) => panic!("{name}: cut short"),
                Err(_) => {}
            }
        }
    }
}

fn first(bytes: &[u8]) -> Frame {
    Stream::default().next(bytes)
}

#[test]
fn lengths_that_could_be_read_two_ways_break_the_stream() {
    for lines in [
        "Content-Length: 5\r\nContent-Length: 6",
        "l: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: 5 6",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length: -5",
        "Content-Length: 5\r\n 6",
        "Content-Length:",
        "Content-Length: 99999999999",
        "X: y",
        "X: y\r\n Content-Length: 5",
        "X: y\rContent-Length: 5",
        " Content-Length: 5",
    ] {
        let bytes = format!("OPTIONS sip:h SIP/2.0\r\n{lines}\r\n\r\nhello, and more");
        assert_eq!(first(bytes.as_bytes()), Frame::Broken(StreamFault::Length), "{lines:?}");
    }
    for lines in
        ["Content-Length : 5", "CONTENT-LENGTH:5", "L\t:\t5\t", "Content-Length: 5\r\nl: 5", "l:\r\n\t005"]
    {
        let bytes = format!("OPTIONS sip:h SIP/2.0\r\n{lines}\r\n\r\nhello, and more");
        let whole = bytes.len() - ", and more".len();
        assert_eq!(first(bytes.as_bytes()), Frame::Message(whole), "{lines:?}");
    }
}

/// Offsets are 16 bits wide: the longest message must fit them exactly, one byte more must be refused.
#[test]
fn the_longest_message_is_read_and_one_byte_more_is_not() {
    for (name, pad_body) in [("body", true), ("header", false)] {
        for excess in [0, 1] {
            let length = limits::MESSAGE_BYTES + excess;
            let build = |pad: usize| {
                let (header, body) = if pad_body { (0, pad) } else { (pad, 0) };
                format!(
                    "OPTIONS sip:h SIP/2.0\r\nX: {}\r\nContent-Length: {body:>5}\r\n\r\n{}",
                    "h".repeat(header),
                    "b".repeat(body)
                )
            };
            let bytes = build(length - build(0).len()).into_bytes();
            assert_eq!(bytes.len(), length);
            let mut index = Index::default();
            let scanned = index.scan(&bytes);
            if excess == 0 {
                let read = scanned.expect("the longest message reads");
                assert_eq!(read.body().len(), if pad_body { length - build(0).len() } else { 0 }, "{name}");
                assert_eq!(first(&bytes), Frame::Message(length), "{name}");
            } else {
                assert_eq!(scanned.err(), Some(Fault::TooLong), "{name}");
                assert_eq!(first(&bytes), Frame::Broken(StreamFault::TooLong), "{name}");
            }
        }
    }
}

/// A ping that arrives in two pieces is still answered (RFC 5626 3.5.1).
#[test]
fn a_ping_in_halves_is_a_ping() {
    let mut stream = Stream::default();
    assert_eq!(stream.next(b"\r\n"), Frame::Pong(2));
    assert_eq!(stream.next(b"\r"), Frame::Partial);
    assert_eq!(stream.next(b"\r\n"), Frame::Ping(2));
    assert_eq!(stream.next(b"\r\n"), Frame::Pong(2));
    assert_eq!(stream.next(b"OPTIONS sip:h SIP/2.0\r\nl:0\r\n\r\n"), Frame::Message(30));
    assert_eq!(stream.next(b"\r\n"), Frame::Pong(2), "a message between them parts the halves");
}

#[test]
fn what_cannot_start_a_message_breaks_the_stream_at_once() {
    for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"\x00", b"<xml>", b" OPTIONS", b"\xff"] {
        assert_eq!(first(bytes), Frame::Broken(StreamFault::NotSip), "{bytes:?}");
    }
}
