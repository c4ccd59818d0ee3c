//! Everything the wire offers, done to one piece of input, whatever it is. The mutation test and the fuzz targets share
//! it: nothing may panic, and what is read must hang together.

use jackfield::sip::wire::frame::{Frame, Stream};
use jackfield::sip::wire::print::compact_headers;
use jackfield::sip::wire::{
    AuthFields, CSeq, Contact, Fault, Header, Index, Message, NameAddr, Params, Parts, Uri, Via, ViaStamp,
    Writer, check_request, text,
};
use std::net::{Ipv4Addr, SocketAddr};

const STAMP: ViaStamp = ViaStamp {
    source: SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5060)),
    force_rport: true,
};

/// Reads, prints and reads again.
pub fn message(bytes: &[u8]) {
    let mut index = Index::default();
    match index.scan(bytes) {
        Ok(message) => {
            views(&message);
            reprinted(&message);
        }
        Err(fault) => {
            let _ = (fault.status(), fault.to_string());
            if let Some(message) = index.faulty(bytes) {
                views(&message);
                answered(&message);
            }
        }
    }
    let mut compact = Vec::new();
    compact_headers(bytes, &mut compact);
    assert!(compact.len() <= bytes.len(), "compact names are shorter");
}

/// Every typed view, of every field.
fn views(message: &Message<'_>) {
    let _ =
        check_request(message).map(|e| (e.via.unique_branch().is_some(), e.from.tag(), e.to.display_text()));
    let _ = message.uri().map(|uri| this_uri(&uri));
    let mut contacts = 0;
    for contact in message.contacts() {
        contacts += 1;
        if let Ok(Contact::Address(address)) = contact {
            this_address(&address);
        }
    }
    assert!(contacts <= message.values(Header::Contact).count());
    for header in [Header::Authorization, Header::ProxyAuthorization, Header::WwwAuthenticate] {
        message.auth_fields(header).for_each(|fields| this_auth(&fields));
    }
    for (header, value) in message.fields() {
        let _ = (message.number(header), message.header(header), message.has_token(header, b"100rel"));
        for item in text::List::new(value) {
            assert!(!item.is_empty() && within(value, item));
        }
        if let Ok(address) = NameAddr::parse(value) {
            this_address(&address);
        }
        if let Some(via) = Via::parse(value) {
            assert!(within(value, via.sent_by) && via.branch().is_none_or(|branch| within(value, branch)));
        }
        let _ = CSeq::parse(value);
        if let Some(fields) = AuthFields::parse(value) {
            this_auth(&fields);
        }
        if let Some(parts) = Parts::new(value, message.body()) {
            for part in parts {
                assert!(part.body.len() + part.headers.len() <= message.body().len());
            }
        }
        let _ = (text::unquote(value), text::percent_decode(value), text::unfolded(value));
    }
    let _ = (message.part("application/sdp"), message.whole_body(), message.other(b"x-y").count());
    assert!(within(message.bytes(), message.body()));
}

/// What is printed from a message reads as it did.
fn reprinted(message: &Message<'_>) {
    if message.method().is_none() {
        return;
    }
    let out = answered(message);
    let mut again = Index::default();
    let answer = match again.scan(&out) {
        Ok(answer) => answer,
        // A tag and a `received` more than the longest message, or Vias split into more lines than are read.
        Err(Fault::TooLong) if out.len() > message.bytes().len() => return,
        Err(Fault::TooMany) if message.values(Header::Via).count() > 64 => return,
        Err(fault) => panic!("a response to a message that reads is {fault}"),
    };
    let vias = |message: &Message<'_>| message.headers(Header::Via).flat_map(text::List::unbounded).count();
    assert_eq!(vias(&answer), vias(message));
    for header in [Header::CallId, Header::From, Header::CSeq] {
        assert_eq!(answer.header(header), message.header(header).map(text::unfolded).as_deref());
    }
    let mut out = Vec::new();
    let mut writer = Writer::request(&mut out, message.method_text(), message.uri_text());
    for (name, value) in message.lines() {
        writer.named(std::str::from_utf8(name).expect("a token is ASCII"), value);
    }
    writer.lines(message.bytes());
    writer.finish();
    // Its own Content-Length and another message's lines may now stand twice; a line more than written must not.
    let mut again = Index::default();
    match again.scan(&out) {
        Ok(_)
        | Err(Fault::Repeated(_) | Fault::TooMany | Fault::TooLong | Fault::Value(_) | Fault::BodyShort) => {}
        Err(fault) => panic!("what was printed is {fault}"),
    }
}

