//! Answering challenges to our own requests (401 and 407; RFC 7616 3.4, RFC 8760; behaviour of
//! `res_pjsip_outbound_authenticator_digest.c`). Every room that sends requests does it here.
//!
//! ```text
//! request ──► 401/407 ─ Answers::hear ─┬─ Ok: send it again, one CSeq higher, with Answers::lines
//!                                      └─ Stop: the response is the user's
//! ```

use crate::base::limits;
use crate::base::rng::Rng;
use crate::sip::digest::{Algorithm, Challenge, Form, Hex, Qop, Secret};
use crate::sip::wire::{DigestFields, Header, Message, text};
use std::fmt;

/// One auth object as far as answering needs it.
pub trait Login {
    /// Its `username`.
    fn username(&self) -> &str;
    /// The realm it is for; empty or `*` for any.
    fn realm(&self) -> &str;
    /// The secret for an algorithm; `None` for one that is not among its `supported_algorithms_uac`.
    fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>>;
}

/// What credentials are computed for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The request URI as sent.
    pub uri: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

/// Why a challenge is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The response challenges nothing that we can read.
    NoChallenge,
    /// No auth object has this realm, or a secret for an algorithm asked for.
    NoCredentials(String),
    /// The credentials for this realm were given and are not accepted.
    Refused(String),
    /// [`limits::CHALLENGES`] were answered already.
    TooMany,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::NoChallenge => f.write_str("it challenges with nothing but what we do not know"),
            Stop::NoCredentials(realm) => write!(f, "no outbound_auth fits realm \"{realm}\""),
            Stop::Refused(realm) => write!(f, "the credentials for realm \"{realm}\" were refused"),
            Stop::TooMany => f.write_str("it challenges again and again"),
        }
    }
}

/// The credentials of one request, which grow while it goes from one challenge to the next.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    given: Vec<Given>,
    challenges: u8,
}

#[derive(Clone, Debug)]
struct Given {
    header: Header,
    realm: Box<[u8]>,
    value: Vec<u8>,
}

impl Answers {
    /// Takes the challenges of a 401 or 407 to the request `(method, uri)`, the URI as in its request line.
    ///
    /// # Errors
    /// Why it is not worth sending again.
    pub fn hear<L: Login>(
        &mut self,
        response: &Message<'_>,
        (method, uri): (&[u8], &[u8]),
        logins: impl Iterator<Item = L> + Clone,
        rng: &mut Rng,
    ) -> Result<(), Stop> {
        self.hear_about(response, Subject { method, uri, body: b"" }, logins, rng)
    }

    /// The same for a request with a body, which `qop=auth-int` covers. Each realm that challenges must be answered, of
    /// several challenges of one realm the first that can be (RFC 8760 2.4).
    ///
    /// # Errors
    /// Why it is not worth sending again.
    pub fn hear_about<L: Login>(
        &mut self,
        response: &Message<'_>,
        request: Subject<'_>,
        logins: impl Iterator<Item = L> + Clone,
        rng: &mut Rng,
    ) -> Result<(), Stop> {
        if usize::from(self.challenges) >= limits::CHALLENGES {
            return Err(Stop::TooMany);
        }
        self.challenges += 1;
        let mut fresh: Vec<Given> = Vec::new();
        let mut served: Vec<(Header, &[u8])> = Vec::new();
        let mut unserved: Vec<(Header, &[u8])> = Vec::new();
        let pairs = [
            (Header::WwwAuthenticate, Header::Authorization),
            (Header::ProxyAuthenticate, Header::ProxyAuthorization),
        ];
        for (asks, answers) in pairs {
            for challenge in response.auth_fields(asks).filter_map(|fields| fields.digest()) {
                let Some(realm) = challenge.realm else { continue };
                if served.contains(&(answers, realm)) {
                    continue;
                }
                let Some(value) = answer(&challenge, request, logins.clone(), rng) else {
                    unserved.push((answers, realm));
                    continue;
                };
                let stale = challenge.stale.is_some_and(|stale| stale.eq_ignore_ascii_case(b"true"));
                let given = Given { header: answers, realm: realm.into(), value };
                if !stale && self.given.iter().any(|old| old.is_for(answers, realm)) {
                    return Err(Stop::Refused(lossy(realm)));
                }
                fresh.push(given);
                served.push((answers, realm));
            }
        }
        // Another challenge of the same realm may have been one we can answer; a realm left out would challenge again.
        match unserved.into_iter().find(|realm| !served.contains(realm)) {
            Some((_, realm)) => Err(Stop::NoCredentials(lossy(realm))),
            None if served.is_empty() => Err(Stop::NoChallenge),
            None => {
                self.given.retain(|old| !fresh.iter().any(|new| new.is_for(old.header, &old.realm)));
                self.given.append(&mut fresh);
                Ok(())
            }
        }
    }

