//! How the legs of a `Dial` end: one answers, one is refused, forwarded or gone.

use super::channel::{ChannelId, Doing, Side, State};
use super::dial::{Answered, Leg};
use super::identity;
use super::subroutine::Then;
use crate::base::time::Now;
use crate::dialplan::{After, DialStatus};
use crate::session::AnswerWith;
use crate::sip::wire::Uri;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

const APP_DIAL: &str = "app_dial.c";

/// Forwards of one `Dial`.
const MOST_FORWARDS: u8 = 20;

impl Switch {
    /// A leg answered: the others are hung up, the caller is answered, and both are joined.
    pub(super) fn leg_answered(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        let Some(called) = self.calls.channels.get_mut(&leg) else { return };
        called.state = State::Up;
        called.answered = Some(now.at);
        let name = called.name.clone();
        self.aim(leg, out);
        let Some(channel) = self.calls.channels.get_mut(&caller) else {
            return self.hang_up(now, leg, 16, out);
        };
        let Doing::Dialling(dialling) = &mut channel.doing else { return self.hang_up(now, leg, 16, out) };
        if dialling.answered.is_some() {
            // Two answered at once; the first one has the caller.
            return self.hang_up(now, leg, 26, out);
        }
        let number = dialling.legs.iter().find(|l| l.channel == Some(leg)).map(|l| l.number.clone());
        let number = number.unwrap_or_default();
        let answered = Answered { channel: leg, at: now.at, name: name.clone(), number: number.clone() };
        dialling.answered = Some(answered);
        dialling.limit = Switch::limit_of(&dialling.dial, now.at);
        let screen = dialling.dial.options.subroutine.clone();
        let losers: Vec<ChannelId> = dialling.ringing().filter(|other| *other != leg).collect();
        let cause = dialling.dial.options.losers_cause.unwrap_or(Some(26)).unwrap_or(16);
        for (variable, value) in
            [("DIALSTATUS", "ANSWER"), ("DIALEDPEERNAME", &*name), ("DIALEDPEERNUMBER", &number)]
        {
            if let Some(program) = &mut channel.program {
                // A channel full of variables goes without; the call is what counts.
                let _ = program.set_variable(variable, value);
            }
        }
        let here = channel.place();
        for loser in losers {
            if let Some(channel) = self.calls.channels.get_mut(&loser) {
                channel.side = Side::Called(None);
            }
            self.hang_up(now, loser, cause, out);
        }
        self.ears.log(out, Level::Verbose, APP_DIAL, || format!("{name} answered"));
        if let (Some(jump), Some(here)) = (screen, here) {
            match self.call_subroutine(now, leg, (&jump, &here), Then::Join(caller), out) {
                Ok(()) => return,
                Err(_) => return self.connect(now, leg, caller, out),
            }
        }
        self.connect(now, leg, caller, out);
    }

    /// Answers the caller and joins both.
    pub(super) fn connect(&mut self, now: Now, leg: ChannelId, caller: ChannelId, out: &mut Actions) {
        let formats = self.calls.channels.get(&leg).and_then(|called| called.agreed_formats());
        let extra = self.connected_lines(caller, leg);
        self.answer_channel(now, caller, Some(AnswerWith { extra, only: formats }), out);
        self.join(now, caller, leg, out);
    }

