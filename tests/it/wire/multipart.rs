//! Parts of multipart bodies are found, their bytes untouched (RFC 2046 5.1, RFC 5621).

use super::corpus;
use jackfield::base::limits;
use jackfield::sip::wire::multipart::is_media_type;
use jackfield::sip::wire::{Index, Part, Parts};

fn parts<'m>(content_type: &'m str, body: &'m str) -> Vec<Part<'m>> {
    Parts::new(content_type.as_bytes(), body.as_bytes()).expect("a multipart").collect()
}

fn texts(content_type: &str, body: &str) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    parts(content_type, body).iter().map(|p| (text(p.content_type), text(p.body))).collect()
}

#[test]
fn the_corpora_s_multiparts() {
    let mut seen = 0;
    for sample in corpus::all() {
        let mut index = Index::default();
        let Ok(message) = index.scan(&sample.bytes) else { continue };
        match sample.name.as_str() {
            "messages/body_multipart" => {
                assert_eq!(message.part("application/sdp").expect("the description").body, b"v=0\r\n");
                let isup = message.part("Application/ISUP").expect("the binary part");
                assert_eq!(isup.body, b"\x01\x00I\xff\xfe");
                assert!(message.part("text/plain").is_none());
                seen += 1;
            }
            "messages/body_binary" => {
                let all: Vec<u8> = (0..=255).collect();
                assert_eq!(message.part("application/octet-stream").expect("the body").body, all);
                seen += 1;
            }
            "rfc4475/mpart01.dat" => {
                assert_eq!(message.part("text/plain").expect("the text").body, b"Hello\r\n".trim_ascii_end());
                let signature = message.part("application/octet-stream").expect("the signature");
                assert_eq!(signature.header("content-transfer-encoding"), Some(&b"binary"[..]));
                assert!(signature.body.starts_with(b"0\x82\x01R\x06\t*\x86H\x86\xf7"));
                // 553 bytes less the text around them.
                assert_eq!(signature.body.len(), 342);
                seen += 1;
            }
            _ if message.body().is_empty() => assert!(message.whole_body().is_none(), "{}", sample.name),
            _ => assert_eq!(message.whole_body().expect("a body").body, message.body(), "{}", sample.name),
        }
    }
    assert!(seen >= 2);
}

#[test]
fn preamble_epilogue_blanks_and_bare_line_feeds() {
    let body = "for old readers\r\n--b\r\nContent-Type: a/1\r\n\r\none\r\n--b \t\r\n\r\ntwo\r\n\r\n--b\n\
                c: a/3\nX: y\n z\n\nthree\n--b--\r\n--b\r\n\r\nfor nobody\r\n";
    let expected = [("a/1", "one"), ("text/plain", "two\r\n"), ("a/3", "three")];
    let expected: Vec<_> = expected.map(|(kind, text)| (kind.to_owned(), text.to_owned())).into();
    for kind in [
        "multipart/mixed;boundary=b",
        "MULTIPART/Related ; x=1; Boundary = \"b\"",
        "multipart/x;boundary=b;z",
    ] {
        assert_eq!(texts(kind, body), expected, "{kind}");
    }
}

#[test]
fn what_only_looks_like_a_delimiter_is_body() {
    let body = "--b\r\n\r\n--bb\r\n --b\r\nx--b\r\n-b\r\n--b!\r\n--b";
    assert_eq!(texts("multipart/mixed;boundary=b", body), [("text/plain".into(), body[7..].into())]);
    // A delimiter right after another, and one that closes at once.
    assert_eq!(texts("multipart/mixed;boundary=b", "--b\r\n--b\r\n\r\nx\r\n--b--").len(), 2);
    assert!(texts("multipart/mixed;boundary=b", "--b--").is_empty());
    assert!(texts("multipart/mixed;boundary=b", "no delimiter at all").is_empty());
    assert_eq!(texts("multipart/mixed;boundary=b", "--b\r\n\r\nnever closed")[0].1, "never closed");
}

#[test]
fn types_without_a_usable_boundary_are_no_multipart() {
    let long = format!("multipart/mixed;boundary={}", "b".repeat(71));
    for kind in [
        "",
        "multipart/mixed",
        "multipart/mixed;boundary=\"\"",
        "multipart/mixed;boundary",
        "text/plain;boundary=b",
        &long,
    ] {
        assert!(Parts::new(kind.as_bytes(), b"--b\r\n\r\nx\r\n--b--").is_none(), "{kind}");
    }
}

#[test]
fn descriptions_are_found_inside_alternatives_but_not_for_ever() {
    let nest = |depth: usize| {
        let mut body = "v=0\r\n".to_owned();
        let mut kind = "application/sdp".to_owned();
        for level in 0..depth {
            body = format!("--b{level}\r\nContent-Type: {kind}\r\n\r\n{body}\r\n--b{level}--\r\n");
            kind = format!("multipart/mixed;boundary=b{level}");
        }
        format!(
            "INVITE sip:h SIP/2.0\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    for depth in 0..=limits::BODY_DEPTH + 2 {
        let text = nest(depth);
        let mut index = Index::default();
        let found = index.scan(text.as_bytes()).expect("reads").part("application/sdp").map(|p| p.body);
        assert_eq!(found, (depth <= limits::BODY_DEPTH).then_some(&b"v=0\r\n"[..]), "{depth} deep");
    }
    let many = "--b\r\n\r\nx\r\n".repeat(limits::BODY_PARTS + 5);
    assert_eq!(parts("multipart/mixed;boundary=b", &many).len(), limits::BODY_PARTS);
}

#[test]
fn dispositions_tell_what_may_be_passed_over() {
    let body = "--b\r\nContent-Type: a/1\r\nContent-Disposition: signal;Handling=OPTIONAL\r\n\r\n1\r\n\
                --b\r\nContent-Disposition: session;handling=required\r\n\r\n2\r\n--b\r\n\r\n3\r\n--b--";
    let optional: Vec<bool> =
        parts("multipart/mixed;boundary=b", body).iter().map(Part::is_optional).collect();
    assert_eq!(optional, [true, false, false]);
    assert!(parts("multipart/mixed;boundary=b", body)[0].is("A/1"));
    assert!(is_media_type(b"application / SDP ; x=y", "application/sdp"));
    assert!(!is_media_type(b"application/sdpx", "application/sdp") && !is_media_type(b"", "application/sdp"));
}
