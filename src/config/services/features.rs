//! `features.conf`: what a party of a running call may do by digits, and how long the server waits for them. Defaults are
//! those of Asterisk without a file.

use super::truth;
use crate::base::limits::FEATURE_CODE_DIGITS;
use crate::config::conf::{Entry, Tree};
use crate::config::finding::Finding;
use crate::config::suggest;
use std::collections::BTreeMap;
use std::time::Duration;

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// `transferdigittimeout`, seconds: patience for each digit of an extension.
    pub transfer_digits: Duration,
    /// `featuredigittimeout`, milliseconds: patience for each further digit of a code.
    pub code_digits: Duration,
    /// `atxfernoanswertimeout`, seconds: how long an attended transfer's target is called.
    pub attended_no_answer: Duration,
    /// `atxferdropcall`: who transferred and hung up is not called back.
    pub attended_drops: bool,
    /// `atxferloopdelay`, seconds between two attempts to call him back.
    pub attended_loop_delay: Duration,
    /// `atxfercallbackretries`
    pub attended_retries: u32,
    /// `transferdialattempts`: how often an extension may be dialled wrong.
    pub dial_attempts: u32,
    /// `pickupexten`
    pub pickup_exten: String,
    /// Names of sounds; empty for none.
    pub sounds: FeatureSounds,
    /// `[featuremap]`, and what `[general]` has of an attended transfer's digits.
    pub codes: BTreeMap<&'static str, String>,
    /// `[applicationmap]` by name.
    pub applications: BTreeMap<String, FeatureApp>,
    /// Groups of them: names of applications, each with a code of its own or none.
    pub groups: BTreeMap<String, Vec<(String, Option<String>)>>,
}

/// Sounds of features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureSounds {
    /// `courtesytone`: to both when one-touch recording begins or ends.
    pub courtesy: String,
    /// `recordingfailsound`
    pub recording_failed: String,
    /// `xfersound`: to both when an attended transfer is complete.
    pub transferred: String,
    /// `xferfailsound`
    pub transfer_failed: String,
    /// `transferannouncesound`: before the extension is dialled.
    pub announce: String,
    /// `transferretrysound`: the extension was wrong and may be dialled again.
    pub retry: String,
    /// `transferinvalidsound`: it was wrong for the last time.
    pub invalid: String,
}

/// One application of `[applicationmap]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureApp {
    /// Its digits.
    pub code: String,
    /// `peer`: it runs on the other party's channel, else on that of who pressed.
    pub on_peer: bool,
    /// What runs.
    pub application: String,
    /// Its arguments.
    pub arguments: String,
    /// Class of the music that the other party hears meanwhile; empty for its own.
    pub music: String,
}

impl Default for Features {
    fn default() -> Features {
        Features {
            transfer_digits: Duration::from_secs(3),
            code_digits: Duration::from_secs(1),
            attended_no_answer: Duration::from_secs(15),
            attended_drops: false,
            attended_loop_delay: Duration::from_secs(10),
            attended_retries: 2,
            dial_attempts: 3,
            pickup_exten: "*8".to_owned(),
            sounds: FeatureSounds::default(),
            codes: CODES
                .iter()
                .map(|(_, function, code)| (*function, (*code).to_owned()))
                .filter(|(_, code)| !code.is_empty())
                .collect(),
            applications: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }
}

impl Default for FeatureSounds {
    fn default() -> FeatureSounds {
        FeatureSounds {
            courtesy: String::new(),
            recording_failed: String::new(),
            transferred: "beep".to_owned(),
            transfer_failed: "beeperr".to_owned(),
            announce: "pbx-transfer".to_owned(),
            retry: "pbx-invalid".to_owned(),
            invalid: "privacy-incorrect".to_owned(),
        }
    }
}

/// Section, function and code without a file.
const CODES: &[(&str, &str, &str)] = &[
    ("featuremap", "blindxfer", "#"),
    ("featuremap", "disconnect", "*"),
    ("featuremap", "atxfer", ""),
    ("featuremap", "parkcall", ""),
    ("featuremap", "automixmon", ""),
    ("featuremap", "automon", ""),
    ("general", "atxferabort", "*1"),
    ("general", "atxfercomplete", "*2"),
    ("general", "atxferthreeway", "*3"),
    ("general", "atxferswap", "*4"),
];

/// Functions as `features show` names them.
const NAMES: &[(&str, &str)] = &[
    ("blindxfer", "Blind Transfer"),
    ("atxfer", "Attended Transfer"),
    ("automon", "One Touch Monitor"),
    ("disconnect", "Disconnect Call"),
    ("parkcall", "Park Call"),
    ("automixmon", "One Touch MixMonitor"),
];

/// Options that are known, and why nothing comes of them.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("pickupsound", "is not played by this version"),
    ("pickupfailsound", "is not played by this version"),
    ("parkcall", "belongs into [featuremap]"),
    ("parkext", "belongs into res_parking.conf"),
    ("parkpos", "belongs into res_parking.conf"),
    ("context", "belongs into res_parking.conf"),
    ("parkingtime", "belongs into res_parking.conf"),
];

