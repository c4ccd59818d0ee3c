//! Answering 401 and 407 to our own requests (RFC 3261 22, RFC 7616, RFC 8760) with the credentials of `outbound_auth`.

use crate::base::rng::Rng;
use crate::sip::digest::{Algorithm, Challenge, Form, Hex, Qop};
use crate::sip::wire::{Header, Message};
use std::fmt;

/// One `type=auth` as plain values.
#[derive(Clone)]
pub struct Credentials {
    /// The realm they are for; empty or `*` for any.
    pub realm: Box<str>,
    /// Digest user name.
    pub username: Box<str>,
    /// Password in clear; empty when only digests are known.
    pub password: Box<str>,
    /// HA1 by algorithm; they go before the password.
    pub digests: Vec<(Algorithm, Hex)>,
    /// Algorithms we answer with (`supported_algorithms_uac`).
    pub algorithms: Vec<Algorithm>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("realm", &self.realm)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    fn is_for_any(&self) -> bool {
        matches!(&*self.realm, "" | "*")
    }

    fn ha1(&self, algorithm: Algorithm, realm: &[u8]) -> Option<Hex> {
        if !self.algorithms.contains(&algorithm) {
            return None;
        }
        let known = self.digests.iter().find(|(of, _)| *of == algorithm).map(|(_, ha1)| *ha1);
        known.or_else(|| {
            (!self.password.is_empty())
                .then(|| algorithm.ha1(self.username.as_bytes(), realm, self.password.as_bytes()))
        })
    }
}

/// What was tried for one request already.
#[derive(Clone, Debug, Default)]
pub(super) struct Tries {
    count: u8,
    realms: Vec<(Header, Box<[u8]>)>,
}

/// Challenges answered for one request, stale nonces included.
const MOST: u8 = 10;

/// What the credentials are computed for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub method: &'a str,
    /// The request URI as sent.
    pub uri: &'a [u8],
    pub body: &'a [u8],
}

/// The Authorization and Proxy-Authorization lines that answer the challenges in `response`; `None` when one of its
/// realms cannot be answered or was answered wrongly before. Of several challenges of one realm the first that we have
/// an algorithm and a secret for counts (RFC 8760 2.4).
pub(super) fn answer(
    tries: &mut Tries,
    auths: &[Credentials],
    response: &Message<'_>,
    subject: Subject<'_>,
    rng: &mut Rng,
) -> Option<Vec<u8>> {
    tries.count += 1;
    if tries.count > MOST {
        return None;
    }
    let mut lines = Vec::new();
    let mut answered: Vec<(Header, Box<[u8]>)> = Vec::new();
    let mut refused: Vec<(Header, &[u8])> = Vec::new();
    for (asks, tells) in [
        (Header::WwwAuthenticate, Header::Authorization),
        (Header::ProxyAuthenticate, Header::ProxyAuthorization),
    ] {
        for fields in response.auth_fields(asks) {
            let Some(digest) = fields.digest() else { continue };
            let realm = digest.realm.unwrap_or_default();
            if answered.iter().any(|(header, known)| *header == tells && **known == *realm) {
                continue;
            }
            let stale = digest.stale.is_some_and(|stale| stale.eq_ignore_ascii_case(b"true"));
            let tried = tries.realms.iter().any(|(header, known)| *header == tells && **known == *realm);
            let written = (!tried || stale)
                .then(|| credentials_line(auths, (tells, realm), &digest, subject, rng))
                .flatten();
            match written {
                Some(line) => {
                    lines.extend_from_slice(&line);
                    answered.push((tells, realm.into()));
                }
                None => refused.push((tells, realm)),
            }
        }
    }
    // Another challenge of the same realm may have been one we can answer.
    let open = refused
        .iter()
        .any(|(tells, realm)| !answered.iter().any(|(header, known)| header == tells && **known == **realm));
    if answered.is_empty() || open {
        return None;
    }
    tries.realms.extend(answered);
    Some(lines)
}

