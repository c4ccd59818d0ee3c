//! Privacy and screening: options `P`, `p`, `N` and `n` of `Dial`. A caller nobody knows says his name; who answers hears
//! it and decides.
//!
//! ```text
//! caller ─ database ─┬─ allow ────────────────────────────────────▶ dialled, and joined at the answer
//!                    ├─ deny, kill, torture ──────────────────────▶ NOANSWER, DONTCALL, TORTURE
//!                    └─ unknown ─ his name on disk? ─┬─ yes ──────▶ dialled
//!                                                    └─ no ─ prompt, beep, recording, thanks ─▶ dialled
//! answered ─ pending ─ name ─ menu ─ sorry ─ pending … three times, and nobody said: NOANSWER
//!               └───────┴──────┴──────┴─ 1: joined   2: NOANSWER   3: TORTURE   4: DONTCALL   5: NOANSWER, allowed later
//! ```
//! With `P` the choice is kept in the database, family `privacy`. Prompts have the names of Asterisk's.

mod answer;

use super::channel::{ChannelId, Doing};
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::bridge::{PromptOrder, Record, RecordPlace, Sides, SoundId};
use crate::dialplan::apps::dial::{Dial, DialOptions};
use crate::dialplan::{DialStatus, Dialled, Outcome};
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use std::time::Duration;

const APP_DIAL: &str = "app_dial.c";

/// How long it may take to look for a file; then there is none.
const LOOKED_UP: Duration = Duration::from_secs(2);
/// The longest name, and the silence that ends it.
const NAME: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(2));

/// A caller who is screened.
#[derive(Debug)]
pub(super) struct Screening {
    /// What he is known by in the database and on disk.
    key: String,
    /// That is his number. Without one, no introduction of his is kept.
    has_number: bool,
    /// `P`: the part of the database for these choices.
    database: Option<String>,
    /// `p`
    screens: bool,
    /// `n`: his introduction is removed once the call is taken; with `n(1)`, in any case.
    forgets: Forgets,
    /// What who answered hears now, in which round, and when that is over at the latest.
    step: Option<Step>,
    round: u8,
    playing: Option<SoundId>,
    pub until: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forgets {
    Never,
    Taken,
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Pending,
    Name,
    Menu,
    Sorry,
}

/// A caller who is asked for his name, before anybody is called.
#[derive(Debug)]
pub(super) struct Introducing {
    dial: Box<Dial>,
    screening: Box<Screening>,
    stage: Stage,
    playing: Option<SoundId>,
    /// Until then a file is looked for.
    pub until: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Looking,
    Prompt,
    Recording,
    Thanks,
}

/// What the database says of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Unknown,
    Allow,
    Refuse(DialStatus),
}

impl Verdict {
    fn read(value: &str) -> Verdict {
        match value.to_ascii_lowercase().as_str() {
            "allow" => Verdict::Allow,
            "deny" => Verdict::Refuse(DialStatus::NoAnswer),
            "kill" => Verdict::Refuse(DialStatus::DontCall),
            "torture" => Verdict::Refuse(DialStatus::Torture),
            _ => Verdict::Unknown,
        }
    }
}

impl Screening {
    fn of(options: &DialOptions, number: &str, exten: &str, channel: &str) -> Screening {
        let number = shrink(number);
        let has_number = !number.is_empty();
        let name = if has_number { number } else { format!("NOCALLERID_{exten}{channel}") };
        let database = options.privacy.as_deref().map(|family| match family {
            "" => exten.to_owned(),
            family => family.to_owned(),
        });
        let forgets = match options.screen_no_intro.as_deref().map(str::trim) {
            None => Forgets::Never,
            Some("1") => Forgets::Always,
            Some(_) => Forgets::Taken,
        };
        Screening {
            key: file_name(&name),
            has_number,
            database,
            screens: options.screening,
            forgets,
            step: None,
            round: 0,
            playing: None,
            until: None,
        }
    }

    /// Its place in the database, with `P`.
    fn entry(&self) -> Option<String> {
        self.database.as_ref().map(|family| format!("privacy/{family}/{}", self.key))
    }

    fn introduction(&self) -> String {
        format!("priv-callerintros/{}", self.key)
    }