const GENERAL: &[&str] = &[
    "transferdigittimeout",
    "featuredigittimeout",
    "atxfernoanswertimeout",
    "atxferdropcall",
    "atxferloopdelay",
    "atxfercallbackretries",
    "transferdialattempts",
    "pickupexten",
    "courtesytone",
    "recordingfailsound",
    "xfersound",
    "xferfailsound",
    "transferannouncesound",
    "transferretrysound",
    "transferinvalidsound",
    "atxferabort",
    "atxfercomplete",
    "atxferthreeway",
    "atxferswap",
];

impl Features {
    /// The code of a function; `None` when it has none.
    pub fn code(&self, function: &str) -> Option<&str> {
        self.codes.get(function).map(String::as_str)
    }

    /// Whether `[featuremap]` has that function.
    pub fn is_mapped(function: &str) -> bool {
        CODES.iter().any(|(section, name, _)| *section == "featuremap" && *name == function)
    }

    /// What `FEATURE(name)` reads: an option of `[general]` as it is written.
    pub fn option(&self, name: &str) -> Option<String> {
        let secs = |time: Duration| time.as_secs().to_string();
        Some(match name {
            "transferdigittimeout" => secs(self.transfer_digits),
            "featuredigittimeout" => self.code_digits.as_millis().to_string(),
            "atxfernoanswertimeout" => secs(self.attended_no_answer),
            "atxferdropcall" => if self.attended_drops { "yes" } else { "no" }.to_owned(),
            "atxferloopdelay" => secs(self.attended_loop_delay),
            "atxfercallbackretries" => self.attended_retries.to_string(),
            "transferdialattempts" => self.dial_attempts.to_string(),
            "pickupexten" => self.pickup_exten.clone(),
            "courtesytone" => self.sounds.courtesy.clone(),
            "recordingfailsound" => self.sounds.recording_failed.clone(),
            "xfersound" => self.sounds.transferred.clone(),
            "xferfailsound" => self.sounds.transfer_failed.clone(),
            "transferannouncesound" => self.sounds.announce.clone(),
            "transferretrysound" => self.sounds.retry.clone(),
            "transferinvalidsound" => self.sounds.invalid.clone(),
            code if GENERAL.contains(&code) => self.code(code).unwrap_or_default().to_owned(),
            _ => return None,
        })
    }

