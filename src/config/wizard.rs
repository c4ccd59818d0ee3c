//! `pjsip_wizard.conf`: one `type=wizard` section becomes endpoint, aor, auths, identify and registrations, under the
//! names Asterisk gives them. Each setting keeps the place where it was written.

use std::borrow::Cow;

use super::draft::{Draft, Setting};
use super::finding::Finding;
use super::kind::Kind;
use super::value::{lists, scalar};
use crate::base::ids::Name;

/// Options of a wizard itself; options of the objects are written `endpoint/context` and so on.
pub const OPTIONS: &[&str] = &[
    "accepts_auth",
    "accepts_registrations",
    "client_uri_pattern",
    "contact_pattern",
    "has_hint",
    "has_phoneprov",
    "hint_application",
    "hint_context",
    "hint_exten",
    "outbound_proxy",
    "remote_hosts",
    "sends_auth",
    "sends_line_with_registrations",
    "sends_registrations",
    "server_uri_pattern",
    "transport",
];

/// The objects whose options a wizard may set, by prefix.
const PREFIXES: &[(&str, Kind)] = &[
    ("endpoint", Kind::Endpoint),
    ("aor", Kind::Aor),
    ("inbound_auth", Kind::Auth),
    ("outbound_auth", Kind::Auth),
    ("identify", Kind::Identify),
    ("registration", Kind::Registration),
    ("phoneprov", Kind::Phoneprov),
];

/// A hint that a wizard asks for: `exten => EXTEN,hint,DEVICE`, and an application for the same extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WizardHint {
    /// The dialplan context.
    pub context: String,
    /// The extension.
    pub exten: String,
    /// `PJSIP/<endpoint>`.
    pub device: String,
    /// Application of priority 1, as `App(args)`.
    pub application: Option<String>,
}

/// What a wizard stands for.
#[derive(Clone, Debug, Default)]
pub struct Expanded<'a> {
    /// The objects.
    pub drafts: Vec<Draft<'a>>,
    /// The hint, if it asks for one.
    pub hint: Option<WizardHint>,
}

/// Expands a wizard. A fault among its own options keeps all of its objects from being made, as in Asterisk.
pub fn expand<'a>(wizard: &'a Draft<'a>, findings: &mut Vec<Finding>) -> Expanded<'a> {
    let before = findings.len();
    let reader = Reader { wizard };
    reader.check_names(findings);
    reader.check_needs(findings);
    let name = Name::from(&*wizard.id);
    for finding in &mut findings[before..] {
        finding.object = Some((Kind::Wizard, name.clone()));
    }
    if findings[before..].iter().any(|finding| finding.severity == super::finding::Severity::Error) {
        return Expanded::default();
    }
    let mut drafts = vec![reader.aor(), reader.endpoint()];
    drafts.extend(reader.auth("accepts_auth", "inbound_auth", "iauth"));
    drafts.extend(reader.auth("sends_auth", "outbound_auth", "oauth"));
    drafts.extend(reader.identify());
    drafts.extend(reader.registrations());
    if reader.is_true("has_phoneprov") {
        let mut phone = reader.object(Kind::Phoneprov, format!("{}-phoneprov", wizard.id), "phoneprov");
        phone.settings.push(reader.own("endpoint", wizard.id.clone()));
        drafts.push(phone);
    }
    Expanded { drafts, hint: reader.hint() }
}

struct Reader<'a> {
    wizard: &'a Draft<'a>,
}

impl<'a> Reader<'a> {
    fn last(&self, option: &str) -> Option<&'a Setting<'a>> {
        self.wizard.settings.iter().rev().find(|setting| setting.option.eq_ignore_ascii_case(option))
    }

    fn is_true(&self, option: &str) -> bool {
        self.last(option).is_some_and(|setting| scalar::is_true(&setting.value))
    }

