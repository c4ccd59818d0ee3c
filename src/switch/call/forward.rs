//! 3xx from a called phone: the call goes where it says (`redirect_method`, options `i` and `z` of `Dial`).
//!
//! ```text
//! user ───────► Local/<Contact's user>@<the caller's forward context>
//! uri_core ───► PJSIP/<same endpoint>/<Contact>
//! uri_pjsip ──► the same INVITE again, by the session itself: nothing of it comes here
//! ```

use super::channel::{ChannelId, Doing, Party, Redirecting};
use super::dial::Leg;
use super::{identity, redirecting};
use crate::base::time::Now;
use crate::config::model::endpoint_words::RedirectMethod;
use crate::sip::wire::{NameAddr, Uri};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;

const APP_DIAL: &str = "app_dial.c";

/// Forwards of one `Dial`, as Asterisk's max forwards.
const MOST_FORWARDS: u8 = 20;

/// Header values as they stood.
type Values = [Box<[u8]>];

/// Where a forward leads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// A dial string.
    Dial(String),
    /// An extension.
    Exten(String),
}

impl Switch {
    /// 3xx from a leg: another one takes its place, unless `i` or too many did so before.
    pub(super) fn leg_redirected(
        &mut self,
        now: Now,
        leg: ChannelId,
        caller: ChannelId,
        (contacts, diversion): (&Values, &Values),
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get(&leg) else { return };
        let (name, method) = (channel.name.clone(), channel.endpoint.options.redirect_method);
        let endpoint = channel.endpoint.name.clone();
        let usable = contacts.iter().find_map(|text| Uri::parse(text).ok().filter(Uri::is_sip));
        let target = usable.map(|uri| match method {
            RedirectMethod::User => Target::Exten(uri.user_text()),
            RedirectMethod::UriCore | RedirectMethod::UriPjsip => {
                Target::Dial(format!("{endpoint}/{}", String::from_utf8_lossy(uri.raw)))
            }
        });
        let redirecting = redirected(channel.caller.clone(), usable, diversion);
        // Counted where it stays with the caller, too: extensions that forward to each other end.
        let count = self.calls.channels.get(&caller).map_or(0, |caller| caller.redirecting.count);
        let Some(Doing::Dialling(dialling)) = self.calls.channels.get_mut(&caller).map(|c| &mut c.doing)
        else {
            return self.channel_gone(now, leg, 23, out);
        };
        dialling.forwards = dialling.forwards.saturating_add(1);
        let too_many = dialling.forwards > MOST_FORWARDS || count >= u32::from(MOST_FORWARDS);
        let refused = dialling.dial.options.ignore_forwarding || too_many;
        if dialling.dial.options.forward_cancels_timeout {
            dialling.deadline = None;
        }
        let placed = match target {
            Some(target) if !refused => {
                let before = self.say_forwarded(now, caller, redirecting, out);
                let placed = self.forward(now, caller, target, out);
                if let Some(channel) = self.calls.channels.get_mut(&caller) {
                    // Only the leg that follows was sent on.
                    channel.redirecting = before;
                }
                placed
            }
            _ => Err("forwarding is ignored, or leads nowhere".to_owned()),
        };
        match placed {
            Ok(to) => {
                self.ears.log(out, Level::Verbose, APP_DIAL, || format!("Now forwarding {name} to '{to}'"))
            }
            Err(why) => {
                self.ears.log(out, Level::Notice, APP_DIAL, || format!("{name} was not forwarded: {why}"));
            }
        }
        self.channel_gone(now, leg, 23, out);
    }

    /// The caller is told (181), and the legs to come are told who sent the call on.
    /// What was known before is given back.
    fn say_forwarded(
        &mut self,
        now: Now,
        caller: ChannelId,
        redirecting: Redirecting,
        out: &mut Actions,
    ) -> Redirecting {
        let Some(channel) = self.calls.channels.get_mut(&caller) else { return Redirecting::default() };
        let before = std::mem::take(&mut channel.redirecting);
        let orig = if before.count > 0 { before.orig.clone() } else { redirecting.orig.clone() };
        channel.redirecting = Redirecting { orig, count: before.count.saturating_add(1), ..redirecting };
        let lines =
            redirecting::lines(&channel.endpoint, &channel.redirecting, &channel.way.local.to_string());
        // One that is answered, or did not call us, cannot be told so.
        self.with_session(now, caller, out, |session, cx| session.forwarded(cx, &lines));
        before
    }

    fn forward(
        &mut self,
        now: Now,
        caller: ChannelId,
        target: Target,
        out: &mut Actions,
    ) -> Result<String, String> {
        let (technology, resource) = match target {
            Target::Dial(resource) => ("PJSIP", resource),
            // It names an extension of the caller's context, not a context or options of its own choice.
            Target::Exten(exten) if exten.contains(['@', '/']) => {
                return Err(format!("'{exten}' is no extension"));
            }
            Target::Exten(exten) => {
                ("Local", format!("{exten}@{}", self.context_of_forward(caller).ok_or("the caller is gone")?))
            }
        };
        let placed = self.place_leg(now, Some(caller), (technology, &resource), out);
        let channel = placed.map_err(|(_, why)| why)?;
        self.forwarded_caller_id(caller, channel);
        if let Some(Doing::Dialling(dialling)) = self.calls.channels.get_mut(&caller).map(|c| &mut c.doing) {
            dialling.legs.push(Leg { channel: Some(channel), number: resource.clone(), cause: None });
        }
        Ok(format!("{technology}/{resource}"))
    }

    /// `FORWARD_CONTEXT`, else the context the caller is in. Without a dialplan of his own, his endpoint's.
    fn context_of_forward(&self, caller: ChannelId) -> Option<String> {
        let channel = self.calls.channels.get(&caller)?;
        let set = channel.variables().value("FORWARD_CONTEXT").filter(|context| !context.is_empty());
        let here = || {
            channel
                .place()
                .map_or_else(|| channel.endpoint.options.context.to_string(), |at| at.context.to_string())
        };
        Some(set.map_or_else(here, str::to_owned))
    }
}

/// What the legs that follow are told: Diversion of the response, else that who was called sent the call on.
fn redirected(called: Party, contact: Option<Uri<'_>>, diversion: &Values) -> Redirecting {
    let values = diversion.iter().map(|value| &**value);
    let mut redirecting = redirecting::of_diversion(values).unwrap_or_else(|| Redirecting {
        from: called.clone(),
        orig: called,
        reason: "unconditional".to_owned(),
        ..Redirecting::default()
    });
    redirecting.to = contact
        .and_then(|uri| NameAddr::parse(uri.raw).ok().map(|address| identity::party_of(&address)))
        .unwrap_or_default();
    redirecting
}
