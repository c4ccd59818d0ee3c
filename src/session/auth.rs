//! The credentials of `outbound_auth` as plain values, and 401 and 407 answered with them ([`crate::sip::answers`]).

use crate::base::rng::Rng;
use crate::sip::answers::{Answers, Login, Subject};
use crate::sip::digest::{Algorithm, Hex, Secret};
use crate::sip::wire::Message;
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

impl Login for &Credentials {
    fn username(&self) -> &str {
        &self.username
    }

    fn realm(&self) -> &str {
        &self.realm
    }

    fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>> {
        if !self.algorithms.contains(&algorithm) {
            return None;
        }
        let known = self.digests.iter().find(|(of, _)| *of == algorithm);
        let password = Some(Secret::Password(&self.password)).filter(|_| !self.password.is_empty());
        known.map(|(_, ha1)| Secret::Digest(ha1.as_str())).or(password)
    }
}

/// The header lines for a challenged request of ours; `None` when it is not worth sending again.
pub(super) fn answer(
    tries: &mut Answers,
    auths: &[Credentials],
    response: &Message<'_>,
    subject: Subject<'_>,
    rng: &mut Rng,
) -> Option<Vec<u8>> {
    tries.hear_about(response, subject, auths.iter(), rng).ok()?;
    Some(tries.lines())
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

    fn tried(tries: &mut Answers, auths: &[Credentials], challenges: &str) -> Option<String> {
        let text = format!("SIP/2.0 401 Unauthorized\r\n{challenges}\r\n");
        let mut index = Index::default();
        let response = index.scan(text.as_bytes()).expect("sound");
        let subject = Subject { method: b"INVITE", uri: b"sip:b@h", body: b"v=0" };
        let lines = answer(tries, auths, &response, subject, &mut Rng::seeded(1))?;
        Some(String::from_utf8(lines).expect("text"))
    }

    #[test]
    fn each_realm_gets_its_own_secret() {
        let auths = [auth("*", "any", "x"), auth("far", "me", "secret")];
        let challenges = "WWW-Authenticate: Digest realm=\"far\",nonce=\"n1\",opaque=\"o\",qop=\"auth\"\r\n\
                          Proxy-Authenticate: Digest realm=\"mid\",nonce=\"n2\",algorithm=SHA-256\r\n";
        let mut tries = Answers::default();
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
        for _ in 0..crate::base::limits::CHALLENGES {
            tried(&mut tries, &auths, stale);
        }
        assert_eq!(tried(&mut tries, &auths, stale), None, "bounded");
    }

    #[test]
    fn a_realm_without_secret_is_not_answered() {
        let auths = [auth("far", "me", "secret")];
        let mut tries = Answers::default();
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
