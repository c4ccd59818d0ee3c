//! Via (RFC 3261 20.42, RFC 3581) and CSeq.

use super::params::{Params, next_param};
use super::text;
use super::uri::{Host, host_port};
use crate::sip::flow::Protocol;
use crate::sip::method::Method;

/// One hop of the way a request came.
#[derive(Clone, Copy, Debug)]
pub struct Via<'m> {
    /// The whole value, for printing it again untouched.
    pub raw: &'m [u8],
    /// The transport token, when it is one we know.
    pub protocol: Option<Protocol>,
    /// That token as written.
    pub protocol_text: &'m [u8],
    /// Who sent it, by its own account.
    pub host: Host<'m>,
    /// And the port it named.
    pub port: Option<u16>,
    /// `host[:port]` as written.
    pub sent_by: &'m [u8],
    /// `branch`, `rport`, `received`, `maddr`, …
    pub params: Params<'m>,
    /// Found while the parameters were checked: everyone asks for them.
    branch: Option<&'m [u8]>,
    rport: Option<Option<&'m [u8]>>,
}

/// The prefix that marks a branch as unique (RFC 3261 8.1.1.7).
pub const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

impl<'m> Via<'m> {
    /// Reads one Via value; `None` when its grammar is broken, which a parameter without a name (`;;`, or a `;` at the
    /// end) is too (RFC 4475 3.1.2.1).
    pub fn parse(raw: &'m [u8]) -> Option<Via<'m>> {
        let rest = after_version(raw)?;
        let blank = rest.iter().position(|b| text::is_space(*b))?;
        let protocol_text = &rest[..blank];
        if !text::is_token(protocol_text) {
            return None;
        }
        let rest = text::trim(&rest[blank..]);
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let sent_by = text::trim(&rest[..end]);
        let (host, port) = host_port(sent_by).ok()?;
        let params = Params(&rest[end..]);
        let (branch, rport) = checked_params(params)?;
        Some(Via {
            raw,
            protocol: Protocol::from_token(protocol_text),
            protocol_text,
            host,
            port,
            sent_by,
            params,
            branch,
            rport,
        })
    }

    /// The branch, when there is one.
    pub fn branch(&self) -> Option<&'m [u8]> {
        self.branch
    }

    /// The `rport` parameter (RFC 3581): outer `None` when absent, inner when it has no value, which asks for one.
    pub fn rport(&self) -> Option<Option<&'m [u8]>> {
        self.rport
    }

    /// The branch when it is unique by RFC 3261's cookie, with something after it.
    pub fn unique_branch(&self) -> Option<&'m [u8]> {
        self.branch()
            .filter(|b| b.len() > MAGIC_COOKIE.len() && text::same(&b[..MAGIC_COOKIE.len()], MAGIC_COOKIE))
    }
}

/// What follows `SIP/2.0/`, with the blanks that the grammar allows around its slashes.
fn after_version(raw: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = raw.strip_prefix(b"SIP/2.0/") {
        return Some(rest);
    }
    let slash = memchr::memchr(b'/', raw)?;
    let rest = &raw[slash + 1..];
    let second = memchr::memchr(b'/', rest)?;
    let sip = text::trim(&raw[..slash]).eq_ignore_ascii_case(b"SIP") && text::trim(&rest[..second]) == b"2.0";
    sip.then(|| text::trim(&rest[second + 1..]))
}

/// A branch and an rport.
type BranchAndRport<'m> = (Option<&'m [u8]>, Option<Option<&'m [u8]>>);

/// The first branch and rport among parameters that all have names; `None` when one has not.
fn checked_params(params: Params<'_>) -> Option<BranchAndRport<'_>> {
    let (mut branch, mut rport) = (None, None);
    let Some(mut rest) = params.0.strip_prefix(b";") else { return Some((branch, rport)) };
    loop {
        let ((name, value), after) = next_param(rest);
        match name.len() {
            0 => return None,
            6 if branch.is_none() && text::same(name, b"branch") => branch = value.filter(|b| !b.is_empty()),
            5 if rport.is_none() && text::same(name, b"rport") => rport = Some(value),
            _ => {}
        }
        // A `;` at the very end leaves nothing after it, and so does none at all.
        if after.is_empty() {
            return (rest.last() != Some(&b';')).then_some((branch, rport));
        }
        rest = after;
    }
}

/// Number and method of a request in its sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'m> {
    /// Below 2^31 (RFC 3261 8.1.1.5).
    pub number: u32,
    /// The method.
    pub method: Method,
    /// Its text, for methods we do not know.
    pub method_text: &'m [u8],
}

impl<'m> CSeq<'m> {
    /// Reads the header's value; `None` when it is no number below 2^31 and a token.
    pub fn parse(value: &'m [u8]) -> Option<CSeq<'m>> {
        let value = text::trim(value);
        let blank = value.iter().position(|b| text::is_space(*b))?;
        // Leading zeros are legal and do not count against the digits.
        let digits = &value[..blank];
        let zeros = digits.iter().take_while(|b| **b == b'0').count().min(digits.len().saturating_sub(1));
        let number = text::number(&digits[zeros..]).filter(|n| *n < 1 << 31)?;
        let method_text = text::trim(&value[blank..]);
        text::is_token(method_text).then(|| CSeq {
            number,
            method: Method::from_token(method_text),
            method_text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vias_of_the_field() {
        let v = Via::parse(b"SIP / 2.0 / UDP  [2001:db8::9]:5060 ; branch=z9hG4bKx;rport").expect("reads");
        assert_eq!((v.protocol, v.port), (Some(Protocol::Udp), Some(5060)));
        assert_eq!(v.unique_branch(), Some(&b"z9hG4bKx"[..]));
        assert_eq!((v.params.find(b"rport"), v.rport()), (Some(None), Some(None)));
        assert!(Via::parse(b"SIP/2.0/QUIC h").is_some_and(|v| v.protocol.is_none()));
        for bad in [&b"SIP/2.0/UDP"[..], b"SIP/7.0/UDP h", b"", b"SIP/2.0/UDP a:b:c", b"///"] {
            assert!(Via::parse(bad).is_none());
        }
        for bad in [
            &b"SIP/2.0/UDP h;;"[..],
            b"SIP/2.0/UDP h;branch=z9hG4bKx;",
            b"SIP/2.0/UDP h; ;a",
            b"SIP/2.0/UDP h;=x",
        ] {
            assert!(Via::parse(bad).is_none(), "a parameter without a name");
        }
        let v =
            Via::parse(b"SIP/2.0/UDP h;x=\";;branch=no\";BRANCH=z9hG4bKy;branch=z9hG4bKz").expect("reads");
        assert_eq!(v.branch(), Some(&b"z9hG4bKy"[..]), "the first counts, and none inside quotes");
        let v = Via::parse(b"SIP/2.0/UDP h;branch=z9hG4bK").expect("reads");
        assert!(v.branch().is_some() && v.unique_branch().is_none());
    }

    #[test]
    fn cseq_bounds() {
        assert_eq!(
            CSeq::parse(b"0000000007  INVITE").map(|c| (c.number, c.method)),
            Some((7, Method::Invite))
        );
        for bad in
            [&b"2147483648 INVITE"[..], b"-1 INVITE", b"1", b"1 IN VITE", b"36893488147419103232 REGISTER"]
        {
            assert!(CSeq::parse(bad).is_none());
        }
    }
}
