//! Menus: what a party of a conference does by digits.

use super::NotSet;

/// `type=menu`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Its name.
    pub name: String,
    /// Digits, and what they do, one after the other.
    pub entries: Vec<(String, Vec<MenuAction>)>,
}

/// One thing that digits do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MenuAction {
    /// `toggle_mute`
    ToggleMute,
    /// `no_op`
    NoOp,
    /// `increase_listening_volume` (1), `decrease_listening_volume` (-1), `reset_listening_volume` (0).
    Listening(i32),
    /// `increase_talking_volume` (1), `decrease_talking_volume` (-1), `reset_talking_volume` (0).
    Talking(i32),
    /// `playback(file&file)`
    Playback(Vec<String>),
    /// `playback_and_continue(file&file)`: further digits are looked for with those that began it.
    PlaybackAndContinue(Vec<String>),
    /// `dialplan_exec(context,extension,priority)`: there, and back again.
    DialplanExec {
        /// Context.
        context: String,
        /// Extension.
        exten: String,
        /// Priority.
        priority: i32,
    },
    /// `admin_toggle_conference_lock`
    ToggleLock,
    /// `admin_toggle_mute_participants`
    ToggleMuteParticipants,
    /// `participant_count`
    ParticipantCount,
    /// `admin_kick_last`
    KickLast,
    /// `leave_conference`
    Leave,
}

const WORDS: &[(&str, MenuAction)] = &[
    ("toggle_mute", MenuAction::ToggleMute),
    ("no_op", MenuAction::NoOp),
    ("increase_listening_volume", MenuAction::Listening(1)),
    ("decrease_listening_volume", MenuAction::Listening(-1)),
    ("reset_listening_volume", MenuAction::Listening(0)),
    ("increase_talking_volume", MenuAction::Talking(1)),
    ("decrease_talking_volume", MenuAction::Talking(-1)),
    ("reset_talking_volume", MenuAction::Talking(0)),
    ("admin_toggle_conference_lock", MenuAction::ToggleLock),
    ("admin_toggle_mute_participants", MenuAction::ToggleMuteParticipants),
    ("participant_count", MenuAction::ParticipantCount),
    ("admin_kick_last", MenuAction::KickLast),
    ("leave_conference", MenuAction::Leave),
];

impl Menu {
    /// Adds an entry, in place of one with the same digits.
    ///
    /// # Errors
    /// It is no entry: nothing is added.
    pub fn set(&mut self, digits: &str, actions: &str) -> Result<(), NotSet> {
        if digits.is_empty() || !digits.chars().all(|digit| "0123456789*#ABCDabcd".contains(digit)) {
            return Err(NotSet::Value(format!("'{digits}' are no digits")));
        }
        let actions = split(actions).map(MenuAction::parse).collect::<Result<Vec<_>, _>>()?;
        let digits = digits.to_ascii_uppercase();
        self.entries.retain(|(known, _)| *known != digits);
        self.entries.push((digits, actions));
        Ok(())
    }

    /// What digits do.
    pub fn entry(&self, digits: &str) -> Option<&[MenuAction]> {
        self.entries.iter().find(|(known, _)| known == digits).map(|(_, actions)| &actions[..])
    }

    /// Whether further digits could make an entry of these.
    pub fn begins(&self, digits: &str) -> bool {
        self.entries.iter().any(|(known, _)| known.len() > digits.len() && known.starts_with(digits))
    }
}

/// Cuts at commas outside parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0u32;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

impl MenuAction {
    fn parse(text: &str) -> Result<MenuAction, NotSet> {
        let text = text.trim();
        if let Some((_, action)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(action.clone());
        }
        let (name, arguments) = text.split_once('(').unwrap_or((text, ""));
        let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
        let files = || {
            arguments.split('&').map(|file| file.trim().to_owned()).filter(|file| !file.is_empty()).collect()
        };
        match name.trim() {
            "playback" => Ok(MenuAction::Playback(files())),
            "playback_and_continue" => Ok(MenuAction::PlaybackAndContinue(files())),
            "dialplan_exec" => {
                let parts: Vec<&str> = arguments.split(',').map(str::trim).collect();
                match parts[..] {
                    [context, exten, priority] => Ok(MenuAction::DialplanExec {
                        context: context.to_owned(),
                        exten: exten.to_owned(),
                        priority: priority
                            .parse()
                            .map_err(|_| NotSet::Value(format!("'{priority}' is no priority")))?,
                    }),
                    _ => {
                        Err(NotSet::Value("the form is dialplan_exec(context,extension,priority)".to_owned()))
                    }
                }
            }
            "set_as_single_video_src" | "release_as_single_video_src" => {
                Err(NotSet::Later("a conference has no video"))
            }
            "toggle_binaural" => Err(NotSet::Later("a conference is not binaural")),
            other => Err(NotSet::Value(format!("there is no action '{other}'"))),
        }
    }
}

impl std::fmt::Display for MenuAction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MenuAction::Playback(files) => write!(f, "playback({})", files.join("&")),
            MenuAction::PlaybackAndContinue(files) => write!(f, "playback_and_continue({})", files.join("&")),
            MenuAction::DialplanExec { context, exten, priority } => {
                write!(f, "dialplan_exec({context},{exten},{priority})")
            }
            plain => {
                let word = WORDS.iter().find(|(_, action)| action == plain).map_or("no_op", |(word, _)| word);
                f.write_str(word)
            }
        }
    }
}
