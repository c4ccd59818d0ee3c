//! C7: watchers that come, refresh, go, repeat themselves, fall silent or answer 481, over a network that loses, doubles
//! and delays, while states change and the dialplan is reloaded. Whatever the seed, who listens knows the state in the
//! end, and nothing is left behind. `JACKFIELD_SEEDS=10000` takes ten thousand seeds.

use super::watcher::*;
use crate::net::seeds;
use crate::world::World;
use jackfield::base::rng::Rng;
use jackfield::pubsub::Kept;
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, Reply};
use std::collections::BTreeSet;
use std::time::Duration;

/// How a watcher takes a NOTIFY.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Content,
    Gone,
    Busy,
    Silent,
}

struct Watcher {
    call: String,
    exten: &'static str,
    event: &'static str,
    cseq: u32,
    tag: Option<String>,
    last: String,
    mood: Mood,
    /// The newest NOTIFY, by its number.
    seen: (u32, String),
}

struct Storm {
    seed: u64,
    world: World,
    rng: Rng,
    millis: u64,
    /// When each message arrives, at the server or at the watchers.
    wire: Vec<(u64, bool, String)>,
    watchers: Vec<Watcher>,
    /// Of a hundred messages so many are lost.
    loss: u64,
    /// Rows of the store.
    kept: BTreeSet<u64>,
    night: &'static str,
}

const PLANS: [&str; 2] = [
    "[phones]\nexten => 900,hint,Custom:night\nexten => _3XX,hint,Custom:lamp${EXTEN},CustomPresence:p\n",
    "[phones]\nexten => _3XX,hint,Custom:lamp${EXTEN}&Custom:night\n",
];
const RESOURCES: [(&str, &str); 5] = [
    ("900", "presence"),
    ("900", "dialog"),
    ("301", "presence"),
    ("400", "message-summary"),
    ("all", "presence"),
];
const STATES: [&str; 5] = ["NOT_INUSE", "INUSE", "ONHOLD", "RINGING", "UNAVAILABLE"];

impl Storm {
    fn new(seed: u64) -> Storm {
        let mut world = World::with(&format!(
            "[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n\
             [400]\ntype=endpoint\ncontext=phones\nallow=ulaw\naors=400\n[400]\ntype=aor\nmailboxes=7@vm\n\
             [id400]\ntype=identify\nendpoint=400\nmatch={WATCHER}\n\
             [all]\ntype=resource_list\nevent=presence\nlist_item=900,301,302\nnotification_batch_interval=300\n"
        ));
        set_dialplan(&mut world, PLANS[0]);
        let rng = Rng::seeded(seed);
        let (wire, watchers, kept) = (Vec::new(), Vec::new(), BTreeSet::new());
        Storm {
            seed,
            world,
            rng,
            millis: 0,
            wire,
            watchers,
            loss: 10 + 10 * (seed % 4),
            kept,
            night: "NOT_INUSE",
        }
    }

