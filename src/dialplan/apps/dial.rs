//! `Dial(destinations[,timeout[^progress]][,options][,url])`, every letter typed.

use super::super::arguments::{Letter, letters, nth, split};
use super::super::expr::leading_integer;
use std::time::Duration;

/// One call out to one or several destinations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dial {
    /// Whom to call; empty destinations are left out.
    pub targets: Vec<Target>,
    /// How long to wait for the answer; `None`: for ever.
    pub timeout: Option<Duration>,
    /// How long to wait for the first sign of life (ringing, progress, media).
    pub progress_timeout: Option<Duration>,
    /// The options.
    pub options: DialOptions,
    /// `url`, sent to channels that show one; PJSIP channels do not.
    pub url: Option<String>,
}

/// One destination: `PJSIP/100`, `Local/100@from-internal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Before the first `/`.
    pub technology: String,
    /// After it.
    pub resource: String,
}

/// A place to go to: `context^exten^priority`, the left parts optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jump {
    /// The context; `None`: the current one.
    pub context: Option<String>,
    /// The extension; `None`: the current one (`s` for a subroutine).
    pub exten: Option<String>,
    /// Priority number or label.
    pub priority: String,
    /// `(a^b)`: arguments of a subroutine.
    pub arguments: Vec<String>,
}

/// The two sides of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// The called side (the small letter).
    pub called: bool,
    /// The calling side (the capital).
    pub caller: bool,
}

/// `L(ms[:warn[:repeat]])`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The longest the call may last.
    pub most: Duration,
    /// When to warn, before the end.
    pub warn: Option<Duration>,
    /// How often to warn again.
    pub repeat: Option<Duration>,
}

/// `D(called:calling:progress:mfprogress:mfwink:sfprogress:sfwink)`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digits {
    /// To the called side after its answer.
    pub called: String,
    /// To the calling side after the answer.
    pub calling: String,
    /// To the called side on progress.
    pub progress: String,
    /// MF and SF digits, which have no meaning on a PJSIP channel.
    pub others: Vec<String>,
}

/// The options, by what they mean; in parentheses the letter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DialOptions {
    /// Files played after the answer to the called and the calling side (`A`).
    pub announce: Option<(String, String)>,
    /// The caller is answered at once when the callee answers (`a`).
    pub answer_at_once: bool,
    /// Subroutine on each new channel before it is called (`b`).
    pub predial_called: Option<Jump>,
    /// Subroutine on the caller before anything is called (`B`).
    pub predial_caller: Option<Jump>,
    /// Call records begin anew (`C`).
    pub reset_cdr: bool,
    /// Cancelled legs hear "answered elsewhere" (`c`).
    pub cancel_elsewhere: bool,
    /// The caller may leave by dialling one digit (`d`).
    pub digit_exits: bool,
    /// DTMF to send (`D`).
    pub digits: Option<Digits>,
    /// MF digits are echoed (`E`).
    pub echo_mf: bool,
    /// The `h` extension runs for the called side too (`e`).
    pub hangup_exten_for_called: bool,
    /// Where the callee goes when the caller hangs up; `Some(None)`: the next priority (`F`).
    pub called_continues: Option<Option<Jump>>,
    /// Caller id on forwarded calls; `Some(None)`: the dialled extension's (`f`).
    pub forwarded_caller_id: Option<Option<String>>,
    /// After the answer the caller goes there, the callee to the next priority (`G`).
    pub split_to: Option<Jump>,
    /// The dialplan goes on after the callee hangs up (`g`).
    pub goes_on: bool,
    /// May hang up by DTMF (`h`, `H`).
    pub disconnect: Sides,
    /// Forwarding (302) is not followed (`i`).
    pub ignore_forwarding: bool,
    /// Updates of connected line and redirecting are ignored (`I`).
    pub ignore_connected_line: bool,
    /// The callee is offered the caller's first stream topology (`j`).
    pub first_topology: bool,
    /// May park the call by DTMF (`k`, `K`).
    pub park: Sides,
    /// Longest duration (`L`).
    pub limit: Option<Limit>,
    /// Music instead of ringing, of this class (`m`).
    pub music: Option<String>,
    /// No introduction is recorded, or the database of it is `n(delete)` (`n`).
    pub screen_no_intro: Option<String>,
    /// No screening if the caller id is known (`N`).
    pub screen_no_caller_id: bool,
    /// The caller id of forwarded calls stays the caller's, or is this (`o`).
    pub original_caller_id: Option<Option<String>>,
    /// Operator services mode (`O`).
    pub operator: Option<String>,
    /// Screening (`p`).
    pub screening: bool,
    /// Privacy, with this database (`P`).
    pub privacy: Option<String>,
    /// Cause for those who lose the race; `Some(None)`: none (`Q`).
    pub losers_cause: Option<Option<u8>>,
    /// Ringing to the caller at once, with this tone (`r`).
    pub ringing: Option<String>,
    /// Ringing until early media comes (`R`).
    pub ringing_until_media: bool,
    /// Seconds after the answer at which the call ends (`S`).
    pub stop_after: Option<Duration>,
    /// Tag of the caller id sent (`s`).
    pub caller_id_tag: Option<String>,
    /// May transfer by DTMF (`t`, `T`).
    pub transfer: Sides,
    /// Presentation of the caller id sent (`u`).
    pub presentation: Option<String>,
    /// Subroutine on the called channel before the bridge (`U`).
    pub subroutine: Option<Jump>,
    /// One-touch Monitor: accepted, and without effect, as in Asterisk 21 and later (`w`, `W`).
    pub monitor: Sides,
    /// One-touch MixMonitor by DTMF (`x`, `X`).
    pub mix_monitor: Sides,
    /// A forward cancels the timeout (`z`).
    pub forward_cancels_timeout: bool,
}