    /// What who answered hears at a step.
    fn words(&self, step: Step) -> Vec<String> {
        match step {
            Step::Pending => vec!["priv-callpending".to_owned()],
            Step::Name => vec![self.introduction()],
            Step::Menu => {
                let menus = [
                    (self.database.is_some(), "priv-callee-options"),
                    (self.screens, "screen-callee-options"),
                ];
                menus.iter().filter(|(said, _)| *said).map(|(_, menu)| (*menu).to_owned()).collect()
            }
            Step::Sorry => vec!["vm-sorry".to_owned()],
        }
    }

    fn takes(&self, digit: char) -> bool {
        matches!(digit, '1'..='4') || (digit == '5' && self.database.is_some())
    }
}

/// A number without what people write into numbers to read them better.
fn shrink(number: &str) -> String {
    number.chars().filter(|c| !matches!(c, '(' | ')' | ' ' | '-' | '.')).collect()
}

/// What anybody may have put into a caller id, as the name of a file.
fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_+*#-@;".contains(c) { c } else { '=' };
    text.chars().take(limits::SCREENED_KEY).map(plain).collect()
}

impl Switch {
    /// `P` and `p`: what the database says decides, or else the caller is asked for his name.
    pub(super) fn screen_caller(
        &mut self,
        now: Now,
        id: ChannelId,
        dial: Box<Dial>,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let channel = self.calls.channels.get(&id)?;
        let exten = channel.place().map(|place| place.exten.to_string()).unwrap_or_default();
        let screening = Screening::of(&dial.options, &channel.caller.number, &exten, &channel.name);
        let language = channel.settings.language.as_str().into();
        let entry = screening.entry().filter(|_| screening.has_number);
        let kept = entry.as_deref().and_then(|entry| self.calls.database.value(entry));
        let verdict = match kept.map_or(Verdict::Unknown, Verdict::read) {
            _ if screening.has_number && dial.options.screen_no_caller_id => Verdict::Allow,
            verdict => verdict,
        };
        let key = &screening.key;
        self.ears.log(out, Level::Verbose, APP_DIAL, || match &entry {
            Some(entry) => format!("Privacy DB is '{entry}', clid is '{key}'"),
            None if screening.has_number => format!("Privacy Screening, clid is '{key}'"),
            None => "Privacy-- callerid is empty".to_owned(),
        });
        self.decided(id, || format!("screening: the caller '{key}' is {verdict:?}"));
        match verdict {
            Verdict::Allow => self.begin_dial(now, id, (dial, None), out),
            Verdict::Refuse(status) => Some(Outcome::Dialled(Box::new(Dialled::unanswered(status)))),
            Verdict::Unknown => {
                let (known, name) = (screening.has_number, screening.introduction());
                let introducing = Introducing {
                    dial,
                    screening: Box::new(screening),
                    stage: Stage::Looking,
                    playing: None,
                    until: Some(now.at + LOOKED_UP),
                };
                self.wait(id, Doing::Introducing(Box::new(introducing)));
                match known {
                    true => out.queue.push(Action::Prompt(PromptOrder::Find {
                        token: id.0,
                        name: name.into(),
                        language,
                    })),
                    false => self.introduction_found(now, id, false, out),
                }
                None
            }
        }
    }

    fn introducing(&mut self, id: ChannelId) -> Option<&mut Introducing> {
        match &mut self.calls.channels.get_mut(&id)?.doing {
            Doing::Introducing(introducing) => Some(introducing),
            _ => None,
        }
    }

    /// Whether a caller's introduction is there already. If not, he is answered and asked for it.
    pub(super) fn introduction_found(&mut self, now: Now, id: ChannelId, found: bool, out: &mut Actions) {
        let Some(introducing) = self.introducing(id).filter(|asked| asked.stage == Stage::Looking) else {
            return;
        };
        introducing.until = None;
        if found {
            return self.introduced(now, id, out);
        }
        introducing.stage = Stage::Prompt;
        self.answer_channel(now, id, None, out);
        self.say_to_caller(id, &["priv-recordintro", "beep"], out);
    }

    fn say_to_caller(&mut self, id: ChannelId, files: &[&str], out: &mut Actions) {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        let source = self.prompts(id, &files, None);
        let playing = Some(self.play_over(id, source, out));
        if let Some(introducing) = self.introducing(id) {
            introducing.playing = playing;
        }
    }

