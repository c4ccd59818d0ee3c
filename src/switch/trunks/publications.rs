//! Outbound publications: the sections, their state machines and what they send. What there is to tell is
//! `lamps::published`'s, how an answer is judged [`outbound::publish`](crate::outbound::publish)'s.

use super::publisher::{Publisher, log_line};
use super::request::Purpose;
use super::sending::{Ended, Sending};
use super::words;
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::config::Kind;
use crate::config::model::{OutboundPublish, PublishEvent};
use crate::outbound::publish::{End, Next};
use crate::sip::wire::Header;
use crate::switch::Switch;
use crate::switch::directory::Touched;
use crate::switch::io::Actions;
use crate::switch::lamps::Item;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(super) const ORIGIN: &str = "res_pjsip_outbound_publish.c";

/// All outbound publications, those included that take their leave.
#[derive(Debug, Default)]
pub(in crate::switch) struct Publishers {
    sections: BTreeMap<Name, Arc<Section>>,
    pub(super) all: BTreeMap<u64, Publisher>,
    /// By section and extension; the extension is empty without `multi_user`.
    pub(super) current: BTreeMap<(Name, Name), u64>,
    timers: BTreeSet<(Moment, u64)>,
    last: u64,
    leaving_until: Option<Moment>,
}

#[derive(Debug)]
struct Section {
    settings: Vec<(Name, Name)>,
    config: Arc<OutboundPublish>,
}

impl Publishers {
    pub fn next_deadline(&self) -> Option<Moment> {
        let timer = self.timers.first().map(|(at, _)| *at);
        [timer, self.leaving_until.filter(|_| !self.all.is_empty())].into_iter().flatten().min()
    }

    /// Whether another server is still being told that we go.
    pub fn are_leaving(&self) -> bool {
        self.leaving_until.is_some() && !self.all.is_empty()
    }

    fn set_timer(&mut self, number: u64) {
        let Some(publisher) = self.all.get_mut(&number) else { return };
        let next = publisher.machine.next_deadline();
        let before = std::mem::replace(&mut publisher.timer, next);
        if let Some(at) = before {
            self.timers.remove(&(at, number));
        }
        self.timers.extend(next.map(|at| (at, number)));
    }

    fn remove(&mut self, number: u64) {
        if let Some(at) = self.all.remove(&number).and_then(|publisher| publisher.timer) {
            self.timers.remove(&(at, number));
        }
    }

    fn of_section(&self, section: &Name) -> Vec<u64> {
        let from = (section.clone(), Name::default());
        let all = self.current.range(from..).take_while(|((name, _), _)| name == section);
        all.map(|(_, number)| *number).collect()
    }
}

impl Switch {
    /// Sections, credentials or our own name came, went or changed.
    pub(in crate::switch) fn publications_changed(&mut self, now: Now, touched: &Touched, out: &mut Actions) {
        if touched.publishing {
            self.handlers_changed();
            self.sections_changed(now, out);
        }
        if touched.auths {
            let numbers: Vec<u64> = self.trunks.publishers.current.values().copied().collect();
            for number in numbers {
                let known = self.trunks.publishers.all.get_mut(&number);
                if known.is_some_and(|publisher| publisher.machine.retry_if_stopped(now.at)) {
                    self.publisher_goes_on(now, number, out);
                }
            }
        }
    }

    fn sections_changed(&mut self, now: Now, out: &mut Actions) {
        let others = &self.directory.objects.others;
        let all = others.values().filter(|other| other.kind == Kind::OutboundPublish);
        let wanted: BTreeMap<Name, Section> = all
            .filter_map(|other| {
                let config = Arc::new(OutboundPublish::read(other)?);
                Some((other.name.clone(), Section { settings: other.settings.clone(), config }))
            })
            .collect();
        let known = &self.trunks.publishers.sections;
        let same = |name: &Name, section: &Section| {
            wanted.get(name).is_some_and(|new| new.settings == section.settings)
        };
        let gone: Vec<Name> = known
            .iter()
            .filter(|(name, section)| !same(name, section))
            .map(|(name, _)| name.clone())
            .collect();
        for name in gone {
            self.trunks.publishers.sections.remove(&name);
            self.unwatch_section(&name);
            for number in self.trunks.publishers.of_section(&name) {
                self.publisher_leaves(now, number, out);
            }
        }
        for (name, section) in wanted {
            if self.trunks.publishers.sections.contains_key(&name) {
                continue;
            }
            let config = Arc::clone(&section.config);
            self.trunks.publishers.sections.insert(name, Arc::new(section));
            if !config.multi_user {
                self.publisher_comes(now, config, Name::default());
            }
        }
        let sections = self.trunks.publishers.sections.values();
        let (mut devices, mut mailboxes) = (false, false);
        for section in sections {
            devices |= section.config.event == PublishEvent::DeviceState && section.config.device_state;
            mailboxes |= section.config.event == PublishEvent::Mwi && section.config.mailbox_state;
        }
        self.lamps.published.set_wants(devices, mailboxes);
        self.publish_hints(now, out);
    }

