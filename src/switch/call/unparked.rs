//! Parked calls that leave their space: taken by somebody, given back to who parked them, hung up; and how lots are shown.

use super::channel::{ChannelId, Doing, Side};
use super::originate::Origin;
use super::park::{PARKING, Parked};
use crate::base::device::DeviceState;
use crate::base::time::Now;
use crate::bridge::Feature;
use crate::config::services::{ParkingLot, Services};
use crate::dialplan::apps::dial::DialOptions;
use crate::dialplan::plan::Added;
use crate::dialplan::sound::{SoundAction, Unanswered};
use crate::dialplan::{Match, Outcome, Place, Program, Query, apps};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::{Level, Reply};
use std::fmt::Write;

impl Switch {
    /// Frees the space of a channel that leaves it, whatever comes next.
    pub(super) fn unpark(&mut self, id: ChannelId, out: &mut Actions) -> Option<Parked> {
        let channel = self.calls.channels.get_mut(&id)?;
        if !matches!(channel.doing, Doing::Parked(_)) {
            return None;
        }
        let Doing::Parked(parked) = std::mem::take(&mut channel.doing) else { return None };
        channel.needs_media_no_more(Feature::Parking);
        if let Some(taken) = self.calls.lots.get_mut(&parked.lot) {
            taken.parked.remove(&parked.space);
        }
        if let Some(sound) = parked.saying {
            self.stop_sound(id, sound, out);
        }
        self.hush(id, out);
        if let Some(conf) = self.services.parking.get(&parked.lot).cloned() {
            self.space_shows(&conf, parked.space);
        }
        self.calls.touched.insert(id);
        Some(*parked)
    }

    /// `ParkedCall`: takes a parked call; without a space the one parked longest at the lowest.
    pub(super) fn do_retrieve(
        &mut self,
        now: Now,
        id: ChannelId,
        arguments: &str,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let (lot, space) = arguments.split_once(',').unwrap_or((arguments, ""));
        let name = self.calls.channels.get(&id)?.name.clone();
        let conf = self.lot_of(id, lot.trim()).cloned();
        let found = conf.and_then(|conf| {
            let taken = self.calls.lots.get(&conf.name);
            let parked = match space.trim() {
                "" => taken.and_then(|taken| taken.parked.first_key_value()).map(|(_, id)| *id),
                space => {
                    let number = space.parse::<u32>().ok().filter(|space| conf.has(*space));
                    let number = number.ok_or_else(|| format!("lot {} has no space {space}", conf.name))?;
                    taken.and_then(|taken| taken.parked.get(&number)).copied()
                }
            };
            match parked {
                Some(parked) => Ok((conf, parked)),
                None => Err(format!("nobody is parked there in lot {}", conf.name)),
            }
        });
        self.answer_channel(now, id, None, out);
        let (conf, parked) = match found {
            Ok(found) => found,
            Err(why) => {
                self.ears.log(out, Level::Notice, PARKING, || format!("{name} gets no parked call: {why}"));
                let files = vec!["pbx-invalidpark".to_owned()];
                return self.do_sound(
                    now,
                    id,
                    SoundAction::Playback { files, unanswered: Unanswered::Early },
                    out,
                );
            }
        };
        self.retrieve(now, (id, parked), &conf, out);
        None
    }

    fn retrieve(
        &mut self,
        now: Now,
        (id, parked): (ChannelId, ChannelId),
        conf: &ParkingLot,
        out: &mut Actions,
    ) {
        let space = self.unpark(parked, out).map(|parked| parked.space).unwrap_or_default();
        for leg in [id, parked] {
            if let Some(channel) = self.calls.channels.get_mut(&leg) {
                channel.doing = Doing::Bridged;
                channel.is_kept = false;
                if let Side::Called(side) = &mut channel.side {
                    *side = None;
                }
            }
        }
        let names = [id, parked].map(|leg| self.calls.channels.get(&leg).map(|channel| channel.name.clone()));
        if let [Some(by), Some(parked)] = names {
            self.decided(id, || format!("{by} takes {parked} from space {space}"));
            self.ears.log(out, Level::Verbose, PARKING, || {
                format!("{by} takes parked call {parked} from space {space} of lot {}", conf.name)
            });
        }
        let mut options = DialOptions::default();
        let sides =
            [&mut options.transfer, &mut options.park, &mut options.disconnect, &mut options.mix_monitor];
        for (sides, who) in sides.into_iter().zip(conf.letters) {
            (sides.caller, sides.called) = (who.caller, who.callee);
        }
        self.bridge_up(now, [id, parked], (options, Some("res_parking.conf".into())), out);
        self.introduce_each_other(now, [id, parked], out);
        for (leg, hears) in [(id, conf.courtesy_to.caller), (parked, conf.courtesy_to.callee)] {
            if hears {
                self.chime(leg, &conf.courtesy, out);
            }
        }
    }

