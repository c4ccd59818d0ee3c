//! `type=endpoint`: a phone, a trunk, anything that calls and is called.

use std::sync::{Arc, LazyLock};

use super::endpoint_options::{EndpointOptions, JOINED, SHARED};
use super::endpoint_words::{DtlsSetup, DtlsVerify, IncomingOfferPref, MediaEncryption};
use super::object::{Pool, named_object};
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::objects::Objects;
use crate::config::value::Fault;
use crate::config::value::callerid::{CallerId, CallerIdentity};
use crate::config::value::lists::{NameList, Names, TextList, Variables};
use crate::config::value::scalar::Text;
use crate::config::value::spec::options;

/// An endpoint. What tells one from another is here; what they tend to have in common is in [`EndpointOptions`],
/// which equal endpoints share.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Its name.
    pub name: Name,
    /// Inbound digest credentials by name; none means no authentication.
    pub auth: Names,
    /// Addresses of record it may register to and is dialled by.
    pub aors: Names,
    /// Caller identity.
    pub callerid: CallerId,
    /// Mailboxes of unsolicited MWI, each `box@context`.
    pub mailboxes: Box<[Name]>,
    /// What few endpoints have; see [`Endpoint::extra`].
    extra: Option<Box<EndpointExtra>>,
    /// All other options.
    pub options: Arc<EndpointOptions>,
    /// Where it was written.
    pub provenance: Provenance,
}

/// What few endpoints have, and each of them for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointExtra {
    /// CDR account code of channels.
    pub accountcode: Name,
    /// Internal tag set on the caller id.
    pub callerid_tag: Name,
    /// User part of our Contact.
    pub contact_user: Name,
    /// User part of our From.
    pub from_user: Name,
    /// Mailbox updated by NOTIFY message-summary from the peer.
    pub incoming_mwi_mailbox: Name,
    /// Credentials used when challenged, by name.
    pub outbound_auth: Names,
    /// Channel variables set on every channel.
    pub set_var: Vec<(Name, Name)>,
}

/// The defaults, made once: they hold a dozen texts.
static DEFAULTS: LazyLock<Arc<EndpointOptions>> = LazyLock::new(Arc::default);

impl Default for Endpoint {
    fn default() -> Endpoint {
        Endpoint {
            name: Name::default(),
            auth: Names::None,
            aors: Names::None,
            callerid: CallerId::default(),
            mailboxes: Box::default(),
            extra: None,
            options: DEFAULTS.clone(),
            provenance: Provenance::default(),
        }
    }
}

static NO_EXTRA: LazyLock<EndpointExtra> = LazyLock::new(EndpointExtra::default);

impl Endpoint {
    /// What few endpoints have; all empty for most.
    pub fn extra(&self) -> &EndpointExtra {
        self.extra.as_deref().unwrap_or(&NO_EXTRA)
    }

    /// The context that presence subscriptions look in.
    pub fn subscribe_context(&self) -> &Name {
        let own = &self.options.subscribe_context;
        if own.is_empty() { &self.options.context } else { own }
    }

    /// The context that MESSAGE outside dialogs goes to.
    pub fn message_context(&self) -> &Name {
        let own = &self.options.message_context;
        if own.is_empty() { &self.options.context } else { own }
    }

    fn this(endpoint: &Endpoint) -> &Endpoint {
        endpoint
    }

    fn this_mut(endpoint: &mut Endpoint) -> &mut Endpoint {
        endpoint
    }

    pub(crate) fn extra_mut(endpoint: &mut Endpoint) -> &mut EndpointExtra {
        endpoint.extra.get_or_insert_default()
    }

    /// What `webrtc=yes` implies, as Asterisk's documentation lists it.
    fn imply_webrtc(&mut self) {
        let options = Arc::make_mut(&mut self.options);
        options.rtcp_mux = true;
        options.use_avpf = true;
        options.ice_support = true;
        options.media_use_received_transport = true;
        options.bundle = true;
        options.media_encryption = MediaEncryption::Dtls;
        options.dtls_verify = DtlsVerify::Fingerprint;
        options.dtls_setup = DtlsSetup::Actpass;
        options.dtls_auto_generate_cert |= options.dtls_cert_file.is_empty();
    }
}

options! {
    own
    /// What tells one endpoint from another.
    OWN: Endpoint, Endpoint::this, Endpoint::this_mut;

    /// Inbound digest credentials; none means no authentication.
    Obeyed "auth" auth, NameList;
    /// Addresses of record it may register to and is dialled by.
    Obeyed "aors" aors, NameList;
    /// Inbound caller id unless trusted; outbound, its number overrides From.
    Obeyed "callerid" callerid, CallerIdentity;
    /// Mailboxes of unsolicited MWI.
    Obeyed "mailboxes" mailboxes, TextList;
}

