//! A phone that sends a tone of its own all the time and remembers what it hears, from whom.

use super::line::{Line, Packet, tones_of};
use crate::shared::sound::{LOUD, tone};
use crate::tree::PATIENCE;
use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tones that anybody of these tests sends. Each has whole periods in 20 ms, and none is a digit's.
pub const TONES: [f64; 6] = [500.0, 1_150.0, 1_750.0, 2_000.0, MUSIC, SPOKEN];
/// What music on hold is made of.
pub const MUSIC: f64 = 2_350.0;
/// What every announcement is made of.
pub const SPOKEN: f64 = 2_850.0;

/// Packets that are listened to at once: a fifth of a second.
const WINDOW: usize = 10;

/// From whom sound comes.
#[derive(Clone, Copy)]
pub enum From<'p> {
    /// Directly from the other phone.
    Phone(&'p Phone),
    /// From a port of the server's, whatever is heard in it.
    Server,
}

/// How digits are pressed.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// INFO with `application/dtmf-relay`.
    Info,
    /// RFC 4733 events.
    Events,
    /// Tones in the sound.
    Tones,
}

/// One phone; its owner and the thread that keeps its pace share it.
#[derive(Clone)]
pub struct Phone {
    /// User and endpoint.
    pub number: u32,
    /// What it says.
    pub hertz: f64,
    /// Where it takes audio.
    pub audio: SocketAddr,
    line: Arc<Mutex<Line>>,
}

impl std::fmt::Debug for From<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            From::Phone(phone) => write!(f, "phone {} at {}", phone.number, phone.audio),
            From::Server => f.write_str("the server"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "these phones keep the pace of real ones")]
pub fn clock() -> Instant {
    Instant::now()
}