    /// Nobody took a parked call in time: it is given back.
    pub(super) fn parking_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let due = |parked: &Parked| parked.until.is_some_and(|until| until <= now.at);
        if !self.calls.channels.get(&id).and_then(|channel| channel.parked()).is_some_and(due) {
            return;
        }
        let Some(parked) = self.unpark(id, out) else { return };
        let Some(conf) = self.services.parking.get(&parked.lot).cloned() else {
            return self.hang_up(now, id, 16, out);
        };
        let parker = parked.parker.unwrap_or_default();
        let flat = parker.replace('/', "_");
        let (space, name) = (parked.space.to_string(), self.calls.channels.get(&id).map(|c| c.name.clone()));
        let told = [
            ("PARKING_SPACE", &*space),
            ("PARKINGSLOT", &space),
            ("PARKEDLOT", &conf.name),
            ("PARKER", &parker),
            ("PARKER_FLAT", &flat),
        ];
        self.set_variables(id, told, out);
        let name = name.unwrap_or_default();
        self.ears.log(out, Level::Verbose, PARKING, || {
            format!("{name}: its time at space {space} of lot {} is over", conf.name)
        });
        if let Some(place) = parked.comeback {
            return self.send_to(now, id, place, out);
        }
        if conf.to_origin && parker.starts_with("PJSIP/") {
            return self.give_back(id, (&parker, &flat), &conf);
        }
        let exists = |exten: &str| {
            let query = Query { context: &conf.comeback, exten, caller: "", now: now.wall };
            self.calls.plan.find(query) == Match::Found
        };
        match [&*flat, "s"].into_iter().find(|exten| !exten.is_empty() && exists(exten)) {
            Some(exten) => self.send_to(now, id, Place::new(&conf.comeback, exten, 1), out),
            None => {
                self.ears.log(out, Level::Warning, PARKING, || {
                    format!("{name} is hung up: context {} has neither {flat} nor s", conf.comeback)
                });
                self.hang_up(now, id, 16, out);
            }
        }
    }

    /// Calls who parked it: `Dial` in the context `park-dial`, as in Asterisk.
    fn give_back(&mut self, id: ChannelId, (parker, flat): (&str, &str), conf: &ParkingLot) {
        let letters = ['t', 'k', 'h', 'x'].into_iter().zip(conf.letters).flat_map(|(letter, who)| {
            let called = who.caller.then_some(letter);
            called.into_iter().chain(who.callee.then_some(letter.to_ascii_uppercase()))
        });
        let dial = format!("{parker},{},{}", conf.dial_time.as_secs(), letters.collect::<String>());
        let app = apps::find("Dial").expect("Dial is in the table of applications");
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let variables = match &mut channel.program {
            Some(program) => program.take_variables(),
            None => std::mem::take(&mut channel.variables),
        };
        let mut program = Program::application(Place::new("park-dial", flat, 1), app, dial);
        program.inherit(variables);
        channel.program = Some(program);
        channel.is_kept = true;
        if let Side::Called(side) = &mut channel.side {
            *side = None;
        }
        self.calls.work.push_back(super::Work::Run(id));
        self.calls.touched.insert(id);
    }

    /// `ParkAndAnnounce`: calls somebody and says the space; `PARKED` in the template is it.
    pub(super) fn announce_space(
        &mut self,
        now: Now,
        space: u32,
        (template, dial): (&str, &str),
        out: &mut Actions,
    ) {
        let files = template.split(':').map(str::trim).filter(|file| !file.is_empty());
        let files: Vec<String> = files
            .flat_map(|file| match file {
                "PARKED" => super::park::spoken(space),
                file => vec![file.to_owned()],
            })
            .collect();
        let Some((technology, resource)) = dial.split_once('/') else {
            self.ears
                .log(out, Level::Warning, PARKING, || format!("ParkAndAnnounce: '{dial}' cannot be dialled"));
            return;
        };
        match self.place_leg(now, None, (technology, resource), out) {
            Ok(leg) => self.set_origin(leg, Origin::plays(now, files.join("&"))),
            Err((_, why)) => {
                self.ears.log(out, Level::Warning, PARKING, || format!("ParkAndAnnounce: {dial}: {why}"));
            }
        }
    }

    /// A space is taken or free: lamps that watch it are told.
    pub(super) fn space_shows(&mut self, conf: &ParkingLot, space: u32) {
        for of in [&conf.name, &conf.context] {
            self.lamps.touch(&format!("park:{space}@{of}"));
        }
    }

    /// `park:701@parkedcalls`, or with the lot's name.
    pub(in crate::switch) fn state_of_space(&self, name: &str) -> DeviceState {
        let (space, of) = name.split_once('@').unwrap_or((name, "default"));
        let Ok(space) = space.parse::<u32>() else { return DeviceState::Invalid };
        let mut lots = self.services.parking.values().filter(|lot| lot.name == of || lot.context == of);
        match lots.find(|lot| lot.has(space)) {
            None => DeviceState::Invalid,
            Some(lot) => {
                let taken = self.calls.lots.get(&lot.name);
                match taken.is_some_and(|taken| taken.parked.contains_key(&space)) {
                    true => DeviceState::InUse,
                    false => DeviceState::NotInUse,
                }
            }
        }
    }

    /// `parking show [lot]`
    pub(in crate::switch) fn show_parking(&self, name: Option<&str>) -> Reply {
        let lots = &self.services.parking;
        let Some(name) = name else {
            let mut text =
                String::from("Parking General Options\n-----------------------\nDynamic Parking     :  no\n");
            lots.values().for_each(|lot| text.push_str(&format!("\n{}", lot_text(lot))));
            return Reply::Done(text.trim_end().to_owned());
        };
        let Some(lot) = lots.get(name) else {
            return Reply::Refused(format!("Could not find parking lot '{name}'"));
        };
        let mut text = lot_text(lot);
        text.push_str("\nParked Calls\n------------\n");
        let parked = self.calls.lots.get(name).into_iter().flat_map(|taken| &taken.parked);
        let parked = parked.filter_map(|(space, id)| Some((space, self.calls.channels.get(id)?)));
        let mut none = true;
        for (space, channel) in parked {
            none = false;
            let parker = channel.parked().and_then(|parked| parked.parker.as_deref()).unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "  Space               :  {space}\n  Channel             :  {}\n  Parker Dial String  :  {parker}\n",
                channel.name
            );
        }
        if none {
            text.push_str("  (none)\n");
        }
        Reply::Done(text.trim_end().to_owned())
    }
}

