//! `ChanSpy`, `ExtenSpy`: a channel hears another one, whispers to it, or barges in.
//!
//! ```text
//! ChanSpy ─ next ─► target found ─► its media comes in (S4-116), the spy's leg taps it
//!             ▲  └► none yet: looked for again      │ digits: next, louder, whisper, barge, out
//!             └──────── target gone ◄───────────────┘
//! ```

mod keys;

use super::channel::{Channel, ChannelId, Doing};
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::bridge::{Feature, PortId, Record, RecordPlace, Sides, SoundId, SoundOrder, Spy, Use};
use crate::dialplan::Outcome;
use crate::dialplan::arguments::{nth, split};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

const APP: &str = "app_chanspy.c";
/// How often somebody to be heard is looked for while there is nobody.
const LOOK: Duration = Duration::from_millis(500);
/// Letters that are known and not obeyed.
pub(in crate::switch::call) const UNDONE: &[&str] = &["D", "e", "l", "n", "N", "u"];

/// A channel in `ChanSpy`.
#[derive(Debug)]
pub(in crate::switch::call) struct Spying {
    of: Whom,
    options: Options,
    mode: Mode,
    pub target: Option<ChannelId>,
    /// The last one heard: the next one follows it.
    last: Option<ChannelId>,
    /// What it taps, and whose phone hears it: not ordered again when nothing changed.
    ordered: Option<(ChannelId, Spy)>,
    /// Where its media use is written down.
    used: Option<ChannelId>,
    recording: Option<SoundId>,
    pub look: Option<Moment>,
    typed: String,
    place: Option<Name>,
}

/// Who may be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Whom {
    /// Channels whose name begins so; empty: all.
    Prefix(String),
    /// Channels whose dialplan is in this extension.
    Exten(String, String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Listen,
    Whisper,
    Barge,
}

#[derive(Clone, Debug, Default)]
struct Options {
    bridged: bool,
    quiet: bool,
    /// `s`: the technology is not said.
    untyped: bool,
    one_way: bool,
    modes_by_digit: bool,
    ends_with_target: bool,
    stops_when_none: bool,
    private: bool,
    exits_to_extension: bool,
    groups: Vec<String>,
    volume: i32,
    cycle: char,
    exit: Option<char>,
    record: Option<String>,
}

impl Switch {
    /// `ChanSpy([prefix][,options])`, `ExtenSpy(exten[@context][,options])`
    pub(in crate::switch::call) fn chan_spy(
        &mut self,
        now: Now,
        id: ChannelId,
        (application, arguments): (&str, &str),
        out: &mut Actions,
    ) -> Option<Outcome> {
        let parts = split(arguments, ',', 2);
        let channel = self.calls.channels.get(&id)?;
        let (name, here) = (channel.name.clone(), channel.place());
        if self.calls.spies.len() >= limits::SPIES {
            self.ears.log(out, Level::Error, APP, || {
                format!("{name}: {application}: too many channels listen in")
            });
            return Some(Outcome::Done);
        }
        let target = nth(&parts, 0).trim();
        let of = match application {
            "ExtenSpy" => {
                let own = here.as_ref().map_or("", |here| &here.context);
                let (exten, context) = target.split_once('@').unwrap_or((target, own));
                Whom::Exten(exten.to_owned(), context.to_owned())
            }
            _ => Whom::Prefix(if target == "all" { "" } else { target }.to_owned()),
        };
        let (options, mode) = self.spy_options(&name, nth(&parts, 1), out);
        self.transfer_progress(now, id, 200, out);
        self.answer_channel(now, id, None, out);
        self.hush(id, out);
        let place = here.map(|at| format!("{}@{}:{}", at.exten, at.context, at.priority).into());
        self.calls.spies.push(id);
        let channel = self.calls.channels.get_mut(&id)?;
        channel.doing = Doing::Spying;
        channel.spying = Some(Box::new(Spying {
            of,
            options,
            mode,
            target: None,
            last: None,
            ordered: None,
            used: None,
            recording: None,
            look: None,
            typed: String::new(),
            place,
        }));
        self.record_spied(id, out);
        self.spy_on_next(now, id, out);
        None
    }

    /// `r(name)`: what the spy hears is recorded.
    fn record_spied(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(spying) = self.spying_mut(id) else { return };
        let Some(base) = spying.options.record.clone() else { return };
        let sound = SoundId(self.calls.next_sound);
        self.calls.next_sound += 1;
        if let Some(spying) = self.spying_mut(id) {
            spying.recording = Some(sound);
        }
        let record = Record {
            path: format!("{base}.{}.sln", sound.0).as_str().into(),
            place: RecordPlace::Monitor,
            sides: Sides::Said,
            append: false,
            only_bridged: false,
            silence: None,
            most: None,
            beep: None,
            volumes: (0, 0),
            then: None,
            lost_unended: false,
        };
        self.order_sound(id, SoundOrder::Record { id: sound, record: Box::new(record) }, out);
    }

