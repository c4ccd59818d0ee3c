//! PUBLISH: device states and mailboxes of other servers (`behaviour-pubsub` 8, RFC 3903).

use super::devices::canonical;
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::Now;
use crate::config::Kind;
use crate::config::model::PublishEvent;
use crate::pubsub::publish::{Publication, Step, Told};
use crate::sip::wire::Header;
use crate::switch::Switch;
use crate::switch::inbound::{Admitted, Inbound};
use crate::switch::io::Actions;
use crate::switch::view::{Level, PublicationView};

const PUBLISH: &str = "res_pjsip_publish_asterisk.c";
/// What is granted to whoever asks for no time.
const DEFAULT_SECS: u32 = 3600;

impl Switch {
    /// A PUBLISH.
    pub(in crate::switch) fn hear_publish(
        &mut self,
        now: Now,
        admitted: &Admitted<'_, '_>,
        out: &mut Actions,
    ) {
        let mut request = *admitted.request();
        if !self.begin(now, &mut request, out) {
            return;
        }
        let endpoint = admitted.endpoint().name.clone();
        match self.take_publish(now, &request, &endpoint, out) {
            Ok((tag, secs)) => self.answer(&request, (200, ""), out, |_, writer| {
                writer.number(Header::SipEtag, tag);
                writer.number(Header::Expires, u64::from(secs));
            }),
            Err((code, why)) => {
                self.ears.log(out, Level::Warning, PUBLISH, || {
                    format!("PUBLISH of endpoint '{endpoint}' refused with {code}: {why}")
                });
                match code {
                    489 => self.answer(&request, (489, ""), out, |_, writer| {
                        writer.header(Header::AllowEvents, b"asterisk-devicestate, asterisk-mwi");
                    }),
                    423 => self.answer(&request, (423, ""), out, |_, writer| {
                        writer.number(Header::MinExpires, u64::from(limits::PUBLICATION_SECS));
                    }),
                    503 => self.overloaded(&request, out),
                    code => self.refuse(&request, (code, ""), out),
                }
            }
        }
    }

    /// The table of `behaviour-pubsub` 8: the tag and the seconds granted.
    fn take_publish(
        &mut self,
        now: Now,
        request: &Inbound<'_>,
        endpoint: &Name,
        out: &mut Actions,
    ) -> Result<(u64, u32), (u16, String)> {
        let message = &request.message;
        let event = message.header(Header::Event).unwrap_or_default();
        let event = event.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        let event = std::str::from_utf8(event).ok().and_then(PublishEvent::named);
        let event = event.filter(|event| matches!(event, PublishEvent::DeviceState | PublishEvent::Mwi));
        let event = event.ok_or_else(|| (489, "nothing handles its event".to_owned()))?;
        let secs = match message.number(Header::Expires) {
            None => DEFAULT_SECS,
            Some(Some(secs)) => secs,
            Some(None) => return Err((400, "its Expires is no number".to_owned())),
        };
        let body = message.body();
        let step = self.lamps.publications.judge(message.header(Header::SipIfMatch), !body.is_empty(), secs);
        let step = step.map_err(|code| (code, "its SIP-If-Match fits no publication".to_owned()))?;
        let mut publication = match step {
            Step::Initial => self.new_publication(request, endpoint, event)?,
            Step::Refresh(tag) | Step::Modify(tag) | Step::Remove(tag) => {
                let known = self.lamps.publications.get(tag);
                let own = known.filter(|one| one.endpoint == *endpoint && *one.event == *event.word());
                own.cloned().ok_or_else(|| (412, "its SIP-If-Match is another's publication".to_owned()))?
            }
        };
        if let Step::Remove(tag) = step {
            self.lamps.publications.take(tag);
            self.forget_publication(&publication);
            return Ok((tag, 0));
        }
        if secs < limits::PUBLICATION_SECS && secs > 0 {
            return Err((423, format!("{secs} s are fewer than {}", limits::PUBLICATION_SECS)));
        }
        let told = if body.is_empty() { None } else { Some(read_body(message, event)?) };
        if let Step::Refresh(tag) | Step::Modify(tag) = step {
            self.lamps.publications.take(tag);
        }
        // What is over at once says something all the same, as in Asterisk, but nothing of it stays.
        let tag = self.lamps.publications.enter(now.at, &mut publication, secs);
        let tag = tag.ok_or_else(|| (503, "there are too many publications".to_owned()))?;
        if let Some(told) = told {
            self.take_told(now, &publication, told, out);
        }
        Ok((tag, secs))
    }

