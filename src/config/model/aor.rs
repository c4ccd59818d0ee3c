//! `type=aor`: an address of record, to which contacts are bound.

use std::sync::Arc;
use std::time::Duration;

use super::object::{Pool, named_object};
use super::provenance::Provenance;
use super::uri_check::{SipUri, SipUris};
use crate::base::ids::Name;
use crate::config::value::lists::TextList;
use crate::config::value::scalar::{Between, FractionalSecs, Text, Truth, Uint};
use crate::config::value::spec::options;

/// An address of record. What many have in common is in [`AorOptions`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aor {
    /// Its name: the user part registered to.
    pub name: Name,
    /// Static contacts: SIP URIs that never expire and do not count against `max_contacts`.
    pub contact: Box<[Name]>,
    /// Mailboxes for MWI SUBSCRIBE, each `box@context`.
    pub mailboxes: Box<[Name]>,
    /// All other options.
    pub options: Arc<AorOptions>,
    /// Where it was written.
    pub provenance: Provenance,
}

impl Aor {
    fn this(aor: &Aor) -> &Aor {
        aor
    }

    fn this_mut(aor: &mut Aor) -> &mut Aor {
        aor
    }
}

fn shared(aor: &Aor) -> &AorOptions {
    &aor.options
}

fn shared_mut(aor: &mut Aor) -> &mut AorOptions {
    Arc::make_mut(&mut aor.options)
}

options! {
    own
    /// What tells one aor from another.
    OWN: Aor, Aor::this, Aor::this_mut;

    /// Static contacts.
    Obeyed "contact" contact, SipUris;
    /// Mailboxes for MWI SUBSCRIBE.
    Obeyed "mailboxes" mailboxes, TextList;
}

options! {
    struct
    /// The options of an aor that many aors have in common.
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    AorOptions {}
    SHARED: Aor, shared, shared_mut;

    /// Answer the challenge to a qualify OPTIONS. Asterisk answers whenever the endpoint has outbound_auth.
    Later "authenticate_qualify" authenticate_qualify: bool = false, Truth;
    /// Seconds when REGISTER names no expiry.
    Obeyed "default_expiration" default_expiration_secs: u32 = 3600, Uint;
    /// Limit of registered contacts; 0 refuses registration.
    Obeyed "max_contacts" max_contacts: u32 = 0, Uint;
    /// Longer requests are lowered to this many seconds.
    Obeyed "maximum_expiration" maximum_expiration_secs: u32 = 7200, Uint;
    /// Shorter requests are raised to this many seconds.
    Obeyed "minimum_expiration" minimum_expiration_secs: u32 = 60, Uint;
    /// Route of qualify OPTIONS.
    Obeyed "outbound_proxy" outbound_proxy: Name = Name::default(), SipUri;
    /// Only a 2xx counts as reachable; otherwise any response does.
    Obeyed "qualify_2xx_only" qualify_2xx_only: bool = false, Truth;
    /// Seconds between OPTIONS; 0 is off.
    Obeyed "qualify_frequency" qualify_frequency_secs: u32 = 0, Between<0, 86400>;
    /// Seconds to wait for the answer to OPTIONS; 0 is the transaction's own timeout.
    Obeyed "qualify_timeout" qualify_timeout: Duration = Duration::from_secs(3), FractionalSecs;
    /// Over the limit, drop old contacts instead of refusing.
    Obeyed "remove_existing" remove_existing: bool = false, Truth;
    /// Over the limit, drop unreachable contacts first.
    Obeyed "remove_unavailable" remove_unavailable: bool = false, Truth;
    /// Store and use Path.
    Obeyed "support_path" support_path: bool = false, Truth;
    /// Message-Account user in MWI to this aor.
    Obeyed "voicemail_extension" voicemail_extension: Name = Name::default(), Text;
}

named_object!(Aor, Aor, [OWN, SHARED], {
    fn shared_part(&self) -> usize {
        Arc::as_ptr(&self.options).addr()
    }

    fn share(&mut self, pool: &mut Pool) {
        pool.aors.share(&mut self.options);
    }
});
