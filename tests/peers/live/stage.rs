//! A server with phones around it, and the thread that gives the phones their turns.

use super::phone::{MUSIC, Phone, SPOKEN};
use crate::shared::sound::{sine, write_wav};
use crate::tree::{Tree, poll};
use jackfield::admin::Format;
use jackfield::admin::console::Ask;
use jackfield::server::control::Client;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Ports of the servers of these tests; the system gives others to phones.
pub const RTP: RangeInclusive<u16> = 12_000..=19_999;

/// One thing to try, and its name.
pub type Scene = (&'static str, fn(&Stage));

/// A server and its phones.
pub struct Stage {
    pub tree: Tree,
    phones: Arc<Mutex<Vec<Phone>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// An endpoint and its aor, in a context of its own.
pub fn endpoint(number: u32, context: &str, more: &str) -> String {
    format!(
        "[{number}]\ntype=endpoint\ncontext={context}\ndisallow=all\nallow=ulaw,g722,opus\naors={number}\ndtmf_mode=info\n{more}\n\
         [{number}]\ntype=aor\nmax_contacts=1\n"
    )
}

impl Stage {
    /// `files` are further files of the tree: `features.conf`.
    pub fn new(name: &str, objects: &str, dialplan: &str, files: &[(&str, &str)]) -> Stage {
        let mut tree = Tree::new(&format!("live-{name}"), objects);
        let write = |name: &str, text: &str| std::fs::write(tree.dir.join(name), text).expect("written");
        write("extensions.conf", dialplan);
        write("rtp.conf", &format!("[general]\nrtpstart={}\nrtpend={}\n", RTP.start(), RTP.end()));
        files.iter().for_each(|(name, text)| write(name, text));
        for (path, hertz, seconds) in [
            ("moh/tone", MUSIC, 5.0),
            ("sounds/note", SPOKEN, 1.5),
            ("sounds/short", SPOKEN, 0.6),
            ("sounds/beep", SPOKEN, 0.3),
        ] {
            let path = tree.dir.join(path).with_extension("wav");
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("writable");
            write_wav(&path, 8_000, &sine(hertz, 8_000, seconds));
        }
        tree.start_with(|command| {
            command.arg("-vvv");
        });
        let (phones, ends) = (Arc::<Mutex<Vec<Phone>>>::default(), Arc::<AtomicBool>::default());
        let turns = (Arc::clone(&phones), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            while !turns.1.load(Ordering::Relaxed) {
                let phones = turns.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
                phones.iter().for_each(Phone::turn);
                std::thread::sleep(Duration::from_millis(8));
            }
        });
        Stage { tree, phones, ends, thread: Some(thread) }
    }

    /// A registered phone that speaks µ-law.
    pub fn phone(&self, number: u32, hertz: f64) -> Phone {
        self.phone_with(number, hertz, "ulaw")
    }

    /// One that speaks another codec.
    pub fn phone_with(&self, number: u32, hertz: f64, codec: &str) -> Phone {
        let server = self.tree.target(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
        let phone = Phone::new(server, number, hertz, codec);
        self.phones.lock().unwrap_or_else(PoisonError::into_inner).push(phone.clone());
        phone.register();
        phone
    }

    /// A line on the command line, and what it prints.
    pub fn type_in(&self, line: &str) -> String {
        let mut client = Client::connect(&self.tree.dir.join("run")).expect("it runs");
        client.ask(line, Format::PLAIN).expect("an answer").text
    }

    /// The channel of a phone's newest call.
    pub fn channel(&self, phone: &Phone) -> String {
        let start = format!("PJSIP/{}-", phone.number);
        let named = |text: String| {
            let names = text.lines().filter_map(|line| line.split(['!', ' ']).next().map(str::to_owned));
            names.filter(|name| name.starts_with(&start)).max()
        };
        let found = poll(|| named(self.type_in("core show channels concise")));
        found.unwrap_or_else(|| panic!("no channel of {}\n{}", phone.number, self.tree.log()))
    }

    /// What keeps the media of a phone's call here is told with this name.
    pub fn explains(&self, phone: &Phone, why: &str) {
        let line = format!("explain direct-media {}", self.channel(phone));
        let mut text = String::new();
        let found = poll(|| {
            text = self.type_in(&line);
            text.contains(why).then_some(())
        });
        assert!(found.is_some(), "'{line}' does not say '{why}':\n{text}\n{}", self.tree.log());
    }

    /// A direct call between two phones that are not in one: each hears the other one's tone from its port.
    pub fn direct(&self, caller: &Phone, called: &Phone) {
        caller.call(&called.number.to_string());
        self.is_direct(caller, called);
    }

    /// Both hear each other directly, and the server says that nothing stands against it.
    pub fn is_direct(&self, one: &Phone, other: &Phone) {
        one.hears(super::phone::From::Phone(other), &[other.hertz]);
        other.hears(super::phone::From::Phone(one), &[one.hertz]);
        self.explains(one, "every condition");
    }

    /// All hang up, and no channel is left of these phones.
    pub fn ends(&self, phones: &[&Phone]) {
        phones.iter().for_each(|phone| phone.hang_up());
        let mut text = String::new();
        let gone = poll(|| {
            text = self.type_in("core show channels concise");
            let left = phones.iter().any(|phone| text.contains(&format!("PJSIP/{}-", phone.number)));
            (!left).then_some(())
        });
        assert!(gone.is_some(), "left:\n{text}\n{}", self.tree.log());
        phones.iter().for_each(|phone| phone.is_idle());
    }

    /// Runs every scene at the same time; each has phones of its own.
    pub fn play(self, scenes: &[Scene]) {
        std::thread::scope(|scope| {
            for (name, scene) in scenes {
                let stage = &self;
                let thread = std::thread::Builder::new().name((*name).to_owned());
                thread.spawn_scoped(scope, move || scene(stage)).expect("a thread");
            }
        });
        let log = self.tree.log();
        let faults: Vec<&str> = log.lines().filter(|line| line.contains("ERROR[")).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It says why it panicked by itself.
            let _ = thread.join();
        }
    }
}