    /// Whole header lines for the request.
    pub fn lines(&self) -> Vec<u8> {
        let mut lines = Vec::new();
        for given in &self.given {
            for piece in [given.header.name().as_bytes(), b": ", &given.value, b"\r\n"] {
                lines.extend_from_slice(piece);
            }
        }
        lines
    }
}

impl Given {
    fn is_for(&self, header: Header, realm: &[u8]) -> bool {
        self.header == header && *self.realm == *realm
    }
}

/// The value that answers one challenge; `None` when nothing fits.
fn answer<L: Login>(
    challenge: &DigestFields<'_>,
    Subject { method, uri, body }: Subject<'_>,
    logins: impl Iterator<Item = L> + Clone,
    rng: &mut Rng,
) -> Option<Vec<u8>> {
    let (realm, nonce) = (challenge.realm?, challenge.nonce?);
    let (algorithm, form) = match challenge.algorithm {
        Some(token) => Algorithm::from_token(token)?,
        None => (Algorithm::Md5, Form::Plain),
    };
    let plain = plain(realm);
    let login = choose(&plain, algorithm, logins)?;
    let ha1 = match login.secret(algorithm)? {
        Secret::Password(password) => algorithm.ha1(login.username().as_bytes(), &plain, password.as_bytes()),
        Secret::Digest(hex) => Hex::from_text(algorithm, hex.as_bytes())?,
    };
    let mut cnonce = Vec::with_capacity(CNONCE);
    rng.token(CNONCE, &mut cnonce);
    let offers = |offered: &[u8], word: &[u8]| {
        offered.split(|b| matches!(b, b',' | b' ')).any(|one| text::same(text::trim(one), word))
    };
    let (qop, qop_word) = match challenge.qop {
        None => (Qop::Absent, ""),
        Some(offered) if offers(offered, b"auth") => (Qop::Auth { nc: FIRST, cnonce: &cnonce }, "auth"),
        Some(offered) if offers(offered, b"auth-int") => {
            (Qop::AuthInt { nc: FIRST, cnonce: &cnonce, body }, "auth-int")
        }
        Some(_) => return None,
    };
    let response = Challenge { algorithm, form, nonce, method, uri, qop, cnonce: &cnonce }.response(&ha1);
    let mut value = b"Digest username=\"".to_vec();
    for byte in login.username().bytes() {
        if matches!(byte, b'"' | b'\\') {
            value.push(b'\\');
        }
        value.push(byte);
    }
    let mut quoted = |name: &[u8], text: &[u8]| {
        for piece in [b"\", ", name, b"=\"", text] {
            value.extend_from_slice(piece);
        }
    };
    quoted(b"realm", realm);
    quoted(b"nonce", nonce);
    quoted(b"uri", uri);
    quoted(b"response", response.as_bytes());
    if qop != Qop::Absent || form == Form::Session {
        quoted(b"cnonce", &cnonce);
    }
    if let Some(opaque) = challenge.opaque {
        quoted(b"opaque", opaque);
    }
    value.push(b'"');
    if let Some(token) = challenge.algorithm {
        value.extend_from_slice(b", algorithm=");
        value.extend_from_slice(token);
    }
    if qop != Qop::Absent {
        for piece in [b", qop=", qop_word.as_bytes(), b", nc=", FIRST] {
            value.extend_from_slice(piece);
        }
    }
    Some(value)
}

/// Among those with a secret for the algorithm: the first for this realm, else the first for any.
fn choose<L: Login>(
    realm: &[u8],
    algorithm: Algorithm,
    logins: impl Iterator<Item = L> + Clone,
) -> Option<L> {
    let able = logins.filter(|login| login.secret(algorithm).is_some());
    let own = able.clone().find(|login| login.realm().as_bytes().eq_ignore_ascii_case(realm));
    own.or_else(|| able.clone().find(|login| matches!(login.realm(), "" | "*")))
}

