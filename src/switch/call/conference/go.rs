//! Leaving a conference: by menu, kicked, with the marked ones, when the time is over, by hangup.

use super::super::channel::{ChannelId, Doing};
use super::{APP, Stage};
use crate::base::time::Now;
use crate::dialplan::Outcome;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

impl Switch {
    /// Takes a channel out of its conference, whatever it does there, and what its going means for the others. It keeps
    /// no trace of it; its dialplan is not told.
    pub(in super::super) fn leave_conference(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(attending) = channel.attending.take() else { return };
        self.calls.touched.insert(id);
        self.page_no_more(now, &attending.paged, out);
        if let Some(sound) = attending.keys.playing {
            self.stop_sound(id, sound, out);
        }
        if attending.music {
            self.hush(id, out);
        }
        match attending.is_member() {
            true => self.part(now, id, attending, out),
            false => self.forget_name(id, &attending, out),
        }
    }

    /// A member goes.
    fn part(&mut self, now: Now, id: ChannelId, attending: Box<super::Attending>, out: &mut Actions) {
        let name = attending.conference.clone();
        self.record_without(id);
        if attending.seated.is_some() {
            self.stand_up(id, out);
        }
        if attending.volume != (0, 0) {
            self.add_volume(id, (-attending.volume.0, -attending.volume.1), out);
        }
        if attending.user.talk_events || attending.user.drop_silence {
            self.listen_to_talk(id, None, out);
        }
        let Some(conference) = self.calls.conferences.get_mut(&name) else { return };
        conference.members.retain(|member| *member != id);
        let (unique_id, profile) = (conference.unique_id.clone(), conference.profile.clone());
        let channel = self.calls.channels.get(&id).map(|channel| channel.name.clone()).unwrap_or_default();
        self.ears.log(out, Level::Verbose, "bridge_channel.c", || {
            format!("Channel {channel} left 'softmix' base-bridge <{unique_id}>")
        });
        if self.calls.conferences.get(&name).is_some_and(|conference| conference.members.is_empty()) {
            self.calls.conferences.remove(&name);
            return self.forget_name(id, &attending, out);
        }
        if !attending.user.quiet && attending.seated.is_some() {
            self.tell_all(&name, vec![profile.sound("leave").to_owned()], profile.names_sound("leave"), out);
            if let Some(file) = &attending.name_file {
                self.tell_name(&name, file, "has_left", out);
            }
        }
        self.forget_name(id, &attending, out);
        if attending.user.marked {
            self.end_with_marked(now, &name, out);
        }
        self.settle_conference(&name, out);
    }

    /// A marked party left: those go that came for one.
    fn end_with_marked(&mut self, now: Now, name: &str, out: &mut Actions) {
        let more = self.members(name).any(|(_, attending)| attending.user.marked);
        let going: Vec<ChannelId> = self
            .members(name)
            .filter(|(_, attending)| {
                let user = &attending.user;
                user.end_marked_any || (user.end_marked && !more && !user.marked)
            })
            .map(|(channel, _)| channel.id)
            .collect();
        // Their own going ends nobody again.
        for id in &going {
            if let Some(attending) = self.attending_mut(*id) {
                attending.user.marked = false;
            }
        }
        for id in going {
            let quiet = self.attending(id).is_none_or(|attending| attending.user.quiet);
            self.farewell(now, id, (!quiet).then_some("leader_has_left"), "ENDMARKED", out);
        }
    }

