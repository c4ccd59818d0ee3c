//! User profiles: what a party of a conference is and may.

use super::{NotSet, number, truth, unknown};

/// `type=user`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserProfile {
    /// Its name.
    pub name: String,
    /// `admin`
    pub admin: bool,
    /// `marked`
    pub marked: bool,
    /// `startmuted`
    pub startmuted: bool,
    /// `music_on_hold_when_empty`: music while it is alone, or waits for a marked one.
    pub music_when_empty: bool,
    /// `music_on_hold_class`; empty: the channel's.
    pub music_class: String,
    /// `quiet`: no sounds but those that must be.
    pub quiet: bool,
    /// `announce_user_count`: to itself, when it comes.
    pub announce_count: bool,
    /// `announce_user_count_all`: to everybody when it comes, where there are more than so many.
    pub announce_count_all: Option<u32>,
    /// `announce_only_user`
    pub announce_only_user: bool,
    /// `wait_marked`: it hears nobody until a marked one is there.
    pub wait_marked: bool,
    /// `end_marked`: it goes with the last marked one.
    pub end_marked: bool,
    /// `end_marked_any`: it goes with any marked one.
    pub end_marked_any: bool,
    /// `dsp_drop_silence`: it is heard only while it talks.
    pub drop_silence: bool,
    /// `dsp_talking_threshold`: mean size of samples from which on it talks.
    pub talking_threshold: u32,
    /// `dsp_silence_threshold`: so many milliseconds of silence end talking.
    pub silence_threshold_ms: u32,
    /// `talk_detection_events`
    pub talk_events: bool,
    /// `pin`; empty for none.
    pub pin: String,
    /// `dtmf_passthrough`: digits that no menu takes go to the other parties.
    pub dtmf_passthrough: bool,
    /// `announcement`: played to it when it comes; empty for none.
    pub announcement: String,
    /// `timeout`: how long it may stay, in seconds; 0 for ever.
    pub timeout_secs: u32,
    /// `answer_channel`
    pub answer: bool,
    /// `hear_own_join_sound`
    pub hear_own_join: bool,
    /// `announce_join_leave`: it says its name, which the others hear when it comes and goes.
    pub announce_name: bool,
    /// `announce_join_leave_review`: the same, and it may hear its name and say it again.
    pub review_name: bool,
}

const OPTIONS: &[&str] = &[
    "type",
    "template",
    "admin",
    "marked",
    "startmuted",
    "music_on_hold_when_empty",
    "music_on_hold_class",
    "quiet",
    "announce_user_count",
    "announce_user_count_all",
    "announce_only_user",
    "wait_marked",
    "end_marked",
    "end_marked_any",
    "dsp_drop_silence",
    "dsp_talking_threshold",
    "dsp_silence_threshold",
    "talk_detection_events",
    "pin",
    "dtmf_passthrough",
    "announcement",
    "timeout",
    "answer_channel",
    "hear_own_join_sound",
    "denoise",
    "jitterbuffer",
    "announce_join_leave",
    "announce_join_leave_review",
    "send_events",
    "echo_events",
    "text_messaging",
];

impl UserProfile {
    /// Asterisk's defaults.
    pub fn named(name: &str) -> UserProfile {
        UserProfile {
            name: name.to_owned(),
            admin: false,
            marked: false,
            startmuted: false,
            music_when_empty: false,
            music_class: String::new(),
            quiet: false,
            announce_count: false,
            announce_count_all: None,
            announce_only_user: true,
            wait_marked: false,
            end_marked: false,
            end_marked_any: false,
            drop_silence: false,
            talking_threshold: 160,
            silence_threshold_ms: 2_500,
            talk_events: false,
            pin: String::new(),
            dtmf_passthrough: false,
            announcement: String::new(),
            timeout_secs: 0,
            answer: true,
            hear_own_join: true,
            announce_name: false,
            review_name: false,
        }
    }

