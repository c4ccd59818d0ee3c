//! Parking: a call waits in a lot, at a space with a number, until somebody takes it or its time is over.
//!
//! ```text
//! Park(), parkcall's code, a blind transfer to parkext ─► space, music ─┬─ ParkedCall() ─► talks to who took it
//!                                                                       ├─ parkingtime ──► called back (`unparked`)
//!                                                                       └─ hangs up
//! ```

use super::channel::{Channel, ChannelId, Doing, Party};
use super::channel_fields::setting;
use super::service::What;
use crate::base::time::{Moment, Now};
use crate::bridge::{Feature, Over, SoundId};
use crate::config::services::ParkingLot;
use crate::dialplan::arguments::letters;
use crate::dialplan::pattern::Mode;
use crate::dialplan::plan::{Hit, Wanted};
use crate::dialplan::sound::{SoundAction, Unanswered};
use crate::dialplan::{Outcome, Place, Query};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const PARKING: &str = "res_parking.c";

/// The spaces of a lot that are taken.
#[derive(Debug, Default)]
pub(super) struct Lot {
    pub parked: BTreeMap<u32, ChannelId>,
    /// The space taken last.
    last: u32,
}

/// A parked channel.
#[derive(Debug)]
pub(super) struct Parked {
    pub lot: String,
    pub space: u32,
    /// When its time is over; `None`: never.
    pub until: Option<Moment>,
    /// `PJSIP/200` of who parked it.
    pub parker: Option<String>,
    /// `c`: where it goes then.
    pub comeback: Option<Place>,
    /// The space is being said to it.
    pub saying: Option<SoundId>,
    /// `r`: it hears ringing instead of music.
    rings: bool,
}

/// Options of `Park`.
#[derive(Debug, Default)]
pub(super) struct ParkOptions {
    rings: bool,
    random: bool,
    silent: bool,
    comeback: Option<Place>,
    time: Option<Duration>,
    /// Space wanted: `PARKINGEXTEN`.
    space: Option<u32>,
}

impl ParkOptions {
    fn parse(text: &str, here: &Place) -> (ParkOptions, Vec<String>) {
        let (mut options, mut faults) = (ParkOptions::default(), Vec::new());
        for option in letters(text).unwrap_or_else(|read| read) {
            let argument = option.argument.unwrap_or_default();
            match option.letter {
                'r' => options.rings = true,
                'R' => options.random = true,
                's' => options.silent = true,
                't' => match argument.trim().parse() {
                    Ok(secs) => options.time = Some(Duration::from_secs(secs)),
                    Err(_) => faults.push(format!("t({argument}) is no number of seconds")),
                },
                'c' => {
                    let parts: Vec<&str> = argument.split(',').map(str::trim).collect();
                    let (context, exten, priority) = match parts[..] {
                        [priority] => (&*here.context, &*here.exten, priority),
                        [exten, priority] => (&*here.context, exten, priority),
                        [context, exten, priority, ..] => (context, exten, priority),
                        [] => continue,
                    };
                    match priority.parse() {
                        Ok(priority) => options.comeback = Some(Place::new(context, exten, priority)),
                        Err(_) => faults.push(format!("c({argument}) names no priority by its number")),
                    }
                }
                other => faults.push(format!("there is no option {other}")),
            }
        }
        (options, faults)
    }
}

/// The files that say a space.
pub(super) fn spoken(space: u32) -> Vec<String> {
    space.to_string().chars().map(|digit| format!("digits/{digit}")).collect()
}

impl Switch {
    /// The lot a channel parks into: `PARKINGLOT`, `CHANNEL(parkinglot)`, `default`.
    pub(super) fn lot_of(&self, id: ChannelId, named: &str) -> Result<&ParkingLot, String> {
        let channel = self.calls.channels.get(&id);
        let variable = channel.and_then(|channel| channel.variables().value("PARKINGLOT"));
        let setting = channel.map(|channel| setting(channel, "parkinglot", "")).unwrap_or_default();
        let name = [named, variable.unwrap_or_default(), &setting, "default"];
        let name = name.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        self.services
            .parking
            .get(name)
            .ok_or_else(|| format!("there is no parking lot '{name}' in res_parking.conf"))
    }

    /// `Park`, `ParkAndAnnounce`, `ParkedCall`.
    pub(super) fn park_application(
        &mut self,
        now: Now,
        id: ChannelId,
        (application, arguments): (&str, &str),
        out: &mut Actions,
    ) -> Option<Outcome> {
        match application {
            "Park" => self.do_park(now, id, arguments, None, out),
            "ParkAndAnnounce" => {
                let parts: Vec<&str> = arguments.splitn(4, ',').collect();
                let part = |at: usize| parts.get(at).map_or("", |part| part.trim());
                let announcement = (part(2).to_owned(), part(3).to_owned());
                let arguments = format!("{},{}", part(0), part(1));
                self.do_park(now, id, &arguments, Some(announcement), out)
            }
            _ => self.do_retrieve(now, id, arguments, out),
        }
    }

