//! What `Page` wants of a conference: one who speaks, and others who hear him and go with him.

use super::super::channel::ChannelId;
use super::Wishes;
use crate::base::time::Now;
use crate::config::services::{BridgeProfile, Menu, UserProfile};
use crate::switch::Switch;
use crate::switch::io::Actions;

/// The name of the profiles of `Page`, as `confbridge list` shows it.
const PAGE: &str = "page";

impl Wishes {
    /// Of who pages: he hears that first.
    pub fn pages(heard: String, records: bool) -> Option<Box<Wishes>> {
        let user = UserProfile { marked: true, announcement: heard, ..quiet() };
        Some(Box::new(Wishes::of(user, records)))
    }

    /// Of who is paged: he hears that first, and may speak or not.
    pub fn paged(heard: String, speaks: bool) -> Wishes {
        Wishes::of(
            UserProfile { end_marked: true, startmuted: !speaks, announcement: heard, ..quiet() },
            false,
        )
    }

    fn of(user: UserProfile, records: bool) -> Wishes {
        let mut bridge = BridgeProfile::named(PAGE);
        bridge.record = records;
        let menu = Menu { name: PAGE.to_owned(), entries: Vec::new() };
        Wishes { user: Some(user), bridge: Some(bridge), menu: Some(menu) }
    }
}

fn quiet() -> UserProfile {
    UserProfile { quiet: true, announce_only_user: false, ..UserProfile::named(PAGE) }
}

impl Switch {
    /// Exchanges what a channel wants of the next conference.
    pub(in super::super) fn wish_for(
        &mut self,
        id: ChannelId,
        wishes: Option<Box<Wishes>>,
    ) -> Option<Box<Wishes>> {
        let channel = self.calls.channels.get_mut(&id)?;
        std::mem::replace(&mut channel.wishes, wishes)
    }

    /// Who is called for a channel's page.
    pub(in super::super) fn pages(&mut self, id: ChannelId, paged: Vec<ChannelId>) {
        if let Some(attending) = self.attending_mut(id) {
            attending.paged = paged;
        }
    }

    /// Who pages is gone: those who have not answered are called no more.
    pub(super) fn page_no_more(&mut self, now: Now, paged: &[ChannelId], out: &mut Actions) {
        for leg in paged {
            if self.calls.channels.get(leg).is_some_and(|leg| leg.origin.is_some()) {
                self.hang_up(now, *leg, 16, out);
            }
        }
    }
}