impl DialOptions {
    /// Sides whose DTMF must be listened to: what keeps their media here unless they send digits in SIP INFO. Parking
    /// and recording count only where `features.conf` gives them a code.
    pub fn listens(&self, park_code: bool, record_code: bool) -> Sides {
        let called = self.disconnect.called
            || self.transfer.called
            || (park_code && self.park.called)
            || (record_code && self.mix_monitor.called);
        let caller = self.disconnect.caller
            || self.transfer.caller
            || (park_code && self.park.caller)
            || (record_code && self.mix_monitor.caller);
        Sides { called, caller }
    }
}

/// Letters `Dial` knows, in the order of Asterisk's documentation.
pub const LETTERS: &str = "AabBCcdDEeFfGghHiIjkKLmnNoOpPQrRsStTuUwWxXz";

/// Letters that mean nothing without an argument in parentheses.
pub const NEED_ARGUMENT: &str = "AbBDGLOQSUsu";

impl Dial {
    /// Reads the expanded arguments. The second value names what could not be read, and was left out.
    pub fn parse(arguments: &str) -> (Dial, Vec<String>) {
        let parts = split(arguments, ',', 4);
        let mut faults = Vec::new();
        let targets = nth(&parts, 0).split('&').map(str::trim).filter(|target| !target.is_empty());
        let mut dial = Dial::default();
        for target in targets {
            match target.split_once('/') {
                Some((technology, resource)) => {
                    dial.targets.push(Target { technology: technology.into(), resource: resource.into() });
                }
                None => faults.push(format!("destination '{target}' is not of the form TECHNOLOGY/resource")),
            }
        }
        let (timeout, progress) = nth(&parts, 1).split_once('^').unwrap_or((nth(&parts, 1), ""));
        dial.timeout = seconds(timeout, "timeout", &mut faults);
        dial.progress_timeout = seconds(progress, "progress timeout", &mut faults);
        dial.options = DialOptions::parse(nth(&parts, 2), &mut faults);
        dial.url = parts.get(3).filter(|url| !url.is_empty()).cloned();
        (dial, faults)
    }
}

fn seconds(text: &str, what: &str, faults: &mut Vec<String>) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match text.parse::<f64>().map(|secs| Duration::try_from_secs_f64(secs.min(1e9))) {
        Ok(Ok(wait)) => Some(wait).filter(|wait| !wait.is_zero()),
        _ => {
            faults.push(format!("{what} '{text}' is no number of seconds; none is set"));
            None
        }
    }
}

