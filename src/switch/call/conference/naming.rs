//! The name that a party says before it comes in (`announce_join_leave`): the others hear it when it comes and goes. With
//! `announce_join_leave_review` it may be heard and said again.
//!
//! ```text
//! vm-rec-name, beep ─► recording ─ `#`, 10 s ─┬────────────────────────────► comes in
//!       ▲                                     └ review: vm-review ─┬─ 1, nothing ─► comes in
//!       └──────────────────────────── 3 ──────────────────────────┴─ 2 ─► hears it, vm-review
//! ```

use super::super::channel::ChannelId;
use super::Stage;
use crate::base::time::{Moment, Now};
use crate::bridge::{
    FileOrder, Piece, Record, RecordPlace, Sides, SoundEnd, SoundId, SoundOrder, SoundSource,
};
use crate::switch::Switch;
use crate::switch::io::Actions;
use std::time::Duration;

/// The longest name.
const MOST: Duration = Duration::from_secs(10);
/// How long a key is waited for after `vm-review`, and how often it is played.
const KEY_WAIT: Duration = Duration::from_secs(6);
const REVIEWS: u32 = 3;

/// How far a party is with its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// It hears what to do.
    Asked,
    /// It says its name.
    Recording,
    /// It hears what it can do with it, this often already; when that is over, a key is waited for until then.
    Review(u32, Option<Moment>),
}

impl Naming {
    pub fn until(&self) -> Option<Moment> {
        match self {
            Naming::Review(_, until) => *until,
            Naming::Asked | Naming::Recording => None,
        }
    }
}

impl Switch {
    /// The pin was right, or there is none: a name is asked for where one is wanted.
    pub(super) fn let_in(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let wanted = self.attending(id).is_some_and(|attending| {
            let user = &attending.user;
            !user.quiet && (user.announce_name || user.review_name)
        });
        match wanted {
            true => self.ask_name(id, out),
            false => self.come_in(now, id, out),
        }
    }

    fn ask_name(&mut self, id: ChannelId, out: &mut Actions) {
        let sound = self.prompt_party(id, &["vm-rec-name".to_owned(), "beep".to_owned()], true, out);
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let unique_id = channel.unique_id.clone();
        let Some(attending) = self.attending_mut(id) else { return };
        let conference: String =
            attending.conference.chars().map(|c| if matches!(c, '/' | '\0') { '_' } else { c }).collect();
        attending.name_file = Some(format!("confbridge/confbridge-name-{conference}-{unique_id}"));
        attending.stage = Stage::Naming(Naming::Asked);
        attending.keys.playing = Some(sound);
    }

    /// A sound of it is over: the prompt, the recording, what it hears again.
    pub(super) fn naming_played(&mut self, now: Now, id: ChannelId, end: &SoundEnd, out: &mut Actions) {
        let Some(attending) = self.attending_mut(id) else { return };
        let review = attending.user.review_name;
        let Stage::Naming(naming) = &mut attending.stage else { return };
        match naming {
            Naming::Asked => {
                *naming = Naming::Recording;
                self.record_name(id, out);
            }
            Naming::Recording => {
                if let SoundEnd::Failed(_) = end {
                    // It was said in the log; nobody stays out for it.
                    attending.name_file = None;
                    return self.come_in(now, id, out);
                }
                match review {
                    true => self.offer_review(id, 1, out),
                    false => self.come_in(now, id, out),
                }
            }
            Naming::Review(_, until) => {
                *until = Some(now.at + KEY_WAIT);
                self.calls.touched.insert(id);
            }
        }
    }

    fn record_name(&mut self, id: ChannelId, out: &mut Actions) {
        let sound = SoundId(self.calls.next_sound);
        self.calls.next_sound += 1;
        let Some(attending) = self.attending_mut(id) else { return };
        attending.keys.playing = Some(sound);
        let Some(path) = attending.name_path() else { return };
        let record = Record {
            path,
            place: RecordPlace::Sounds,
            sides: Sides::Heard,
            append: false,
            only_bridged: false,
            silence: None,
            most: Some(MOST),
            beep: None,
            volumes: (0, 0),
            then: None,
            // Who hangs up meanwhile has said none.
            lost_unended: true,
        };
        self.order_sound(id, SoundOrder::Record { id: sound, record: Box::new(record) }, out);
    }

