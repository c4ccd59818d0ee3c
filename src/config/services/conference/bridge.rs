//! Bridge profiles: what a conference is like.

use super::{NotSet, number, truth, unknown};
use std::collections::BTreeMap;

/// `type=bridge`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeProfile {
    /// Its name.
    pub name: String,
    /// `max_members`: most parties, administrators not counted in when they come; 0: as many as the server takes.
    pub max_members: usize,
    /// `record_conference`
    pub record: bool,
    /// `record_file`; empty: `confbridge-NAME`.
    pub record_file: String,
    /// `record_file_append`
    pub record_append: bool,
    /// `record_file_timestamp`: when the conference began is a part of the name.
    pub record_timestamp: bool,
    /// `V(n)` or `W(n)` of `record_options`: how loud it is recorded, in Asterisk's steps.
    pub record_volume: i32,
    /// `record_command`: run when the file is complete.
    pub record_command: String,
    /// Sounds that are other files than Asterisk's, by the word behind `sound_`.
    sounds: BTreeMap<&'static str, String>,
}

/// Sounds by the word behind `sound_`, and Asterisk's file.
const SOUNDS: &[(&str, &str)] = &[
    ("has_joined", "conf-hasjoin"),
    ("has_left", "conf-hasleft"),
    ("kicked", "conf-kicked"),
    ("muted", "conf-muted"),
    ("unmuted", "conf-unmuted"),
    ("only_one", "conf-onlyone"),
    ("only_person", "conf-onlyperson"),
    ("there_are", "conf-thereare"),
    ("other_in_party", "conf-otherinparty"),
    ("place_into_conference", "conf-placeintoconf"),
    ("wait_for_leader", "conf-waitforleader"),
    ("leader_has_left", "conf-leaderhasleft"),
    ("get_pin", "conf-getpin"),
    ("invalid_pin", "conf-invalidpin"),
    ("locked", "conf-locked"),
    ("locked_now", "conf-lockednow"),
    ("unlocked_now", "conf-unlockednow"),
    ("error_menu", "conf-errormenu"),
    ("join", "confbridge-join"),
    ("leave", "confbridge-leave"),
    ("participants_muted", "conf-now-muted"),
    ("participants_unmuted", "conf-now-unmuted"),
    ("begin", "confbridge-conf-begin"),
    ("binaural_on", "confbridge-binaural-on"),
    ("binaural_off", "confbridge-binaural-off"),
];

const OPTIONS: &[&str] = &[
    "type",
    "template",
    "max_members",
    "record_conference",
    "record_file",
    "record_file_append",
    "record_file_timestamp",
    "record_command",
    "record_options",
    "internal_sample_rate",
    "maximum_sample_rate",
    "mixing_interval",
    "video_mode",
    "language",
    "regcontext",
];

impl BridgeProfile {
    /// Asterisk's defaults.
    pub fn named(name: &str) -> BridgeProfile {
        BridgeProfile {
            name: name.to_owned(),
            max_members: 0,
            record: false,
            record_file: String::new(),
            record_append: true,
            record_timestamp: true,
            record_volume: 0,
            record_command: String::new(),
            sounds: BTreeMap::new(),
        }
    }

    /// The file of a sound, by the word behind `sound_`; empty for a word that is none.
    pub fn sound(&self, word: &str) -> &str {
        let own = self.sounds.get(word).map(String::as_str);
        own.or_else(|| SOUNDS.iter().find(|(known, _)| *known == word).map(|(_, file)| *file))
            .unwrap_or_default()
    }

    /// Whether the administrator named the file of a sound.
    pub fn names_sound(&self, word: &str) -> bool {
        self.sounds.contains_key(word)
    }

