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

/// An auth as client.
#[derive(Clone, Copy)]
pub(super) struct OutboundAuth<'a>(pub &'a Auth);

impl Login for OutboundAuth<'_> {
    fn username(&self) -> &str {
        &self.0.username
    }

    fn realm(&self) -> &str {
        &self.0.options.realm
    }

    fn secret(&self, algorithm: Algorithm) -> Option<Secret<'_>> {
        self.0
            .options
            .algorithms_uac
            .list
            .contains(&algorithm)
            .then(|| secret_of(self.0, algorithm))
            .flatten()
    }
}

/// The digest when there is one, else the password.
fn secret_of(auth: &Auth, algorithm: Algorithm) -> Option<Secret<'_>> {
    let digest = auth.digests.as_deref().and_then(|digests| digests.of(algorithm));
    let password = Some(Secret::Password(&auth.password)).filter(|_| !auth.password.is_empty());
    digest.map(Secret::Digest).or(password)
}