impl DialOptions {
    /// Reads option letters; unknown ones, and arguments that cannot be read, are named in `faults`.
    pub fn parse(text: &str, faults: &mut Vec<String>) -> DialOptions {
        let list = letters(text).unwrap_or_else(|read| {
            faults
                .push(format!("a parenthesis of the options '{text}' is not closed; they are read up to it"));
            read
        });
        let mut options = DialOptions::default();
        for letter in list {
            options.take(letter, faults);
        }
        options
    }

    /// Takes one letter.
    pub(super) fn take(&mut self, Letter { letter, argument, .. }: Letter, faults: &mut Vec<String>) {
        if argument.is_none() && NEED_ARGUMENT.contains(letter) {
            faults.push(format!("option {letter} needs an argument in parentheses"));
        } else if !(self.set_flag(letter) || self.set_value(letter, argument.unwrap_or_default(), faults)) {
            faults.push(format!("there is no option {letter}"));
        }
    }

    fn set_flag(&mut self, letter: char) -> bool {
        let flag = match letter {
            'a' => &mut self.answer_at_once,
            'C' => &mut self.reset_cdr,
            'c' => &mut self.cancel_elsewhere,
            'd' => &mut self.digit_exits,
            'E' => &mut self.echo_mf,
            'e' => &mut self.hangup_exten_for_called,
            'g' => &mut self.goes_on,
            'h' => &mut self.disconnect.called,
            'H' => &mut self.disconnect.caller,
            'i' => &mut self.ignore_forwarding,
            'I' => &mut self.ignore_connected_line,
            'j' => &mut self.first_topology,
            'k' => &mut self.park.called,
            'K' => &mut self.park.caller,
            'N' => &mut self.screen_no_caller_id,
            'p' => &mut self.screening,
            'R' => &mut self.ringing_until_media,
            't' => &mut self.transfer.called,
            'T' => &mut self.transfer.caller,
            'w' => &mut self.monitor.called,
            'W' => &mut self.monitor.caller,
            'x' => &mut self.mix_monitor.called,
            'X' => &mut self.mix_monitor.caller,
            'z' => &mut self.forward_cancels_timeout,
            _ => return false,
        };
        *flag = true;
        true
    }

    fn set_value(&mut self, letter: char, argument: String, faults: &mut Vec<String>) -> bool {
        let given = || Some(argument.clone()).filter(|text| !text.is_empty());
        match letter {
            'A' => {
                let (called, caller) = argument.split_once(':').unwrap_or((&argument, ""));
                self.announce = Some((called.to_owned(), caller.to_owned()));
            }
            'b' => self.predial_called = Some(Jump::parse(&argument)),
            'B' => self.predial_caller = Some(Jump::parse(&argument)),
            'D' => self.digits = Some(digits(&argument)),
            'F' => self.called_continues = Some(given().map(|text| Jump::parse(&text))),
            'f' => self.forwarded_caller_id = Some(given()),
            'G' => self.split_to = Some(Jump::parse(&argument)),
            'L' => self.limit = limit(&argument, faults),
            'm' => self.music = Some(argument),
            'n' => self.screen_no_intro = Some(argument),
            'o' => self.original_caller_id = Some(given()),
            'O' => self.operator = Some(argument),
            'P' => self.privacy = Some(argument),
            'Q' => self.losers_cause = Some(losers_cause(&argument, faults)),
            'r' => self.ringing = Some(argument),
            's' => self.caller_id_tag = Some(argument),
            'S' => self.stop_after = seconds(&argument, "option S", faults),
            'u' => self.presentation = Some(argument),
            'U' => self.subroutine = Some(subroutine(&argument)),
            _ => return false,
        }
        true
    }
}

fn digits(argument: &str) -> Digits {
    let mut parts = argument.split(':').map(str::to_owned);
    let mut next = || parts.next().unwrap_or_default();
    let (called, calling, progress) = (next(), next(), next());
    Digits { called, calling, progress, others: parts.collect() }
}

fn limit(argument: &str, faults: &mut Vec<String>) -> Option<Limit> {
    let mut parts =
        argument.split(':').map(|text| leading_integer(text).and_then(|ms| u64::try_from(ms).ok()));
    let mut next = || parts.next().flatten().filter(|ms| *ms > 0).map(Duration::from_millis);
    match next() {
        Some(most) => Some(Limit { most, warn: next(), repeat: next() }),
        None => {
            faults.push(format!(
                "option L({argument}) gives no duration in milliseconds; the call is not limited"
            ));
            None
        }
    }
}

