//! Checking credentials. Every failure says why to the operator and the same to the wire.

use super::nonce::{Age, Count, Nonces};
use crate::base::time::WallTime;
use crate::sip::digest::{Algorithm, Challenge, Form, Hex, Qop};
use crate::sip::wire::{AuthFields, Envelope, Header, Message, text};
use std::fmt;
use std::net::IpAddr;

pub use crate::sip::digest::Secret;

/// One auth object as far as checking needs it.
pub trait Account {
    /// Its `username`.
    fn username(&self) -> &str;
    /// Its realm, or the global default.
    fn realm(&self) -> &str;
    /// The secret for an algorithm; `None` for one that is not among its `supported_algorithms_uas`.
    fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>>;
    /// `nonce_lifetime`, seconds.
    fn nonce_lifetime_secs(&self) -> u64;
}

/// What became of the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Good: by the account of that place in the list.
    Admitted {
        /// Its place.
        account: usize,
        /// The same request has been admitted before: it was retransmitted.
        again: bool,
    },
    /// Not good: challenge.
    Challenge {
        /// Right answer to an old nonce: say `stale=true`, so that the phone does not ask its user.
        stale: bool,
        /// For the operator.
        why: Why,
    },
}

/// Why a request was challenged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It carries no Authorization.
    NoCredentials,
    /// Not Digest, or without the fields Digest must have.
    Malformed,
    /// For another realm than the ones challenged with.
    Realm(String),
    /// With an algorithm the auth does not offer.
    Algorithm(String),
    /// Another user name than the auth's; compared case-sensitively.
    Username(String),
    /// The response does not fit: wrong password, or hashed over another realm, URI or method.
    Response,
    /// The nonce is too old, or was given to another address or by a server before its restart.
    StaleNonce,
    /// The nonce count was used before: a replay.
    Replay,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::NoCredentials => f.write_str("no credentials yet"),
            Why::Malformed => f.write_str("the Authorization header is not a Digest answer"),
            Why::Realm(realm) => write!(f, "answered for realm \"{realm}\", which was not asked"),
            Why::Algorithm(name) => write!(f, "algorithm {name} is not among supported_algorithms_uas"),
            Why::Username(user) => write!(f, "user name \"{user}\" is not the auth's (case counts)"),
            Why::Response => f.write_str("wrong password, or an md5_cred hashed with another realm"),
            Why::StaleNonce => f.write_str("the nonce is too old or not ours; asked again"),
            Why::Replay => f.write_str("the nonce count was used before; asked again"),
        }
    }
}

impl Why {
    /// How much it says: the most telling reason of several is kept.
    fn rank(&self) -> u8 {
        match self {
            Why::NoCredentials => 0,
            Why::Malformed => 1,
            Why::Realm(_) => 2,
            Why::Algorithm(_) => 3,
            Why::Username(_) => 4,
            Why::Response => 5,
            Why::StaleNonce | Why::Replay => 6,
        }
    }
}

/// The packet the credentials came in.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a, 'm> {
    /// The request.
    pub message: &'a Message<'m>,
    /// Its envelope.
    pub envelope: &'a Envelope<'m>,
    /// The packet's source address.
    pub source: IpAddr,
    /// When.
    pub now: WallTime,
}

/// Checks the request's credentials against the accounts in order; one success is enough.
pub fn verify<A: Account>(
    accounts: impl Iterator<Item = A> + Clone,
    presented: Presented<'_, '_>,
    nonces: &mut Nonces,
) -> Verdict {
    let mut best = (false, Why::NoCredentials);
    for fields in presented.message.auth_fields(Header::Authorization) {
        let Some(answer) = Answer::read(&fields) else {
            keep(&mut best, (false, Why::Malformed));
            continue;
        };
        for (place, account) in accounts.clone().enumerate() {
            match answer.check(&account, &presented, nonces) {
                Ok(again) => return Verdict::Admitted { account: place, again },
                Err((stale, why)) => keep(&mut best, (stale, why)),
            }
        }
    }
    Verdict::Challenge { stale: best.0, why: best.1 }
}

/// For a name nobody has: the same work as [`verify`] against one account that nothing satisfies, so that the time it
/// takes tells nothing either.
pub fn verify_nobody(realm: &str, algorithm: Algorithm, presented: Presented<'_, '_>, nonces: &mut Nonces) {
    let credentials = presented.message.auth_fields(Header::Authorization);
    let user = credentials.filter_map(|fields| fields.field(b"username")).next().unwrap_or_default();
    let user = String::from_utf8_lossy(user);
    let verdict = verify(std::iter::once(Nobody { user: &user, realm, algorithm }), presented, nonces);
    debug_assert!(!matches!(verdict, Verdict::Admitted { .. }), "the impossible password was guessed");
}

/// An account that no response fits.
#[derive(Clone, Copy)]
struct Nobody<'a> {
    user: &'a str,
    realm: &'a str,
    algorithm: Algorithm,
}

impl Account for Nobody<'_> {
    fn username(&self) -> &str {
        self.user
    }
    fn realm(&self) -> &str {
        self.realm
    }
    fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>> {
        (algorithm == self.algorithm).then_some(Secret::Password("\0 no phone can send this"))
    }
    fn nonce_lifetime_secs(&self) -> u64 {
        32
    }
}

fn keep(best: &mut (bool, Why), new: (bool, Why)) {
    if new.1.rank() >= best.1.rank() {
        *best = new;
    }
}

/// The fields of a Digest answer.
struct Answer<'m> {
    username: &'m [u8],
    realm: &'m [u8],
    nonce: &'m [u8],
    uri: &'m [u8],
    response: &'m [u8],
    algorithm: &'m [u8],
    cnonce: &'m [u8],
    nc: &'m [u8],
    qop: &'m [u8],
}