    /// A party does not stay: it hears why, then its dialplan goes on with that result.
    pub(in super::super) fn farewell(
        &mut self,
        now: Now,
        id: ChannelId,
        word: Option<&str>,
        result: &'static str,
        out: &mut Actions,
    ) {
        let Some(attending) = self.attending_mut(id) else { return };
        if let Stage::Leaving(_) = attending.stage {
            return;
        }
        let playing = attending.keys.playing.take();
        let was_away = attending.away;
        let member = attending.is_member();
        let before = member.then(|| {
            let Some(attending) = self.attending(id) else { unreachable!("it was there just now") };
            (attending.conference.clone(), attending.user.clone(), attending.bridge.clone())
        });
        if let Some(sound) = playing {
            self.stop_sound(id, sound, out);
        }
        if let Some((conference, user, bridge)) = before {
            self.leave_conference(now, id, out);
            // What it hears last belongs to nobody else.
            let stays = super::Attending {
                conference,
                user,
                bridge,
                menu: None,
                stage: Stage::Leaving(result),
                muted: false,
                seated: None,
                away: was_away,
                music: false,
                volume: (0, 0),
                until: None,
                keys: super::Keys::default(),
                name_file: None,
                paged: Vec::new(),
            };
            if let Some(channel) = self.calls.channels.get_mut(&id) {
                channel.attending = Some(Box::new(stays));
            }
        } else if let Some(attending) = self.attending_mut(id) {
            attending.stage = Stage::Leaving(result);
            attending.until = None;
        }
        let sound = word.filter(|_| !was_away).and_then(|word| self.say(id, word, out));
        match (sound, self.attending_mut(id)) {
            (Some(sound), Some(attending)) => attending.keys.playing = Some(sound),
            _ => self.end_attending(id, result),
        }
    }

    /// A party is out: its dialplan goes on.
    pub(super) fn end_attending(&mut self, id: ChannelId, result: &'static str) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.attending = None;
        // Who is elsewhere for a while comes back to an end.
        if let Doing::Conference = channel.doing {
            self.resume(id, Outcome::Status(result.into()));
        }
    }

    /// Its menu sent it elsewhere, and it is back.
    pub(in super::super) fn back_in_conference(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(attending) = self.attending_mut(id).filter(|attending| attending.is_member()) else {
            if let Some(channel) = self.calls.channels.get_mut(&id) {
                channel.attending = None;
            }
            return self.resume(id, Outcome::Status("KICKED".into()));
        };
        attending.away = false;
        let name = attending.conference.clone();
        self.settle_conference(&name, out);
        self.go_on_with_menu(now, id, out);
    }

    /// Something a party waits for is due.
    pub(in super::super) fn conference_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(attending) = self.attending_mut(id) else { return };
        if let Stage::Pin { until: Some(until), .. } = &attending.stage
            && *until <= now.at
        {
            self.pin_digit(now, id, None, out);
        }
        let Some(attending) = self.attending_mut(id) else { return };
        if let Stage::Naming(naming) = &attending.stage
            && naming.until().is_some_and(|until| until <= now.at)
        {
            self.naming_digit(now, id, None, out);
        }
        let Some(attending) = self.attending_mut(id) else { return };
        if attending.keys.until.is_some_and(|until| until <= now.at) {
            attending.keys.until = None;
            attending.keys.typed.clear();
        }
        if attending.until.is_some_and(|until| until <= now.at) {
            attending.until = None;
            self.ears.log(out, Level::Verbose, APP, || "A party's time in a conference is over".to_owned());
            self.farewell(now, id, None, "TIMEOUT", out);
        }
    }

    /// A channel takes the place of another one, in its conference as well.
    pub(in super::super) fn take_seat(&mut self, now: Now, of: ChannelId, id: ChannelId, out: &mut Actions) {
        let Some(mut attending) = self.calls.channels.get_mut(&of).and_then(|c| c.attending.take()) else {
            return;
        };
        if attending.seated.take().is_some() {
            self.stand_up(of, out);
        }
        if attending.music {
            self.hush(of, out);
            attending.music = false;
        }
        attending.keys = super::Keys::default();
        attending.volume = (0, 0);
        let name = attending.conference.clone();
        if let Some(conference) = self.calls.conferences.get_mut(&name) {
            for member in conference.members.iter_mut().filter(|member| **member == of) {
                *member = id;
            }
        }
        let leaving = match attending.stage {
            Stage::Leaving(result) => Some(result),
            _ => None,
        };
        let asks = matches!(attending.stage, Stage::Pin { .. });
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.attending = Some(attending);
        }
        match leaving {
            Some(result) => self.end_attending(id, result),
            // Another phone, another pair of ears.
            None if asks => self.ask_pin(now, id, "get_pin", out),
            None => {
                self.listen_for_talk(id, out);
                self.settle_conference(&name, out);
            }
        }
    }
}