    fn put(&mut self, to_server: bool, text: String) {
        let copies = if self.loss > 0 && self.rng.below(10) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            if self.rng.below(100) >= self.loss {
                let late = if self.loss > 0 { self.rng.below(700) } else { 1 };
                self.wire.push((self.millis + late, to_server, text.clone()));
            }
        }
    }

    /// What the server sends goes on the wire.
    fn carry(&mut self, sent: Vec<String>) {
        for kept in self.world.kept.drain(..) {
            match kept {
                Kept::Subscription(stored) => drop(self.kept.insert(stored.id)),
                Kept::Forget { id } => drop(self.kept.remove(&id)),
                Kept::Progress { id, .. } => {
                    assert!(self.kept.contains(&id), "seed {}: no row {id}", self.seed)
                }
                _ => {}
            }
        }
        self.world.events.clear();
        sent.into_iter().for_each(|text| self.put(false, text));
    }

    fn run(&mut self, millis: u64) {
        let end = self.millis + millis;
        while self.millis < end {
            let step = 50.min(end - self.millis);
            self.millis += step;
            let sent = self.world.wait(Duration::from_millis(step));
            self.carry(sent);
            let now = self.millis;
            let (due, rest) = std::mem::take(&mut self.wire).into_iter().partition(|(at, ..)| *at <= now);
            self.wire = rest;
            let due: Vec<(u64, bool, String)> = due;
            for (_, to_server, text) in due {
                if to_server {
                    let sent = self.world.datagram(WATCHER, text.as_bytes());
                    self.carry(sent);
                } else {
                    self.heard(&text);
                }
            }
        }
    }

    fn heard(&mut self, text: &str) {
        let call = header(text, "Call-ID");
        let watcher = self.watchers.iter_mut().find(|watcher| watcher.call == call);
        if !text.starts_with("NOTIFY") {
            if let Some(watcher) = watcher.filter(|_| text.starts_with("SIP/2.0 200")) {
                watcher.tag.get_or_insert_with(|| our_tag(text));
            }
            return;
        }
        let Some(watcher) = watcher else { panic!("seed {}: {text}", self.seed) };
        let tag = header(text, "From").split(";tag=").nth(1).expect("a tag");
        let known = watcher.tag.get_or_insert_with(|| format!(";tag={tag}"));
        // A repetition of its first SUBSCRIBE that came late made another dialog, which it knows nothing of.
        let known = known[5..] == *tag;
        let cseq = header(text, "CSeq").split(' ').next().and_then(|n| n.parse().ok()).expect("a number");
        let code = match watcher.mood {
            _ if !known => "481 Unknown",
            Mood::Content => {
                if cseq > watcher.seen.0 {
                    watcher.seen = (cseq, text.to_owned());
                }
                "200 OK"
            }
            Mood::Gone => "481 Gone",
            Mood::Busy => "500 Busy",
            Mood::Silent => return,
        };
        self.put(true, reply(text, code, WATCHER, ""));
    }

    fn act(&mut self) {
        let which = self.rng.below(self.watchers.len().max(1) as u64) as usize;
        match self.rng.below(9) {
            0 | 1 => self.come(),
            2 => self.ask(which, [15, 30, 600][(self.millis % 3) as usize]),
            3 if self.rng.below(3) == 0 => self.ask(which, 0),
            4 => {
                if let Some(last) = self.watchers.get(which).map(|watcher| watcher.last.clone()) {
                    self.put(true, last);
                }
            }
            5 | 6 => {
                let state = STATES[self.rng.below(5) as usize];
                let device = if self.rng.below(2) == 0 { "Custom:night" } else { "Custom:lamp301" };
                if device == "Custom:night" {
                    self.night = state;
                }
                self.order(Command::SetDeviceState { device: device.into(), state: state.into() });
            }
            7 => {
                let new = self.rng.below(9) as u32;
                self.order(Command::SetMailbox { name: "7@vm".into(), new, old: 0 });
            }
            _ if self.rng.below(8) == 0 => {
                let sent = set_dialplan(&mut self.world, PLANS[1]);
                self.carry(sent);
                self.run(self.seed % 3 * 400);
                let sent = set_dialplan(&mut self.world, PLANS[0]);
                self.carry(sent);
            }
            _ => {}
        }
    }

    fn order(&mut self, command: Command) {
        let sent = self.world.handle(Input::Command { token: 1, command });
        self.carry(sent);
    }

    fn come(&mut self) {
        if self.watchers.len() >= 12 {
            return;
        }
        let (exten, event) = RESOURCES[self.rng.below(5) as usize];
        let mood = [Mood::Content, Mood::Content, Mood::Content, Mood::Gone, Mood::Busy, Mood::Silent];
        let mood = mood[self.rng.below(6) as usize];
        let call = format!("s{}w{}", self.seed, self.watchers.len());
        let (tag, last, seen) = (None, String::new(), (0, String::new()));
        self.watchers.push(Watcher { call, exten, event, cseq: 0, tag, last, mood, seen });
        let secs = if self.watchers.len().is_multiple_of(3) { 30 } else { 600 };
        self.ask(self.watchers.len() - 1, secs);
    }

    /// Subscribes, refreshes or ends.
    fn ask(&mut self, which: usize, secs: u32) {
        let Some(watcher) = self.watchers.get_mut(which) else { return };
        // Without its answer it does not know the dialog, and asks for another subscription as before.
        if watcher.cseq > 0 && watcher.tag.is_none() {
            return;
        }
        watcher.cseq += 1;
        let list = if watcher.exten == "all" { "Supported: eventlist\r\n" } else { "" };
        let more = format!("Event: {}\r\n{list}Expires: {secs}\r\n", watcher.event);
        let tag = watcher.tag.clone().unwrap_or_default();
        watcher.last = subscribe(watcher.exten, (&watcher.call, watcher.cseq), &tag, &more);
        let text = watcher.last.clone();
        self.put(true, text);
    }

    fn alive(&mut self) -> Vec<String> {
        match self.world.command(Command::Subscriptions { outbound: false }) {
            Reply::Subscriptions(all) => all.into_iter().map(|one| one.call_id).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn no_storm_of_watchers_leaves_anything_behind() {
    let mut told = 0;
    for seed in 0..seeds(200) {
        let mut storm = Storm::new(seed);
        for _ in 0..60 {
            storm.act();
            let pause = storm.rng.below(1_500);
            storm.run(pause);
        }
        // Calm: what is on its way arrives, and what was lost is repeated.
        storm.loss = 0;
        storm.run(34_000);
        let alive = storm.alive();
        assert_eq!(alive.len(), storm.kept.len(), "seed {seed}: rows and subscriptions");
        let note = match storm.night {
            "INUSE" => "On the phone",
            "ONHOLD" => "On hold",
            "RINGING" => "Ringing",
            "UNAVAILABLE" => "Unavailable",
            _ => "Ready",
        };
        let content = |watcher: &&Watcher| {
            watcher.mood == Mood::Content && (watcher.exten, watcher.event) == ("900", "presence")
        };
        for watcher in storm.watchers.iter().filter(content).filter(|watcher| alive.contains(&watcher.call)) {
            let wanted = format!("<note>{note}</note>");
            assert!(watcher.seen.1.contains(&wanted), "seed {seed}: {note}: {}", watcher.seen.1);
            told += 1;
        }
        storm.run(640_000);
        assert_eq!(storm.alive(), [""; 0], "seed {seed}");
        assert!(storm.kept.is_empty(), "seed {seed}: rows are left: {:?}", storm.kept);
        assert_eq!(leftovers(&mut storm.world), (0, 0, 0), "seed {seed}");
        let Reply::Hints(hints) = storm.world.command(Command::Hints) else { panic!("hints") };
        assert!(hints.iter().all(|hint| hint.watchers == 0), "seed {seed}: {hints:?}");
        let Reply::Mailboxes(all) = storm.world.command(Command::Mailboxes { name: None }) else {
            panic!("mailboxes")
        };
        assert!(all.iter().all(|one| one.subscriptions == 0), "seed {seed}: {all:?}");
    }
    assert!(told * 20 >= seeds(200), "too few subscriptions lived to the end: {told}");
}