impl<'m> Answer<'m> {
    fn read(fields: &AuthFields<'m>) -> Option<Answer<'m>> {
        let empty: &[u8] = b"";
        let mut answer = Answer {
            username: empty,
            realm: empty,
            nonce: empty,
            uri: empty,
            response: empty,
            algorithm: b"MD5",
            cnonce: empty,
            nc: empty,
            qop: empty,
        };
        if !fields.is_digest() {
            return None;
        }
        for (name, value) in fields.iter() {
            let slot = match name.len() {
                8 if name.eq_ignore_ascii_case(b"username") => &mut answer.username,
                5 if name.eq_ignore_ascii_case(b"realm") => &mut answer.realm,
                5 if name.eq_ignore_ascii_case(b"nonce") => &mut answer.nonce,
                3 if name.eq_ignore_ascii_case(b"uri") => &mut answer.uri,
                8 if name.eq_ignore_ascii_case(b"response") => &mut answer.response,
                9 if name.eq_ignore_ascii_case(b"algorithm") => &mut answer.algorithm,
                6 if name.eq_ignore_ascii_case(b"cnonce") => &mut answer.cnonce,
                2 if name.eq_ignore_ascii_case(b"nc") => &mut answer.nc,
                3 if name.eq_ignore_ascii_case(b"qop") => &mut answer.qop,
                _ => continue,
            };
            *slot = value;
        }
        let whole = ![answer.username, answer.nonce, answer.uri, answer.response].contains(&empty);
        let qop_whole = answer.qop.is_empty() || !(answer.cnonce.is_empty() || answer.nc.is_empty());
        (whole && qop_whole).then_some(answer)
    }

    /// Whether it is a retransmission when good; else whether it is stale, and why.
    fn check(
        &self,
        account: &impl Account,
        presented: &Presented<'_, '_>,
        nonces: &mut Nonces,
    ) -> Result<bool, (bool, Why)> {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if !same_text(self.realm, account.realm()) {
            return Err((false, Why::Realm(lossy(self.realm))));
        }
        let wanted = Algorithm::from_token(self.algorithm);
        let secret = wanted.and_then(|(wanted, form)| {
            let secret = account.secret(wanted).filter(|_| form == Form::Plain);
            secret.map(|secret| (wanted, form, secret))
        });
        let Some((algorithm, form, secret)) = secret else {
            return Err((false, Why::Algorithm(lossy(self.algorithm))));
        };
        if !same_text(self.username, account.username()) {
            return Err((false, Why::Username(lossy(self.username))));
        }
        let qop = match self.qop {
            b"" => Qop::Absent,
            qop if qop.eq_ignore_ascii_case(b"auth") => Qop::Auth { nc: self.nc, cnonce: self.cnonce },
            _ => return Err((false, Why::Malformed)),
        };
        let challenge = Challenge {
            algorithm,
            form,
            nonce: self.nonce,
            method: presented.message.method_text(),
            uri: self.uri,
            qop,
            cnonce: self.cnonce,
        };
        let ha1 = match secret {
            Secret::Password(password) => Some(algorithm.ha1(
                account.username().as_bytes(),
                account.realm().as_bytes(),
                password.as_bytes(),
            )),
            Secret::Digest(ha1) => Hex::from_text(algorithm, ha1.as_bytes()),
        };
        let good = ha1.is_some_and(|ha1| challenge.verifies(&ha1, self.response));
        let now = presented.now;
        let lifetime = account.nonce_lifetime_secs();
        let age = nonces.age(now, presented.source, account.realm().as_bytes(), self.nonce, lifetime);
        match (good, age) {
            (false, _) => Err((false, Why::Response)),
            (true, Age::Stale) => Err((true, Why::StaleNonce)),
            (true, Age::Fresh) => self.count(account, presented, nonces),
        }
    }

    fn count(
        &self,
        account: &impl Account,
        presented: &Presented<'_, '_>,
        nonces: &mut Nonces,
    ) -> Result<bool, (bool, Why)> {
        let nc = match self.qop {
            b"" => 0,
            _ => hex_count(self.nc).ok_or((false, Why::Malformed))?,
        };
        let tell_apart = if self.qop.is_empty() { self.response } else { self.cnonce };
        let envelope = presented.envelope;
        let branch = envelope.via.branch().unwrap_or_default();
        let request = nonces.request_hash(branch, envelope.call_id, envelope.cseq.number);
        let used = (self.nonce, self.username, tell_apart);
        match nonces.count(presented.now, used, nc, request, account.nonce_lifetime_secs()) {
            Count::New => Ok(false),
            Count::Again => Ok(true),
            Count::Replay => Err((true, Why::Replay)),
        }
    }
}

/// Raw quoted text against plain text: backslashes count only where there are some.
fn same_text(raw: &[u8], plain: &str) -> bool {
    if memchr::memchr(b'\\', raw).is_none() {
        return raw == plain.as_bytes();
    }
    let mut quoted = Vec::with_capacity(raw.len() + 2);
    quoted.push(b'"');
    quoted.extend_from_slice(raw);
    quoted.push(b'"');
    text::unquote(&quoted) == plain.as_bytes()
}

/// `nc`: up to eight hexadecimal digits, above 0.
fn hex_count(nc: &[u8]) -> Option<u32> {
    if nc.is_empty() || nc.len() > 8 || !nc.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let text = std::str::from_utf8(nc).ok()?;
    u32::from_str_radix(text, 16).ok().filter(|count| *count > 0)
}
