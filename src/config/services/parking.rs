//! `res_parking.conf`: where calls are parked. Without the file there is no lot; with it there is always `default`.

use super::truth;
use crate::base::limits::PARKING_SPACES;
use crate::config::conf::Tree;
use crate::config::finding::Finding;
use crate::config::suggest;
use std::collections::BTreeMap;
use std::time::Duration;

/// A parking lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkingLot {
    /// Its section's name.
    pub name: String,
    /// `parkext`: dialling it parks; empty for none.
    pub exten: String,
    /// `parkext_exclusive`: it parks into this lot whatever lot the channel has.
    pub exclusive: bool,
    /// `context`: where the extensions are.
    pub context: String,
    /// `parkpos`: the first and the last space.
    pub spaces: (u32, u32),
    /// `parkinghints`: hints for the spaces are made.
    pub hints: bool,
    /// `parkingtime`; `None`: for ever.
    pub time: Option<Duration>,
    /// `findslot=next`: the space after the last one taken; else the first free one.
    pub next: bool,
    /// `comebacktoorigin`: a call nobody takes is given back to who parked it.
    pub to_origin: bool,
    /// `comebackdialtime`: how long he is called then.
    pub dial_time: Duration,
    /// `comebackcontext`: where such a call goes otherwise.
    pub comeback: String,
    /// `courtesytone`: played when a call is taken; empty for none.
    pub courtesy: String,
    /// `parkedplay`: who hears it.
    pub courtesy_to: Who,
    /// `parkedcalltransfers`, `parkedcallreparking`, `parkedcallhangup`, `parkedcallrecording`: letters `t`, `k`, `h`, `x` of
    /// a call that was taken.
    pub letters: [Who; 4],
    /// `parkedmusicclass`
    pub music: String,
}

/// Sides of a call that was taken: the caller took it, the callee was parked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Who took it.
    pub caller: bool,
    /// Who was parked.
    pub callee: bool,
}

impl Who {
    fn parse(text: &str) -> Option<Who> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "no" | "false" | "0" => Who::default(),
            "caller" => Who { caller: true, callee: false },
            "callee" => Who { caller: false, callee: true },
            "both" => Who { caller: true, callee: true },
            _ => return None,
        })
    }
}

impl ParkingLot {
    fn new(name: &str) -> ParkingLot {
        ParkingLot {
            name: name.to_owned(),
            exten: String::new(),
            exclusive: false,
            context: "parkedcalls".to_owned(),
            spaces: (701, 750),
            hints: false,
            time: Some(Duration::from_secs(45)),
            next: false,
            to_origin: true,
            dial_time: Duration::from_secs(30),
            comeback: "parkedcallstimeout".to_owned(),
            courtesy: String::new(),
            courtesy_to: Who { caller: true, callee: false },
            letters: [Who::default(); 4],
            music: String::new(),
        }
    }

    /// Whether it has that space.
    pub fn has(&self, space: u32) -> bool {
        (self.spaces.0..=self.spaces.1).contains(&space)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let secs = || match value.parse::<u64>() {
            Ok(secs) if secs <= 31_536_000 => Ok(Duration::from_secs(secs)),
            _ => Err(format!("{name}={value} is no number of seconds")),
        };
        let who =
            || Who::parse(value).ok_or_else(|| format!("{name}={value} is none of no, caller, callee, both"));
        match name {
            "parkext" => self.exten = value.to_owned(),
            "parkext_exclusive" => self.exclusive = truth(value),
            "context" => self.context = value.to_owned(),
            "parkinghints" => self.hints = truth(value),
            "parkingtime" => self.time = Some(secs()?).filter(|time| !time.is_zero()),
            "comebacktoorigin" => self.to_origin = truth(value),
            "comebackdialtime" => self.dial_time = secs()?,
            "comebackcontext" => self.comeback = value.to_owned(),
            "courtesytone" => self.courtesy = value.to_owned(),
            "parkedplay" => self.courtesy_to = who()?,
            "parkedcalltransfers" => self.letters[0] = who()?,
            "parkedcallreparking" => self.letters[1] = who()?,
            "parkedcallhangup" => self.letters[2] = who()?,
            "parkedcallrecording" => self.letters[3] = who()?,
            "parkedmusicclass" => self.music = value.to_owned(),
            "findslot" => {
                self.next = match value.to_ascii_lowercase().as_str() {
                    "next" => true,
                    "first" => false,
                    _ => return Err(format!("findslot={value} is neither first nor next")),
                }
            }
            "parkpos" => {
                let ends =
                    value.split_once('-').map(|(first, last)| (first.trim().parse(), last.trim().parse()));
                match ends {
                    Some((Ok(first), Ok(last)))
                        if first > 0 && first <= last && last - first < PARKING_SPACES =>
                    {
                        self.spaces = (first, last);
                    }
                    _ => {
                        return Err(format!(
                            "parkpos={value} is no range of at most {PARKING_SPACES} spaces, such as 701-720"
                        ));
                    }
                }
            }
            _ => {
                let near = suggest::nearest(name, OPTIONS.iter().copied());
                let near = near.map_or_else(String::new, |near| format!(" (nearest: {near})"));
                return Err(format!("there is no option '{name}' in a parking lot{near}"));
            }
        }
        Ok(())
    }
}