impl Phone {
    /// A phone that speaks this codec (`ulaw`, `g722`, `opus`); the caller gives it its turns.
    pub fn new(server: SocketAddr, number: u32, hertz: f64, codec: &str) -> Phone {
        let socket = || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
            socket.set_nonblocking(true).expect("a socket option");
            socket
        };
        let rtp = socket();
        let audio = rtp.local_addr().expect("bound");
        let line = Line::new(server, number, (hertz, codec), socket(), rtp);
        Phone { number, hertz, audio, line: Arc::new(Mutex::new(line)) }
    }

    /// Takes what came and sends what is due.
    pub fn turn(&self) {
        self.line().turn(clock());
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks until it is so; `None` after [`PATIENCE`].
    fn until<T>(&self, look: impl Fn(&mut Line) -> Option<T>) -> Option<T> {
        let end = clock() + PATIENCE;
        loop {
            let seen = look(&mut self.line());
            if seen.is_some() || clock() > end {
                return seen;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for a fact.
    ///
    /// # Panics
    /// After [`PATIENCE`], with what it heard and was sent.
    fn must<T>(&self, what: &str, look: impl Fn(&mut Line) -> Option<T>) -> T {
        self.until(look).unwrap_or_else(|| panic!("{}: {what}\n{}", self.number, self.told()))
    }

    /// Registers with the server.
    pub fn register(&self) {
        self.line().register();
        self.must("is registered", |line| line.registered.then_some(()));
    }

    /// Calls; the call need not be answered yet.
    pub fn call(&self, exten: &str) {
        self.line().call(exten);
    }

    /// Its calls are answered.
    pub fn is_up(&self) {
        self.must("talks", |line| line.is_up().then_some(()));
    }

    /// It has no call.
    pub fn is_idle(&self) {
        self.must("has no call", |line| line.is_idle().then_some(()));
    }

    /// It is only called, and answers when [`Phone::answer`] says so.
    pub fn only_rings(&self) {
        self.line().rings = true;
    }

    /// Picks up.
    pub fn answer(&self) {
        self.must("rings", |line| line.answer().then_some(()));
    }

    pub fn hang_up(&self) {
        self.line().hang_up();
    }

    /// A re-INVITE with this direction: `sendonly` holds, `sendrecv` takes back.
    pub fn reinvite(&self, direction: &'static str) {
        self.line().reinvite(direction);
    }

    /// INFO with lines of its own; the status it was answered with.
    pub fn info(&self, lines: &str, body: &str) -> u16 {
        let cseq = self.line().info(lines, body);
        self.must("its INFO is answered", |line| line.answered_with(cseq))
    }

    /// Presses keys, one after the other.
    pub fn press(&self, way: Keys, digits: &str) {
        for digit in digits.chars() {
            match way {
                Keys::Info => {
                    let body = format!("Signal={digit}\r\nDuration=160\r\n");
                    let status = self.info("Content-Type: application/dtmf-relay\r\n", &body);
                    assert_eq!(status, 200, "{}: {digit}", self.number);
                }
                Keys::Events | Keys::Tones => {
                    self.line().press(digit, matches!(way, Keys::Tones));
                    self.must("the key is released", |line| line.is_released().then_some(()));
                }
            }
        }
    }

    /// It says nothing from now on, or its tone again; packets are sent all the same.
    pub fn says(&self, on: bool) {
        self.line().silent = !on;
    }

    /// What it hears comes through Opus.
    pub fn hears_roughly(&self) {
        self.line().rough = true;
    }

    /// Digits come as events, these and no others; they are forgotten then.
    pub fn until_digits(&self, digits: &str) {
        self.must(&format!("is told '{digits}'"), |line| {
            (line.digits == digits).then(|| line.digits.clear())
        });
    }

    /// Hears a key as its two tones.
    pub fn hears_key(&self, key: char) {
        let (low, high) = tones_of(key);
        self.must(&format!("hears the key {key}"), |line| {
            let heard = |packet: &Packet| {
                [low, high].iter().all(|hertz| tone(&packet.samples, *hertz, line.rate()) > 1_000.0)
            };
            line.packets.iter().rev().take(100).any(heard).then_some(())
        });
    }

    /// Asks the server to join the other parties of two of its calls, the one it is told in and the other one.
    pub fn refer_to_call(&self, told: usize, other: usize) {
        let cseq = self.line().refer_to_call(told, other);
        self.must("its REFER is taken", |line| line.answered_with(cseq).filter(|status| *status == 202));
    }

    /// Asks the server to send the other party elsewhere.
    pub fn refer(&self, exten: &str) {
        let cseq = self.line().refer(exten);
        self.must("its REFER is taken", |line| line.answered_with(cseq).filter(|status| *status == 202));
    }

    /// Hears exactly these tones, as loud as they were said, and none of the others that there are.
    pub fn hears(&self, from: From<'_>, tones: &[f64]) {
        let tones: Vec<(f64, f64)> = tones.iter().map(|hertz| (*hertz, 1.0)).collect();
        self.hears_at(from, &tones);
    }

    /// The same, each so many times as loud as it was said.
    pub fn hears_at(&self, from: From<'_>, tones: &[(f64, f64)]) {
        self.must(&format!("hears {tones:?} from {from:?}"), |line| {
            let now = clock();
            let recent = line.recent(WINDOW, now);
            (recent.len() == WINDOW
                && recent.iter().all(|packet| from.is(packet.from))
                && fits(&levels(&recent, line.rate()), tones, line.rough))
            .then_some(())
        });
    }

    /// The same, from the other phone or from the server.
    pub fn hears_either(&self, other: &Phone, tones: &[f64]) {
        let tones: Vec<(f64, f64)> = tones.iter().map(|hertz| (*hertz, 1.0)).collect();
        self.must(&format!("hears {tones:?}"), |line| {
            let recent = line.recent(WINDOW, clock());
            let whose = |packet: &&Packet| From::Phone(other).is(packet.from) || From::Server.is(packet.from);
            (recent.len() == WINDOW
                && recent.iter().all(whose)
                && fits(&levels(&recent, line.rate()), &tones, line.rough))
            .then_some(())
        });
    }

    /// Hears none of the tones, whether packets come or not.
    pub fn hears_nothing(&self) {
        self.must("hears nothing", |line| {
            let now = clock();
            let since = now - Duration::from_millis(200);
            let recent: Vec<&Packet> =
                line.recent(WINDOW, now).into_iter().filter(|packet| packet.at > since).collect();
            fits(&levels(&recent, line.rate()), &[], line.rough).then_some(())
        });
    }

    /// When it last heard a tone, and for how long it had heard it by then without a pause of 200 ms.
    pub fn heard(&self, hertz: f64) -> Option<(Instant, Duration)> {
        self.line().last_heard(hertz)
    }

    /// When its last packet came.
    pub fn last_packet(&self) -> Option<Instant> {
        self.line().packets.back().map(|packet| packet.at)
    }

    /// For a failure's words.
    pub fn told(&self) -> String {
        let line = self.line();
        let now = clock();
        let mut text = String::new();
        let recent = line.recent(WINDOW, now);
        let froms: std::collections::BTreeSet<SocketAddr> = recent.iter().map(|packet| packet.from).collect();
        let ago = line.packets.back().map(|packet| now - packet.at);
        let _ = writeln!(
            text,
            "{} says {} at {}; the last {} packets came from {froms:?}, {ago:?} ago: {:?}; it sends to {:?}; digits '{}'",
            self.number,
            self.hertz,
            self.audio,
            recent.len(),
            levels(&recent, line.rate()),
            line.told(),
            line.digits,
        );
        for message in line.log.iter().skip(line.log.len().saturating_sub(14)) {
            let _ = writeln!(text, "{message}\n--");
        }
        text
    }
}

impl From<'_> {
    fn is(self, address: SocketAddr) -> bool {
        match self {
            From::Phone(phone) => phone.audio == address,
            // Ports of `rtp.conf` in these tests; the phones' are others.
            From::Server => super::stage::RTP.contains(&address.port()),
        }
    }
}

/// How loud each tone there is, against what it was said with.
pub fn levels(packets: &[&Packet], rate: u32) -> Vec<(f64, f64)> {
    let samples: Vec<i16> = packets.iter().flat_map(|packet| packet.samples.iter().copied()).collect();
    TONES
        .iter()
        .map(|hertz| (*hertz, (tone(&samples, *hertz, rate) / LOUD * 100.0).round() / 100.0))
        .collect()
}

/// Those that are wanted are heard within 1.5 dB, the others 24 dB softer at most; `rough`: within 5 dB, and 18 dB softer.
pub fn fits(levels: &[(f64, f64)], wanted: &[(f64, f64)], rough: bool) -> bool {
    let (range, most) = if rough { (0.56..1.6, 0.12) } else { (0.84..1.19, 0.06) };
    levels.iter().all(|(hertz, level)| match wanted.iter().find(|(wanted, _)| wanted == hertz) {
        Some((_, loud)) => range.contains(&(level / loud)),
        None => *level < most,
    })
}