    /// The dialplan or the sections changed: the hints that are published follow.
    pub(in crate::switch) fn publish_hints(&mut self, now: Now, out: &mut Actions) {
        let sections = self.trunks.publishers.sections.values();
        let configs: Vec<Arc<OutboundPublish>> = sections
            .filter(|section| matches!(section.config.event, PublishEvent::Presence | PublishEvent::Dialog))
            .map(|section| Arc::clone(&section.config))
            .collect();
        for config in configs {
            let new = self.watch_published(now, &config);
            let publishers = self.trunks.publishers.of_section(&config.name);
            for number in publishers.into_iter().filter(|_| config.multi_user) {
                let known = self.trunks.publishers.all.get(&number).map(|publisher| publisher.user.clone());
                // Another context may have a hint for that extension.
                if self.lamps.published.hints_of(&config.name, known.as_ref()).is_empty() {
                    self.publisher_leaves(now, number, out);
                }
            }
            for hint in new {
                self.hint_changed(now, hint, out);
            }
        }
    }

    /// A hint that is published shows something else, or is new.
    pub(in crate::switch) fn hint_changed(&mut self, now: Now, hint: u64, out: &mut Actions) {
        let Some(what) = self.lamps.published.hint(hint).cloned() else { return };
        let Some(section) = self.trunks.publishers.sections.get(&what.section) else { return };
        let config = Arc::clone(&section.config);
        let user = if config.multi_user { what.exten } else { Name::default() };
        match self.trunks.publishers.current.get(&(what.section, user.clone())).copied() {
            Some(number) => self.publish_at(now, number, &Item::Hint(hint), out),
            // It tells everything it has when it begins.
            None => self.publisher_comes(now, config, user),
        }
    }

    fn publisher_comes(&mut self, now: Now, config: Arc<OutboundPublish>, user: Name) {
        let publishers = &mut self.trunks.publishers;
        if publishers.all.len() >= limits::PUBLISHERS || publishers.leaving_until.is_some() {
            return;
        }
        // What the server begins with is there by then.
        let from = now.at + FIRST_AFTER;
        publishers.last += 1;
        let number = publishers.last;
        let key = (config.name.clone(), user.clone());
        let handlers = self.lamps.published.handlers().values();
        let mut named =
            handlers.flat_map(|handler| [&handler.devicestate_publish, &handler.mailboxstate_publish]);
        let asks = named.any(|name| *name == config.name);
        let publisher = Publisher::new(from, config, (user, asks), &mut self.rng);
        publishers.all.insert(number, publisher);
        publishers.current.insert(key, number);
        publishers.set_timer(number);
    }

    fn publisher_leaves(&mut self, now: Now, number: u64, out: &mut Actions) {
        let publishers = &mut self.trunks.publishers;
        let Some(publisher) = publishers.all.get_mut(&number) else { return };
        publisher.machine.end();
        let key = (publisher.config.name.clone(), publisher.user.clone());
        if publishers.current.get(&key) == Some(&number) {
            publishers.current.remove(&key);
        }
        self.publisher_goes_on(now, number, out);
    }

    /// Tells whoever publishes such things of one that changed.
    pub(in crate::switch) fn publish(
        &mut self,
        now: Now,
        event: PublishEvent,
        item: &Item,
        out: &mut Actions,
    ) {
        let passes = |config: &OutboundPublish| match item {
            Item::Device(name) => config.device_state && config.device_state_filter.passes(name),
            Item::Mailbox(name) => config.mailbox_state && config.mailbox_state_filter.passes(name),
            Item::Refresh | Item::Hint(_) => true,
        };
        let publishers = &self.trunks.publishers;
        let numbers = publishers.current.values().copied().filter(|number| {
            let publisher = publishers.all.get(number);
            publisher.is_some_and(|one| one.config.event == event && passes(&one.config))
        });
        let numbers: Vec<u64> = numbers.collect();
        for number in numbers {
            self.publish_at(now, number, item, out);
        }
    }

    fn publish_at(&mut self, now: Now, number: u64, item: &Item, out: &mut Actions) {
        if let Some(publisher) = self.trunks.publishers.all.get_mut(&number) {
            publisher.machine.tell(item.clone());
            self.publisher_goes_on(now, number, out);
        }
    }

