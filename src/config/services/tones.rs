//! `indications.conf`: the tones of each country. Those of some are built in (ITU-T E.180 supplement 2), so that a tree
//! without the file still rings.

use super::Services;
use crate::codec::ToneList;
use crate::config::conf::Tree;
use crate::config::finding::Finding;
use std::collections::BTreeMap;

/// The tones of one country.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToneZone {
    /// `description`.
    pub description: String,
    /// `dial`, `busy`, `ring`, `congestion`, …
    pub tones: BTreeMap<String, ToneList>,
}

/// Words of a zone that are no tones.
const OTHER_WORDS: &[&str] = &["description", "ringcadence", "alias"];

/// Country, description, and dial, busy, ring, congestion, call waiting, record and information tones.
type Row = (&'static str, &'static str, [&'static str; 7]);

const NAMES: [&str; 7] = ["dial", "busy", "ring", "congestion", "callwaiting", "record", "info"];

const BUILT_IN: &[Row] = &[
    (
        "us",
        "United States / North America",
        [
            "350+440",
            "480+620/500,0/500",
            "440+480/2000,0/4000",
            "480+620/250,0/250",
            "440/300,0/10000",
            "1400/500,0/15000",
            "!950/330,!1400/330,!1800/330,0",
        ],
    ),
    (
        "de",
        "Germany",
        [
            "425",
            "425/480,0/480",
            "425/1000,0/4000",
            "425/240,0/240",
            "!425/200,!0/200,!425/200,!0/5000",
            "1400/80,0/15000",
            "950/330,0/200,1400/330,0/200,1800/330,0/1000",
        ],
    ),
    (
        "uk",
        "United Kingdom",
        [
            "350+440",
            "400/375,0/375",
            "400+450/400,0/200,400+450/400,0/2000",
            "400/400,0/350,400/225,0/525",
            "400/100,0/4000",
            "1400/500,0/60000",
            "950/330,0/15,1400/330,0/15,1800/330,0/1000",
        ],
    ),
    (
        "fr",
        "France",
        [
            "440",
            "440/500,0/500",
            "440/1500,0/3500",
            "440/250,0/250",
            "440/300,0/10000",
            "1400/500,0/15000",
            "!950/330,!1400/330,!1800/330",
        ],
    ),
    (
        "it",
        "Italy",
        [
            "425/200,0/200,425/600,0/1000",
            "425/500,0/500",
            "425/1000,0/4000",
            "425/200,0/200",
            "425/400,0/100,425/250,0/100,425/150,0/14000",
            "1400/400,0/15000",
            "!950/330,!1400/330,!1800/330",
        ],
    ),
    (
        "es",
        "Spain",
        [
            "425",
            "425/200,0/200",
            "425/1500,0/3000",
            "425/200,0/200,425/200,0/200,425/200,0/600",
            "425/175,0/175,425/175,0/3500",
            "1400/500,0/15000",
            "950/330,0/1000",
        ],
    ),
    (
        "nl",
        "Netherlands",
        [
            "425",
            "425/500,0/500",
            "425/1000,0/4000",
            "425/250,0/250",
            "425/500,0/9500",
            "1400/500,0/15000",
            "950/330,1400/330,1800/330,0/1000",
        ],
    ),
    (
        "au",
        "Australia",
        [
            "413+438",
            "425/375,0/375",
            "413+438/400,0/200,413+438/400,0/2000",
            "425/375,0/375,420/375,0/375",
            "425/200,0/200,425/200,0/4400",
            "!425/1000,!0/15000,425/360,0/15000",
            "425/2500,0/500",
        ],
    ),
];

pub(super) fn built_in() -> BTreeMap<String, ToneZone> {
    let zone = |(country, description, tones): &Row| {
        let list = NAMES.iter().zip(tones);
        let tones = list.filter_map(|(name, text)| Some(((*name).to_owned(), ToneList::parse(text).ok()?)));
        ((*country).to_owned(), ToneZone { description: (*description).to_owned(), tones: tones.collect() })
    };
    BUILT_IN.iter().map(zone).collect()
}

pub(super) fn read(tree: &Tree, services: &mut Services, findings: &mut Vec<Finding>) {
    for section in tree.sections().filter(|section| !section.is_template()) {
        if section.name() == "general" {
            for entry in section.entries().filter(|entry| entry.name == "country") {
                services.country = entry.value.to_owned();
            }
            continue;
        }
        let mut zone = ToneZone::default();
        for entry in section.entries() {
            if entry.name == "description" {
                zone.description = entry.value.to_owned();
            } else if !OTHER_WORDS.contains(&entry.name) {
                match ToneList::parse(entry.value) {
                    Ok(list) => drop(zone.tones.insert(entry.name.to_owned(), list)),
                    Err(fault) => {
                        let message = format!("tone {} of {}: {fault}", entry.name, section.name());
                        findings.push(Finding::warning("bad-tone", entry.at, message));
                    }
                }
            }
        }
        services.zones.insert(section.name().to_owned(), zone);
    }
    if !services.zones.contains_key(&services.country)
        && let Some(section) = tree.section("general")
    {
        let message = format!("country={}: there is no such zone; that of us is used", services.country);
        findings.push(Finding::warning("unknown-zone", section.at(), message));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Services;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;

    #[test]
    fn zones_are_read_and_those_built_in_are_whole() {
        let built_in = Services::default();
        for (name, zone) in &built_in.zones {
            assert_eq!(zone.tones.len(), 7, "{name}");
        }
        let text = "[general]\ncountry=xx\n[xx]\ndescription = Nowhere\nringcadence = 2000,4000\nring = 500/100,0/100\nbusy = abc\n";
        let files = MemoryFiles::new().with("indications.conf", text);
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let services = Services::read(&files, &mut sources, &mut findings);
        assert_eq!(services.tone("", "ring"), services.zones["xx"].tones.get("ring"));
        assert_eq!(
            services.tone("xx", "busy"),
            built_in.tone("us", "busy"),
            "what a zone lacks the default has"
        );
        assert_eq!(services.tone("de", "dial"), built_in.tone("de", "dial"));
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].text(&sources).to_string().contains("indications.conf:7"),
            "{}",
            findings[0].text(&sources)
        );
    }
}