    fn spying(&self, id: ChannelId) -> Option<&Spying> {
        self.calls.channels.get(&id)?.spying.as_deref()
    }

    fn spying_mut(&mut self, id: ChannelId) -> Option<&mut Spying> {
        self.calls.channels.get_mut(&id)?.spying.as_deref_mut()
    }

    /// Whether a spy may hear a channel.
    fn may_be_spied(&self, id: ChannelId, spying: &Spying, channel: &Channel) -> bool {
        let fits = match &spying.of {
            Whom::Prefix(prefix) => {
                channel.name.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
            }
            Whom::Exten(exten, context) => channel.program.as_ref().is_some_and(|program| {
                *program.place().exten == **exten && *program.place().context == **context
            }),
        };
        let grouped = || {
            let own = channel.variables().value("SPYGROUP").unwrap_or_default();
            own.split(':').any(|group| spying.options.groups.iter().any(|wanted| wanted == group.trim()))
        };
        let own = self.media_of(id);
        fits && channel.id != id
            && channel.is_up()
            && channel.spying.is_none()
            && self.media_of(channel.id).is_some_and(|phone| Some(phone) != own)
            && (!spying.options.bridged || channel.bridge.is_some() || channel.attending.is_some())
            && (spying.options.groups.is_empty() || grouped())
    }

    /// Listens in on the next channel, or waits for one.
    fn spy_on_next(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        self.untap(id, out);
        let Some(spying) = self.spying(id) else { return };
        let fit = self.calls.channels.values().filter(|channel| self.may_be_spied(id, spying, channel));
        // The one after the last, and round again.
        let mut fit: Vec<ChannelId> = fit.map(|channel| channel.id).collect();
        fit.sort_unstable();
        let later = fit.iter().find(|channel| spying.last.is_none_or(|last| **channel > last));
        let next = later.or(fit.first()).copied();
        let stops = spying.options.stops_when_none;
        self.calls.touched.insert(id);
        match next {
            Some(target) => self.spy_on(now, id, target, out),
            None if stops => self.end_spying(id, out),
            None => {
                if let Some(spying) = self.spying_mut(id) {
                    spying.look = Some(now.at + LOOK);
                }
            }
        }
    }

    fn spy_on(&mut self, now: Now, id: ChannelId, target: ChannelId, out: &mut Actions) {
        let phone = self.media_of(target).unwrap_or(target);
        let names =
            [id, target].map(|id| self.calls.channels.get(&id).map(|c| c.name.clone()).unwrap_or_default());
        let Some(spying) = self.spying_mut(id) else { return };
        (spying.target, spying.last, spying.used) = (Some(target), Some(target), Some(phone));
        // Somebody may come later whom an older media path keeps from being heard: it is looked again.
        spying.look = Some(now.at + LOOK);
        let (quiet, untyped) = (spying.options.quiet, spying.options.untyped);
        let place = spying.place.clone();
        let Some(channel) = self.calls.channels.get_mut(&phone) else { return };
        channel.uses.push(Use { feature: Feature::ChanSpy, place });
        if let Some(bridge) = channel.bridge {
            self.choose_later(bridge);
        }
        self.decided(phone, || format!("{} listens in on {}: its media comes here", names[0], names[1]));
        self.ears.log(out, Level::Verbose, APP, || format!("Spying on channel {}", names[1]));
        self.tap(id, out);
        if !quiet {
            let files = announced(&names[1], untyped);
            let said = self.prompts(id, &files, None);
            let sound = self.play(id, said, crate::bridge::Over::Mixed, out);
            if let Some(channel) = self.calls.channels.get_mut(&id) {
                // Not every sound package has a word for each technology.
                channel.sound.not_missed(sound);
            }
        }
    }

