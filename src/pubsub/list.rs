//! Resource lists (RFC 4662): one subscription to many extensions or mailboxes, told in one NOTIFY.

use super::body::{attribute, element};
use super::package::BodyType;
use super::subscription::Resource;
use crate::base::ids::Name;
use crate::base::limits;
use std::time::Duration;

/// A `type=resource_list` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListConfig {
    /// Event package, compared exactly.
    pub event: Name,
    /// Members: names of lists or of plain resources.
    pub items: Vec<Name>,
    /// Every NOTIFY carries every member.
    pub full_state: bool,
    /// How long changes are gathered.
    pub batch: Duration,
    /// The names in RLMI come from the hints.
    pub display_names: bool,
}

impl ListConfig {
    /// From the settings of the section.
    pub fn read<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>) -> ListConfig {
        let mut config = ListConfig {
            event: Name::default(),
            items: Vec::new(),
            full_state: false,
            batch: Duration::ZERO,
            display_names: false,
        };
        let yes = |text: &str| {
            ["yes", "true", "on", "1", "y", "t"].iter().any(|word| text.eq_ignore_ascii_case(word))
        };
        for (name, value) in settings {
            match name {
                "event" => config.event = value.into(),
                "list_item" => {
                    let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
                    config.items.extend(items.map(Name::from));
                }
                "full_state" => config.full_state = yes(value),
                "notification_batch_interval" => {
                    config.batch = Duration::from_millis(value.trim().parse().unwrap_or(0));
                }
                "resource_display_name" => config.display_names = yes(value),
                _ => {}
            }
        }
        config
    }
}

/// A subscribed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its name.
    pub name: Name,
    /// `full_state`
    pub full_state: bool,
    /// `version` of its next RLMI.
    pub version: u32,
    /// What is in it.
    pub members: Vec<Member>,
}

/// One member of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// A resource.
    Leaf(Box<Leaf>),
    /// A list in the list.
    List(Box<List>),
}

/// A resource in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its name: extension, aor.
    pub name: Name,
    /// The name people read; its own, or the hint's.
    pub display: Name,
    /// What it is.
    pub watches: Resource,
    /// Instance id in RLMI.
    pub id: [u8; 5],
    /// A hash of what was told of it last; `None`: nothing yet, or all is to be told again.
    pub told: Option<u64>,
}

impl List {
    /// Every resource in it.
    pub fn leaves(&self) -> Vec<&Leaf> {
        let mut all = Vec::new();
        for member in &self.members {
            match member {
                Member::Leaf(leaf) => all.push(&**leaf),
                Member::List(list) => all.extend(list.leaves()),
            }
        }
        all
    }

    /// Everything is to be told again.
    pub fn forget_told(&mut self) {
        for member in &mut self.members {
            match member {
                Member::Leaf(leaf) => leaf.told = None,
                Member::List(list) => list.forget_told(),
            }
        }
    }
}

/// What writes one body: the document of a leaf, with the hash of what it says.
pub trait Describe {
    /// Appends the body; the hash leaves out what differs each time.
    fn describe(&self, leaf: &Leaf, version: u32, out: &mut String) -> u64;
    /// The URI of a resource or list.
    fn uri(&self, name: &str) -> String;
}

/// What a written list came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Content-Type of the whole.
    pub content_type: String,
    /// Not all that changed had room: another NOTIFY must follow.
    pub more: bool,
}

/// A member's place in RLMI and its part.
struct Part {
    name: Name,
    display: Name,
    id: [u8; 5],
    cid: String,
    kind: String,
    body: String,
}

/// Appends the multipart body of a list: RLMI first, then a part for each member that is told. At most about `room`
/// bytes, so that a datagram can carry it; what is left over is told by the next NOTIFY.
pub fn write(
    list: &mut List,
    body: BodyType,
    describe: &impl Describe,
    (seed, room): (u64, usize),
    out: &mut String,
) -> Written {
    let mut writer = ListWriter { body, describe, seed, serial: 0, room, wrote: false };
    let (text, kind, more) = writer.list(list);
    out.push_str(&text);
    Written { content_type: kind, more }
}

struct ListWriter<'a, D> {
    body: BodyType,
    describe: &'a D,
    seed: u64,
    serial: u64,
    room: usize,
    /// A part is written.
    wrote: bool,
}