    /// Sets an option of `[general]`, as the file and `FEATURE()` do.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn set_option(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = |most: u64| match value.trim().parse::<u64>() {
            Ok(number) if number <= most => Ok(number),
            _ => Err(format!("{name}={value} is no whole number from 0 to {most}")),
        };
        let secs = || number(86_400).map(Duration::from_secs);
        let count = || number(1_000).map(|number| u32::try_from(number).unwrap_or(1_000));
        let sound = value.trim().to_owned();
        match name {
            "transferdigittimeout" => self.transfer_digits = secs()?,
            "featuredigittimeout" => self.code_digits = Duration::from_millis(number(600_000)?),
            "atxfernoanswertimeout" => self.attended_no_answer = secs()?,
            "atxferdropcall" => self.attended_drops = truth(value),
            "atxferloopdelay" => self.attended_loop_delay = secs()?,
            "atxfercallbackretries" => self.attended_retries = count()?,
            "transferdialattempts" => self.dial_attempts = count()?.max(1),
            "pickupexten" => self.pickup_exten = sound,
            "courtesytone" => self.sounds.courtesy = sound,
            "recordingfailsound" => self.sounds.recording_failed = sound,
            "xfersound" => self.sounds.transferred = sound,
            "xferfailsound" => self.sounds.transfer_failed = sound,
            "transferannouncesound" => self.sounds.announce = sound,
            "transferretrysound" => self.sounds.retry = sound,
            "transferinvalidsound" => self.sounds.invalid = sound,
            other => match CODES.iter().find(|(section, name, _)| *section == "general" && *name == other) {
                Some((_, function, _)) => self.set_code(function, value)?,
                None => return Err(unknown(name, "[general]", GENERAL.iter().copied())),
            },
        }
        Ok(())
    }

    /// Gives a function of `[featuremap]` a code, or takes it away, as the file and `FEATUREMAP()` do.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn set_mapped(&mut self, name: &str, value: &str) -> Result<(), String> {
        let mut mapped =
            CODES.iter().filter(|(section, ..)| *section == "featuremap").map(|(_, name, _)| *name);
        match mapped.clone().find(|known| *known == name) {
            Some(function) => self.set_code(function, value),
            None => Err(unknown(name, "[featuremap]", &mut mapped)),
        }
    }

    /// `features show`, in Asterisk's layout.
    pub fn text(&self) -> String {
        let row = |name: &str, default: &str, current: &str| {
            format!("{name:<25} {default:<7} {current:<7}").trim_end().to_owned()
        };
        let rule = "---------------";
        let mut lines = vec![row("Builtin Feature", "Default", "Current"), row(rule, "-------", "-------")];
        lines.push(row("Pickup", "*8", &self.pickup_exten));
        for (function, name) in NAMES {
            let default = CODES.iter().find(|(_, known, _)| known == function).map_or("", |(.., code)| code);
            lines.push(row(name, default, self.code(function).unwrap_or_default()));
        }
        lines.push(String::new());
        lines.push(row("Dynamic Feature", "Default", "Current"));
        lines.push(row(rule, "-------", "-------"));
        lines.extend(self.applications.iter().map(|(name, app)| row(name, "no def", &app.code)));
        if self.applications.is_empty() {
            lines.push("(none)".to_owned());
        }
        lines.extend([String::new(), "Feature Groups:".to_owned(), rule.to_owned()]);
        for (name, group) in &self.groups {
            lines.push(format!("===> Group: {name}"));
            lines.extend(group.iter().map(|(name, code)| {
                let own = self.applications.get(name).map(|app| app.code.as_str());
                format!("===> --> {name} ({})", code.as_deref().or(own).unwrap_or_default())
            }));
        }
        if self.groups.is_empty() {
            lines.push("(none)".to_owned());
        }
        lines.join("\n")
    }

    fn set_code(&mut self, function: &'static str, code: &str) -> Result<(), String> {
        let code = checked_code(code)?;
        match code.is_empty() {
            true => drop(self.codes.remove(function)),
            false => drop(self.codes.insert(function, code)),
        }
        Ok(())
    }

    fn add_application(&mut self, name: &str, value: &str) -> Result<(), String> {
        let parts: Vec<&str> = value.splitn(4, ',').map(str::trim).collect();
        let [code, activate, application, rest @ ..] = &parts[..] else {
            return Err(format!("{name}: the form is code,self|peer,application[,arguments[,music class]]"));
        };
        // `/caller` and `/callee` are read and mean nothing, as in Asterisk: who has it in DYNAMIC_FEATURES may press it.
        let on = activate.split('/').next().unwrap_or_default();
        let on_peer = match on {
            "self" => false,
            "peer" => true,
            other => return Err(format!("{name}: '{other}' is neither self nor peer")),
        };
        let code = checked_code(code)?;
        if code.is_empty() || application.is_empty() {
            return Err(format!("{name}: it has no code or no application"));
        }
        let (application, inline) = match application.split_once('(') {
            Some((application, arguments)) => (application, arguments.strip_suffix(')')),
            None => (*application, None),
        };
        let rest = rest.first().copied().unwrap_or_default();
        // `"a,b",class`: quoted arguments hold commas.
        let (arguments, music) = match rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            Some((quoted, after)) => (quoted, after.trim_start_matches(',').trim()),
            None => rest.rsplit_once(',').map_or((rest, ""), |(arguments, class)| (arguments, class.trim())),
        };
        let app = FeatureApp {
            code,
            on_peer,
            application: application.to_owned(),
            arguments: inline.unwrap_or(arguments).to_owned(),
            music: music.to_owned(),
        };
        self.applications.insert(name.to_owned(), app);
        Ok(())
    }
}

/// # Errors
/// It is no code.
fn checked_code(code: &str) -> Result<String, String> {
    let code = code.trim().to_ascii_uppercase();
    match code.chars().find(|c| !"0123456789*#ABCD".contains(*c)) {
        Some(bad) => Err(format!("'{bad}' of the code '{code}' is no DTMF digit")),
        None if code.len() > FEATURE_CODE_DIGITS => {
            Err(format!("the code '{code}' is longer than {FEATURE_CODE_DIGITS} digits"))
        }
        None => Ok(code),
    }
}

fn unknown<'a>(name: &str, section: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = suggest::nearest(name, known);
    let near = near.map_or_else(String::new, |near| format!(" (nearest: {near})"));
    format!("there is no option '{name}' in {section}{near}")
}