    fn offer_review(&mut self, id: ChannelId, times: u32, out: &mut Actions) {
        let sound = self.prompt_party(id, &["vm-review".to_owned()], true, out);
        if let Some(attending) = self.attending_mut(id) {
            attending.stage = Stage::Naming(Naming::Review(times, None));
            attending.keys.playing = Some(sound);
        }
    }

    /// A key; `None`: none came in time.
    pub(super) fn naming_digit(&mut self, now: Now, id: ChannelId, digit: Option<char>, out: &mut Actions) {
        let Some(attending) = self.attending_mut(id) else { return };
        let playing = attending.keys.playing;
        let file = attending.name_file.clone();
        let Stage::Naming(naming) = &mut attending.stage else { return };
        match (naming, digit) {
            (Naming::Recording, Some('#')) => {
                // Its end is told when the file is complete.
                if let Some(sound) = playing {
                    self.stop_sound(id, sound, out);
                }
            }
            (Naming::Review(..), Some(key @ ('1' | '2' | '3'))) => {
                attending.keys.playing = None;
                if let Some(sound) = playing {
                    self.stop_sound(id, sound, out);
                }
                match (key, file) {
                    ('2', Some(file)) => {
                        let sound = self.prompt_party(id, &[file, "vm-review".to_owned()], true, out);
                        if let Some(attending) = self.attending_mut(id) {
                            attending.stage = Stage::Naming(Naming::Review(1, None));
                            attending.keys.playing = Some(sound);
                        }
                    }
                    ('3', _) => self.ask_name(id, out),
                    _ => self.come_in(now, id, out),
                }
            }
            (Naming::Review(times, _), None) => match *times {
                REVIEWS.. => self.come_in(now, id, out),
                times => self.offer_review(id, times + 1, out),
            },
            _ => {}
        }
    }

    /// Says to all who came or left: the name, then `has_joined` or `has_left`. Whose name it is, is in no room any more
    /// when he left.
    pub(super) fn tell_name(&mut self, conference: &str, file: &str, word: &str, out: &mut Actions) {
        let Some(profile) = self.calls.conferences.get(conference).map(|there| there.profile.clone()) else {
            return;
        };
        let files = vec![file.to_owned(), profile.sound(word).to_owned()];
        self.tell_all(conference, files, profile.names_sound(word), out);
    }

    /// A name is not needed any more. The order follows that to play it, on the same way.
    pub(super) fn forget_name(&mut self, id: ChannelId, attending: &super::Attending, out: &mut Actions) {
        let Some(path) = attending.name_path() else { return };
        let seated = self.members(&attending.conference).find(|(_, there)| there.seated.is_some());
        let by = seated.map_or(id, |(channel, _)| channel.id);
        self.order_sound(by, SoundOrder::Remove { path, place: RecordPlace::Sounds }, out);
    }

    /// Plays files to all of a conference but one.
    pub(super) fn tell_others(
        &mut self,
        name: &str,
        but: ChannelId,
        (file, named): (&str, bool),
        out: &mut Actions,
    ) {
        let others =
            self.members(name).filter(|(channel, there)| channel.id != but && there.seated.is_some());
        let others: Vec<_> =
            others.map(|(channel, _)| (channel.id, channel.settings.language.clone())).collect();
        for (other, language) in others {
            let order = FileOrder {
                pieces: vec![Piece::Prompt(file.into())],
                repeat: false,
                language: language.as_str().into(),
            };
            let sound =
                self.play(other, SoundSource::Files(Box::new(order)), crate::bridge::Over::Mixed, out);
            if let (false, Some(channel)) = (named, self.calls.channels.get_mut(&other)) {
                channel.sound.not_missed(sound);
            }
        }
    }
}

impl super::Attending {
    /// The recording of its name, with the extension.
    fn name_path(&self) -> Option<Box<str>> {
        self.name_file.as_ref().map(|file| format!("{file}.sln").as_str().into())
    }
}