    fn hosts(&self) -> Vec<&'a str> {
        self.last("remote_hosts")
            .map(|s| lists::parts(&s.value).map(|(_, host)| host).collect())
            .unwrap_or_default()
    }

    fn check_names(&self, findings: &mut Vec<Finding>) {
        for setting in &self.wizard.settings {
            let option = &*setting.option;
            let known = match option.split_once('/') {
                Some((prefix, _)) => PREFIXES.iter().any(|(name, _)| *name == prefix),
                None => {
                    option.starts_with('@') || OPTIONS.iter().any(|name| name.eq_ignore_ascii_case(option))
                }
            };
            if known {
                continue;
            }
            let message = format!("type=wizard has no option '{option}'");
            let prefixes = PREFIXES.iter().map(|(name, _)| *name);
            let near = match option.split_once('/') {
                Some((prefix, rest)) => {
                    super::suggest::nearest(prefix, prefixes).map(|near| format!("{near}/{rest}"))
                }
                None => super::suggest::nearest(option, OPTIONS.iter().copied()).map(str::to_owned),
            };
            let mut finding = Finding::error("unknown-option", setting.at, message).option(option);
            finding.help = near.map(|near| format!("did you mean '{near}'?")).or_else(|| {
                let kind = super::hints::likely_kind(std::iter::once(option))?;
                Some(format!("write {kind}/{option}"))
            });
            findings.push(finding);
        }
    }

    /// What one option needs of another.
    fn check_needs(&self, findings: &mut Vec<Finding>) {
        let id = &self.wizard.id;
        let hosts = self.hosts();
        let mut needs = |when: &str, need: &str, met: bool| {
            if self.is_true(when) && !met {
                let at = self.last(when).map_or(self.wizard.at, |setting| setting.at);
                let log = format!("Wizard '{id}' must have '{need}' because of '{when}'");
                findings.push(
                    Finding::error("missing-option", at, format!("{when}=yes needs {need}"))
                        .option(when)
                        .log(log),
                );
            }
        };
        let username = self.last("outbound_auth/username").is_some();
        needs("accepts_auth", "inbound_auth/username", self.last("inbound_auth/username").is_some());
        needs("sends_auth", "outbound_auth/username", username);
        needs("sends_registrations", "remote_hosts", !hosts.is_empty());
        let by_name =
            self.last("client_uri_pattern").is_none_or(|pattern| pattern.value.contains("${USERNAME}"));
        needs("sends_registrations", "outbound_auth/username", username || !by_name);
        needs("sends_line_with_registrations", "sends_registrations", self.is_true("sends_registrations"));
        needs("has_phoneprov", "phoneprov/MAC", self.last("phoneprov/MAC").is_some());
        if hosts.is_empty() && !self.is_true("accepts_registrations") {
            let message = "it has no remote_hosts and accepts no registrations: it can never be reached";
            findings.push(Finding::warning("unreachable", self.wizard.at, message));
        }
    }

    /// An object of this wizard with the options under a prefix.
    fn object(&self, kind: Kind, id: String, prefix: &str) -> Draft<'a> {
        let mut draft = Draft::new(kind, id, self.wizard.at);
        for setting in &self.wizard.settings {
            let Some((own, option)) = setting.option.split_once('/') else { continue };
            if own == prefix {
                draft.settings.push(Setting {
                    option: Cow::Owned(option.to_owned()),
                    value: setting.value.clone(),
                    at: setting.at,
                    value_column: setting.value_column,
                });
            }
        }
        draft
    }

    /// A setting the wizard itself makes.
    fn own(&self, option: &'static str, value: impl Into<Cow<'a, str>>) -> Setting<'a> {
        Setting::new(option, value, self.wizard.at)
    }

    /// Hands an option of the wizard on under the same name.
    fn hand_on(&self, draft: &mut Draft<'a>, option: &'static str) {
        draft.settings.extend(self.last(option).cloned());
    }

    fn aor(&self) -> Draft<'a> {
        let mut aor = self.object(Kind::Aor, self.wizard.id.to_string(), "aor");
        self.hand_on(&mut aor, "outbound_proxy");
        let pattern = self.last("contact_pattern").map_or("sip:${REMOTE_HOST}", |setting| &setting.value);
        let at = self.last("remote_hosts").map_or(self.wizard.at, |setting| setting.at);
        for host in self.hosts() {
            aor.settings.push(Setting::new("contact", self.fill(pattern, host), at));
        }
        aor
    }

    fn endpoint(&self) -> Draft<'a> {
        let id = &self.wizard.id;
        let mut endpoint = self.object(Kind::Endpoint, id.to_string(), "endpoint");
        self.hand_on(&mut endpoint, "transport");
        self.hand_on(&mut endpoint, "outbound_proxy");
        endpoint.settings.push(self.own("aors", id.clone()));
        if self.is_true("sends_auth") {
            endpoint.settings.push(self.own("outbound_auth", format!("{id}-oauth")));
        }
        if self.is_true("accepts_auth") {
            endpoint.settings.push(self.own("auth", format!("{id}-iauth")));
        }
        endpoint
    }

    fn auth(&self, when: &str, prefix: &str, suffix: &str) -> Option<Draft<'a>> {
        self.is_true(when).then(|| self.object(Kind::Auth, format!("{}-{suffix}", self.wizard.id), prefix))
    }

    fn identify(&self) -> Option<Draft<'a>> {
        let by_line = self.is_true("sends_registrations") && self.is_true("sends_line_with_registrations");
        let hosts = self.last("remote_hosts").filter(|setting| !setting.value.is_empty())?;
        if by_line || self.is_true("accepts_registrations") {
            return None;
        }
        let mut identify = self.object(Kind::Identify, format!("{}-identify", self.wizard.id), "identify");
        identify.settings.push(self.own("endpoint", self.wizard.id.clone()));
        identify.settings.push(Setting { option: Cow::Borrowed("match"), ..hosts.clone() });
        Some(identify)
    }

    fn registrations(&self) -> Vec<Draft<'a>> {
        if !self.is_true("sends_registrations") {
            return Vec::new();
        }
        let id = &self.wizard.id;
        let pattern = |option, default| self.last(option).map_or(default, |setting| &*setting.value);
        let server = pattern("server_uri_pattern", "sip:${REMOTE_HOST}");
        let client = pattern("client_uri_pattern", "sip:${USERNAME}@${REMOTE_HOST}");
        let mut registrations = Vec::new();
        for (number, host) in self.hosts().into_iter().enumerate() {
            let mut draft = self.object(Kind::Registration, format!("{id}-reg-{number}"), "registration");
            draft.settings.push(self.own("server_uri", self.fill(server, host)));
            draft.settings.push(self.own("client_uri", self.fill(client, host)));
            self.hand_on(&mut draft, "transport");
            self.hand_on(&mut draft, "outbound_proxy");
            if self.is_true("sends_auth") {
                draft.settings.push(self.own("outbound_auth", format!("{id}-oauth")));
            }
            if self.is_true("sends_line_with_registrations") {
                draft.settings.push(self.own("line", "yes"));
                draft.settings.push(self.own("endpoint", id.clone()));
            }
            registrations.push(draft);
        }
        registrations
    }

    fn fill(&self, pattern: &str, host: &str) -> String {
        let user = self.last("outbound_auth/username").map_or("", |setting| &setting.value);
        pattern.replace("${REMOTE_HOST}", host).replace("${USERNAME}", user)
    }

    fn hint(&self) -> Option<WizardHint> {
        let exten = self.last("hint_exten").filter(|_| self.is_true("has_hint"))?;
        let context = self.last("hint_context").or_else(|| self.last("endpoint/context"));
        Some(WizardHint {
            context: context.map_or("default", |setting| &setting.value).to_owned(),
            exten: exten.value.to_string(),
            device: format!("PJSIP/{}", self.wizard.id),
            application: self.last("hint_application").map(|setting| setting.value.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::origin::Origin;

    fn trunk() -> Draft<'static> {
        Draft::new(Kind::Wizard, "itsp", Origin::BUILT_IN)
            .with("sends_auth", "yes")
            .with("sends_registrations", "yes")
            .with("remote_hosts", "sip1.example.com, sip2.example.com:5080")
            .with("outbound_auth/username", "me")
            .with("outbound_auth/password", "secret")
            .with("endpoint/context", "from-itsp")
            .with("endpoint/allow", "ulaw")
            .with("aor/qualify_frequency", "30")
    }

    fn names(drafts: &[Draft<'_>]) -> Vec<String> {
        drafts.iter().map(|draft| format!("{} {}", draft.kind, draft.id)).collect()
    }

    fn value<'a>(drafts: &'a [Draft<'_>], id: &str, option: &str) -> Vec<&'a str> {
        let draft = drafts.iter().find(|draft| draft.id == id).expect("draft");
        draft.settings.iter().filter(|s| s.option == option).map(|s| &*s.value).collect()
    }

    #[test]
    fn a_trunk_wizard_makes_the_objects_of_asterisk() {
        let wizard = trunk();
        let mut findings = Vec::new();
        let drafts = expand(&wizard, &mut findings).drafts;
        assert_eq!(findings, []);
        assert_eq!(
            names(&drafts),
            [
                "aor itsp",
                "endpoint itsp",
                "auth itsp-oauth",
                "identify itsp-identify",
                "registration itsp-reg-0",
                "registration itsp-reg-1"
            ]
        );
        assert_eq!(drafts[0].settings.iter().filter(|s| s.option == "contact").count(), 2);
        assert_eq!(value(&drafts, "itsp-reg-1", "client_uri"), ["sip:me@sip2.example.com:5080"]);
        assert_eq!(value(&drafts, "itsp-identify", "endpoint"), ["itsp"]);
    }

    #[test]
    fn a_line_takes_the_place_of_identify() {
        let wizard = trunk().with("sends_line_with_registrations", "yes");
        let drafts = expand(&wizard, &mut Vec::new()).drafts;
        assert!(!names(&drafts).iter().any(|name| name.starts_with("identify")));
        assert_eq!(value(&drafts, "itsp-reg-0", "line"), ["yes"]);
    }

    #[test]
    fn a_phone_wizard_may_ask_for_a_hint() {
        let wizard = Draft::new(Kind::Wizard, "100", Origin::BUILT_IN)
            .with("accepts_auth", "yes")
            .with("accepts_registrations", "yes")
            .with("inbound_auth/username", "100")
            .with("inbound_auth/password", "x")
            .with("has_hint", "yes")
            .with("hint_exten", "100")
            .with("hint_context", "hints");
        let expanded = expand(&wizard, &mut Vec::new());
        assert_eq!(names(&expanded.drafts), ["aor 100", "endpoint 100", "auth 100-iauth"]);
        let hint = expanded.hint.expect("hint");
        assert_eq!((&*hint.context, &*hint.exten, &*hint.device), ("hints", "100", "PJSIP/100"));
    }

    #[test]
    fn what_a_wizard_lacks_is_said() {
        let wizard = Draft::new(Kind::Wizard, "x", Origin::BUILT_IN)
            .with("sends_auth", "yes")
            .with("endpont/context", "a")
            .with("context", "b");
        let mut findings = Vec::new();
        assert!(expand(&wizard, &mut findings).drafts.is_empty());
        let text: Vec<&str> = findings.iter().filter_map(|f| f.help.as_deref()).collect();
        assert_eq!(text, ["did you mean 'endpoint/context'?", "write endpoint/context"]);
        assert!(findings.iter().any(|f| f.message == "sends_auth=yes needs outbound_auth/username"));
    }
}