    fn do_park(
        &mut self,
        now: Now,
        id: ChannelId,
        arguments: &str,
        announcement: Option<(String, String)>,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let channel = self.calls.channels.get(&id)?;
        let here = channel.place()?;
        let (lot, options) = arguments.split_once(',').unwrap_or((arguments, ""));
        let (options, faults) = ParkOptions::parse(options, &here);
        // Who was transferred to a lot was parked by who transferred it.
        let transferred = channel.variables().value("BLINDTRANSFER").map(str::to_owned);
        let silent = options.silent || transferred.is_some() || announcement.is_some();
        let parker = transferred.unwrap_or_else(|| channel.name.to_string());
        let name = channel.name.clone();
        for fault in faults {
            self.ears.log(out, Level::Warning, PARKING, || format!("{name}: Park: {fault}"));
        }
        self.answer_channel(now, id, None, out);
        match self.park(now, id, (lot.trim(), options), Some(device_of(&parker)), out) {
            Ok(space) => {
                if let Some((template, dial)) = announcement {
                    self.announce_space(now, space, (&template, &dial), out);
                }
                if !silent {
                    self.say_space(id, space, out);
                }
                None
            }
            Err(why) => {
                self.ears.log(out, Level::Warning, PARKING, || format!("{name} is not parked: {why}"));
                let files = vec!["pbx-parkingfailed".to_owned()];
                self.do_sound(now, id, SoundAction::Playback { files, unanswered: Unanswered::Early }, out)
            }
        }
    }

    /// Parks a channel that is in no bridge.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn park(
        &mut self,
        now: Now,
        id: ChannelId,
        (lot, options): (&str, ParkOptions),
        parker: Option<String>,
        out: &mut Actions,
    ) -> Result<u32, String> {
        let wanted = self.calls.channels.get(&id).and_then(|channel| {
            channel.variables().value("PARKINGEXTEN").and_then(|space| space.trim().parse().ok())
        });
        let conf = self.lot_of(id, lot)?.clone();
        let draw = options.random.then(|| self.rng.next_u64());
        let taken = self.calls.lots.entry(conf.name.clone()).or_default();
        let space = taken
            .choose(&conf, options.space.or(wanted), draw)
            .ok_or_else(|| format!("all spaces of lot {} are taken", conf.name))?;
        taken.parked.insert(space, id);
        taken.last = space;
        let time = match options.time {
            Some(time) => Some(time).filter(|time| !time.is_zero()),
            None => conf.time,
        };
        let until = time.map(|time| now.at + time);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return Err("it is gone".into()) };
        let name = channel.name.clone();
        channel.doing = Doing::Parked(Box::new(Parked {
            lot: conf.name.clone(),
            space,
            until,
            parker,
            comeback: options.comeback,
            saying: None,
            rings: options.rings,
        }));
        channel.needs_media(Feature::Parking);
        self.calls.touched.insert(id);
        self.decided(id, || format!("{name} is parked in {} at {space}", conf.name));
        self.ears.log(out, Level::Verbose, PARKING, || {
            let lot = &conf.name;
            match time {
                Some(time) => {
                    format!("Parking '{name}' in '{lot}' at space {space}, for {} seconds", time.as_secs())
                }
                None => format!("Parking '{name}' in '{lot}' at space {space}"),
            }
        });
        self.wait_in_lot(id, out);
        self.space_shows(&conf, space);
        Ok(space)
    }

    /// What a parked channel hears: music, or ringing.
    fn wait_in_lot(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(Doing::Parked(parked)) = self.calls.channels.get(&id).map(|channel| &channel.doing) else {
            return;
        };
        let class = self.services.parking.get(&parked.lot).map(|lot| lot.music.clone()).unwrap_or_default();
        if parked.rings {
            return self.play_tone(id, "ring", out);
        }
        if let (Some(music), Some(phone)) = (self.music(id, &class), self.media_of(id)) {
            self.play_behind(phone, music, out);
        }
    }

    /// A channel takes the space of a parked one, and its dialplan if it has one: it waits on there.
    pub(super) fn take_space(&mut self, of: ChannelId, id: ChannelId, out: &mut Actions) {
        let Some(parked) = self.calls.channels.get_mut(&of).filter(|channel| channel.parked().is_some())
        else {
            return;
        };
        let (mut doing, program) = (std::mem::take(&mut parked.doing), parked.program.take());
        parked.needs_media_no_more(Feature::Parking);
        let phone = self.media_of(of).unwrap_or(of);
        self.hush(phone, out);
        if let Doing::Parked(parked) = &mut doing {
            if let Some(sound) = parked.saying.take() {
                self.stop_sound(of, sound, out);
            }
            if let Some(taken) = self.calls.lots.get_mut(&parked.lot) {
                taken.parked.insert(parked.space, id);
            }
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        (channel.doing, channel.program, channel.is_kept) = (doing, program, true);
        channel.needs_media(Feature::Parking);
        self.calls.touched.insert(id);
        self.wait_in_lot(id, out);
    }

    /// Says its space to a parked channel, before the music.
    fn say_space(&mut self, id: ChannelId, space: u32, out: &mut Actions) {
        self.hush(id, out);
        let source = self.prompts(id, &spoken(space), None);
        let sound = self.play(id, source, Over::Replaces, out);
        if let Some(Doing::Parked(parked)) =
            self.calls.channels.get_mut(&id).map(|channel| &mut channel.doing)
        {
            parked.saying = Some(sound);
        }
    }

    /// The space was said: the music begins.
    pub(super) fn space_said(&mut self, id: ChannelId, sound: SoundId, out: &mut Actions) {
        if let Some(Doing::Parked(parked)) =
            self.calls.channels.get_mut(&id).map(|channel| &mut channel.doing)
            && parked.saying.take_if(|saying| *saying == sound).is_some()
        {
            self.wait_in_lot(id, out);
        }
    }

    /// `parkcall` by code, or a blind transfer to an extension that parks: the partner is parked, and who parked it hears
    /// the space and is hung up.
    pub(super) fn park_partner(&mut self, now: Now, id: ChannelId, lot: &str, out: &mut Actions) {
        let Some(other) = self.partner(id) else { return };
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let (name, parker) = (channel.name.clone(), device_of(&channel.name));
        let space = match self.lot_of(id, lot) {
            Ok(conf) if !self.is_full(conf) => Ok(conf.name.clone()),
            Ok(conf) => Err(format!("all spaces of lot {} are taken", conf.name)),
            Err(why) => Err(why),
        };
        let parked = space.and_then(|lot| {
            self.detach(now, other, out);
            self.park(now, other, (&lot, ParkOptions::default()), Some(parker), out)
        });
        match parked {
            Ok(space) => {
                let told = Party { number: space.to_string(), name: "Parked".to_owned(), ..Party::default() };
                self.connect_line(now, id, told, out);
                self.begin_service(id, What::LastWords);
                self.play_for_service(id, &spoken(space), out);
            }
            Err(why) => {
                self.ears.log(out, Level::Warning, PARKING, || format!("{name} parks nobody: {why}"));
                self.chime(id, "pbx-parkingfailed", out);
            }
        }
    }

    fn is_full(&self, conf: &ParkingLot) -> bool {
        let taken = self.calls.lots.get(&conf.name);
        taken.is_some_and(|taken| taken.choose(conf, None, None).is_none())
    }

    /// The lot into which an extension parks who calls it.
    pub(super) fn parks_into(&self, now: Now, place: &Place, caller: &str) -> Option<String> {
        let query = Query { context: &place.context, exten: &place.exten, caller, now: now.wall };
        let hit = self.calls.plan.look(query, Mode::Match, Wanted::Priority(1), &mut |text| text.to_owned());
        match hit {
            Ok(Hit::Line { priority, .. }) if priority.known.is_some_and(|app| app.name == "Park") => {
                Some(priority.arguments.split(',').next().unwrap_or_default().trim().to_owned())
            }
            _ => None,
        }
    }
}

