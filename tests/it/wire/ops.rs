//! The operations whose price is held: one place for the tests that gate them and the bench that prints them.

use jackfield::sip::wire::{Contact, Header, Index, ViaStamp, Writer, check_request, frame};
use std::net::{Ipv4Addr, SocketAddr};

/// A registration with credentials as a desk phone sends it, about 980 bytes.
pub fn register() -> Vec<u8> {
    let mut text = String::from(
        "REGISTER sip:pbx.example.com:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.24.16.37:5060;rport;branch=z9hG4bKPjLBpdtzWvHJuO1nRf2Dk6WcVXtY8nJtqE\r\n\
         Max-Forwards: 70\r\n\
         From: \"John Doe\" <sip:john.doe@pbx.example.com>;tag=nZ4JnM5EKlHO7VPtyDo2h0aVt7QWcF1R\r\n\
         To: \"John Doe\" <sip:john.doe@pbx.example.com>\r\n\
         Call-ID: Vq3XYQ8cL0s0N2JkxyS7bR1uGfDeYt4W\r\n\
         CSeq: 24173 REGISTER\r\n\
         User-Agent: Digium D40 1_4_0_0_57389\r\n\
         Contact: \"John Doe\" <sip:john.doe@10.24.16.37:5060;ob>;expires=300;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000FD3056E42>\";reg-id=1\r\n\
         Expires: 300\r\n\
         Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS\r\n\
         Supported: path, outbound\r\n\
         Authorization: Digest username=\"john.doe\", realm=\"asterisk\", nonce=\"1398440322/8a4f0c1bcf0e1d0d3b7a2f4d6a5c9e11\", uri=\"sip:pbx.example.com:5060\", response=\"6629fae49393a05397450978507c4ef1\", algorithm=md5, cnonce=\"0a4f113b0a4f113b0a4f\", opaque=\"5ccc069c403ebaf9\", qop=auth, nc=00000001\r\n",
    );
    text.push_str("Content-Length:  0\r\n\r\n");
    text.into_bytes()
}

