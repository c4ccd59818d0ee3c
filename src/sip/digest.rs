//! Digest arithmetic (RFC 2617, RFC 7616, RFC 8760): raw bytes in, lower-case hex out, nothing allocated.
//!
//! ```text
//! HA1      = H(username:realm:password)          -sess: H(HA1:nonce:cnonce)
//! HA2      = H(method:uri)                       auth-int: H(method:uri:H(body))
//! response = H(HA1:nonce:HA2)                    qop absent
//!          = H(HA1:nonce:nc:cnonce:qop:HA2)      qop=auth, auth-int
//! ```
//! Every text is hashed as it stood on the wire: `uri`, `nonce` and `cnonce` without their quotes, nothing decoded.

use sha2::{Digest as _, Sha256, Sha512_256};
use std::fmt;

/// Hash functions of RFC 8760, by the names `supported_algorithms_uas` uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// `MD5`, 32 hex digits.
    Md5,
    /// `SHA-256`, 64 hex digits.
    Sha256,
    /// `SHA-512-256`, 64 hex digits.
    Sha512_256,
}

/// Whether the hash of the secret is used as it is or bound to one nonce pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// `MD5`, `SHA-256`, …: the only form we offer.
    #[default]
    Plain,
    /// `MD5-sess`, …: computed when a server we call asks for it.
    Session,
}

impl Algorithm {
    /// All of them, in the order of RFC 8760's table.
    pub const ALL: [Algorithm; 3] = [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256];

    /// The `algorithm` value on the wire.
    pub fn token(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha512_256 => "SHA-512-256",
        }
    }

    /// Reads an `algorithm` value, without regard to case, its `-sess` suffix included. `None` when unknown. A missing
    /// field means MD5 (RFC 7616 3.3), which the caller says by `unwrap_or`.
    pub fn from_token(token: &[u8]) -> Option<(Algorithm, Form)> {
        let stem = token.len().saturating_sub(SESSION_SUFFIX.len());
        let (token, form) = match &token[stem..] {
            suffix if suffix.eq_ignore_ascii_case(SESSION_SUFFIX) => (&token[..stem], Form::Session),
            _ => (token, Form::Plain),
        };
        let known = Algorithm::ALL.into_iter().find(|a| token.eq_ignore_ascii_case(a.token().as_bytes()));
        known.map(|algorithm| (algorithm, form))
    }

    /// Length of its hashes, in hex digits.
    pub fn hex_len(self) -> usize {
        match self {
            Algorithm::Md5 => 32,
            Algorithm::Sha256 | Algorithm::Sha512_256 => 64,
        }
    }

    /// Hashes `parts` with a colon between each two.
    pub fn hash(self, parts: &[&[u8]]) -> Hex {
        let mut hash = Hasher::new(self);
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                hash.update(b":");
            }
            hash.update(part);
        }
        hash.finish()
    }

    /// HA1 of a password. Store this rather than the password where only one realm is served.
    pub fn ha1(self, username: &[u8], realm: &[u8], password: &[u8]) -> Hex {
        self.hash(&[username, realm, password])
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

const SESSION_SUFFIX: &[u8] = b"-sess";

/// A hash as lower-case hex text. Its `Debug` shows nothing: an HA1 is as good as the password.
#[derive(Clone, Copy)]
pub struct Hex {
    digits: [u8; 64],
    len: u8,
}

impl Hex {
    /// Reads a hash that an administrator wrote (`password_digest`, `md5_cred`), in either case.
    /// `None` when its length is not the algorithm's or a character is no hex digit.
    pub fn from_text(algorithm: Algorithm, text: &[u8]) -> Option<Hex> {
        if text.len() != algorithm.hex_len() || !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut hex = Hex { digits: [0; 64], len: text.len() as u8 };
        for (digit, written) in hex.digits.iter_mut().zip(text) {
            *digit = written.to_ascii_lowercase();
        }
        Some(hex)
    }

    fn of(bytes: &[u8]) -> Hex {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = Hex { digits: [0; 64], len: (bytes.len() * 2) as u8 };
        for (pair, byte) in hex.digits.chunks_exact_mut(2).zip(bytes) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        hex
    }

    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..usize::from(self.len)]
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("only hex digits are ever written into it")
    }

    /// Compares with digits a peer sent (either case), in a time that depends on the lengths only.
    pub fn same(&self, theirs: &[u8]) -> bool {
        let ours = self.as_bytes();
        if ours.len() != theirs.len() {
            return false;
        }
        // Bit 5 is what tells `A` from `a`, and it is set in every digit already.
        let differing = ours.iter().zip(theirs).fold(0u8, |acc, (a, b)| acc | (a ^ (b | 0x20)));
        std::hint::black_box(differing) == 0
    }
}