    /// Sets an option.
    ///
    /// # Errors
    /// It is not obeyed as written.
    pub fn set(&mut self, option: &str, value: &str) -> Result<(), NotSet> {
        if let Some(word) = option.strip_prefix("sound_") {
            let Some((word, _)) = SOUNDS.iter().find(|(known, _)| *known == word) else {
                return Err(unknown(word, &SOUNDS.iter().map(|(word, _)| *word).collect::<Vec<_>>()));
            };
            self.sounds.insert(word, value.to_owned());
            return Ok(());
        }
        match option {
            "max_members" => self.max_members = number(value)? as usize,
            "record_conference" => self.record = truth(value)?,
            "record_file" => self.record_file = value.to_owned(),
            "record_file_append" => self.record_append = truth(value)?,
            "record_file_timestamp" => self.record_timestamp = truth(value)?,
            "record_command" => self.record_command = value.to_owned(),
            "record_options" => self.set_record_options(value)?,
            "internal_sample_rate" | "maximum_sample_rate" => {
                if !matches!(value, "auto" | "none" | "0") {
                    return Err(NotSet::Later("a conference is mixed at the best rate of its parties"));
                }
            }
            "mixing_interval" => match number(value)? {
                20 => {}
                10 | 40 | 80 => return Err(NotSet::Later("a conference is mixed every 20 ms")),
                _ => return Err(NotSet::Value(format!("'{value}' is not 10, 20, 40 or 80"))),
            },
            "video_mode" if value == "none" => {}
            "video_mode" => return Err(NotSet::Later("a conference has no video")),
            "language" => return Err(NotSet::Later("sounds are of the language of each party")),
            "regcontext" => return Err(NotSet::Later("no extension is made for a conference")),
            other => return Err(unknown(other, OPTIONS)),
        }
        Ok(())
    }

    /// `record_options`: those of `MixMonitor` that mean something for one recording of all.
    fn set_record_options(&mut self, value: &str) -> Result<(), NotSet> {
        let bad = |what: String| NotSet::Value(what);
        for (letter, argument) in letters(value).map_err(bad)? {
            match letter {
                'a' => self.record_append = true,
                'V' | 'W' => {
                    let steps = argument.trim().parse().ok().filter(|steps| (-4..=4).contains(steps));
                    self.record_volume =
                        steps.ok_or_else(|| NotSet::Value(format!("{letter}({argument}): -4 to 4")))?;
                }
                // The recording hears what all hear: there is nothing that was said by it.
                'b' | 'v' => {}
                _ => return Err(NotSet::Later("a, V and W of the options of MixMonitor are obeyed")),
            }
        }
        Ok(())
    }

    /// Its options as `confbridge show profile bridge` tells them.
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        let yes = |on: bool| if on { "true" } else { "false" }.to_owned();
        let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let most = if self.max_members == 0 { "No Limit".to_owned() } else { self.max_members.to_string() };
        let mut shown = vec![
            ("Name", self.name.clone()),
            ("Internal Sample Rate", "auto".to_owned()),
            ("Mixing Interval", "20".to_owned()),
            ("Record Conference", if self.record { "yes" } else { "no" }.to_owned()),
            ("Record File Append", yes(self.record_append)),
            ("Record File Timestamp", yes(self.record_timestamp)),
            ("Record File", or(&self.record_file, "Auto Generated")),
            ("Record Command", self.record_command.clone()),
            ("Max Members", most),
        ];
        shown.extend(SOUNDS.iter().map(|(word, _)| (*word, self.sound(word).to_owned())));
        shown
    }
}

/// Letters, each with what stands in parentheses behind it.
fn letters(text: &str) -> Result<Vec<(char, &str)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let argument = match rest.strip_prefix('(') {
            Some(inner) => {
                let end =
                    inner.find(')').ok_or_else(|| format!("a parenthesis of '{text}' is not closed"))?;
                rest = &inner[end + 1..];
                &inner[..end]
            }
            None => "",
        };
        found.push((letter, argument));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_options_are_obeyed_or_named() {
        let mut profile = BridgeProfile { record_append: false, ..BridgeProfile::named("x") };
        assert_eq!(profile.set("record_options", "abW(-3)"), Ok(()));
        assert_eq!((profile.record_append, profile.record_volume), (true, -3));
        for (bad, later) in [("B(10)", true), ("W(9)", false), ("V(", false), ("t(x.wav)", true)] {
            let why = profile.set("record_options", bad).expect_err(bad);
            assert_eq!(matches!(why, NotSet::Later(_)), later, "{bad}: {why:?}");
        }
        assert_eq!(profile.set("record_options", ""), Ok(()));
    }
}