/// `U(context[^a^b])`: extension `s`, priority 1 of that context.
fn subroutine(argument: &str) -> Jump {
    let mut parts = argument.split('^').map(str::to_owned);
    let context = parts.next().filter(|context| !context.is_empty());
    Jump { context, exten: Some("s".into()), priority: "1".into(), arguments: parts.collect() }
}

fn losers_cause(argument: &str, faults: &mut Vec<String>) -> Option<u8> {
    if argument == "0" || argument.eq_ignore_ascii_case("NONE") {
        return None;
    }
    let cause = super::cause::parse(argument);
    if cause.is_none() {
        faults.push(format!("option Q({argument}) names no hangup cause; none is sent"));
    }
    cause
}

impl Jump {
    /// Reads `[[context^]exten^]priority[(a^b)]`.
    pub fn parse(text: &str) -> Jump {
        let (place, arguments) = match text.split_once('(') {
            Some((place, rest)) => (place, rest.strip_suffix(')').unwrap_or(rest)),
            None => (text, ""),
        };
        let mut parts: Vec<&str> = place.split('^').collect();
        let priority = parts.pop().unwrap_or_default().to_owned();
        let named = |text: Option<&str>| text.map(str::to_owned).filter(|text| !text.is_empty());
        let exten = named(parts.pop());
        let context = named(parts.pop());
        let arguments = arguments.split('^').filter(|_| !arguments.is_empty()).map(str::to_owned).collect();
        Jump { context, exten, priority, arguments }
    }
}

/// What the subroutine of option `U` wants, from its variable `GOSUB_RESULT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GosubResult {
    /// Nothing set, or nothing known: bridge.
    Bridge,
    /// `ABORT`: both legs are hung up.
    Abort,
    /// `CONGESTION`: the caller hears congestion.
    Congestion,
    /// `BUSY`: the caller hears busy.
    Busy,
    /// `CONTINUE`: the callee is hung up, the caller goes on.
    Continue,
    /// `GOTO:[[context^]exten^]priority`: the caller goes there.
    Goto(Jump),
}