impl PartialEq for Hex {
    fn eq(&self, other: &Hex) -> bool {
        self.same(other.as_bytes())
    }
}

impl Eq for Hex {}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hex({} digits)", self.len)
    }
}

/// What a client says about the quality of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop<'m> {
    /// No `qop`: the old formula of RFC 2069.
    Absent,
    /// `auth`.
    Auth {
        /// Eight hex digits as written.
        nc: &'m [u8],
        /// As written, without quotes.
        cnonce: &'m [u8],
    },
    /// `auth-int`: the body is covered too. Never offered by us.
    AuthInt {
        /// Eight hex digits as written.
        nc: &'m [u8],
        /// As written, without quotes.
        cnonce: &'m [u8],
        /// The message's body.
        body: &'m [u8],
    },
}

/// Everything a digest response is computed from, apart from the secret.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'m> {
    /// The hash function.
    pub algorithm: Algorithm,
    /// Plain or `-sess`.
    pub form: Form,
    /// The server's nonce.
    pub nonce: &'m [u8],
    /// The method of the request that carries the credentials.
    pub method: &'m [u8],
    /// The `uri` field.
    pub uri: &'m [u8],
    /// `qop` with what belongs to it.
    pub qop: Qop<'m>,
    /// The client's nonce, which `-sess` needs even without `qop`. The one in `qop` counts when there is one.
    pub cnonce: &'m [u8],
}

impl Challenge<'_> {
    /// The `response` value for the secret `ha1` (of the plain form, see [`Algorithm::ha1`]).
    pub fn response(&self, ha1: &Hex) -> Hex {
        let hash = |parts: &[&[u8]]| self.algorithm.hash(parts);
        let cnonce = match self.qop {
            Qop::Absent => self.cnonce,
            Qop::Auth { cnonce, .. } | Qop::AuthInt { cnonce, .. } => cnonce,
        };
        let session;
        let ha1 = match self.form {
            Form::Plain => ha1,
            Form::Session => {
                session = hash(&[ha1.as_bytes(), self.nonce, cnonce]);
                &session
            }
        };
        let ha2 = match self.qop {
            Qop::AuthInt { body, .. } => hash(&[self.method, self.uri, hash(&[body]).as_bytes()]),
            Qop::Absent | Qop::Auth { .. } => hash(&[self.method, self.uri]),
        };
        let (ha1, ha2) = (ha1.as_bytes(), ha2.as_bytes());
        match self.qop {
            Qop::Absent => hash(&[ha1, self.nonce, ha2]),
            Qop::Auth { nc, .. } => hash(&[ha1, self.nonce, nc, cnonce, b"auth", ha2]),
            Qop::AuthInt { nc, .. } => hash(&[ha1, self.nonce, nc, cnonce, b"auth-int", ha2]),
        }
    }

    /// Whether `theirs` is the right response, compared in constant time.
    pub fn verifies(&self, ha1: &Hex, theirs: &[u8]) -> bool {
        self.response(ha1).same(theirs)
    }
}

/// One running hash.
enum Hasher {
    Md5(md5::Context),
    Sha256(Sha256),
    Sha512_256(Sha512_256),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Hasher {
        match algorithm {
            Algorithm::Md5 => Hasher::Md5(md5::Context::new()),
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha512_256 => Hasher::Sha512_256(Sha512_256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Md5(context) => context.consume(bytes),
            Hasher::Sha256(context) => context.update(bytes),
            Hasher::Sha512_256(context) => context.update(bytes),
        }
    }

    fn finish(self) -> Hex {
        match self {
            Hasher::Md5(context) => Hex::of(&context.finalize().0),
            Hasher::Sha256(context) => Hex::of(&context.finalize()),
            Hasher::Sha512_256(context) => Hex::of(&context.finalize()),
        }
    }
}

/// What an auth object knows, to make or to check a response with.
#[derive(Clone, Copy, Debug)]
pub enum Secret<'a> {
    /// The password in clear.
    Password(&'a str),
    /// H(username:realm:password) in lower-case hex, from `md5_cred` or `password_digest`.
    Digest(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;

    const NC: &[u8] = b"00000001";

    fn get<'a>(algorithm: Algorithm, nonce: &'a str, uri: &'a str, qop: Qop<'a>) -> Challenge<'a> {
        let (nonce, uri) = (nonce.as_bytes(), uri.as_bytes());
        Challenge { algorithm, form: Form::Plain, nonce, method: b"GET", uri, qop, cnonce: b"" }
    }