fn lot_text(lot: &ParkingLot) -> String {
    let rule = "-".repeat(86);
    let (first, last) = lot.spaces;
    let unused = if lot.to_origin { " (comebacktoorigin=yes, not used)" } else { "" };
    let music = if lot.music.is_empty() { "default" } else { &lot.music };
    format!(
        "Parking Lot: {}\n{rule}\nParking Extension   :  {}\nParking Context     :  {}\nParking Spaces      :  {first}-{last}\n\
         Parking Time        :  {} sec\nComeback to Origin  :  {}\nComeback Context    :  {}{unused}\n\
         Comeback Dial Time  :  {} sec\nMusicOnHold Class   :  {music}\nEnabled             :  yes\nDynamic             :  no\n",
        lot.name,
        lot.exten,
        lot.context,
        lot.time.map_or(0, |time| time.as_secs()),
        if lot.to_origin { "yes" } else { "no" },
        lot.comeback,
        lot.dial_time.as_secs(),
    )
}

/// The extensions that parking lots bring: `parkext` parks, each space gives its call back.
pub(super) fn extensions(services: &Services) -> Vec<Added> {
    let mut added = Vec::new();
    for lot in services.parking.values() {
        let mut add = |exten: String, application, arguments| {
            added.push(Added { context: lot.context.clone(), exten, application, arguments });
        };
        if !lot.exten.is_empty() {
            let arguments = if lot.exclusive { lot.name.clone() } else { String::new() };
            add(lot.exten.clone(), Some("Park"), arguments);
        }
        for space in lot.spaces.0..=lot.spaces.1 {
            add(space.to_string(), Some("ParkedCall"), format!("{},{space}", lot.name));
            if lot.hints {
                add(space.to_string(), None, format!("park:{space}@{}", lot.context));
            }
        }
    }
    added
}