/// An INVITE with a description of two codecs.
pub fn invite() -> Vec<u8> {
    let sdp = "v=0\r\no=- 3607316943 3607316943 IN IP4 10.24.16.37\r\ns=Digium\r\nc=IN IP4 10.24.16.37\r\nt=0 0\r\n\
               m=audio 4010 RTP/AVP 9 0 8 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
               a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
    format!(
        "INVITE sip:201@pbx.example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 10.24.16.37:5060;rport;branch=z9hG4bKPjLBpdtzWvHJuO1nRf2Dk6WcVXtY8nJtqE\r\n\
         Max-Forwards: 70\r\nFrom: \"John Doe\" <sip:john.doe@pbx.example.com>;tag=nZ4JnM5EKlHO7VPtyDo2h0aVt7\r\n\
         To: <sip:201@pbx.example.com>\r\nContact: \"John Doe\" <sip:john.doe@10.24.16.37:5060;ob>\r\n\
         Call-ID: Vq3XYQ8cL0s0N2JkxyS7bR1uGfDeYt4W\r\nCSeq: 8123 INVITE\r\n\
         Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS\r\n\
         Supported: replaces, 100rel, timer, norefersub\r\nSession-Expires: 1800\r\nMin-SE: 90\r\n\
         User-Agent: Digium D40 1_4_0_0_57389\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
    .into_bytes()
}

/// A 200 that crossed eight proxies, six of which record-route.
pub fn long_response() -> Vec<u8> {
    let mut text = String::from("SIP/2.0 200 OK\r\n");
    for hop in 0..8 {
        text += &format!(
            "Via: SIP/2.0/UDP 10.0.{hop}.1:5060;branch=z9hG4bK{hop}LBpdtzWvHJuO1nRf2Dk6;rport=5060;received=10.0.{hop}.1\r\n"
        );
    }
    for hop in 0..6 {
        text += &format!("Record-Route: <sip:10.0.{hop}.1;lr;ftag=nZ4JnM5EKlHO7VPtyDo2h0aVt7>\r\n");
    }
    text += "From: \"John Doe\" <sip:john.doe@pbx.example.com>;tag=nZ4JnM5EKlHO7VPtyDo2h0aVt7\r\n\
             To: <sip:201@pbx.example.com>;tag=as5c2f1f3e\r\nCall-ID: Vq3XYQ8cL0s0N2JkxyS7bR1uGfDeYt4W\r\n\
             CSeq: 8123 INVITE\r\nContact: <sip:201@10.24.16.5:5060>\r\nContent-Length: 0\r\n\r\n";
    text.into_bytes()
}

/// The ways in which 1,400 bytes that are no message reach a SIP port.
pub fn junk() -> Vec<(&'static str, Vec<u8>)> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let random = (0..1400)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect();
    let mut rtp = vec![0x80, 0x00, 0x12, 0x34];
    rtp.resize(172, 0xd5);
    vec![
        ("random", random),
        ("letters", vec![b'A'; 1400]),
        ("blanks", vec![b' '; 1400]),
        ("line ends", vec![b'\n'; 1400]),
        ("zeros", vec![0; 1400]),
        ("words", b"GET / HTTP/1.1 ".iter().copied().cycle().take(1400).collect()),
        ("RTP", rtp),
    ]
}

/// Everything a registrar reads of a REGISTER. Returns a number made of all of it, so that nothing is optimised away.
pub fn read_register(index: &mut Index, bytes: &[u8]) -> usize {
    let message = index.scan(bytes).expect("the sample is sound");
    let envelope = check_request(&message).expect("the sample is sound");
    let mut sum = envelope.via.branch().map_or(0, <[u8]>::len)
        + usize::from(envelope.via.rport().is_some())
        + envelope.from.tag().map_or(0, <[u8]>::len)
        + envelope.call_id.len()
        + envelope.cseq.number as usize
        + envelope.from_uri.user.map_or(0, <[u8]>::len)
        + envelope.to_uri.user.map_or(0, <[u8]>::len)
        + message.uri().map_or(0, |uri| usize::from(uri.effective_port()));
    for contact in message.contacts() {
        if let Ok(Contact::Address(address)) = contact {
            let uri = address.uri().expect("the sample is sound");
            sum += usize::from(uri.effective_port())
                + address.params.value(b"expires").map_or(0, <[u8]>::len)
                + address.params.value(b"+sip.instance").map_or(0, <[u8]>::len);
        }
    }
    sum += message.number(Header::Expires).flatten().unwrap_or(3600) as usize;
    for credentials in message.auth_fields(Header::Authorization) {
        let digest = credentials.digest().unwrap_or_default();
        for value in [
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
        ] {
            sum += value.map_or(0, <[u8]>::len);
        }
    }
    sum
}

/// Writes the challenge to a scanned request.
pub fn answer(index: &Index, bytes: &[u8], out: &mut Vec<u8>) -> usize {
    out.clear();
    let stamp =
        ViaStamp { source: SocketAddr::from((Ipv4Addr::new(10, 24, 16, 37), 5060)), force_rport: false };
    let mut writer = Writer::response(
        out,
        &index.message(bytes),
        stamp,
        (401, ""),
        Some(b"z9hG4bKPjLBpdtzWvHJuO1nRf2Dk6"),
    );
    writer.header(Header::WwwAuthenticate, b"Digest realm=\"asterisk\",nonce=\"1398440322/8a4f0c1bcf0e1d0d3b7a2f4d6a5c9e11\",opaque=\"5ccc069c403ebaf9\",algorithm=md5,qop=\"auth\"");
    writer.header(Header::Server, b"Jackfield");
    writer.finish();
    out.len()
}

/// Cuts one message from a stream.
pub fn cut(bytes: &[u8]) -> frame::Frame {
    frame::Stream::default().next(bytes)
}
