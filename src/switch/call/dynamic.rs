//! Applications of `[applicationmap]`: run on one side of a call by a code, and the call goes on after them.

use super::Work;
use super::channel::{ChannelId, Doing};
use super::features::FEATURES;
use super::subroutine::{Suspended, Then};
use crate::base::time::Now;
use crate::bridge::Feature;
use crate::dialplan::{After, DialStatus, Outcome, Place, Program, apps};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

impl Switch {
    /// Runs an application of features.conf by its name there.
    pub(super) fn run_application(&mut self, id: ChannelId, name: &str, out: &mut Actions) {
        let Some(wanted) = self.features_of(id).applications.get(name).cloned() else { return };
        let Some(other) = self.partner(id) else { return };
        let (on, waits) = if wanted.on_peer { (other, id) } else { (id, other) };
        let Some(app) = apps::find(&wanted.application) else {
            let near = apps::nearest(&wanted.application);
            self.ears.log(out, Level::Warning, FEATURES, || {
                format!("feature {name}: there is no application '{}'{near}", wanted.application)
            });
            return;
        };
        let Some(channel) = self.calls.channels.get_mut(&on) else { return };
        if channel.suspended.is_some() || channel.service.is_some() {
            let busy = channel.name.clone();
            self.ears
                .log(out, Level::Notice, FEATURES, || format!("{busy} is busy: feature {name} is not run"));
            return;
        }
        let place = channel.place().unwrap_or_else(|| Place::new(&channel.endpoint.options.context, "s", 1));
        let variables = match &mut channel.program {
            Some(program) => program.take_variables(),
            None => std::mem::take(&mut channel.variables),
        };
        let mut program = Program::application(place, app, wanted.arguments.clone());
        program.inherit(variables);
        program.hangup_exten_ran();
        let before = channel.program.replace(program);
        let doing = std::mem::take(&mut channel.doing);
        channel.suspended = Some(Box::new(Suspended::new(before, doing, Then::Bridge(waits))));
        channel.needs_media(Feature::Playing);
        if let Some(bridge) = channel.bridge {
            self.choose_later(bridge);
        }
        if let (false, Some(phone)) = (wanted.music.is_empty(), self.media_of(waits)) {
            self.hold_music(phone, Some(&wanted.music), out);
        }
        self.calls.work.push_back(Work::Run(on));
        self.calls.touched.insert(on);
    }

    /// The application is over: back to the call, if it is still there.
    pub(super) fn application_over(
        &mut self,
        now: Now,
        (id, waits): (ChannelId, ChannelId),
        ended: bool,
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.needs_media_no_more(Feature::Playing);
        let bridge = channel.bridge;
        self.hush(id, out);
        if let Some(phone) = self.media_of(waits) {
            self.hold_music(phone, None, out);
        }
        if let (Some(bridge), false) = (bridge, ended) {
            self.hold_music_again(id, out);
            return self.choose_later(bridge);
        }
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if ended || channel.program.is_none() {
            return self.hang_up(now, id, 16, out);
        }
        // The other side hung up meanwhile.
        match std::mem::take(&mut channel.doing) {
            Doing::Dialling(dialling) => {
                let result = dialling.result(now.at, DialStatus::Answer, After::GoOn);
                self.resume(id, Outcome::Dialled(Box::new(result)));
            }
            _ => self.resume(id, Outcome::Status("SUCCESS".into())),
        }
    }
}