impl Lot {
    /// A free space: the one wanted, one drawn, the next one, or the first.
    fn choose(&self, conf: &ParkingLot, wanted: Option<u32>, draw: Option<u64>) -> Option<u32> {
        let free = |space: &u32| !self.parked.contains_key(space);
        if let Some(space) = wanted.filter(|space| conf.has(*space) && free(space)) {
            return Some(space);
        }
        let (first, last) = conf.spaces;
        let count = last - first + 1;
        let begin = match draw {
            Some(draw) => first + u32::try_from(draw % u64::from(count)).unwrap_or(0),
            None if conf.next && conf.has(self.last) => self.last + 1,
            None => first,
        };
        (begin..=last).chain(first..begin.min(last + 1)).find(free)
    }
}

/// `PJSIP/200` of `PJSIP/200-00000001`.
pub(super) fn device_of(channel: &str) -> String {
    channel.rsplit_once('-').map_or(channel, |(device, _)| device).to_owned()
}

impl Channel {
    /// Where it is parked.
    pub fn parked(&self) -> Option<&Parked> {
        match &self.doing {
            Doing::Parked(parked) => Some(parked),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_park_are_read() {
        let here = Place::new("in", "700", 1);
        let (options, faults) = ParkOptions::parse("rRst(20)c(back,s,1)", &here);
        assert!(faults.is_empty() && options.rings && options.random && options.silent);
        assert_eq!(options.time, Some(Duration::from_secs(20)));
        assert_eq!(options.comeback, Some(Place::new("back", "s", 1)));
        let (options, faults) = ParkOptions::parse("c(5)t(x)q", &here);
        assert_eq!((options.comeback, faults.len()), (Some(Place::new("in", "700", 5)), 2));
    }
}
