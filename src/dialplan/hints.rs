//! Hints: what an extension's lamp watches, and how the states of several devices become one.

use super::plan::{Dialplan, HINT, Hit, Priority, Query, Wanted};
pub use crate::base::device::DeviceState;
use crate::base::time::WallTime;
use crate::config::origin::Origin;
use std::sync::Arc;

/// The hint of one extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The context it stands in, which an include may have led to.
    pub context: Arc<str>,
    /// The extension asked for.
    pub exten: Arc<str>,
    /// Devices and presence as written, expanded: the second column of `core show hints`.
    pub text: String,
    /// Devices, in order (`PJSIP/100`).
    pub devices: Vec<String>,
    /// Presence provider after the comma (`CustomPresence:100`).
    pub presence: Option<String>,
    /// Name in parentheses after the devices, as `${HINTNAME}`.
    pub name: String,
    /// Where its line stands.
    pub at: Origin,
    /// Made by `autohints` from the extension's name; it counts only if there is such a device.
    pub automatic: bool,
}

/// Devices of a hint line, `${EXTEN}` and `${CONTEXT}` replaced. Asterisk expands a pattern's hint when it is first
/// asked for; nothing else is known then but the extension.
pub(super) fn devices_of(priority: &Priority, context: &super::plan::Context, exten: &str) -> String {
    let text = &*priority.application;
    if !text.contains("${") {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (inside, behind) = after.split_once('}').unwrap_or((after, ""));
        let (name, offset) = inside.split_once(':').unwrap_or((inside, "0"));
        let value = match name {
            "EXTEN" => exten,
            "CONTEXT" => &context.name,
            _ => "",
        };
        let from = offset.parse::<i64>().unwrap_or(0);
        let skip = if from < 0 { (value.len() as i64 + from).max(0) } else { from };
        out.push_str(value.get(usize::try_from(skip).unwrap_or(usize::MAX).min(value.len())..).unwrap_or(""));
        rest = behind;
    }
    out.push_str(rest);
    out
}

impl Dialplan {
    /// The hint of an extension, from its own line, a pattern's, or `autohints`; `None` when it has none.
    pub fn hint(&self, context: &str, exten: &str, now: WallTime) -> Option<Hint> {
        let query = Query { context, exten, caller: "", now };
        match self.hint_line(query) {
            Ok(Hit::Line { context, priority, .. }) => Some(made(context, priority, exten)),
            _ => self
                .context(context)
                .filter(|context| context.auto_hints)
                .map(|context| automatic(context, exten)),
        }
    }

    /// All hints of extensions that are no patterns, in the order of the file.
    pub fn hints(&self) -> impl Iterator<Item = Hint> {
        self.contexts().flat_map(|context| {
            let literal = context.extensions.iter().filter(|extension| !extension.exten.is_pattern());
            literal.filter_map(move |extension| {
                let priority = extension.priority(Wanted::Priority(HINT))?;
                Some(made(context, priority, extension.exten.text()))
            })
        })
    }
}

fn made(context: &super::plan::Context, priority: &Priority, exten: &str) -> Hint {
    let text = devices_of(priority, context, exten);
    let (devices, presence) = match text.rsplit_once(',') {
        Some((devices, presence)) => (devices, Some(presence.trim().to_owned()).filter(|p| !p.is_empty())),
        None => (text.as_str(), None),
    };
    Hint {
        context: context.name.clone(),
        exten: exten.into(),
        devices: devices
            .split('&')
            .map(|device| device.trim().to_owned())
            .filter(|d| !d.is_empty())
            .collect(),
        presence,
        name: priority.arguments.to_string(),
        at: priority.at,
        automatic: false,
        text,
    }
}

fn automatic(context: &super::plan::Context, exten: &str) -> Hint {
    let device = format!("PJSIP/{exten}");
    Hint {
        context: context.name.clone(),
        exten: exten.into(),
        text: device.clone(),
        devices: vec![device],
        presence: None,
        name: String::new(),
        at: Origin::BUILT_IN,
        automatic: true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::tests::load;
    use super::*;

    #[test]
    fn hints_are_found_by_name_pattern_and_include() {
        let plan = load(
            "[in]\nexten => 100,hint,PJSIP/100&Custom:lamp,CustomPresence:100\nexten => 100,1,NoOp()\n\
             exten => _2XX,hint,PJSIP/${EXTEN}&PJSIP/soft-${EXTEN:1}\ninclude => more\n\
             [more]\nexten => 300,hint,PJSIP/300\n[auto]\nautohints=yes",
        );
        let hint = plan.hint("in", "100", WallTime(0)).expect("a hint");
        assert_eq!(hint.devices, ["PJSIP/100", "Custom:lamp"]);
        assert_eq!(hint.presence.as_deref(), Some("CustomPresence:100"));
        assert_eq!(
            plan.hint("in", "217", WallTime(0)).expect("a hint").devices,
            ["PJSIP/217", "PJSIP/soft-17"]
        );
        assert_eq!(&*plan.hint("in", "300", WallTime(0)).expect("a hint").context, "more");
        assert_eq!(
            plan.hint("auto", "carol", WallTime(0)).map(|hint| (hint.text, hint.automatic)),
            Some(("PJSIP/carol".into(), true))
        );
        // S4-167, S4-168: no hint there, or not in that context.
        assert!(plan.hint("in", "400", WallTime(0)).is_none());
        assert!(plan.hint("more", "100", WallTime(0)).is_none());
        assert_eq!(plan.hints().map(|hint| hint.exten.to_string()).collect::<Vec<_>>(), ["100", "300"]);
    }

    #[test]
    fn several_devices_become_one_state() {
        use DeviceState::*;
        let table: &[(&[DeviceState], DeviceState)] = &[
            (&[], Invalid),
            (&[NotInUse, Unavailable], NotInUse),
            (&[Busy, NotInUse], Busy),
            (&[Ringing, NotInUse], Ringing),
            (&[Ringing, InUse], RingInUse),
            (&[OnHold, Ringing], RingInUse),
            (&[OnHold, InUse], InUse),
        ];
        for (states, one) in table {
            assert_eq!(DeviceState::aggregate(states.iter().copied()), *one, "{states:?}");
        }
    }
}
