//! `Page`: phones are called into a conference, where they hear the caller; it ends with him.

use super::channel::ChannelId;
use super::conference::Wishes;
use super::originate::Origin;
use crate::base::device::DeviceState;
use crate::base::limits;
use crate::base::time::Now;
use crate::dialplan::Outcome;
use crate::dialplan::arguments::{letters, nth, split};
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

const APP: &str = "app_page.c";
/// Letters that are known and not obeyed.
pub(super) const UNDONE: &[&str] = &["b", "B", "i"];
/// How long phones are called where no time is named.
const PATIENCE: Duration = Duration::from_secs(60);

/// Options of `Page`.
#[derive(Debug, Default, PartialEq, Eq)]
struct PageOptions {
    /// `d`: those who are paged may speak.
    duplex: bool,
    /// `q`: no beep for the caller.
    quiet: bool,
    /// `r`: it is recorded.
    records: bool,
    /// `s`: only phones that are free are called.
    skips_busy: bool,
    /// `A(x)`: played to all; `n`: not to the caller.
    announcement: Option<String>,
    not_to_caller: bool,
}

impl PageOptions {
    fn parse(text: &str) -> (PageOptions, Vec<char>) {
        let (mut options, mut undone) = (PageOptions::default(), Vec::new());
        for option in letters(text).unwrap_or_else(|read| read) {
            match option.letter {
                'd' => options.duplex = true,
                'q' => options.quiet = true,
                'r' => options.records = true,
                's' => options.skips_busy = true,
                'n' => options.not_to_caller = true,
                'A' => options.announcement = option.argument.filter(|file| !file.trim().is_empty()),
                other => undone.push(other),
            }
        }
        (options, undone)
    }
}

impl Switch {
    /// `Page(destination[&destination…][,options[,timeout]])`
    pub(super) fn page(
        &mut self,
        now: Now,
        id: ChannelId,
        arguments: &str,
        out: &mut Actions,
    ) -> Option<Outcome> {
        let parts = split(arguments, ',', 3);
        let channel = self.calls.channels.get(&id)?;
        if channel.hung_up {
            // Its `h` extension: nobody speaks.
            return Some(Outcome::Done);
        }
        let (name, conference) = (channel.name.clone(), format!("page-{}", channel.unique_id));
        let own = name.rsplit_once('-').map_or(&*name, |(device, _)| device).to_owned();
        let (options, undone) = PageOptions::parse(nth(&parts, 1));
        for letter in undone {
            self.ears.log(out, Level::Warning, APP, || {
                format!("{name}: option {letter} of Page is not obeyed by this version")
            });
        }
        let secs = nth(&parts, 2).trim().parse::<u64>().ok().filter(|secs| *secs > 0);
        let deadline = now.at + secs.map_or(PATIENCE, |secs| Duration::from_secs(secs.min(86_400)));
        let mut paged = Vec::new();
        for target in nth(&parts, 0).split('&').map(str::trim).filter(|target| !target.is_empty()) {
            let busy = options.skips_busy && self.state_of_device(target) != DeviceState::NotInUse;
            // Whoever pages a group he belongs to is not called himself.
            if busy || target.eq_ignore_ascii_case(&own) || paged.len() >= limits::CONFERENCE_PARTIES - 1 {
                continue;
            }
            let (technology, resource) = target.split_once('/').unwrap_or(("", target));
            match self.place_leg(now, None, (technology, resource), out) {
                Ok(leg) => {
                    self.page_leg(id, leg, &options);
                    self.set_origin(leg, Origin::attends(deadline, conference.clone()));
                    paged.push(leg);
                }
                Err((_, why)) => self.ears.log(out, Level::Warning, APP, || {
                    format!("{name}: Page: {target} cannot be called: {why}")
                }),
            }
        }
        let heard = match (&options.announcement, options.not_to_caller) {
            (Some(file), false) => file.clone(),
            _ if options.quiet => String::new(),
            _ => "beep".to_owned(),
        };
        let before = self.wish_for(id, Wishes::pages(heard, options.records));
        let outcome = self.conf_bridge(now, id, &conference, out);
        self.wish_for(id, before);
        self.pages(id, paged);
        outcome
    }

    /// What who is paged knows of the caller, and what he is in the conference.
    fn page_leg(&mut self, id: ChannelId, leg: ChannelId, options: &PageOptions) {
        let Some(caller) = self.calls.channels.get(&id) else { return };
        let (party, headers, variables) =
            (caller.caller.clone(), caller.inherited_headers(), caller.variables().inherited());
        let Some(leg) = self.calls.channels.get_mut(&leg) else { return };
        leg.connected = party;
        leg.headers.extend(headers);
        leg.variables = variables;
        let announcement = options.announcement.clone().unwrap_or_default();
        leg.wishes = Some(Box::new(Wishes::paged(announcement, options.duplex)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_page_are_read() {
        let (options, undone) = PageOptions::parse("dqsA(hello)nb(x^s^1)");
        assert!(options.duplex && options.quiet && options.skips_busy && options.not_to_caller);
        assert_eq!((options.announcement.as_deref(), undone), (Some("hello"), vec!['b']));
        assert_eq!(PageOptions::parse(""), (PageOptions::default(), Vec::new()));
    }
}
