//! What a name means to whoever subscribes to it: an extension's hint, mailboxes, or a list.

use super::devices::{canonical, canonical_presence};
use super::subscribe::{Asked, Refusal};
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::pubsub::{List, Package, Resource, SlotId, Watched};
use crate::switch::Switch;
use crate::switch::view::Level;

/// What is watched.
pub(super) enum Found {
    Hint(Watched),
    List(List, Vec<Found>),
    Mailboxes { names: Box<[Name]>, account: Name },
}

impl Switch {
    /// Begins to watch what was found.
    pub(super) fn watch_found(&mut self, id: SlotId, found: Found) -> Resource {
        match found {
            Found::Hint(what) => {
                let mut index = std::mem::take(&mut self.lamps.index);
                let hint = index.watch(what, id.number(), self);
                self.lamps.index = index;
                Resource::Hint(hint)
            }
            Found::Mailboxes { names, account } => {
                self.listen(id, &names);
                Resource::Mailboxes { names, account }
            }
            Found::List(mut list, found) => {
                self.watch_list(id, &mut list, found);
                Resource::List(Box::new(list))
            }
        }
    }

    /// What the resource of a SUBSCRIBE is.
    pub(super) fn find_resource(
        &self,
        now: Now,
        endpoint: &Endpoint,
        asked: &Asked,
    ) -> Result<Found, Refusal> {
        if asked.eventlist
            && let Some(list) = self.find_list(now, endpoint, asked)
        {
            return list;
        }
        self.find_leaf(now, endpoint, asked)
    }

    /// What a name that is no list's means.
    pub(super) fn find_leaf(&self, now: Now, endpoint: &Endpoint, asked: &Asked) -> Result<Found, Refusal> {
        match asked.package {
            Package::Presence | Package::Dialog => {
                let context = endpoint.subscribe_context();
                let exten = Name::from(asked.resource.as_str());
                self.hint_of(now, context, &exten).map(Found::Hint).ok_or_else(|| Refusal {
                    code: 404,
                    why: format!(
                        "Extension {exten} does not exist or has no associated hint (endpoint '{}', context '{context}')",
                        endpoint.name
                    ),
                    level: Level::Warning,
                    origin: "res_pjsip_exten_state.c",
                })
            }
            Package::MessageSummary => self.find_mailboxes(endpoint, asked),
        }
    }

    /// The hint of an extension as it is now.
    pub(super) fn hint_of(&self, now: Now, context: &Name, exten: &Name) -> Option<Watched> {
        let hint = self.calls.plan().hint(context, exten, now.wall)?;
        // autohints makes one of any name; it counts if there is such a device.
        if hint.automatic && self.directory.endpoint(exten).is_none() {
            return None;
        }
        Some(Watched {
            context: context.clone(),
            exten: exten.clone(),
            devices: hint.devices.iter().map(|device| canonical(device)).collect(),
            presence: hint.presence.as_deref().map(canonical_presence),
            display: hint.name.as_str().into(),
        })
    }
}
