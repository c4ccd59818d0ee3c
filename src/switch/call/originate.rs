//! Calls that nobody made: `channel originate` and the application `Originate`. A channel is called as `Dial` would;
//! once it is answered it goes to an extension, or runs one application.

use super::channel::{ChannelId, Doing, State};
use crate::base::time::{Moment, Now};
use crate::dialplan::apps::dial::Jump;
use crate::dialplan::apps::{self, App, originate::Originate};
use crate::dialplan::{Outcome, Place, Program};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::{Level, OriginateTo, Reply};
use std::time::Duration;

/// How long `channel originate` waits for the answer, as in Asterisk.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a channel that nobody called does.
#[derive(Debug)]
pub(super) struct Origin {
    goes: Goes,
    /// When it is given up, if nobody has answered.
    pub deadline: Option<Moment>,
    /// The channel whose `Originate` waits for it.
    asker: Option<ChannelId>,
}

#[derive(Debug)]
enum Goes {
    To(Place),
    Runs(&'static App, String),
}

impl Origin {
    /// Who answers goes into a conference.
    pub fn attends(deadline: Moment, conference: String) -> Origin {
        let app = apps::find("ConfBridge").expect("ConfBridge is in the table of applications");
        Origin { goes: Goes::Runs(app, conference), deadline: Some(deadline), asker: None }
    }

    /// Plays files to who answers.
    pub fn plays(now: Now, files: String) -> Origin {
        let app = apps::find("Playback").expect("Playback is in the table of applications");
        Origin { goes: Goes::Runs(app, files), deadline: Some(now.at + PATIENCE), asker: None }
    }
}

impl Goes {
    /// # Errors
    /// The application there is not, and the nearest one.
    fn of(to: OriginateTo) -> Result<Goes, String> {
        match to {
            OriginateTo::Extension { context, exten, priority } => {
                Ok(Goes::To(Place::new(&context, &exten, priority)))
            }
            OriginateTo::Application { name, data } => match apps::find(&name) {
                Some(app) => Ok(Goes::Runs(app, data)),
                None => Err(format!("There is no application '{name}'{}", apps::nearest(&name))),
            },
        }
    }
}

impl Switch {
    /// `channel originate`
    pub(in crate::switch) fn originate(
        &mut self,
        now: Now,
        (technology, resource): (&str, &str),
        to: OriginateTo,
        out: &mut Actions,
    ) -> Reply {
        let goes = match Goes::of(to) {
            Ok(goes) => goes,
            Err(why) => return Reply::Refused(why),
        };
        let reply = match self.place_leg(now, None, (technology, resource), out) {
            Ok(id) => {
                let origin = Origin { goes, deadline: Some(now.at + PATIENCE), asker: None };
                self.set_origin(id, origin);
                self.calls.processed += 1;
                Reply::Done(String::new())
            }
            Err((_, why)) => Reply::Refused(format!("Cannot call {technology}/{resource}: {why}")),
        };
        self.settle(now, out);
        reply
    }

    pub(super) fn set_origin(&mut self, id: ChannelId, origin: Origin) {
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.origin = Some(Box::new(origin));
        }
        self.calls.touched.insert(id);
    }

    /// The application `Originate`.
    pub(super) fn do_originate(
        &mut self,
        now: Now,
        id: ChannelId,
        wanted: Originate,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let status = |word: &str| Some(Outcome::Status(word.to_owned()));
        let channel = self.calls.channels.get(&id)?;
        if channel.forwards_left == 0 {
            return status("FAILED");
        }
        let forwards_left = channel.forwards_left - 1;
        let to = match wanted.application {
            Some(name) => OriginateTo::Application { name, data: wanted.data },
            None => OriginateTo::Extension {
                context: wanted.context,
                exten: wanted.exten,
                priority: wanted.priority,
            },
        };
        let (technology, resource) = (&*wanted.technology, &*wanted.resource);
        let placed =
            Goes::of(to).and_then(|goes| match self.place_leg(now, None, (technology, resource), out) {
                Ok(called) => Ok((called, goes)),
                Err((_, why)) => Err(why),
            });
        let (called, goes) = match placed {
            Ok(placed) => placed,
            Err(why) => {
                self.ears.log(out, Level::Warning, "app_originate.c", || {
                    format!("Originate: cannot call {technology}/{resource}: {why}")
                });
                return status("FAILED");
            }
        };
        if let Some(channel) = self.calls.channels.get_mut(&called) {
            channel.forwards_left = forwards_left;
            channel.connected.number = wanted.caller_number.unwrap_or_default();
            channel.connected.name = wanted.caller_name.unwrap_or_default();
            for (name, value) in &wanted.variables {
                if let Err(why) = channel.variables.set(name, value) {
                    let text = format!("Originate: {name} is not set: {why}");
                    self.ears.log(out, Level::Warning, "app_originate.c", || text);
                    break;
                }
            }
        }
        let asker = (!wanted.asynchronous).then_some(id);
        self.set_origin(called, Origin { goes, deadline: Some(now.at + wanted.timeout), asker });
        match asker {
            Some(_) => self.wait(id, Doing::Originating),
            None => status("SUCCESS"),
        }
    }

