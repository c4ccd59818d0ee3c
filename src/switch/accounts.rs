//! Auth objects as digest needs them, with what the global options add.

use crate::authenticate::outbound::Login;
use crate::authenticate::{Account, Secret};
use crate::config::Objects;
use crate::config::model::Auth;
use crate::sip::digest::Algorithm;

/// An auth's own algorithms, or the global ones.
pub(super) fn algorithms_of<'a>(auth: &'a Auth, objects: &'a Objects) -> &'a [Algorithm] {
    let own = &auth.options.algorithms_uas;
    if own.inherited { &objects.global.default_auth_algorithms_uas.list } else { &own.list }
}

/// An auth with the global options behind it.
#[derive(Clone, Copy)]
pub(super) struct ListedAuth<'a> {
    pub auth: &'a Auth,
    pub objects: &'a Objects,
}

impl Account for ListedAuth<'_> {
    fn username(&self) -> &str {
        &self.auth.username
    }

    fn realm(&self) -> &str {
        let own = &self.auth.options.realm;
        if own.is_empty() { &self.objects.global.default_realm } else { own }
    }

    fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>> {
        if !algorithms_of(self.auth, self.objects).contains(&algorithm) {
            return None;
        }
        secret_of(self.auth, algorithm)
    }

    fn nonce_lifetime_secs(&self) -> u64 {
        u64::from(self.auth.options.nonce_lifetime_secs)
    }
}

/// An auth as client, with the global options behind it.
#[derive(Clone, Copy)]
pub(super) struct OutboundAuth<'a> {
    pub auth: &'a Auth,
    pub objects: &'a Objects,
}

/// The algorithms an auth answers with: its own, or the global ones.
pub(super) fn algorithms_as_client<'a>(auth: &'a Auth, objects: &'a Objects) -> &'a [Algorithm] {
    let own = &auth.options.algorithms_uac;
    if own.inherited { &objects.global.default_auth_algorithms_uac.list } else { &own.list }
}

impl Login for OutboundAuth<'_> {
    fn username(&self) -> &str {
        &self.auth.username
    }

    fn realm(&self) -> &str {
        &self.auth.options.realm
    }

    fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>> {
        if !algorithms_as_client(self.auth, self.objects).contains(&algorithm) {
            return None;
        }
        secret_of(self.auth, algorithm)
    }
}

/// The digest when there is one, else the password.
fn secret_of(auth: &Auth, algorithm: Algorithm) -> Option<Secret<'_>> {
    let digest = auth.digests.as_deref().and_then(|digests| digests.of(algorithm));
    let password = Some(Secret::Password(&auth.password)).filter(|_| !auth.password.is_empty());
    digest.map(Secret::Digest).or(password)
}