    /// Identity of the called party for the caller's 200.
    pub(super) fn connected_lines(&mut self, caller: ChannelId, leg: ChannelId) -> Vec<u8> {
        let Some(called) = self.calls.channels.get(&leg) else { return Vec::new() };
        let party = match called.endpoint.callerid.number() {
            "" => called.caller.clone(),
            number => super::channel::Party {
                name: called.endpoint.callerid.name().to_owned(),
                number: number.to_owned(),
                presentation: called.endpoint.options.callerid_privacy,
                ..Default::default()
            },
        };
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return Vec::new() };
        channel.connected = party;
        if !channel.endpoint.options.send_connected_line {
            return Vec::new();
        }
        let domain = &channel.endpoint.options.from_domain;
        let host = if domain.is_empty() { channel.way.local.to_string() } else { domain.to_string() };
        identity::identity_lines(&channel.endpoint, &channel.connected, &host, false)
    }

    /// A leg ended before anybody answered; when it was the last, so does the `Dial`.
    pub(super) fn leg_ended(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        cause: u8,
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return };
        let Doing::Dialling(dialling) = &mut channel.doing else { return };
        if let Some(entry) = dialling.legs.iter_mut().find(|entry| entry.channel == Some(leg)) {
            entry.cause = Some(cause);
        }
        match &dialling.answered {
            Some(answered) if answered.channel == leg => {
                let Doing::Dialling(dialling) = std::mem::take(&mut channel.doing) else { return };
                channel.cause = cause;
                let result = dialling.result(now.at, DialStatus::Answer, After::GoOn);
                self.resume(caller, crate::dialplan::Outcome::Dialled(Box::new(result)));
            }
            Some(_) => {}
            None => {
                channel.cause = cause;
                if dialling.ringing().next().is_none() {
                    let status = DialStatus::from_causes(dialling.legs.iter().filter_map(|leg| leg.cause));
                    self.end_dial(now, caller, status, After::GoOn, out);
                }
            }
        }
    }

    /// A leg that was being placed cannot be called.
    pub(super) fn leg_failed(
        &mut self,
        now: Now,
        leg: ChannelId,
        (cause, why): (u8, String),
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&leg) else { return };
        channel.placing = None;
        let name = channel.name.clone();
        self.ears.log(out, Level::Warning, APP_DIAL, || format!("{name} cannot be called: {why}"));
        self.channel_gone(now, leg, cause, out);
    }

    /// 3xx from a leg: another one takes its place, unless `i` or too many did so before.
    pub(super) fn leg_redirected(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        contacts: &[Box<[u8]>],
        out: &mut Actions,
    ) {
        use crate::config::model::endpoint_words::RedirectMethod;
        let Some(channel) = self.calls.channels.get(&leg) else { return };
        let (name, method) = (channel.name.clone(), channel.endpoint.options.redirect_method);
        let endpoint = channel.endpoint.name.clone();
        let usable = contacts.iter().find_map(|text| Uri::parse(text).ok().filter(Uri::is_sip));
        let target = match (usable, method) {
            (None, _) => None,
            (Some(uri), RedirectMethod::User) => Some((uri.user_text(), false)),
            (Some(uri), RedirectMethod::UriCore | RedirectMethod::UriPjsip) => {
                Some((format!("{endpoint}/{}", String::from_utf8_lossy(uri.raw)), true))
            }
        };
        let Some(Doing::Dialling(dialling)) = self.calls.channels.get_mut(&caller).map(|c| &mut c.doing)
        else {
            return self.channel_gone(now, leg, 23, out);
        };
        dialling.forwards += 1;
        let refused = dialling.dial.options.ignore_forwarding || dialling.forwards > MOST_FORWARDS;
        if dialling.dial.options.forward_cancels_timeout {
            dialling.deadline = None;
        }
        let placed = match target {
            Some((resource, true)) if !refused => {
                self.ears.log(out, Level::Verbose, APP_DIAL, || {
                    format!("Now forwarding {name} to 'PJSIP/{resource}'")
                });
                self.place_call(now, caller, &resource, out).map(|channel| (channel, resource))
            }
            Some((exten, false)) if !refused => self.forward_to_extension(now, caller, &exten, out),
            _ => Err((23, "forwarding is ignored, or leads nowhere".into())),
        };
        match placed {
            Ok((channel, number)) => {
                if let Some(Doing::Dialling(dialling)) =
                    self.calls.channels.get_mut(&caller).map(|c| &mut c.doing)
                {
                    dialling.legs.push(Leg { channel: Some(channel), number, cause: None });
                }
            }
            Err((_, why)) => {
                self.ears.log(out, Level::Notice, APP_DIAL, || format!("{name} was not forwarded: {why}"));
            }
        }
        self.channel_gone(now, leg, 23, out);
    }

    /// A forward to an extension. What that extension's dialplan would do needs a Local channel; an extension that is
    /// an endpoint's name is called directly.
    fn forward_to_extension(
        &mut self,
        now: Now,
        caller: ChannelId,
        exten: &str,
        out: &mut Actions,
    ) -> Result<(ChannelId, String), (u8, String)> {
        if self.directory.endpoint(exten).is_none() {
            let why = format!(
                "Local channels are not served by this version, so '{exten}' cannot be dialled through the dialplan"
            );
            return Err((66, why));
        }
        self.place_call(now, caller, exten, out).map(|channel| (channel, exten.to_owned()))
    }
}
