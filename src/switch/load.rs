//! The first configuration, taken over whole: for a million objects, far cheaper than a million changes.

use super::Switch;
use super::directory::Touched;
use super::io::Actions;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::config::Objects;

impl Switch {
    /// Takes the configuration over, in place of [`super::io::Input::Config`] with everything new. For a switch that
    /// has none yet, before stored contacts and the first message.
    pub fn load(&mut self, now: Now, objects: Objects, out: &mut Actions) {
        self.now = now;
        self.directory.load(objects);
        self.set_bans();
        self.reconfigure(now, &[], out);
        let aors = self.directory.objects.aors.values();
        let mut fixed: Vec<Name> =
            aors.filter(|aor| !aor.contact.is_empty()).map(|aor| aor.name.clone()).collect();
        fixed.sort_unstable();
        for aor in &fixed {
            self.aor_changed(now, aor);
        }
        self.publications_changed(now, &Touched { publishing: true, ..Touched::default() }, out);
        let registrations = self.directory.objects.registrations.keys().cloned().collect();
        self.registrations_changed(now, &Touched { registrations, ..Touched::default() }, out);
        self.commit(out);
        self.tell_contacts(now, out);
    }
}