/// Raw quoted text as it was meant.
fn plain(raw: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(raw.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(raw);
    quoted.push(b'"');
    text::unquote(&quoted)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A nonce is used for one request: another request gets another challenge.
const FIRST: &[u8] = b"00000001";
const CNONCE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;

    #[derive(Clone, Copy)]
    struct Auth(&'static str, &'static str, &'static [Algorithm]);

    impl Login for Auth {
        fn username(&self) -> &str {
            self.0
        }
        fn realm(&self) -> &str {
            self.1
        }
        fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>> {
            self.2.contains(&algorithm).then_some(Secret::Password("secret"))
        }
    }

    const MD5: &[Algorithm] = &[Algorithm::Md5];

    fn hear(answers: &mut Answers, head: &str, logins: &[Auth]) -> Result<String, Stop> {
        let text = format!(
            "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>;tag=2\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n{head}Content-Length: 0\r\n\r\n"
        );
        let mut index = Index::default();
        let message = index.scan(text.as_bytes()).expect("a sound message");
        let mut rng = Rng::seeded(1);
        answers.hear(&message, (b"OPTIONS", b"sip:b@h"), logins.iter().copied(), &mut rng)?;
        Ok(String::from_utf8(answers.lines()).expect("text"))
    }

    #[test]
    fn a_challenge_is_answered_with_the_fields_it_asks_for() {
        let one = "WWW-Authenticate: Digest realm=\"x\\\"y\",nonce=\"n1\",opaque=\"o\",algorithm=MD5,qop=\"auth\"\r\n";
        let mut answers = Answers::default();
        let lines = hear(&mut answers, one, &[Auth("u\"1", "", MD5)]).expect("answered");
        assert!(lines.starts_with("Authorization: Digest username=\"u\\\"1\", realm=\"x\\\"y\", nonce=\"n1\", uri=\"sip:b@h\", response=\""));
        assert!(lines.ends_with(", opaque=\"o\", algorithm=MD5, qop=auth, nc=00000001\r\n"), "{lines}");
        let cnonce = lines.split("cnonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("one");
        let challenge = Challenge {
            algorithm: Algorithm::Md5,
            form: Form::Plain,
            nonce: b"n1",
            method: b"OPTIONS",
            uri: b"sip:b@h",
            qop: Qop::Auth { nc: FIRST, cnonce: cnonce.as_bytes() },
            cnonce: b"",
        };
        let right = challenge.response(&Algorithm::Md5.ha1(b"u\"1", b"x\"y", b"secret"));
        assert!(lines.contains(right.as_str()));
        // The same realm again: only a stale nonce is worth another attempt.
        assert_eq!(hear(&mut answers, one, &[Auth("u", "", MD5)]), Err(Stop::Refused("x\\\"y".into())));
        let stale = one.replace("n1", "n2").replace("opaque", "stale=TRUE,opaque");
        let lines = hear(&mut answers, &stale, &[Auth("u", "", MD5)]).expect("answered");
        assert!(lines.contains("nonce=\"n2\"") && !lines.contains("n1"), "{lines}");
        for _ in 3..limits::CHALLENGES {
            hear(&mut answers, &stale, &[Auth("u", "", MD5)]).expect("answered");
        }
        assert_eq!(hear(&mut answers, &stale, &[Auth("u", "", MD5)]), Err(Stop::TooMany));
    }

    #[test]
    fn proxies_and_servers_are_answered_together_each_by_its_own_auth() {
        let mut answers = Answers::default();
        let logins = [Auth("any", "*", MD5), Auth("own", "Home", MD5)];
        let www = "WWW-Authenticate: Digest realm=\"home\",nonce=\"n1\"\r\n";
        let proxy = "Proxy-Authenticate: Digest realm=\"proxy\",nonce=\"n2\",qop=\"auth-int,auth\"\r\n";
        hear(&mut answers, proxy, &logins).expect("answered");
        let lines = hear(&mut answers, www, &logins).expect("answered");
        assert!(
            lines.starts_with("Proxy-Authorization: Digest username=\"any\", realm=\"proxy\""),
            "{lines}"
        );
        assert!(lines.contains("\r\nAuthorization: Digest username=\"own\", realm=\"home\""), "{lines}");
        assert!(!lines.split("\r\n").nth(1).expect("two").contains("nc="), "no qop offered, none given");
    }

    #[test]
    fn what_nothing_fits_is_not_answered() {
        let only_sha = "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",algorithm=SHA-256\r\n";
        let none = hear(&mut Answers::default(), only_sha, &[Auth("u", "", MD5)]);
        assert_eq!(none, Err(Stop::NoCredentials("r".into())));
        let other = "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\"\r\n";
        let none = hear(&mut Answers::default(), other, &[Auth("u", "elsewhere", MD5)]);
        assert_eq!(none, Err(Stop::NoCredentials("r".into())));
        let basic = "WWW-Authenticate: Basic realm=\"r\"\r\n";
        assert_eq!(hear(&mut Answers::default(), basic, &[Auth("u", "", MD5)]), Err(Stop::NoChallenge));
        // The first algorithm is unknown; the second is answered.
        let two = format!("WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",algorithm=AKAv1-MD5\r\n{other}");
        assert!(hear(&mut Answers::default(), &two, &[Auth("u", "", MD5)]).is_ok());
    }
}