    /// A channel that nobody called was answered: it begins what it was made for.
    pub(super) fn originated(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(origin) = self.calls.channels.get_mut(&id).and_then(|channel| channel.origin.take()) else {
            return self.hang_up(now, id, 16, out);
        };
        self.aim(id, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.state = State::Up;
        channel.answered = Some(now.at);
        // Whom we called is the caller of what follows.
        match origin.goes {
            Goes::To(place) => channel.send_to(place),
            Goes::Runs(app, arguments) => {
                let place = Place::new(&channel.endpoint.options.context, "s", 1);
                let mut program = Program::application(place, app, arguments);
                program.inherit(std::mem::take(&mut channel.variables));
                channel.program = Some(program);
            }
        }
        self.calls.work.push_back(super::Work::Run(id));
        self.tell_asker(origin.asker, "SUCCESS");
    }

    /// A channel that nobody called is gone before it was answered.
    pub(super) fn origin_gone(&mut self, id: ChannelId, cause: u8) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(origin) = channel.origin.take() else { return };
        let word = match cause {
            17 => "BUSY",
            34 => "CONGESTION",
            19 => "RINGING",
            16 => "HANGUP",
            _ => "FAILED",
        };
        self.tell_asker(origin.asker, word);
    }

    fn tell_asker(&mut self, asker: Option<ChannelId>, word: &str) {
        let Some(asker) = asker else { return };
        let waits = |channel: &super::channel::Channel| matches!(channel.doing, Doing::Originating);
        if self.calls.channels.get(&asker).is_some_and(waits) {
            self.resume(asker, Outcome::Status(word.to_owned()));
        }
    }

    /// Another channel waits for what one originated.
    pub(super) fn asks_instead(&mut self, of: ChannelId, id: ChannelId) {
        let origins = self.calls.channels.values_mut().filter_map(|channel| channel.origin.as_deref_mut());
        for origin in origins.filter(|origin| origin.asker == Some(of)) {
            origin.asker = Some(id);
        }
    }

    /// Nobody answered in time.
    pub(super) fn origin_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let late = channel.origin.as_ref().and_then(|origin| origin.deadline).is_some_and(|at| at <= now.at);
        if late {
            let name = channel.name.clone();
            self.ears
                .log(out, Level::Notice, "pbx.c", || format!("{name}: nobody answered the originated call"));
            self.hang_up(now, id, 19, out);
        }
    }

    /// `ChannelRedirect`: another channel goes to `[[context,]exten,]priority`.
    pub(super) fn redirect(
        &mut self,
        now: Now,
        id: ChannelId,
        (channel, target): (&str, &str),
        out: &mut Actions,
    ) -> Outcome {
        let status = |word: &str| Outcome::Status(word.to_owned());
        let Some(other) = self.channel_named(channel.trim()) else { return status("NOCHANNEL") };
        let here = self.calls.channels.get(&other).and_then(|channel| channel.place());
        let here = here.or_else(|| self.calls.channels.get(&id)?.place());
        let number = self.calls.channels.get(&other).map(|other| other.caller.number.clone());
        let jump = Jump::parse(&target.replace(',', "^"));
        let place =
            here.map(|here| self.calls.plan.resolve(&jump, &here, &number.unwrap_or_default(), now.wall));
        match place {
            Some(Ok(place)) => {
                self.take_out(now, other, out);
                self.send_to(now, other, place, out);
                status("SUCCESS")
            }
            Some(Err(why)) => Outcome::Failed(why),
            None => status("NOCHANNEL"),
        }
    }
}
