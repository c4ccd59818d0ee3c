//! Applications that make sound or take it: their arguments.

use super::super::action::Action;
use super::super::arguments::{letters, nth, split};
use super::super::scope::Scope;
use super::super::sound::{MixMonitor, Read, RecordCall, SoundAction, Unanswered, number_files};
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
        "Record" => match record(scope, &parts) {
            Ok(call) => SoundAction::Record(Box::new(call)),
            Err(why) => return Flow::failed(app, why),
        },
        "MixMonitor" => match mix_monitor(scope, text) {
            Ok(order) => SoundAction::MixMonitor(Box::new(order)),
            Err(why) => return Flow::failed(app, why),
        },
        "Monitor" => SoundAction::MixMonitor(Box::new(monitor(scope, &parts))),
        "StopMixMonitor" | "StopMonitor" => SoundAction::StopMonitor {
            id: nth(&parts, 0).trim().to_owned(),
            is_monitor: app.name == "StopMonitor",
        },
        "SayDigits" | "SayAlpha" | "SayPhonetic" => say(app, nth(&parts, 0)),
        "SayNumber" => match nth(&parts, 0).trim().parse::<i64>().map(number_files) {
            Ok(files) if !files.is_empty() => SoundAction::Playback { files, unanswered: Unanswered::Early },
            _ => {
                scope.warn(&format!("SayNumber({text}): that is no number below a thousand millions"));
                return Flow::Next;
            }
        },
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

/// Digits and letters as the files of Asterisk's sound packages are named.
fn say(app: &App, text: &str) -> SoundAction {
    let phonetic = app.name == "SayPhonetic";
    let files = text.chars().filter_map(|c| match c.to_ascii_lowercase() {
        digit @ '0'..='9' => Some(format!("digits/{digit}")),
        '#' => Some("digits/pound".to_owned()),
        '*' => Some("digits/star".to_owned()),
        '-' => Some("digits/minus".to_owned()),
        letter @ 'a'..='z' if phonetic => Some(format!("phonetic/{letter}_p")),
        letter @ 'a'..='z' if app.name == "SayAlpha" => Some(format!("letters/{letter}")),
        _ => None,
    });
    SoundAction::Playback { files: files.collect(), unanswered: Unanswered::Early }
}

fn record(scope: &mut Scope<'_>, parts: &[String]) -> Result<RecordCall, String> {
    let named = nth(parts, 0).trim();
    // `file:gsm` is the old way to name the format.
    let file = if named.contains('.') { named.to_owned() } else { named.replacen(':', ".", 1) };
    if !file.contains('.') {
        return Err("the file must be named with its format: file.wav".to_owned());
    }
    let file = file.replace("%d", &format!("{:x}", scope.host.random() & 0xff_ffff));
    let secs = |at: usize| {
        let secs = nth(parts, at).trim().parse::<u64>().ok().filter(|secs| *secs > 0);
        secs.map(|secs| Duration::from_secs(secs.min(86_400)))
    };
    let mut call = RecordCall {
        file,
        silence: secs(1),
        most: secs(2),
        append: false,
        keep: false,
        unanswered: Unanswered::Answer,
        operator: false,
        quiet: false,
        terminators: "#".to_owned(),
    };
    for option in nth(parts, 3).chars() {
        match option {
            'a' => call.append = true,
            'k' => call.keep = true,
            'n' => call.unanswered = Unanswered::Early,
            'o' => call.operator = true,
            'q' => call.quiet = true,
            's' => call.unanswered = Unanswered::Skip,
            't' => call.terminators = "*".to_owned(),
            'x' => call.terminators.clear(),
            'y' => call.terminators = "0123456789*#ABCD".to_owned(),
            // What was recorded is kept as it is: nothing is cut off its end.
            'u' => {}
            other => scope.warn(&format!("Record: there is no option {other}")),
        }
    }
    Ok(call)
}

fn mix_monitor(scope: &mut Scope<'_>, text: &str) -> Result<MixMonitor, String> {
    let parts = split(text, ',', 3);
    let mut order = MixMonitor { file: nth(&parts, 0).trim().to_owned(), ..MixMonitor::default() };
    let step = |argument: &Option<String>| {
        argument
            .as_deref()
            .and_then(|text| text.trim().parse::<i32>().ok())
            .map_or(0, |step| step.clamp(-4, 4))
    };
    for option in letters(nth(&parts, 1)).unwrap_or_else(|read| read) {
        match option.letter {
            'a' => order.append = true,
            'b' => order.only_bridged = true,
            'B' => {
                let secs =
                    option.argument.as_deref().and_then(|text| text.trim().parse().ok()).unwrap_or(15u64);
                order.beep = Some(Duration::from_secs(secs.max(1)));
            }
            'p' => order.beep = order.beep.or(Some(Duration::ZERO)),
            'D' => order.stereo = true,
            'r' => order.heard = option.argument.clone(),
            't' => order.said = option.argument.clone(),
            'v' => order.volumes.0 = step(&option.argument),
            'V' => order.volumes.1 = step(&option.argument),
            'W' => order.volumes = (step(&option.argument), step(&option.argument)),
            'i' => order.id_variable = option.argument.clone(),
            other => scope.warn(&format!("MixMonitor: option {other} is not obeyed by this version")),
        }
    }
    if order.file.is_empty() && order.heard.is_none() && order.said.is_none() {
        return Err("there is no file to record to".to_owned());
    }
    let command = nth(&parts, 2).trim();
    // `^{X}` is expanded when the recording begins.
    order.command = (!command.is_empty()).then(|| scope.expand(&command.replace("^{", "${")));
    Ok(order)
}

/// Two files, `base-in` and `base-out`, or one with both (`m`).
fn monitor(scope: &mut Scope<'_>, parts: &[String]) -> MixMonitor {
    let format = match nth(parts, 0).split(':').next().unwrap_or_default().trim() {
        "" => "wav",
        format => format,
    };
    let base = match nth(parts, 1).trim() {
        "" => scope.host.builtin("UNIQUEID").unwrap_or_else(|| "monitor".to_owned()),
        base => base.to_owned(),
    };
    let mut order = MixMonitor { is_monitor: true, ..MixMonitor::default() };
    let mut mixed = false;
    for option in letters(nth(parts, 2)).unwrap_or_else(|read| read) {
        match option.letter {
            'm' => mixed = true,
            'b' => order.only_bridged = true,
            'B' => order.beep = Some(Duration::from_secs(15)),
            other => scope.warn(&format!("Monitor: option {other} is not obeyed by this version")),
        }
    }
    if mixed {
        order.file = format!("{base}.{format}");
    } else {
        order.heard = Some(format!("{base}-in.{format}"));
        order.said = Some(format!("{base}-out.{format}"));
    }
    order
}