fn credentials_line(
    auths: &[Credentials],
    (header, realm): (Header, &[u8]),
    challenge: &crate::sip::wire::DigestFields<'_>,
    subject: Subject<'_>,
    rng: &mut Rng,
) -> Option<Vec<u8>> {
    let nonce = challenge.nonce?;
    let (algorithm, form) = match challenge.algorithm {
        Some(token) => Algorithm::from_token(token)?,
        None => (Algorithm::Md5, Form::Plain),
    };
    let exact = auths.iter().filter(|auth| auth.realm.as_bytes() == realm);
    let any = auths.iter().filter(|auth| auth.is_for_any());
    let (auth, ha1) = exact.chain(any).find_map(|auth| auth.ha1(algorithm, realm).map(|ha1| (auth, ha1)))?;
    let mut cnonce = Vec::with_capacity(32);
    rng.token(32, &mut cnonce);
    const NC: &[u8] = b"00000001";
    let offered = |word: &[u8]| {
        challenge.qop.is_some_and(|qop| {
            qop.split(|b| matches!(b, b',' | b' ')).any(|offered| offered.eq_ignore_ascii_case(word))
        })
    };
    let (qop, qop_word) = match challenge.qop {
        None => (Qop::Absent, None),
        Some(_) if offered(b"auth") => (Qop::Auth { nc: NC, cnonce: &cnonce }, Some("auth")),
        Some(_) if offered(b"auth-int") => {
            (Qop::AuthInt { nc: NC, cnonce: &cnonce, body: subject.body }, Some("auth-int"))
        }
        Some(_) => return None,
    };
    let response = Challenge {
        algorithm,
        form,
        nonce,
        method: subject.method.as_bytes(),
        uri: subject.uri,
        qop,
        cnonce: &cnonce,
    }
    .response(&ha1);
    let mut line = Vec::with_capacity(400);
    let mut put = |pieces: &[&[u8]]| pieces.iter().for_each(|piece| line.extend_from_slice(piece));
    put(&[header.name().as_bytes(), b": Digest username=\"", auth.username.as_bytes()]);
    put(&[b"\", realm=\"", realm, b"\", nonce=\"", nonce, b"\", uri=\"", subject.uri]);
    put(&[b"\", response=\"", response.as_bytes(), b"\""]);
    if let Some(token) = challenge.algorithm {
        put(&[b", algorithm=", token]);
    }
    if qop_word.is_some() || form == Form::Session {
        put(&[b", cnonce=\"", &cnonce, b"\""]);
    }
    if let Some(opaque) = challenge.opaque {
        put(&[b", opaque=\"", opaque, b"\""]);
    }
    if let Some(qop) = qop_word {
        put(&[b", qop=", qop.as_bytes(), b", nc=", NC]);
    }
    put(&[b"\r\n"]);
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;

    fn auth(realm: &str, user: &str, password: &str) -> Credentials {
        Credentials {
            realm: realm.into(),
            username: user.into(),
            password: password.into(),
            digests: Vec::new(),
            algorithms: vec![Algorithm::Md5, Algorithm::Sha256],
        }
    }

    fn tried(tries: &mut Tries, auths: &[Credentials], challenges: &str) -> Option<String> {
        let text = format!("SIP/2.0 401 Unauthorized\r\n{challenges}\r\n");
        let mut index = Index::default();
        let response = index.scan(text.as_bytes()).expect("sound");
        let subject = Subject { method: "INVITE", uri: b"sip:b@h", body: b"v=0" };
        let lines = answer(tries, auths, &response, subject, &mut Rng::seeded(1))?;
        Some(String::from_utf8(lines).expect("text"))
    }

    #[test]
    fn each_realm_gets_its_own_secret() {
        let auths = [auth("*", "any", "x"), auth("far", "me", "secret")];
        let challenges = "WWW-Authenticate: Digest realm=\"far\",nonce=\"n1\",opaque=\"o\",qop=\"auth\"\r\n\
                          Proxy-Authenticate: Digest realm=\"mid\",nonce=\"n2\",algorithm=SHA-256\r\n";
        let mut tries = Tries::default();
        let lines = tried(&mut tries, &auths, challenges).expect("both can be answered");
        let (first, second) = lines.split_once("\r\n").expect("two lines");
        assert!(first.starts_with("Authorization: Digest username=\"me\", realm=\"far\", nonce=\"n1\""));
        assert!(first.ends_with("opaque=\"o\", qop=auth, nc=00000001"), "{first}");
        assert!(
            second.starts_with("Proxy-Authorization: Digest username=\"any\", realm=\"mid\""),
            "{second}"
        );
        let ha1 = Algorithm::Sha256.ha1(b"any", b"mid", b"x");
        let ha2 = Algorithm::Sha256.hash(&[b"INVITE", b"sip:b@h"]);
        let response = Algorithm::Sha256.hash(&[ha1.as_bytes(), b"n2", ha2.as_bytes()]);
        assert!(second.contains(&format!("response=\"{}\", algorithm=SHA-256\r\n", response.as_str())));
        // The same question again means that the answer was wrong; a stale nonce does not.
        assert_eq!(tried(&mut tries, &auths, challenges), None);
        let stale = "WWW-Authenticate: Digest realm=\"far\",nonce=\"n3\",stale=TRUE\r\n";
        assert!(tried(&mut tries, &auths, stale).expect("again").contains("nonce=\"n3\""));
        for _ in 0..MOST {
            tried(&mut tries, &auths, stale);
        }
        assert_eq!(tried(&mut tries, &auths, stale), None, "bounded");
    }

    #[test]
    fn a_realm_without_secret_is_not_answered() {
        let auths = [auth("far", "me", "secret")];
        let mut tries = Tries::default();
        for challenge in [
            "",
            "WWW-Authenticate: Basic realm=\"far\"\r\n",
            "WWW-Authenticate: Digest realm=\"other\",nonce=\"n\"\r\n",
            "WWW-Authenticate: Digest realm=\"far\",nonce=\"n\",algorithm=SHA-512-256\r\n",
            "WWW-Authenticate: Digest realm=\"far\",nonce=\"n\",qop=\"other\"\r\n",
            "WWW-Authenticate: Digest realm=\"far\",nonce=\"n\"\r\nProxy-Authenticate: Digest realm=\"p\",nonce=\"n\"\r\n",
        ] {
            assert_eq!(tried(&mut tries, &auths, challenge), None, "{challenge}");
        }
        // RFC 8760: the first of one realm that can be answered.
        let both = "WWW-Authenticate: Digest realm=\"far\",nonce=\"a\",algorithm=SHA-512-256\r\n\
                    WWW-Authenticate: Digest realm=\"far\",nonce=\"b\",algorithm=MD5\r\n";
        assert!(tried(&mut tries, &auths, both).expect("MD5").contains("nonce=\"b\""));
        assert!(!format!("{:?}", auths[0]).contains("secret"));
    }
}