    /// Sets an option.
    ///
    /// # Errors
    /// It is not obeyed as written.
    pub fn set(&mut self, option: &str, value: &str) -> Result<(), NotSet> {
        match option {
            "admin" => self.admin = truth(value)?,
            "marked" => self.marked = truth(value)?,
            "startmuted" => self.startmuted = truth(value)?,
            "music_on_hold_when_empty" => self.music_when_empty = truth(value)?,
            "music_on_hold_class" => self.music_class = value.to_owned(),
            "quiet" => self.quiet = truth(value)?,
            "announce_user_count" => self.announce_count = truth(value)?,
            "announce_user_count_all" => {
                self.announce_count_all = match truth(value) {
                    Ok(on) if value.trim() != "1" && value.trim() != "0" => on.then_some(0),
                    _ => Some(number(value)?),
                }
            }
            "announce_only_user" => self.announce_only_user = truth(value)?,
            "wait_marked" => self.wait_marked = truth(value)?,
            "end_marked" => self.end_marked = truth(value)?,
            "end_marked_any" => self.end_marked_any = truth(value)?,
            "dsp_drop_silence" => self.drop_silence = truth(value)?,
            "dsp_talking_threshold" => self.talking_threshold = positive(value)?,
            "dsp_silence_threshold" => self.silence_threshold_ms = positive(value)?,
            "talk_detection_events" => self.talk_events = truth(value)?,
            "pin" => self.pin = value.trim().to_owned(),
            "dtmf_passthrough" => self.dtmf_passthrough = truth(value)?,
            "announcement" => self.announcement = value.to_owned(),
            "timeout" => self.timeout_secs = number(value)?,
            "answer_channel" => self.answer = truth(value)?,
            "hear_own_join_sound" => self.hear_own_join = truth(value)?,
            "announce_join_leave" => self.announce_name = truth(value)?,
            "announce_join_leave_review" => self.review_name = truth(value)?,
            "jitterbuffer" if truth(value)? => {}
            "jitterbuffer" => return Err(NotSet::Later("every party has a jitter buffer")),
            "denoise" | "send_events" | "echo_events" | "text_messaging" => {
                if truth(value)? {
                    return Err(NotSet::Later("as if it were no"));
                }
            }
            other => return Err(unknown(other, OPTIONS)),
        }
        Ok(())
    }

    /// Its options as `confbridge show profile user` tells them.
    pub fn shown(&self) -> Vec<(&'static str, String)> {
        let yes = |on: bool| if on { "true" } else { "false" }.to_owned();
        vec![
            ("Name", self.name.clone()),
            ("Admin", yes(self.admin)),
            ("Marked User", yes(self.marked)),
            ("Start Muted", yes(self.startmuted)),
            ("MOH When Empty", if self.music_when_empty { "enabled" } else { "disabled" }.to_owned()),
            ("MOH Class", if self.music_class.is_empty() { "default" } else { &self.music_class }.to_owned()),
            ("Quiet", if self.quiet { "enabled" } else { "disabled" }.to_owned()),
            ("Wait Marked", yes(self.wait_marked)),
            ("END Marked", yes(self.end_marked)),
            ("END Marked (Any)", yes(self.end_marked_any)),
            ("Drop_silence", yes(self.drop_silence)),
            ("Silence Threshold", format!("{}ms", self.silence_threshold_ms)),
            ("Talking Threshold", self.talking_threshold.to_string()),
            ("Talk Detect Events", yes(self.talk_events)),
            ("PIN", if self.pin.is_empty() { "None" } else { &self.pin }.to_owned()),
            ("DTMF Pass Through", yes(self.dtmf_passthrough)),
            ("Announce User Count", yes(self.announce_count)),
            ("Announce User Count all", yes(self.announce_count_all.is_some())),
            ("Announce Only User", yes(self.announce_only_user)),
            ("Announce join/leave", yes(self.announce_name)),
            ("Announce j/l review", yes(self.review_name)),
            ("Hear own join sound", yes(self.hear_own_join)),
            ("Announcement", self.announcement.clone()),
            ("Timeout", self.timeout_secs.to_string()),
            ("Answer Channel", yes(self.answer)),
        ]
    }
}

fn positive(value: &str) -> Result<u32, NotSet> {
    match number(value)? {
        0 => Err(NotSet::Value("it must be 1 or more".to_owned())),
        more => Ok(more),
    }
}
