//! `type=auth`: digest credentials.

use std::sync::Arc;

use super::object::{Pool, named_object};
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::objects::Objects;
use crate::config::value::Fault;
use crate::config::value::algorithms::{Algorithm, AlgorithmList, Algorithms, DigestList, Digests, Md5Cred};
use crate::config::value::scalar::{Secret, Text, Uint};
use crate::config::value::spec::options;
use crate::config::value::words::{OneOf, Word, words};

words! {
    /// `auth_type`. Only `google_oauth` changes anything; what is set decides otherwise.
    AuthType {
        /// A password.
        Userpass = "userpass",
        /// An MD5 digest.
        Md5 = "md5",
        /// Digests.
        Digest = "digest",
        /// OAuth tokens.
        GoogleOauth = "google_oauth",
    }
}

/// Credentials. What many have in common is in [`AuthOptions`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Auth {
    /// Its name.
    pub name: Name,
    /// Digest user name.
    pub username: Name,
    /// Password in clear; "" when only digests are known.
    pub password: Box<str>,
    /// Digests, which go before the password.
    pub digests: Option<Box<Digests>>,
    oauth: Option<Box<Oauth>>,
    /// All other options.
    pub options: Arc<AuthOptions>,
    /// Where it was written.
    pub provenance: Provenance,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Oauth {
    refresh_token: Box<str>,
    oauth_clientid: Box<str>,
    oauth_secret: Box<str>,
}

static NO_OAUTH: std::sync::LazyLock<Oauth> = std::sync::LazyLock::new(Oauth::default);

impl Auth {
    /// Whether a response with this algorithm can be computed.
    pub fn can(&self, algorithm: Algorithm) -> bool {
        !self.password.is_empty()
            || self.digests.as_deref().is_some_and(|digests| digests.of(algorithm).is_some())
    }

    fn this(auth: &Auth) -> &Auth {
        auth
    }

    fn this_mut(auth: &mut Auth) -> &mut Auth {
        auth
    }

    fn oauth(auth: &Auth) -> &Oauth {
        auth.oauth.as_deref().unwrap_or(&NO_OAUTH)
    }

    fn oauth_mut(auth: &mut Auth) -> &mut Oauth {
        auth.oauth.get_or_insert_default()
    }
}

fn shared(auth: &Auth) -> &AuthOptions {
    &auth.options
}

fn shared_mut(auth: &mut Auth) -> &mut AuthOptions {
    Arc::make_mut(&mut auth.options)
}

options! {
    own
    /// What tells one auth from another.
    OWN: Auth, Auth::this, Auth::this_mut;

    /// MD5(user:realm:password).
    Obeyed "md5_cred" digests, Md5Cred;
    /// Password in clear.
    Obeyed "password" password, Secret;
    /// Pre-hashed credentials per algorithm, preferred over password.
    Obeyed "password_digest" digests, DigestList;
    /// Digest user name.
    Obeyed "username" username, Text;
}

options! {
    own
    /// OAuth tokens.
    OAUTH: Auth, Auth::oauth, Auth::oauth_mut;

    /// OAuth client id.
    Missed "oauth_clientid" oauth_clientid, Secret;
    /// OAuth client secret.
    Missed "oauth_secret" oauth_secret, Secret;
    /// OAuth refresh token.
    Missed "refresh_token" refresh_token, Secret;
}

options! {
    struct
    /// The options of an auth that many auths have in common.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    AuthOptions {}
    SHARED: Auth, shared, shared_mut;

    /// What kind of secret it holds; informational but for google_oauth.
    Obeyed "auth_type" auth_type: AuthType = AuthType::Userpass, OneOf;
    /// Seconds until a nonce is stale.
    Obeyed "nonce_lifetime" nonce_lifetime_secs: u32 = 32, Uint;
    /// Realm; empty means default_realm as server, any realm as client.
    Obeyed "realm" realm: Name = Name::default(), Text;
    /// Algorithms accepted when answering challenges.
    Obeyed "supported_algorithms_uac" algorithms_uac: Algorithms = Algorithms::default(), AlgorithmList;
    /// Algorithms offered in challenges, in this order.
    Obeyed "supported_algorithms_uas" algorithms_uas: Algorithms = Algorithms::default(), AlgorithmList;
}

named_object!(Auth, Auth, [OWN, OAUTH, SHARED], {
    fn settle(&mut self, faults: &mut Vec<(&'static str, Fault)>) {
        if self.username.is_empty() {
            let fault = Fault::new("missing-option", "it has no username")
                .help(format!("add username={}: the section's name does not imply it", self.name));
            faults.push(("username", fault));
        }
        if self.options.auth_type == AuthType::GoogleOauth {
            let oauth = Auth::oauth(self);
            if oauth.refresh_token.is_empty()
                || oauth.oauth_clientid.is_empty()
                || oauth.oauth_secret.is_empty()
            {
                let message = "google_oauth needs refresh_token, oauth_clientid and oauth_secret";
                faults.push(("auth_type", Fault::new("missing-option", message)));
            }
            return;
        }
        if self.password.is_empty() && self.digests.is_none() {
            let fault = match self.options.auth_type {
                AuthType::Md5 => Fault::new("missing-option", "auth_type is md5, but there is no md5_cred"),
                _ => Fault::new("missing-option", "it has neither password nor password_digest"),
            };
            faults.push(("password", fault));
            return;
        }
        for (option, algorithms) in [
            ("supported_algorithms_uas", &self.options.algorithms_uas),
            ("supported_algorithms_uac", &self.options.algorithms_uac),
        ] {
            // The global ones are looked at when they are known.
            for algorithm in algorithms.list.iter().filter(|a| !algorithms.inherited && !self.can(**a)) {
                let message = format!("there is neither a password nor a digest for {}", algorithm.word());
                faults.push((option, Fault::new("missing-option", message)));
            }
        }
    }

    /// An auth without algorithms of its own takes the global ones.
    fn resolved(&self, objects: &Objects) -> Option<Self> {
        let global = &objects.global;
        let (uas, uac) = (&global.default_auth_algorithms_uas.list, &global.default_auth_algorithms_uac.list);
        let differs = |own: &Algorithms, global: &[Algorithm]| own.inherited && *own.list != *global;
        if !differs(&self.options.algorithms_uas, uas) && !differs(&self.options.algorithms_uac, uac) {
            return None;
        }
        let mut auth = self.clone();
        let options = Arc::make_mut(&mut auth.options);
        for (own, global) in [(&mut options.algorithms_uas, uas), (&mut options.algorithms_uac, uac)] {
            if own.inherited {
                own.list.clone_from(global);
            }
        }
        Some(auth)
    }

    fn shared_part(&self) -> usize {
        Arc::as_ptr(&self.options).addr()
    }

    fn share(&mut self, pool: &mut Pool) {
        pool.auths.share(&mut self.options);
    }
});