    /// What a caller heard, or said, is over.
    pub(super) fn introduction_played(&mut self, now: Now, id: ChannelId, sound: SoundId, out: &mut Actions) {
        let Some(introducing) = self.introducing(id).filter(|asked| asked.playing == Some(sound)) else {
            return;
        };
        introducing.playing = None;
        match introducing.stage {
            Stage::Looking => {}
            Stage::Prompt => {
                introducing.stage = Stage::Recording;
                let record = Record {
                    path: format!("{}.sln", introducing.screening.introduction()).into(),
                    place: RecordPlace::Sounds,
                    sides: Sides::Heard,
                    append: false,
                    only_bridged: false,
                    silence: Some(NAME.1),
                    most: Some(NAME.0),
                    beep: None,
                    volumes: (0, 0),
                    then: None,
                    lost_unended: true,
                };
                let playing = Some(self.record(id, record, out));
                if let Some(introducing) = self.introducing(id) {
                    introducing.playing = playing;
                }
            }
            Stage::Recording => {
                introducing.stage = Stage::Thanks;
                self.say_to_caller(id, &["vm-dialout"], out);
            }
            Stage::Thanks => self.introduced(now, id, out),
        }
    }

    /// `#` ends a name.
    pub(super) fn introduction_digit(&mut self, id: ChannelId, digit: char, out: &mut Actions) {
        let Some(introducing) = self.introducing(id) else { return };
        if let (Stage::Recording, '#', Some(sound)) = (introducing.stage, digit, introducing.playing) {
            self.stop_sound(id, sound, out);
        }
    }

    /// The name is known: now the targets are called.
    fn introduced(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Doing::Introducing(introducing) = std::mem::take(&mut channel.doing) else { return };
        let Introducing { dial, screening, .. } = *introducing;
        if let Some(outcome) = self.begin_dial(now, id, (dial, Some(screening)), out) {
            self.resume(id, outcome);
        }
    }

    /// A caller left while he was asked.
    pub(super) fn end_introduction(&mut self, id: ChannelId, introducing: Introducing, out: &mut Actions) {
        if let Some(sound) = introducing.playing {
            self.stop_sound(id, sound, out);
        }
        self.forget_introduction(&introducing.screening, out);
    }

    /// `n(1)`, or a caller without a number: his introduction goes with the call.
    pub(super) fn forget_introduction(&self, screening: &Screening, out: &mut Actions) {
        if screening.forgets == Forgets::Always || !screening.has_number {
            self.remove_introduction(screening, out);
        }
    }

    fn remove_introduction(&self, screening: &Screening, out: &mut Actions) {
        let name = screening.introduction();
        self.ears.log(out, Level::Verbose, APP_DIAL, || format!("Successfully deleted {name} intro file"));
        out.queue.push(Action::Prompt(PromptOrder::Remove { name: name.into() }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_id_is_no_path() {
        let screening = Screening::of(&DialOptions::default(), "../../etc/(0)49-30 ☎", "200", "PJSIP/100-1");
        assert_eq!(screening.introduction(), "priv-callerintros/==etc=04930=");
        let nobody = Screening::of(&DialOptions::default(), "", "200", "PJSIP/100-00000001");
        assert_eq!((nobody.key.as_str(), nobody.has_number), ("NOCALLERID_200PJSIP=100-00000001", false));
        let long = Screening::of(&DialOptions::default(), &"1".repeat(300), "200", "");
        assert_eq!(long.key.len(), limits::SCREENED_KEY);
    }

    #[test]
    fn five_is_a_choice_with_a_memory_only() {
        let keys = |options: &str| {
            let options = DialOptions::parse(options, &mut Vec::new());
            let screening = Screening::of(&options, "100", "200", "");
            let keys: String = "0123456789*#".chars().filter(|key| screening.takes(*key)).collect();
            (keys, screening.words(Step::Menu).join("&"), screening.entry())
        };
        assert_eq!(keys("p"), ("1234".into(), "screen-callee-options".into(), None));
        let entry = Some("privacy/200/100".to_owned());
        assert_eq!(keys("P"), ("12345".into(), "priv-callee-options".into(), entry));
        let entry = Some("privacy/boss/100".to_owned());
        assert_eq!(keys("P(boss)p").2, entry);
    }
}
