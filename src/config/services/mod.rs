//! Files of the media services: tones by country (`indications.conf`), music on hold (`musiconhold.conf`), conferences
//! (`confbridge.conf`), what digits do in a call (`features.conf`), where calls are parked (`res_parking.conf`), mailboxes
//! (`voicemail.conf`). Each may be missing; each mistake is told and costs its own line only.

mod conference;
mod features;
mod music;
mod parking;
mod tones;
mod voicemail;

pub use conference::{
    BridgeProfile, Conferences, DEFAULT_BRIDGE, DEFAULT_MENU, DEFAULT_USER, Menu, MenuAction, NotSet,
    UserProfile,
};
pub use features::{FeatureApp, FeatureSounds, Features};
pub use music::{Music, MusicMode};
pub use parking::{ParkingLot, Who};
pub use tones::ToneZone;
pub use voicemail::{
    MailLetters, Mailbox, MailboxOptions, PasswordPlace, Voicemail, VoicemailSettings, VoicemailZone,
};

use super::conf;
use super::files::Files;
use super::finding::Finding;
use super::origin::Sources;
use std::collections::BTreeMap;

/// What the media services need to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Services {
    /// Tones by country, the built-in ones included.
    pub zones: BTreeMap<String, ToneZone>,
    /// `country` of `indications.conf`: the zone of channels without one.
    pub country: String,
    /// Classes of music on hold.
    pub music: BTreeMap<String, Music>,
    /// What parties do by digits.
    pub features: Features,
    /// Parking lots by name.
    pub parking: BTreeMap<String, ParkingLot>,
    /// Profiles and menus of conferences.
    pub conferences: Conferences,
    /// Mailboxes.
    pub voicemail: Voicemail,
}

impl Default for Services {
    fn default() -> Services {
        Services {
            zones: tones::built_in(),
            country: "us".to_owned(),
            music: music::built_in(),
            features: Features::default(),
            parking: BTreeMap::new(),
            conferences: Conferences::default(),
            voicemail: Voicemail::default(),
        }
    }
}

impl Services {
    /// Reads the files.
    pub fn read(files: &dyn Files, sources: &mut Sources, findings: &mut Vec<Finding>) -> Services {
        let mut services = Services::default();
        if let Some(tree) = conf::read_optional(files, "indications.conf", sources, findings) {
            tones::read(&tree, &mut services, findings);
        }
        if let Some(tree) = conf::read_optional(files, "musiconhold.conf", sources, findings) {
            music::read(&tree, &mut services, findings);
        }
        if let Some(tree) = conf::read_optional(files, "features.conf", sources, findings) {
            features::read(&tree, &mut services.features, findings);
        }
        if let Some(tree) = conf::read_optional(files, "res_parking.conf", sources, findings) {
            services.parking = parking::read(&tree, findings);
        }
        if let Some(tree) = conf::read_optional(files, "confbridge.conf", sources, findings) {
            conference::read(&tree, &mut services.conferences, findings);
        }
        if let Some(tree) = conf::read_optional(files, "voicemail.conf", sources, findings) {
            services.voicemail = voicemail::read(&tree, sources, findings);
        }
        services
    }

    /// A tone by its name in a zone: the zone's, else the default zone's.
    pub fn tone(&self, zone: &str, name: &str) -> Option<&crate::codec::ToneList> {
        let of = |zone: &str| self.zones.get(zone)?.tones.get(name);
        of(zone).or_else(|| of(&self.country)).or_else(|| of("us"))
    }
}

/// `yes`, `true`, `1`, `on` and their letters.
fn truth(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "yes" | "true" | "y" | "t" | "1" | "on")
}