    /// Another server wants to be told everything by the section of that name.
    pub(in crate::switch) fn publish_all(&mut self, now: Now, section: &Name, out: &mut Actions) {
        for number in self.trunks.publishers.of_section(section) {
            if let Some(publisher) = self.trunks.publishers.all.get_mut(&number) {
                publisher.machine.tell_all();
                self.publisher_goes_on(now, number, out);
            }
        }
    }

    /// What is due.
    pub(super) fn publishers_due(&mut self, now: Now, out: &mut Actions) {
        if self.trunks.publishers.leaving_until.is_some_and(|until| until <= now.at) {
            return self.forget_publishers();
        }
        for _ in 0..limits::BATCH {
            let Some((at, number)) = self.trunks.publishers.timers.first().copied() else { return };
            if at > now.at {
                return;
            }
            self.publisher_goes_on(now, number, out);
        }
    }

    /// Sends what is next.
    fn publisher_goes_on(&mut self, now: Now, number: u64, out: &mut Actions) {
        loop {
            let Some(publisher) = self.trunks.publishers.all.get_mut(&number) else { return };
            let next = publisher.machine.next(now.at);
            match next {
                Next::Rest => return self.trunks.publishers.set_timer(number),
                Next::Over => return self.trunks.publishers.remove(number),
                Next::TellAll => {
                    let (config, asks) = (Arc::clone(&publisher.config), publisher.asks);
                    let user = Some(publisher.user.clone()).filter(|_| config.multi_user);
                    let all = self.all_published(&config, user.as_ref());
                    let Some(publisher) = self.trunks.publishers.all.get_mut(&number) else { return };
                    if asks {
                        publisher.machine.tell_later(Item::Refresh);
                    }
                    all.into_iter().for_each(|item| publisher.machine.tell_later(item));
                }
                Next::Send(send) => {
                    self.trunks.publishers.set_timer(number);
                    let Some(request) = self.publish_request(number, &send) else { return };
                    return self.send_outside(now, request, out);
                }
            }
        }
    }

    /// A PUBLISH of ours has ended.
    pub(super) fn publication_ended(
        &mut self,
        now: Now,
        number: u64,
        (sending, how): (&Sending, Ended<'_, '_>),
        out: &mut Actions,
    ) {
        let Some(publisher) = self.trunks.publishers.all.get_mut(&number) else { return };
        publisher.cseq = sending.request.cseq.saturating_add(1);
        publisher.server = sending.to.map(|to| to.remote).or(publisher.server);
        let end = match how {
            Ended::Answer(message, _, stop) => {
                let number = |header| message.number(header).flatten();
                let tag = message.header(Header::SipEtag).and_then(|tag| std::str::from_utf8(tag).ok());
                End::Answer {
                    status: message.status().unwrap_or_default(),
                    tag: tag.map(|tag| tag.trim().into()),
                    granted_secs: number(Header::Expires),
                    min_expires_secs: number(Header::MinExpires),
                    retry_after_secs: number(Header::RetryAfter),
                    note: words::note(message, stop),
                }
            }
            Ended::Silence => End::NoWay("no answer".to_owned()),
            Ended::Unreachable => End::NoWay("it cannot be reached".to_owned()),
            Ended::NoWay(why) => End::NoWay(why.to_owned()),
        };
        let told = publisher.machine.ended(now.at, end);
        publisher.asks &= told != Some(Item::Refresh);
        if let Some(outcome) = publisher.machine.last() {
            let (level, text) = log_line(publisher, outcome);
            self.ears.log(out, level, ORIGIN, || text);
        }
        self.publisher_goes_on(now, number, out);
    }

    /// The server is about to end, or is not any more.
    pub(super) fn drain_publishers(&mut self, now: Now, on: bool, out: &mut Actions) {
        if on {
            self.trunks.publishers.leaving_until = Some(now.at + Duration::from_secs(limits::LEAVE_SECS));
            let numbers: Vec<u64> = self.trunks.publishers.all.keys().copied().collect();
            for number in numbers {
                self.publisher_leaves(now, number, out);
            }
            return;
        }
        self.forget_publishers();
        self.trunks.publishers.leaving_until = None;
        let sections = std::mem::take(&mut self.trunks.publishers.sections);
        for name in sections.keys() {
            self.unwatch_section(name);
        }
        self.sections_changed(now, out);
    }

    /// Nobody is waited for any longer.
    fn forget_publishers(&mut self) {
        let numbers: Vec<u64> = self.trunks.publishers.all.keys().copied().collect();
        self.forget_sendings(|of| matches!(of, Purpose::Publication(_)));
        for number in numbers {
            self.trunks.publishers.remove(number);
        }
        self.trunks.publishers.current.clear();
    }
}

/// How long the first PUBLISH waits.
const FIRST_AFTER: Duration = Duration::from_secs(1);