impl GosubResult {
    /// Reads the variable.
    pub fn parse(text: &str) -> GosubResult {
        match text.to_ascii_uppercase().as_str() {
            "ABORT" => GosubResult::Abort,
            "CONGESTION" => GosubResult::Congestion,
            "BUSY" => GosubResult::Busy,
            "CONTINUE" => GosubResult::Continue,
            upper if upper.starts_with("GOTO:") => GosubResult::Goto(Jump::parse(&text["GOTO:".len()..])),
            _ => GosubResult::Bridge,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> DialOptions {
        let mut faults = Vec::new();
        let options = DialOptions::parse(text, &mut faults);
        assert_eq!(faults, Vec::<String>::new(), "{text}");
        options
    }

    #[test]
    fn destinations_timeouts_and_options_are_taken_apart() {
        let (dial, faults) =
            Dial::parse("PJSIP/100&PJSIP/gw/sip:1@10.0.0.1:5060&&Local/5@x/n,30.5^4,tTm(jazz),http://a/,b");
        assert_eq!(faults, Vec::<String>::new());
        let targets: Vec<_> =
            dial.targets.iter().map(|t| (t.technology.as_str(), t.resource.as_str())).collect();
        assert_eq!(targets, [("PJSIP", "100"), ("PJSIP", "gw/sip:1@10.0.0.1:5060"), ("Local", "5@x/n")]);
        assert_eq!(dial.timeout, Some(Duration::from_millis(30_500)));
        assert_eq!(dial.progress_timeout, Some(Duration::from_secs(4)));
        assert_eq!(dial.options.transfer, Sides { called: true, caller: true });
        assert_eq!(dial.options.music.as_deref(), Some("jazz"));
        assert_eq!(dial.url.as_deref(), Some("http://a/,b"));
        assert_eq!(Dial::parse("").0, Dial::default());
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_is_dialled() {
        let (dial, faults) = Dial::parse("PJSIP/1&alice,soon,tqL(x)S");
        assert_eq!(dial.targets.len(), 1);
        assert_eq!(dial.timeout, None);
        assert!(dial.options.transfer.called);
        assert_eq!(faults.len(), 5, "{faults:?}");
    }

    /// Each letter changes the options, and no letter stands unexplained.
    #[test]
    fn every_letter_is_known() {
        for letter in LETTERS.chars() {
            let argument = match letter {
                'L' => "(60000:10000:5000)",
                'Q' => "(17)",
                'S' => "(60)",
                letter if NEED_ARGUMENT.contains(letter) => "(a^b^1)",
                _ => "",
            };
            let text = format!("{letter}{argument}");
            assert_ne!(options(&text), DialOptions::default(), "{text}");
        }
        for letter in ('A'..='z').filter(|c| c.is_ascii_alphabetic() && !LETTERS.contains(*c)) {
            let mut faults = Vec::new();
            DialOptions::parse(&letter.to_string(), &mut faults);
            assert_eq!(faults.len(), 1, "{letter}");
        }
    }

    #[test]
    fn letters_with_arguments_mean_what_they_say() {
        let o = options(
            "A(hello:wait)b(hdr^addheader^1(x^y))B(s)D(1:2:3:4)F(c^e^2)G(in^_X.^lab)L(60000:10000:5000)",
        );
        assert_eq!(o.announce, Some(("hello".into(), "wait".into())));
        let predial = o.predial_called.expect("given");
        assert_eq!(
            (predial.context.as_deref(), predial.exten.as_deref(), predial.priority.as_str()),
            (Some("hdr"), Some("addheader"), "1")
        );
        assert_eq!(predial.arguments, ["x", "y"]);
        assert_eq!(o.predial_caller, Some(Jump { priority: "s".into(), ..Jump::default() }));
        assert_eq!(
            o.digits,
            Some(Digits {
                called: "1".into(),
                calling: "2".into(),
                progress: "3".into(),
                others: vec!["4".into()]
            })
        );
        assert_eq!(o.called_continues.flatten().expect("given").priority, "2");
        assert_eq!(o.split_to.expect("given").exten.as_deref(), Some("_X."));
        let limit = o.limit.expect("given");
        assert_eq!(
            (limit.most.as_secs(), limit.warn.map(|d| d.as_secs()), limit.repeat.map(|d| d.as_secs())),
            (60, Some(10), Some(5))
        );

        let o = options("FfmorQ(NONE)S(1.5)s(tag)u(prohib)U(sub)n(1)P(db)O(2)");
        assert_eq!(o.called_continues, Some(None));
        assert_eq!((o.forwarded_caller_id, o.original_caller_id), (Some(None), Some(None)));
        assert_eq!((o.music.as_deref(), o.ringing.as_deref()), (Some(""), Some("")));
        assert_eq!(o.losers_cause, Some(None));
        assert_eq!(o.stop_after, Some(Duration::from_millis(1500)));
        let subroutine = options("U(answered^a^b)").subroutine.expect("given");
        assert_eq!((subroutine.context.as_deref(), subroutine.arguments.len()), (Some("answered"), 2));
        assert_eq!(options("Q(USER_BUSY)").losers_cause, Some(Some(17)));
    }

    #[test]
    fn the_subroutine_of_u_says_what_becomes_of_the_call() {
        let place = GosubResult::Goto(Jump {
            context: Some("in".into()),
            exten: Some("5".into()),
            priority: "1".into(),
            arguments: Vec::new(),
        });
        for (text, result) in [
            ("", GosubResult::Bridge),
            ("abort", GosubResult::Abort),
            ("BUSY", GosubResult::Busy),
            ("GOTO:in^5^1", place),
        ] {
            assert_eq!(GosubResult::parse(text), result, "{text}");
        }
    }

    #[test]
    fn only_what_needs_digits_listens_for_them() {
        assert_eq!(options("gmrL(1000)wW").listens(true, true), Sides::default());
        assert_eq!(options("tH").listens(false, false), Sides { called: true, caller: true });
        assert_eq!(options("kX").listens(false, false), Sides::default());
        assert_eq!(options("kX").listens(true, true), Sides { called: true, caller: true });
    }
}