    /// Orders what a spy hears and whom it whispers to, where that changed.
    fn tap(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(spying) = self.spying(id) else { return };
        let Some(target) = spying.target.and_then(|target| self.media_of(target)) else { return };
        let Some(port) = self.calls.channels.get(&target).and_then(Channel::opened_port) else { return };
        let mut whispers: Vec<PortId> = Vec::new();
        if spying.mode != Mode::Listen {
            whispers.push(port);
        }
        if spying.mode == Mode::Barge {
            let partner = self.partner(target).and_then(|partner| self.media_of(partner));
            whispers.extend(partner.and_then(|partner| self.calls.channels.get(&partner)?.opened_port()));
        }
        let hears = match (spying.options.private && spying.mode == Mode::Whisper, spying.options.one_way) {
            (true, _) => None,
            (false, true) => Some(Sides::Heard),
            (false, false) => Some(Sides::Mixed),
        };
        let spy = Spy { target: port, hears, whispers, volume: spying.options.volume };
        // The spy's own phone; behind a Local channel it may not be there yet, or be another one by now.
        let Some(hearer) = self.media_of(id) else { return };
        let ordered = (hearer, spy);
        if spying.ordered.as_ref() == Some(&ordered) {
            return;
        }
        let before = self.spying_mut(id).and_then(|spying| spying.ordered.replace(ordered.clone()));
        if let Some((left, _)) = before.filter(|(left, _)| *left != hearer) {
            self.order_sound(left, SoundOrder::Spy(None), out);
        }
        self.order_sound(hearer, SoundOrder::Spy(Some(Box::new(ordered.1))), out);
    }

    /// A spy hears nobody any more; whom it heard has its media back.
    fn untap(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(spying) = self.spying_mut(id) else { return };
        let (used, place, tapped) = (spying.used.take(), spying.place.clone(), spying.ordered.take());
        (spying.target, spying.look) = (None, None);
        if let Some((hearer, _)) = tapped {
            self.order_sound(hearer, SoundOrder::Spy(None), out);
        }
        let Some(channel) = used.and_then(|used| self.calls.channels.get_mut(&used)) else { return };
        let ours = |used: &Use| used.feature == Feature::ChanSpy && used.place == place;
        if let Some(at) = channel.uses.iter().position(ours) {
            channel.uses.remove(at);
        }
        if let Some(bridge) = channel.bridge {
            self.choose_later(bridge);
        }
    }

    /// Somebody came into a bridge or left one: who listens in on them may have others to speak to.
    pub(in crate::switch::call) fn spies_follow(&mut self, out: &mut Actions) {
        for at in 0..self.calls.spies.len() {
            if let Some(spy) = self.calls.spies.get(at).copied() {
                self.tap(spy, out);
            }
        }
    }

    /// A channel is gone: those who listened in on it look for another one, or end.
    pub(in crate::switch::call) fn spied_gone(&mut self, now: Now, gone: ChannelId, out: &mut Actions) {
        for spy in self.calls.spies.clone() {
            let Some(spying) = self.spying(spy) else { continue };
            if spying.target != Some(gone) && spying.used != Some(gone) {
                continue;
            }
            match spying.options.ends_with_target {
                true => self.end_spying(spy, out),
                false => self.spy_on_next(now, spy, out),
            }
        }
    }

    /// Takes a channel out of `ChanSpy`. Its dialplan is not told.
    pub(in crate::switch::call) fn leave_spying(&mut self, id: ChannelId, out: &mut Actions) {
        self.untap(id, out);
        self.calls.spies.retain(|spy| *spy != id);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(spying) = channel.spying.take() else { return };
        if let Some(sound) = spying.recording {
            self.stop_sound(id, sound, out);
        }
    }

    fn end_spying(&mut self, id: ChannelId, out: &mut Actions) {
        self.leave_spying(id, out);
        self.resume(id, Outcome::Done);
    }

    /// It is time to look for somebody, or whether what is heard is still the right thing.
    pub(in crate::switch::call) fn spying_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(spying) = self.spying_mut(id) else { return };
        if spying.look.is_none_or(|look| look > now.at) {
            return;
        }
        spying.look = None;
        match spying.target {
            None => self.spy_on_next(now, id, out),
            Some(_) => {
                self.tap(id, out);
                if let Some(spying) = self.spying_mut(id).filter(|spying| spying.ordered.is_none()) {
                    spying.look = Some(now.at + LOOK);
                }
            }
        }
    }
}

/// What is said of a channel that is heard now: a beep, `spy-pjsip`, and the number its name begins with.
fn announced(channel: &str, untyped: bool) -> Vec<String> {
    let (technology, rest) = channel.split_once('/').unwrap_or(("", channel));
    let mut files = vec!["beep".to_owned()];
    if !untyped && !technology.is_empty() {
        files.push(format!("spy-{}", technology.to_ascii_lowercase()));
    }
    let digits = rest.chars().take_while(char::is_ascii_digit);
    files.extend(digits.take(limits::SPOKEN_DIGITS).map(|digit| format!("digits/{digit}")));
    files
}

impl Spying {
    fn copy(&self) -> Spying {
        Spying {
            of: self.of.clone(),
            options: self.options.clone(),
            mode: self.mode,
            target: None,
            last: None,
            ordered: None,
            used: None,
            recording: None,
            look: None,
            typed: String::new(),
            place: None,
        }
    }
}