options! {
    own
    /// What few endpoints have.
    EXTRA: Endpoint, Endpoint::extra, Endpoint::extra_mut;

    /// CDR account code of channels.
    Obeyed "accountcode" accountcode, Text;
    /// Internal tag set on the caller id.
    Obeyed "callerid_tag" callerid_tag, Text;
    /// Contact user on requests and responses.
    Obeyed "contact_user" contact_user, Text;
    /// From user on requests to this endpoint.
    Obeyed "from_user" from_user, Text;
    /// Mailbox updated by NOTIFY message-summary from the peer.
    Obeyed "incoming_mwi_mailbox" incoming_mwi_mailbox, Text;
    /// Credentials used when challenged.
    Obeyed "outbound_auth" outbound_auth, NameList;
    /// Channel variable set on every channel.
    Obeyed "set_var" set_var, Variables;
}

named_object!(Endpoint, Endpoint, [OWN, EXTRA, SHARED, JOINED], {
    fn hidden() -> &'static [&'static str] {
        &[
            "contact_deny",
            "contact_permit",
            "contact_user",
            "deny",
            // Asterisk has none of these.
            "directmedia_acl",
            "directmedia_deny",
            "directmedia_permit",
            "directrtpsetup",
            "disallow",
            "permit",
            "security_mechanisms",
        ]
    }

    fn settle(&mut self, faults: &mut Vec<(&'static str, Fault)>) {
        if self.extra.as_deref() == Some(&*NO_EXTRA) {
            self.extra = None;
        }
        if self.options.webrtc {
            self.imply_webrtc();
        }
        tidy_sdp_names(self);
        let options = &*self.options;
        if options.timers_min_se_secs < 90 {
            faults.push((
                "timers_min_se",
                Fault::new("out-of-range", "Min-SE must be 90 seconds or more (RFC 4028)"),
            ));
        }
        if options.timers_sess_expires_secs < options.timers_min_se_secs {
            let message = format!(
                "Session-Expires ({}) is less than Min-SE ({})",
                options.timers_sess_expires_secs, options.timers_min_se_secs
            );
            faults.push(("timers_sess_expires", Fault::new("out-of-range", message)));
        }
        if options.preferred_codec_only && options.incoming_call_offer_pref != IncomingOfferPref::Local {
            let message = "it cannot be set together with incoming_call_offer_pref";
            faults.push((
                "preferred_codec_only",
                Fault::new("contradiction", message).help("drop it: it is the old form"),
            ));
        }
        let ports = (options.rtp_port_start, options.rtp_port_end);
        match ports {
            (0, 0) => {}
            (0, _) => faults.push(("rtp_port_end", Fault::new("contradiction", "rtp_port_start is not set"))),
            (_, 0) => faults.push(("rtp_port_start", Fault::new("contradiction", "rtp_port_end is not set"))),
            (start, _) if start < 1024 => {
                faults
                    .push(("rtp_port_start", Fault::new("out-of-range", "ports below 1024 cannot be used")));
            }
            (start, end) if end <= start => {
                let message = format!("{end} does not lie above rtp_port_start ({start})");
                faults.push(("rtp_port_end", Fault::new("out-of-range", message)));
            }
            _ => {}
        }
    }

    fn resolved(&self, objects: &Objects) -> Option<Self> {
        let access = self.options.access.resolved(&objects.named_acls);
        let contact_access = self.options.contact_access.resolved(&objects.named_acls);
        let direct_media_access = self.options.direct_media_access.resolved(&objects.named_acls);
        if access.is_none() && contact_access.is_none() && direct_media_access.is_none() {
            return None;
        }
        let mut endpoint = self.clone();
        let options = Arc::make_mut(&mut endpoint.options);
        options.access = access.unwrap_or_else(|| options.access.clone());
        options.contact_access = contact_access.unwrap_or_else(|| options.contact_access.clone());
        options.direct_media_access =
            direct_media_access.unwrap_or_else(|| options.direct_media_access.clone());
        Some(endpoint)
    }

    fn shared_part(&self) -> usize {
        Arc::as_ptr(&self.options).addr()
    }

    fn share(&mut self, pool: &mut Pool) {
        pool.endpoints.share(&mut self.options);
    }
});

/// An o= user with blanks and an empty s= line cannot be sent; both become `-`, as in Asterisk.
fn tidy_sdp_names(endpoint: &mut Endpoint) {
    let options = &endpoint.options;
    let bad_owner = options.sdp_owner.is_empty() || options.sdp_owner.contains(char::is_whitespace);
    let bad_session = options.sdp_session.is_empty();
    if bad_owner {
        Arc::make_mut(&mut endpoint.options).sdp_owner = Name::from("-");
    }
    if bad_session {
        Arc::make_mut(&mut endpoint.options).sdp_session = Name::from("-");
    }
}