pub(super) fn read(tree: &Tree, features: &mut Features, findings: &mut Vec<Finding>) {
    for section in tree.sections().filter(|section| !section.is_template()) {
        let warn = |entry: &Entry<'_>, why: String, findings: &mut Vec<Finding>| {
            findings.push(Finding::warning("features-option", entry.at, why));
        };
        for entry in section.entries() {
            let name = entry.name.to_ascii_lowercase();
            let done = match section.name().to_ascii_lowercase().as_str() {
                "general" => {
                    if let Some((_, why)) = WITHOUT_EFFECT.iter().find(|(known, _)| *known == name) {
                        findings.push(Finding::note("later-option", entry.at, format!("{name} {why}")));
                        continue;
                    }
                    features.set_option(&name, entry.value)
                }
                "featuremap" => features.set_mapped(&name, entry.value),
                "applicationmap" => features.add_application(entry.name, entry.value),
                _ => {
                    let code = Some(entry.value.trim()).filter(|code| !code.is_empty());
                    match code.map(checked_code).transpose() {
                        Ok(code) => {
                            let group = features.groups.entry(section.name().to_owned()).or_default();
                            group.push((entry.name.to_owned(), code));
                            Ok(())
                        }
                        Err(why) => Err(why),
                    }
                }
            };
            if let Err(why) = done {
                warn(&entry, why, findings);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Services;
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;

    fn read(text: &str) -> (Features, Vec<String>) {
        let files = MemoryFiles::new().with("features.conf", text);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let features = Services::read(&files, &mut sources, &mut findings).features;
        (features, findings.iter().map(|f| f.text(&sources).to_string()).collect())
    }

    #[test]
    fn defaults_are_those_of_asterisk() {
        let (features, said) = read("");
        assert_eq!(features, Features::default());
        assert!(said.is_empty());
        assert_eq!((features.code("blindxfer"), features.code("disconnect")), (Some("#"), Some("*")));
        assert_eq!((features.code("atxfer"), features.code("parkcall")), (None, None));
        assert_eq!(features.option("featuredigittimeout").as_deref(), Some("1000"));
        for name in GENERAL {
            assert!(features.option(name).is_some(), "{name}");
        }
    }

    #[test]
    fn options_codes_applications_and_groups_are_read() {
        let (features, said) = read(
            "[general]\ntransferdigittimeout => 5\nfeaturedigittimeout=500\natxferdropcall=yes\npickupexten=*7\nxfersound=x\n\
             [featuremap]\nblindxfer => ##\ndisconnect =>\natxfer => *2\nautomixmon=*3\n\
             [applicationmap]\nhello => 9,self/caller,Playback,\"a,b\",jazz\nbye => #9,peer,Hangup\nmac=12,self/both,Gosub(a,s,1)\n\
             [group]\nhello =>\nbye => 77\n",
        );
        assert_eq!(said, Vec::<String>::new());
        assert_eq!((features.transfer_digits.as_secs(), features.code_digits.as_millis()), (5, 500));
        assert!(features.attended_drops);
        assert_eq!((features.pickup_exten.as_str(), features.sounds.transferred.as_str()), ("*7", "x"));
        assert_eq!((features.code("blindxfer"), features.code("disconnect")), (Some("##"), None));
        assert_eq!((features.code("atxfer"), features.code("automixmon")), (Some("*2"), Some("*3")));
        let hello = &features.applications["hello"];
        assert_eq!((hello.arguments.as_str(), hello.music.as_str()), ("a,b", "jazz"));
        assert!(features.applications["bye"].on_peer);
        let mac = &features.applications["mac"];
        assert_eq!((mac.application.as_str(), mac.code.as_str()), ("Gosub", "12"));
        let shown = features.text();
        for line in [
            "Pickup                    *8      *7",
            "Attended Transfer                 *2",
            "bye                       no def  #9",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line} in\n{shown}");
        }
        assert!(shown.ends_with("===> Group: group\n===> --> hello (9)\n===> --> bye (77)"), "{shown}");
        assert_eq!(features.groups["group"], [("hello".into(), None), ("bye".into(), Some("77".into()))]);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_place() {
        let (features, said) = read(
            "[general]\ntransferdigittimout=5\natxferloopdelay=soon\nparkext=700\n[featuremap]\nblindxfer=x#\nparkcal=#7\n\
             [applicationmap]\nhello=9,self\nworld=9,nobody,Playback,a\n",
        );
        assert_eq!(features.code("blindxfer"), Some("#"));
        for (line, words) in [
            (2, "there is no option 'transferdigittimout' in [general] (nearest: transferdigittimeout)"),
            (3, "atxferloopdelay=soon is no whole number"),
            (4, "parkext belongs into res_parking.conf"),
            (6, "is no DTMF digit"),
            (7, "(nearest: parkcall)"),
            (9, "the form is code,"),
            (10, "neither self nor peer"),
        ] {
            let place = format!("features.conf:{line}");
            assert!(
                said.iter().any(|said| said.contains(&place) && said.contains(words)),
                "{place} {words}: {said:?}"
            );
        }
    }
}
