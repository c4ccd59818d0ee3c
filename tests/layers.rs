//! The house rules that a compiler does not hold: who may import whom, how long a file may be, which words stay out.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms and their ranks, from the map in `src/lib.rs`.
const RANKS: &[(&str, u8)] = &[
    ("base", 0),
    ("sip", 1),
    ("sdp", 1),
    ("rtp", 1),
    ("codec", 1),
    ("config", 2),
    ("identify", 3),
    ("authenticate", 3),
    ("registrar", 3),
    ("outbound", 3),
    ("session", 3),
    ("dialplan", 3),
    ("bridge", 3),
    ("pubsub", 3),
    ("voicemail", 3),
    ("switch", 4),
    ("net", 5),
    ("media", 5),
    ("store", 5),
    ("admin", 5),
    ("server", 6),
];

/// What ranks 0–4 may not name: they receive time and hand out actions.
const FORBIDDEN_BELOW_EDGES: &[&str] = &[
    "tokio::",
    "std::net::UdpSocket",
    "std::net::Tcp",
    "std::fs",
    "std::thread",
    "Mutex",
    "RwLock",
    "mpsc",
    "Instant::now",
    "SystemTime::now",
    "rusqlite",
    "clap::",
    "println!",
];

/// Lines of a file without its tests.
const FILE_LINES: usize = 400;

fn rank(room: &str) -> Option<u8> {
    RANKS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank)
}

fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src is readable") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn all() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let mut files = Vec::new();
    for path in paths {
        let name = path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
        let room = name.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        files.push((name, room, fs::read_to_string(&path).expect("source is text")));
    }
    files
}

/// The part before the unit tests, without comment lines.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn rooms_import_strictly_lower_ranks() {
    let mut faults = Vec::new();
    for (name, room, text) in all() {
        let Some(own) = rank(&room) else { continue };
        for (number, line) in code(&text) {
            for part in line.split("crate::").skip(1) {
                let target: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if target == room {
                    continue;
                }
                if let Some(theirs) = rank(&target)
                    && theirs >= own
                {
                    faults.push(format!(
                        "src/{name}:{}: {room} ({own}) may not import {target} ({theirs})",
                        number + 1
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn decisions_name_no_io() {
    let mut faults = Vec::new();
    for (name, room, text) in all() {
        if rank(&room).is_none_or(|rank| rank > 4) {
            continue;
        }
        for (number, line) in code(&text) {
            for word in FORBIDDEN_BELOW_EDGES.iter().filter(|word| line.contains(**word)) {
                faults.push(format!("src/{name}:{}: {word} in a deciding room", number + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_stay_short_enough_to_read() {
    let mut faults = Vec::new();
    for (name, _, text) in all() {
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        if lines > FILE_LINES {
            faults.push(format!("src/{name}: {lines} lines without tests, {FILE_LINES} allowed"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("the map");
    for (room, _) in RANKS {
        assert!(map.contains(&format!("pub mod {room};")), "{room} is ranked but not in src/lib.rs");
    }
}
