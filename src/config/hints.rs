//! What people write when they mean something else: names of chan_sip, of migration scripts, of other objects.

use super::kind::Kind;
use super::model::{
    Acl, Aor, Asterisk, Auth, Contact, DomainAlias, Endpoint, Global, Identify, Jackfield, NamedAcl, Object,
    Registration, Rtp, System, Transport, other,
};
use super::suggest;

/// Wrong name, the kinds of object it is found in (empty for any), and what to write.
type Alias = (&'static str, &'static [Kind], &'static str);

const ENDPOINT: &[Kind] = &[Kind::Endpoint];
const AOR: &[Kind] = &[Kind::Aor];
const ANY: &[Kind] = &[];

/// Names from elsewhere, lower case.
const ALIASES: &[Alias] = &[
    ("setvar", ENDPOINT, "did you mean 'set_var'?"),
    ("aor", ENDPOINT, "did you mean 'aors'?"),
    ("mailbox", ANY, "did you mean 'mailboxes'?"),
    (
        "canreinvite",
        ENDPOINT,
        "chan_sip's name; use 'direct_media', and 'disable_direct_media_on_nat=yes' for nonat",
    ),
    (
        "directmedia",
        ENDPOINT,
        "chan_sip's name; use 'direct_media', and 'disable_direct_media_on_nat=yes' for nonat",
    ),
    ("reinvite", ENDPOINT, "did you mean 'direct_media'?"),
    ("can_reinvite", ENDPOINT, "did you mean 'direct_media'?"),
    ("directmediapermit", ENDPOINT, "chan_sip's name; use 'directmedia_permit'"),
    ("directmediadeny", ENDPOINT, "chan_sip's name; use 'directmedia_deny'"),
    ("directmediaacl", ENDPOINT, "chan_sip's name; use 'directmedia_acl'"),
    ("directmediapermit", ENDPOINT, "chan_sip's name; there is no list for direct media"),
    ("directmediadeny", ENDPOINT, "chan_sip's name; there is no list for direct media"),
    (
        "directed_media_glare_mitigation",
        ENDPOINT,
        "the migration script's slip; use 'direct_media_glare_mitigation'",
    ),
    (
        "disable_directed_media_on_nat",
        ENDPOINT,
        "the migration script's slip; use 'disable_direct_media_on_nat'",
    ),
    (
        "nat",
        ENDPOINT,
        "chan_sip's name; nat=yes is 'force_rport=yes', 'rewrite_contact=yes' and 'rtp_symmetric=yes'",
    ),
    ("dtmfmode", ENDPOINT, "did you mean 'dtmf_mode'?"),
    ("host", ANY, "chan_sip's name; a fixed address is 'contact' of the aor and 'match' of an identify"),
    ("secret", ANY, "chan_sip's name; use 'password' in a type=auth section that 'auth' names"),
    ("defaultuser", ANY, "chan_sip's name; use 'username' in a type=auth section"),
    ("fromuser", ENDPOINT, "did you mean 'from_user'?"),
    ("fromdomain", ENDPOINT, "did you mean 'from_domain'?"),
    ("insecure", ANY, "chan_sip's name; leave 'auth' away and add an identify section"),
    ("qualify", ANY, "chan_sip's name; use 'qualify_frequency' of the aor"),
    ("qualifyfreq", ANY, "did you mean 'qualify_frequency' of the aor?"),
    ("callgroup", ENDPOINT, "did you mean 'call_group'?"),
    ("pickupgroup", ENDPOINT, "did you mean 'pickup_group'?"),
    ("namedcallgroup", ENDPOINT, "did you mean 'named_call_group'?"),
    ("namedpickupgroup", ENDPOINT, "did you mean 'named_pickup_group'?"),
    ("encryption", ENDPOINT, "chan_sip's name; use 'media_encryption=sdes'"),
    ("avpf", ENDPOINT, "did you mean 'use_avpf'?"),
    ("icesupport", ENDPOINT, "did you mean 'ice_support'?"),
    ("session-timers", ENDPOINT, "chan_sip's name; use 'timers'"),
    ("call-limit", ENDPOINT, "chan_sip's name; use 'device_state_busy_at'"),
    ("callcounter", ENDPOINT, "chan_sip's name; channels are always counted"),
    ("busylevel", ENDPOINT, "chan_sip's name; use 'device_state_busy_at'"),
    ("subscribecontext", ENDPOINT, "did you mean 'subscribe_context'?"),
    ("vmexten", ANY, "chan_sip's name; use 'voicemail_extension'"),
    (
        "externip",
        ANY,
        "chan_sip's name; use 'external_signaling_address' and 'external_media_address' of the transport",
    ),
    (
        "externaddr",
        ANY,
        "chan_sip's name; use 'external_signaling_address' and 'external_media_address' of the transport",
    ),
    (
        "externalip",
        ANY,
        "chan_sip's name; use 'external_signaling_address' and 'external_media_address' of the transport",
    ),
    ("localnet", ANY, "did you mean 'local_net' of the transport?"),
    ("bindaddr", ANY, "did you mean 'bind' of the transport?"),
    ("bindport", ANY, "chan_sip's name; use 'bind=address:port' of the transport"),
    ("outboundproxy", ANY, "did you mean 'outbound_proxy'?"),
    ("register", ANY, "chan_sip's name; use a type=registration section"),
    ("maxcontacts", AOR, "did you mean 'max_contacts'?"),
    ("uri", AOR, "did you mean 'contact'? It takes a SIP URI"),
    ("contacts", AOR, "did you mean 'contact'?"),
    ("defaultexpiry", ANY, "did you mean 'default_expiration' of the aor?"),
    ("maxexpiry", ANY, "did you mean 'maximum_expiration' of the aor?"),
    ("user", &[Kind::Auth], "did you mean 'username'?"),
    ("secret_md5", &[Kind::Auth], "did you mean 'md5_cred'?"),
    ("md5secret", ANY, "chan_sip's name; use 'md5_cred' in a type=auth section"),
    ("ip", &[Kind::Identify], "did you mean 'match'?"),
    ("host_name", &[Kind::Identify], "did you mean 'match'?"),
    ("external_media_address", ENDPOINT, "an option of the transport; for one endpoint use 'media_address'"),
];

/// The options of a kind; none for a kind whose options are not typed.
pub fn option_names(kind: Kind) -> Vec<&'static str> {
    fn names<T: Object>() -> Vec<&'static str> {
        T::specs().iter().map(|spec| spec.name).collect()
    }
    match kind {
        Kind::Global => names::<Global>(),
        Kind::System => names::<System>(),
        Kind::Transport => names::<Transport>(),
        Kind::Endpoint => names::<Endpoint>(),
        Kind::Aor => names::<Aor>(),
        Kind::Auth => names::<Auth>(),
        Kind::Identify => names::<Identify>(),
        Kind::Acl => names::<Acl>(),
        Kind::NamedAcl => names::<NamedAcl>(),
        Kind::DomainAlias => names::<DomainAlias>(),
        Kind::Contact => names::<Contact>(),
        Kind::Registration => names::<Registration>(),
        Kind::Asterisk => names::<Asterisk>(),
        Kind::Rtp => names::<Rtp>(),
        Kind::Jackfield => names::<Jackfield>(),
        Kind::Wizard => super::wizard::OPTIONS.to_vec(),
        other => other::legal_options(other).unwrap_or_default().to_vec(),
    }
}