const OPTIONS: &[&str] = &[
    "parkext",
    "parkext_exclusive",
    "context",
    "parkpos",
    "parkinghints",
    "parkingtime",
    "comebacktoorigin",
    "comebackdialtime",
    "comebackcontext",
    "courtesytone",
    "parkedplay",
    "parkedcalltransfers",
    "parkedcallreparking",
    "parkedcallhangup",
    "parkedcallrecording",
    "parkedmusicclass",
    "findslot",
];

pub(super) fn read(tree: &Tree, findings: &mut Vec<Finding>) -> BTreeMap<String, ParkingLot> {
    let mut lots: BTreeMap<String, ParkingLot> = BTreeMap::new();
    lots.insert("default".to_owned(), ParkingLot::new("default"));
    for section in tree.sections().filter(|section| !section.is_template()) {
        if section.name() == "general" {
            for entry in section.entries() {
                let why = match entry.name {
                    "parkeddynamic" if !truth(entry.value) => continue,
                    "parkeddynamic" => {
                        "lots are not made by calls in this version: parkeddynamic has no effect".to_owned()
                    }
                    other => format!("there is no option '{other}' in [general]"),
                };
                findings.push(Finding::warning("parking-option", entry.at, why));
            }
            continue;
        }
        let name = section.name().to_owned();
        let lot = lots.entry(name.clone()).or_insert_with(|| ParkingLot::new(&name));
        for entry in section.entries() {
            if let Err(why) = lot.set(&entry.name.to_ascii_lowercase(), entry.value) {
                findings.push(Finding::warning("parking-option", entry.at, why));
            }
        }
    }
    for section in tree.sections() {
        let Some(lot) = lots.get(section.name()) else { continue };
        let clash = lots.values().find(|other| {
            let apart = other.spaces.1 < lot.spaces.0 || lot.spaces.1 < other.spaces.0;
            other.name < lot.name && other.context == lot.context && !apart
        });
        if let Some(other) = clash {
            let why = format!(
                "lots {} and {} have spaces of the same numbers in context {}",
                other.name, lot.name, lot.context
            );
            findings.push(
                Finding::warning("parking-overlap", section.at(), why)
                    .help("give one of them another context"),
            );
        }
    }
    lots
}

#[cfg(test)]
mod tests {
    use super::super::Services;
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;

    fn read(files: MemoryFiles) -> (BTreeMap<String, ParkingLot>, Vec<String>) {
        let (mut sources, mut findings) = (Sources::new(), Vec::new());
        let lots = Services::read(&files, &mut sources, &mut findings).parking;
        (lots, findings.iter().map(|f| f.text(&sources).to_string()).collect())
    }

    #[test]
    fn lots_are_there_only_with_the_file() {
        assert!(read(MemoryFiles::new()).0.is_empty());
        let (lots, said) = read(MemoryFiles::new().with("res_parking.conf", "[general]\nparkeddynamic=no\n"));
        assert_eq!((lots.len(), said.len()), (1, 0));
        let lot = &lots["default"];
        assert_eq!(
            (lot.spaces, lot.context.as_str(), lot.time),
            ((701, 750), "parkedcalls", Some(Duration::from_secs(45)))
        );
        assert!(lot.to_origin && !lot.next && lot.courtesy_to.caller);
    }

    #[test]
    fn options_are_read_and_what_is_wrong_is_said() {
        let text = "[default]\nparkext => 700\nparkpos => 701-702\nfindslot => next\nparkedcalltransfers=both\nparkingtime=0\n\
                    [sales]\nparkpos=702-800\nparkpos=9-1\ncomebacktoorign=no\nparkedplay=all\n";
        let (lots, said) = read(MemoryFiles::new().with("res_parking.conf", text));
        let lot = &lots["default"];
        assert_eq!((lot.exten.as_str(), lot.spaces, lot.next, lot.time), ("700", (701, 702), true, None));
        assert_eq!(lot.letters[0], Who { caller: true, callee: true });
        assert_eq!(lots["sales"].spaces, (702, 800));
        for (line, words) in [
            (9, "parkpos=9-1"),
            (10, "(nearest: comebacktoorigin)"),
            (11, "parkedplay=all"),
            (7, "spaces of the same numbers"),
        ] {
            let place = format!("res_parking.conf:{line}");
            assert!(
                said.iter().any(|said| said.contains(&place) && said.contains(words)),
                "{place}: {said:?}"
            );
        }
    }
}