fn answered(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::response(&mut out, message, STAMP, (420, ""), Some(b"tag"));
    writer.copy(message, Header::RecordRoute).copy(message, Header::Require);
    writer.finish();
    out
}

/// One URI, and compared with another.
pub fn uris(a: &[u8], b: &[u8]) {
    let (left, right) = (Uri::parse(a), Uri::parse(b));
    for uri in [&left, &right].into_iter().flatten() {
        this_uri(uri);
        assert!(uri.same(uri), "a URI is itself");
    }
    if let (Ok(left), Ok(right)) = (&left, &right) {
        assert_eq!(left.same(right), right.same(left), "equality goes both ways");
    }
}

fn this_uri(uri: &Uri<'_>) {
    for part in [uri.user, uri.password, Some(uri.params.0), Some(uri.headers)].into_iter().flatten() {
        assert!(within(uri.raw, part));
    }
    let again = Uri::parse(uri.raw).expect("it was read before");
    assert!(uri.same(&again));
    let _ = (uri.user_text(), uri.effective_port(), uri.host.to_string(), uri.host.ip());
    this_params(uri.params);
}

fn this_address(address: &NameAddr<'_>) {
    let _ = (address.tag(), address.display_text());
    if let Ok(uri) = address.uri() {
        this_uri(&uri);
    }
    this_params(address.params);
}

fn this_params(params: Params<'_>) {
    for (name, value) in params.iter() {
        assert!(within(params.0, name) && value.is_none_or(|value| within(params.0, value)));
        assert!(params.has(name), "what is listed is found");
    }
}

/// One Authorization value.
pub fn credentials(value: &[u8]) {
    if let Some(fields) = AuthFields::parse(value) {
        this_auth(&fields);
    }
}

fn this_auth(fields: &AuthFields<'_>) {
    for (name, value) in fields.iter() {
        assert!(within(fields.fields, name) && within(fields.fields, value));
    }
    let Some(digest) = fields.digest() else { return };
    for (name, value) in [(&b"username"[..], digest.username), (b"nc", digest.nc), (b"QOP", digest.qop)] {
        assert_eq!(fields.field(name), value, "both ways find the same field");
    }
}

/// A stream, whole and in chunks of `size`: cut the same, and each frame is what the scanner takes it for.
pub fn stream(bytes: &[u8], size: usize) {
    let mut whole = Vec::new();
    let end = feed(bytes.chunks(bytes.len().max(1)), &mut |message| whole.push(message.to_vec()));
    let mut parts = Vec::new();
    let end_of_parts = feed(bytes.chunks(size.max(1)), &mut |message| parts.push(message.to_vec()));
    assert!(whole == parts && end == end_of_parts, "split by {size}");
    for message in whole {
        let mut index = Index::default();
        match index.scan(&message) {
            Ok(read) => assert!(message.ends_with(read.body()), "the body fills the frame"),
            Err(Fault::BodyShort | Fault::Truncated) => panic!("cut short"),
            Err(_) => {}
        }
    }
}

/// Feeds chunks; tells whether the stream broke.
fn feed<'a>(chunks: impl Iterator<Item = &'a [u8]>, each: &mut impl FnMut(&[u8])) -> bool {
    let (mut stream, mut buffer) = (Stream::default(), Vec::new());
    for chunk in chunks {
        buffer.extend_from_slice(chunk);
        let mut used = 0;
        let broken = loop {
            let rest = &buffer[used..];
            match stream.next(rest) {
                Frame::Partial => break false,
                Frame::Ping(n) | Frame::Pong(n) => used += n,
                Frame::Message(n) => {
                    each(&rest[..n]);
                    used += n;
                }
                Frame::Broken(_) => break true,
            }
        };
        buffer.drain(..used);
        if broken {
            return true;
        }
    }
    false
}

/// Whether `part` is a piece of `whole` itself, not of anything else.
fn within(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || {
        let (whole, part) = (whole.as_ptr_range(), part.as_ptr_range());
        whole.start <= part.start && part.end <= whole.end
    }
}