/// What was meant by an option that a kind does not have.
pub fn for_option(kind: Kind, wrong: &str) -> Option<String> {
    let lower = wrong.to_ascii_lowercase();
    let alias =
        ALIASES.iter().find(|(name, kinds, _)| *name == lower && (kinds.is_empty() || kinds.contains(&kind)));
    if let Some((_, _, help)) = alias {
        return Some((*help).to_owned());
    }
    if wrong.eq_ignore_ascii_case("type") {
        return Some("an object has one type".to_owned());
    }
    let owners: Vec<Kind> = Kind::all()
        .filter(|other| {
            !other.has_own_file() && !matches!(other, Kind::Contact | Kind::SubscriptionPersistence)
        })
        .filter(|other| option_names(*other).iter().any(|name| name.eq_ignore_ascii_case(wrong)))
        .collect();
    if !owners.is_empty() {
        let owners: Vec<&str> = owners.iter().map(|kind| kind.type_name()).collect();
        return Some(format!("'{wrong}' is an option of type={}", owners.join(", type=")));
    }
    suggest::nearest(wrong, option_names(kind)).map(|near| format!("did you mean '{near}'?"))
}

/// The kind that has most of these options: what a section without `type` may be meant to be.
pub fn likely_kind<'a>(options: impl Iterator<Item = &'a str> + Clone) -> Option<Kind> {
    let score = |kind: Kind| {
        let names = option_names(kind);
        options.clone().filter(|option| names.iter().any(|name| name.eq_ignore_ascii_case(option))).count()
    };
    Kind::all()
        .filter(|kind| !kind.has_own_file() && !matches!(kind, Kind::Contact | Kind::SubscriptionPersistence))
        .map(|kind| (score(kind), kind))
        .filter(|(score, _)| *score > 0)
        .max_by_key(|(score, kind)| (*score, std::cmp::Reverse(*kind)))
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4-22, S4-96, S4-172, S1-14.
    #[test]
    fn wrong_names_get_the_right_ones() {
        for (kind, wrong, right) in [
            (Kind::Endpoint, "setvar", "'set_var'"),
            (Kind::Endpoint, "aor", "'aors'"),
            (Kind::Endpoint, "mailbox", "'mailboxes'"),
            (Kind::Endpoint, "reinvite", "'direct_media'"),
            (Kind::Endpoint, "contxt", "'context'"),
            (Kind::Endpoint, "max_contacts", "type=aor"),
            (Kind::Endpoint, "password", "type=auth"),
        ] {
            let help = for_option(kind, wrong).unwrap_or_default();
            assert!(help.contains(right), "{wrong}: {help}");
        }
        assert_eq!(for_option(Kind::Aor, "awesomeness"), None);
    }

    #[test]
    fn a_section_without_type_is_guessed() {
        assert_eq!(likely_kind(["context", "allow", "aors"].into_iter()), Some(Kind::Endpoint));
        assert_eq!(likely_kind(["endpoint", "match"].into_iter()), Some(Kind::Identify));
        assert_eq!(likely_kind(["x"].into_iter()), None);
    }
}