    #[test]
    fn rfc_2617_section_3_5() {
        let ha1 = Algorithm::Md5.ha1(b"Mufasa", b"testrealm@host.com", b"Circle Of Life");
        assert_eq!(ha1.as_str(), "939e7578ed9e3c518a452acee763bce9");
        let qop = Qop::Auth { nc: NC, cnonce: b"0a4f113b" };
        let c = get(Algorithm::Md5, "dcd98b7102dd2f0e8b11d0f600bfb0c093", "/dir/index.html", qop);
        assert_eq!(c.response(&ha1).as_str(), "6629fae49393a05397450978507c4ef1");
        assert!(c.verifies(&ha1, b"6629FAE49393A05397450978507C4EF1"));
        assert!(!c.verifies(&ha1, b"6629fae49393a05397450978507c4ef2"));
        assert!(!c.verifies(&ha1, b""));
        // RFC 2069 (with its erratum): no qop.
        let ha1 = Algorithm::Md5.ha1(b"Mufasa", b"testrealm@host.com", b"CircleOfLife");
        let c = get(Algorithm::Md5, "dcd98b7102dd2f0e8b11d0f600bfb0c093", "/dir/index.html", Qop::Absent);
        assert_eq!(c.response(&ha1).as_str(), "1949323746fe6a43ef61f9606e7febea");
    }

    #[test]
    fn rfc_7616_section_3_9_1() {
        let (user, realm, password) = (b"Mufasa", b"http-auth@example.org", b"Circle of Life");
        let qop = Qop::Auth { nc: NC, cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ" };
        for (algorithm, response) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let c = get(algorithm, "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "/dir/index.html", qop);
            assert_eq!(c.response(&algorithm.ha1(user, realm, password)).as_str(), response);
        }
    }

    /// RFC 7616 3.9.2: its own value was computed with a truncated SHA-512 (erratum 4897); this is SHA-512/256's.
    #[test]
    fn rfc_7616_section_3_9_2_with_its_erratum() {
        let a = Algorithm::Sha512_256;
        let user = a.hash(&["Jäsøn Doe".as_bytes(), b"api@example.org"]);
        assert_eq!(user.as_str().len(), 64);
        // FIPS 180-4's own example of SHA-512/256, so that the variant is beyond doubt.
        assert_eq!(
            a.hash(&[b"abc"]).as_str(),
            "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"
        );
        assert_eq!(
            Algorithm::Sha256.hash(&[b"abc"]).as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn session_form_and_auth_int_follow_the_formulas() {
        let a = Algorithm::Sha256;
        let ha1 = a.ha1(b"u", b"r", b"p");
        let base = Challenge {
            algorithm: a,
            form: Form::Session,
            nonce: b"n",
            method: b"REGISTER",
            uri: b"sip:h",
            qop: Qop::Auth { nc: NC, cnonce: b"c" },
            cnonce: b"",
        };
        let sess = a.hash(&[ha1.as_bytes(), b"n", b"c"]);
        assert_eq!(base.response(&ha1), Challenge { form: Form::Plain, ..base }.response(&sess));
        let bare = Challenge { qop: Qop::Absent, cnonce: b"c", ..base };
        let ha2 = a.hash(&[b"REGISTER", b"sip:h"]);
        assert_eq!(bare.response(&ha1), a.hash(&[sess.as_bytes(), b"n", ha2.as_bytes()]));
        let whole = Challenge { qop: Qop::AuthInt { nc: NC, cnonce: b"c", body: b"v=0" }, ..base };
        let ha2 = a.hash(&[b"REGISTER", b"sip:h", a.hash(&[b"v=0"]).as_bytes()]);
        let expected = a.hash(&[sess.as_bytes(), b"n", NC, b"c", b"auth-int", ha2.as_bytes()]);
        assert_eq!(whole.response(&ha1), expected);
    }

    #[test]
    fn names_lengths_and_written_hashes() {
        assert_eq!(Algorithm::from_token(b"md5"), Some((Algorithm::Md5, Form::Plain)));
        assert_eq!(Algorithm::from_token(b"SHA-256-Sess"), Some((Algorithm::Sha256, Form::Session)));
        assert_eq!(Algorithm::from_token(b"SHA-512-256"), Some((Algorithm::Sha512_256, Form::Plain)));
        for unknown in [&b""[..], b"-sess", b"SHA-1", b"AKAv1-MD5", b"SHA-512"] {
            assert_eq!(Algorithm::from_token(unknown), None);
        }
        for a in Algorithm::ALL {
            assert_eq!(a.hash(&[b"x"]).as_bytes().len(), a.hex_len());
        }
        let text = b"939E7578ED9E3C518A452ACEE763BCE9";
        assert_eq!(
            Hex::from_text(Algorithm::Md5, text).expect("hex").as_str(),
            "939e7578ed9e3c518a452acee763bce9"
        );
        assert!(Hex::from_text(Algorithm::Sha256, text).is_none());
        assert!(Hex::from_text(Algorithm::Md5, b"939E7578ED9E3C518A452ACEE763BCEg").is_none());
        assert_eq!(format!("{:?}", Algorithm::Md5.hash(&[b"secret"])), "Hex(32 digits)");
    }
}