impl<D: Describe> ListWriter<'_, D> {
    fn list(&mut self, list: &mut List) -> (String, String, bool) {
        // What had no room last time is told first; then, if something changed, all begins anew.
        if list.full_state && list.leaves().iter().all(|leaf| leaf.told.is_some()) {
            list.forget_told();
        }
        let everything = list.leaves().iter().all(|leaf| leaf.told.is_none());
        let (mut parts, mut more) = (Vec::new(), false);
        for member in &mut list.members {
            match member {
                Member::Leaf(leaf) => match self.leaf(leaf, list.version) {
                    Told::Part(part) => parts.push(*part),
                    Told::Same => {}
                    Told::NoRoom => more = true,
                },
                Member::List(inner) => {
                    if !everything && !self.has_news(inner) {
                        continue;
                    }
                    let (body, kind, left) = self.list(inner);
                    more |= left;
                    let name = inner.name.clone();
                    let (id, cid) = (instance(&name), self.content_id());
                    parts.push(Part { display: name.clone(), name, id, cid, kind, body });
                }
            }
        }
        let full = everything && !more;
        let rlmi = self.rlmi(list, &parts, full);
        list.version = list.version.wrapping_add(1);
        let serial = self.next();
        let boundary = format!("jf-{:016x}-{serial}", self.seed);
        (multipart(&boundary, &self.content_id(), &rlmi, &parts), content_type(&boundary), more)
    }

    fn leaf(&mut self, leaf: &mut Leaf, version: u32) -> Told {
        let mut body = String::new();
        let hash = self.describe.describe(leaf, version, &mut body);
        if leaf.told == Some(hash) {
            return Told::Same;
        }
        // RLMI's entry and the part's headers.
        let size = body.len() + 400 + 2 * leaf.name.len();
        // One that has the whole message to itself goes out all the same.
        if size > self.room && self.wrote {
            leaf.told = None;
            return Told::NoRoom;
        }
        self.room = self.room.saturating_sub(size);
        self.wrote = true;
        leaf.told = Some(hash);
        let cid = self.content_id();
        Told::Part(Box::new(Part {
            name: leaf.name.clone(),
            display: leaf.display.clone(),
            id: leaf.id,
            cid,
            kind: self.body.name().to_owned(),
            body,
        }))
    }

    fn has_news(&self, list: &List) -> bool {
        let mut scratch = String::new();
        list.leaves().into_iter().any(|leaf| {
            scratch.clear();
            leaf.told != Some(self.describe.describe(leaf, 0, &mut scratch))
        })
    }

    fn rlmi(&self, list: &List, parts: &[Part], full: bool) -> String {
        let mut out = String::from(super::body::XML);
        out.push_str("<list xmlns=\"urn:ietf:params:xml:ns:rlmi\"");
        attribute(&mut out, "uri", &self.describe.uri(&list.name));
        attribute(&mut out, "version", &list.version.to_string());
        attribute(&mut out, "fullState", if full { "true" } else { "false" });
        out.push_str(">\n");
        element(&mut out, "name", &list.name);
        for part in parts {
            out.push_str("<resource");
            attribute(&mut out, "uri", &self.describe.uri(&part.name));
            out.push_str(">\n");
            element(&mut out, "name", &part.display);
            out.push_str("<instance");
            attribute(&mut out, "id", &String::from_utf8_lossy(&part.id));
            attribute(&mut out, "state", "active");
            attribute(&mut out, "cid", &part.cid);
            out.push_str("/>\n</resource>\n");
        }
        out.push_str("</list>\n");
        out
    }

    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn content_id(&mut self) -> String {
        let host = self.describe.uri("x");
        let host = host.rsplit('@').next().unwrap_or("localhost").trim_matches(['[', ']']).replace(':', ".");
        let serial = self.next();
        format!("{:x}.{serial}@{host}", self.seed)
    }
}

enum Told {
    Part(Box<Part>),
    Same,
    NoRoom,
}

/// Five letters and digits that stay the same for a name.
pub fn instance(name: &str) -> [u8; 5] {
    let digest = md5::compute(name.as_bytes()).0;
    std::array::from_fn(|at| b"abcdefghijklmnopqrstuvwxyz012345"[usize::from(digest[at] & 31)])
}

fn content_type(boundary: &str) -> String {
    format!("multipart/related;type=\"application/rlmi+xml\";boundary=\"{boundary}\"")
}

fn multipart(boundary: &str, rlmi_id: &str, rlmi: &str, parts: &[Part]) -> String {
    let mut out =
        String::with_capacity(rlmi.len() + parts.iter().map(|part| part.body.len() + 200).sum::<usize>());
    let mut push = |id: &str, kind: &str, body: &str| {
        for piece in
            ["--", boundary, "\r\nContent-ID: <", id, ">\r\nContent-Type: ", kind, "\r\n\r\n", body, "\r\n"]
        {
            out.push_str(piece);
        }
    };
    push(rlmi_id, "application/rlmi+xml;charset=\"UTF-8\"", rlmi);
    for part in parts {
        push(&part.cid, &part.kind, &part.body);
    }
    for piece in ["--", boundary, "--\r\n"] {
        out.push_str(piece);
    }
    out
}

/// Bytes of body for a datagram: what is left of the largest one after the headers.
pub const DATAGRAM_ROOM: usize = limits::MESSAGE_BYTES - 5_535;
/// Bytes of body for a connection: half of what may wait to be written to it.
pub const STREAM_ROOM: usize = limits::CONNECTION_QUEUE_BYTES / 2;
