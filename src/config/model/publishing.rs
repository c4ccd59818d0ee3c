//! `type=outbound-publish`, `type=inbound-publication` and `type=asterisk-publication`, read from their settings.

use super::other::Other;
use super::uri_check::check;
use crate::base::ids::Name;
use crate::base::limits;
use crate::config::kind::Kind;
use crate::config::value::scalar::{is_false, is_true, number};
use regex::Regex;

/// What is published to another server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishEvent {
    /// `asterisk-devicestate`
    DeviceState,
    /// `asterisk-mwi`
    Mwi,
    /// `presence`
    Presence,
    /// `dialog`
    Dialog,
}

impl PublishEvent {
    /// By the word of Event.
    pub fn named(word: &str) -> Option<PublishEvent> {
        use PublishEvent::*;
        [DeviceState, Mwi, Presence, Dialog].into_iter().find(|event| event.word() == word)
    }

    /// The word of Event.
    pub fn word(self) -> &'static str {
        match self {
            PublishEvent::DeviceState => "asterisk-devicestate",
            PublishEvent::Mwi => "asterisk-mwi",
            PublishEvent::Presence => "presence",
            PublishEvent::Dialog => "dialog",
        }
    }
}

/// A POSIX pattern, regardless of case; none lets everything through.
#[derive(Clone, Debug, Default)]
pub struct Filter(Option<Regex>);

impl Filter {
    /// Compiles one; the empty text is none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(pattern: &str) -> Result<Filter, String> {
        if pattern.is_empty() {
            return Ok(Filter(None));
        }
        let built = regex::RegexBuilder::new(pattern)
            .case_insensitive(true)
            .size_limit(limits::REGEX_BYTES)
            .build()
            .map_err(|fault| format!("'{pattern}' is no pattern: {fault}"))?;
        Ok(Filter(Some(built)))
    }

    /// Whether a name passes.
    pub fn passes(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|pattern| pattern.is_match(name))
    }
}

/// A publication of ours with another server.
#[derive(Clone, Debug)]
pub struct OutboundPublish {
    /// Its name.
    pub name: Name,
    /// Where PUBLISH goes.
    pub server_uri: Name,
    /// From; `server_uri` when not set.
    pub from_uri: Name,
    /// To; `server_uri` when not set.
    pub to_uri: Name,
    /// Route.
    pub outbound_proxy: Name,
    /// Transport; else chosen by the URI.
    pub transport: Name,
    /// Credentials for challenges.
    pub outbound_auth: Vec<Name>,
    /// What is published.
    pub event: PublishEvent,
    /// Seconds asked for.
    pub expiration_secs: u32,
    /// Refusals of our credentials in a row after which it ends.
    pub max_auth_attempts: u32,
    /// One publication for each extension, which takes the place of the URIs' user parts.
    pub multi_user: bool,
    /// `@device_state`: off only when it says so.
    pub device_state: bool,
    /// `@device_state_filter`
    pub device_state_filter: Filter,
    /// `@mailbox_state`: off only when it says so.
    pub mailbox_state: bool,
    /// `@mailbox_state_filter`
    pub mailbox_state_filter: Filter,
    /// `@body`: Content-Type of `presence` and `dialog`.
    pub body: Name,
    /// `@context`
    pub context: Filter,
    /// `@exten`
    pub exten: Filter,
}

impl OutboundPublish {
    /// Reads a section. What is wrong with it was said when it was loaded; such a setting counts as not written.
    /// `None`: it is not complete.
    pub fn read(other: &Other) -> Option<OutboundPublish> {
        let text = |option| other.setting(option).unwrap_or_default();
        let server_uri = Name::from(text("server_uri"));
        let or_server = |option| match text(option) {
            "" => server_uri.clone(),
            uri => Name::from(uri),
        };
        let filter = |option| Filter::compile(text(option)).unwrap_or_default();
        let secs = |option, default| match text(option) {
            "" => default,
            value => number(value).unwrap_or(default),
        };
        let auths = other.settings.iter().filter(|(key, _)| key.eq_ignore_ascii_case("outbound_auth"));
        let auths =
            auths.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
        Some(OutboundPublish {
            name: other.name.clone(),
            from_uri: or_server("from_uri"),
            to_uri: or_server("to_uri"),
            outbound_proxy: text("outbound_proxy").into(),
            transport: text("transport").into(),
            outbound_auth: auths.map(Name::from).collect(),
            event: PublishEvent::named(text("event"))?,
            expiration_secs: secs("expiration", 3600).max(1),
            max_auth_attempts: secs("max_auth_attempts", 5),
            multi_user: is_true(text("multi_user")),
            device_state: !is_false(text("@device_state")),
            device_state_filter: filter("@device_state_filter"),
            mailbox_state: !is_false(text("@mailbox_state")),
            mailbox_state_filter: filter("@mailbox_state_filter"),
            body: text("@body").into(),
            context: filter("@context"),
            exten: filter("@exten"),
            server_uri: Some(server_uri).filter(|uri| !uri.is_empty())?,
        })
    }
}