    fn new_publication(
        &self,
        request: &Inbound<'_>,
        endpoint: &Name,
        event: PublishEvent,
    ) -> Result<Publication, (u16, String)> {
        let uri = request.message.uri().ok().filter(|uri| uri.is_sip());
        let name =
            Name::from(uri.ok_or_else(|| (416, "its request URI is no SIP URI".to_owned()))?.user_text());
        let section = self.directory.objects.others.get(&(Kind::InboundPublication, name.clone()));
        let section = section.ok_or_else(|| (404, format!("there is no inbound-publication '{name}'")))?;
        let allowed = section.setting("endpoint").unwrap_or_default();
        if !allowed.is_empty() && *allowed != **endpoint {
            return Err((403, format!("inbound-publication '{name}' is for endpoint '{allowed}'")));
        }
        let event = event.word();
        let handler = section.setting(&format!("event_{event}")).filter(|handler| !handler.is_empty());
        let handler =
            handler.ok_or_else(|| (404, format!("inbound-publication '{name}' has no event_{event}")))?;
        if self.lamps.published.handler(handler).is_none() {
            return Err((404, format!("there is no asterisk-publication '{handler}'")));
        }
        Ok(Publication::new(name.clone(), endpoint.clone(), event.into(), handler.into()))
    }

    /// Takes over what another server says, as far as its section wants it.
    fn take_told(&mut self, now: Now, publication: &Publication, told: Told, out: &mut Actions) {
        let published = &self.lamps.published;
        let Some(handler) = published.handler(&publication.handler).cloned() else { return };
        // What we said ourselves comes back where servers publish in a ring.
        if *told.eid() == *published.eid() {
            return;
        }
        match told {
            Told::Device { device, state, eid } => {
                let device = canonical(&device);
                if !handler.device_state || !handler.device_state_filter.passes(&device) {
                    return;
                }
                if self.lamps.remote.say((&device, &eid), state, publication.serial) {
                    self.lamps.touch(&device);
                } else {
                    self.ears.log(out, Level::Warning, PUBLISH, || {
                        format!(
                            "Published state of '{device}' not taken: {} are known already",
                            limits::CUSTOM_STATES
                        )
                    });
                }
            }
            Told::Mailbox { name, counts, eid } => {
                if !handler.mailbox_state || !handler.mailbox_state_filter.passes(&name) {
                    return;
                }
                if let Err(why) = self.count_mailbox(now, &name, counts, Some(&eid)) {
                    self.ears
                        .log(out, Level::Warning, PUBLISH, || format!("Published mailbox not taken: {why}"));
                }
            }
            Told::Refresh { .. } => {
                let section = match &*publication.event {
                    "asterisk-mwi" => &handler.mailboxstate_publish,
                    _ => &handler.devicestate_publish,
                };
                self.publish_all(now, section, out);
            }
        }
    }

    /// A publication is over: the states it brought go with it.
    fn forget_publication(&mut self, publication: &Publication) {
        for device in self.lamps.remote.forget(publication.serial) {
            self.lamps.touch(&device);
        }
    }

    /// Publications whose time is over.
    pub(super) fn publications_due(&mut self, now: Now) {
        for publication in self.lamps.publications.expire(now.at) {
            self.forget_publication(&publication);
        }
    }

    /// `pjsip show publications inbound`
    pub(in crate::switch) fn inbound_publication_views(&self, now: Now) -> Vec<PublicationView> {
        let view = |one: &Publication| PublicationView {
            name: one.name.to_string(),
            peer: one.endpoint.to_string(),
            event: one.event.to_string(),
            user: String::new(),
            state: "Active",
            expires_secs: Some(one.expires.since(now.at).as_secs()),
            why: format!("Taken by asterisk-publication '{}'", one.handler),
        };
        self.lamps.publications.iter().map(view).collect()
    }
}

/// What a body says: Asterisk's JSON, for the event it belongs to.
fn read_body(message: &crate::sip::wire::Message<'_>, event: PublishEvent) -> Result<Told, (u16, String)> {
    let kind = message.header(Header::ContentType).unwrap_or_default();
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    if !kind.eq_ignore_ascii_case(b"application/json") {
        return Err((500, "its body is not application/json".to_owned()));
    }
    let told = Told::read(message.body()).map_err(|why| (500, why))?;
    match (&told, event) {
        (Told::Device { device, .. }, PublishEvent::DeviceState) if is_name(device) => Ok(told),
        (Told::Mailbox { name, .. }, PublishEvent::Mwi) if is_name(name) => Ok(told),
        (Told::Refresh { .. }, _) => Ok(told),
        _ => Err((500, format!("its body says nothing that belongs to {}", event.word()))),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= limits::MAILBOX_NAME_BYTES && !name.chars().any(char::is_control)
}
