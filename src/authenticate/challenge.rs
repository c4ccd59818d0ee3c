//! What a challenge looks like: one WWW-Authenticate per realm and algorithm, fields in pjproject's order.

use super::nonce::Nonces;
use crate::base::rng::Rng;
use crate::base::time::WallTime;
use crate::sip::digest::Algorithm;
use crate::sip::wire::{Header, Writer};
use std::net::IpAddr;
use std::sync::Arc;

/// The visible part of an endpoint's authentication: which realm and algorithm pairs it challenges with, in order,
/// without repeats. Two endpoints of one shape cannot be told apart by their challenges.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape(pub Arc<[(Arc<str>, Algorithm)]>);

impl Shape {
    /// From the endpoint's auth objects in order: each one's realm and its algorithms.
    pub fn new<'a>(auths: impl Iterator<Item = (&'a Arc<str>, &'a [Algorithm])>) -> Shape {
        let mut pairs: Vec<(Arc<str>, Algorithm)> = Vec::new();
        for (realm, algorithms) in auths {
            for algorithm in algorithms {
                if !pairs.iter().any(|(r, a)| r == realm && a == algorithm) {
                    pairs.push((realm.clone(), *algorithm));
                }
            }
        }
        Shape(pairs.into())
    }

    /// Appends the WWW-Authenticate fields: `Digest realm,nonce,opaque,[stale,]algorithm,qop`.
    pub fn write(
        &self,
        writer: &mut Writer<'_>,
        nonces: &Nonces,
        rng: &mut Rng,
        (now, source): (WallTime, IpAddr),
        stale: bool,
    ) {
        for (realm, algorithm) in self.0.iter() {
            writer.begin(Header::WwwAuthenticate.name());
            let out = writer.raw();
            out.extend_from_slice(b"Digest realm=\"");
            quoted(realm, out);
            out.extend_from_slice(b"\",nonce=\"");
            nonces.issue(now, source, realm.as_bytes(), rng.next_u64() as u32, out);
            out.extend_from_slice(b"\",opaque=\"");
            rng.token(16, out);
            out.extend_from_slice(if stale { b"\",stale=true,algorithm=" } else { b"\",algorithm=" });
            out.extend_from_slice(algorithm.token().as_bytes());
            out.extend_from_slice(b",qop=\"auth\"");
            writer.end();
        }
    }
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    for b in text.bytes() {
        if matches!(b, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(b);
    }
}