/// What of another server's publications is taken.
#[derive(Clone, Debug)]
pub struct AsteriskPublication {
    /// Device states are.
    pub device_state: bool,
    /// Only of these devices.
    pub device_state_filter: Filter,
    /// Counts of mailboxes are.
    pub mailbox_state: bool,
    /// Only of these.
    pub mailbox_state_filter: Filter,
    /// Publication of ours by which all device states are told to whoever asks for them.
    pub devicestate_publish: Name,
    /// The same for mailboxes.
    pub mailboxstate_publish: Name,
}

impl AsteriskPublication {
    /// Reads a section, as [`OutboundPublish::read`].
    pub fn read(other: &Other) -> AsteriskPublication {
        let text = |option| other.setting(option).unwrap_or_default();
        let filter = |option| Filter::compile(text(option)).unwrap_or_default();
        AsteriskPublication {
            device_state: is_true(text("device_state")),
            device_state_filter: filter("device_state_filter"),
            mailbox_state: is_true(text("mailbox_state")),
            mailbox_state_filter: filter("mailbox_state_filter"),
            devicestate_publish: text("devicestate_publish").into(),
            mailboxstate_publish: text("mailboxstate_publish").into(),
        }
    }
}

/// What is wrong with a setting of such a section: it does not load then. `None`: nothing.
pub fn fault(kind: Kind, option: &str, value: &str) -> Option<String> {
    let option = option.to_ascii_lowercase();
    // An empty column of a table says nothing.
    if value.is_empty() && !matches!(option.as_str(), "event" | "server_uri") {
        return None;
    }
    let truth = || (!is_true(value) && !is_false(value)).then(|| format!("'{value}' is neither yes nor no"));
    match (kind, option.as_str()) {
        (Kind::OutboundPublish, "event") if PublishEvent::named(value).is_none() => Some(format!(
            "'{value}' is none of asterisk-devicestate, asterisk-mwi, presence, dialog: nothing of it can be published"
        )),
        (Kind::OutboundPublish, "server_uri" | "from_uri" | "to_uri" | "outbound_proxy") => {
            check(value).err().map(|fault| fault.message)
        }
        (Kind::OutboundPublish, "expiration" | "max_auth_attempts") => {
            number(value).err().map(|fault| fault.message)
        }
        (Kind::OutboundPublish, "multi_user" | "@device_state" | "@mailbox_state")
        | (Kind::AsteriskPublication, "device_state" | "mailbox_state") => truth(),
        (Kind::OutboundPublish, "@device_state_filter" | "@mailbox_state_filter" | "@context" | "@exten")
        | (Kind::AsteriskPublication, "device_state_filter" | "mailbox_state_filter") => {
            Filter::compile(value).err()
        }
        (Kind::OutboundPublish, "@body") => {
            let known =
                ["application/pidf+xml", "application/xpidf+xml", "application/cpim-pidf+xml", DIALOG_INFO];
            (!known.contains(&value)).then(|| format!("'{value}' is none of {}", known.join(", ")))
        }
        _ => None,
    }
}

/// Settings that do not go together: the option, and why. Each has been judged by [`fault`].
pub fn conflict<'s>(
    kind: Kind,
    mut settings: impl Iterator<Item = (&'s str, &'s str)> + Clone,
) -> Option<(&'static str, &'static str)> {
    let states = settings
        .clone()
        .any(|(key, value)| key.eq_ignore_ascii_case("event") && value.starts_with("asterisk-"));
    let each = settings.any(|(key, value)| key.eq_ignore_ascii_case("multi_user") && is_true(value));
    let why = "multi_user=yes is for the events presence and dialog: devices and mailboxes have no extension";
    (kind == Kind::OutboundPublish && states && each).then_some(("multi_user", why))
}

/// An option that is needed beside others: `presence` and `dialog` must say what their bodies are.
pub fn lacks<'s>(
    kind: Kind,
    settings: impl Iterator<Item = (&'s str, &'s str)> + Clone,
) -> Option<&'static str> {
    let has = |option: &str| {
        settings.clone().find(|(key, _)| key.eq_ignore_ascii_case(option)).map(|(_, value)| value)
    };
    let states = kind == Kind::OutboundPublish && matches!(has("event"), Some("presence" | "dialog"));
    (states && has("@body").is_none_or(str::is_empty)).then_some("@body")
}

const DIALOG_INFO: &str = "application/dialog-info+xml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_judged_one_by_one() {
        let bad = [
            ("event", "refer"),
            ("server_uri", "127.0.0.1"),
            ("expiration", "-1"),
            ("multi_user", "perhaps"),
            ("@device_state_filter", "("),
            ("@body", "text/plain"),
        ];
        for (option, value) in bad {
            assert!(fault(Kind::OutboundPublish, option, value).is_some(), "{option}={value}");
        }
        let good = [
            ("event", "dialog"),
            ("server_uri", "sip:a@127.0.0.1"),
            ("expiration", "60"),
            ("@device_state_filter", "^PJSIP/(1|2)"),
            ("@body", DIALOG_INFO),
            ("transport", "x"),
        ];
        for (option, value) in good {
            assert_eq!(fault(Kind::OutboundPublish, option, value), None, "{option}={value}");
        }
        assert!(fault(Kind::AsteriskPublication, "device_state", "maybe").is_some());
        assert!(Filter::compile("^pjsip/").expect("sound").passes("PJSIP/1"));
        assert!(Filter::default().passes("anything"));
    }
}
