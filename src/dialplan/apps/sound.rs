//! Applications that make sound or take it: their arguments.

use super::super::action::Action;
use super::super::arguments::{letters, nth, split};
use super::super::scope::Scope;
use super::super::sound::{Read, SoundAction, Unanswered};
use super::App;
use super::flow::Flow;
use std::time::Duration;

/// The action of an application with its expanded arguments.
pub(super) fn perform(scope: &mut Scope<'_>, app: &'static App, text: &str) -> Flow {
    let parts = split(text, ',', 8);
    let class = || nth(&parts, 0).to_owned();
    let action = match app.name {
        "Playback" => playback(scope, app, &parts),
        "BackGround" => background(scope, app, &parts),
        "Read" => match read(scope, app, &parts) {
            Ok(read) => SoundAction::Read(Box::new(read)),
            Err(why) => return Flow::failed(app, why),
        },
        "MusicOnHold" => SoundAction::Music { class: class(), most: seconds(scope, app, nth(&parts, 1)) },
        "StartMusicOnHold" => SoundAction::StartMusic { class: class() },
        "Milliwatt" => SoundAction::Tone { tones: "1004".to_owned() },
        _ => SoundAction::StopMusic,
    };
    Flow::Do(Action::Sound(Box::new(action)))
}

/// `a&b&c`
fn files(text: &str) -> Vec<String> {
    text.split('&').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn seconds(scope: &mut Scope<'_>, app: &App, text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match text.parse::<f64>().map(|secs| Duration::try_from_secs_f64(secs.clamp(0.0, 1e9))) {
        Ok(Ok(time)) => Some(time),
        _ => {
            scope.warn(&format!("{}: '{text}' is no number of seconds", app.name));
            None
        }
    }
}

/// Options that are words: `skip,noanswer,say,mix`.
fn playback(scope: &mut Scope<'_>, app: &App, parts: &[String]) -> SoundAction {
    let mut unanswered = Unanswered::Answer;
    for option in parts.iter().skip(1).flat_map(|part| part.split([',', '|'])).filter(|word| !word.is_empty())
    {
        match option.trim() {
            "skip" => unanswered = Unanswered::Skip,
            "noanswer" => unanswered = Unanswered::Early,
            other => scope.warn(&format!("{}: option '{other}' is not obeyed by this version", app.name)),
        }
    }
    SoundAction::Playback { files: files(nth(parts, 0)), unanswered }
}

fn background(scope: &mut Scope<'_>, app: &App, parts: &[String]) -> SoundAction {
    let (mut unanswered, mut single) = (Unanswered::Answer, false);
    match nth(parts, 1).trim() {
        "skip" => unanswered = Unanswered::Skip,
        "noanswer" => unanswered = Unanswered::Early,
        options => {
            for option in options.chars() {
                match option {
                    's' => unanswered = Unanswered::Skip,
                    'n' => unanswered = Unanswered::Early,
                    'm' => single = true,
                    other => {
                        scope.warn(&format!("{}: option {other} is not obeyed by this version", app.name));
                    }
                }
            }
        }
    }
    if !nth(parts, 3).is_empty() {
        scope.warn(
            "BackGround: the context is not obeyed by this version; digits are looked up in the current one",
        );
    }
    let language = Some(nth(parts, 2).to_owned()).filter(|language| !language.is_empty());
    // With `m`, only a digit that is an extension by itself interrupts.
    let only = single
        .then(|| "0123456789*#ABCD".chars().filter(|digit| scope.has_exten(&digit.to_string())).collect());
    SoundAction::Background { files: files(nth(parts, 0)), unanswered, language, only }
}

fn read(scope: &mut Scope<'_>, app: &App, parts: &[String]) -> Result<Read, String> {
    let variable = nth(parts, 0).trim();
    if variable.is_empty() {
        return Err("there is no variable to read into".to_owned());
    }
    let mut read = Read {
        variable: variable.to_owned(),
        files: files(nth(parts, 1)),
        tone: false,
        most: match nth(parts, 2).trim().parse::<usize>() {
            Ok(most) if (1..=255).contains(&most) => most,
            _ => 255,
        },
        unanswered: Unanswered::Answer,
        terminators: "#".to_owned(),
        keep_terminator: false,
        attempts: nth(parts, 4).trim().parse().ok().filter(|attempts| *attempts > 0).unwrap_or(1),
        timeout: seconds(scope, app, nth(parts, 5)).filter(|time| !time.is_zero()),
    };
    for option in letters(nth(parts, 3)).unwrap_or_else(|read| read) {
        match option.letter {
            's' => read.unanswered = Unanswered::Skip,
            'n' => read.unanswered = Unanswered::Early,
            'i' => read.tone = true,
            't' => read.terminators = option.argument.unwrap_or_default(),
            'e' => read.keep_terminator = true,
            other => scope.warn(&format!("Read: there is no option {other}")),
        }
    }
    Ok(read)
}
