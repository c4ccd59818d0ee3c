//! Issue 3, B3: two and three servers in a row, each of which wants the phones to talk directly.
//!
//! `JACKFIELD_SEEDS=1000` takes a thousand seeds of each setting.

use crate::net::{Happening, Link, Net, seeds};
use jackfield::sdp::Direction;
use jackfield::session::{AnswerWith, Event, RefreshWith, Reoffer, Why};

const A: u16 = 6001;
const B: u16 = 6002;
const A_AUDIO: u16 = 7000;
const B_AUDIO: u16 = 7200;

/// The settings of both ends of each line between two servers, first the calling one's.
type Settings<'a> = &'a [[&'static str; 2]];

fn tree(at: usize, settings: Settings<'_>, phones: &str) -> (String, String) {
    let count = settings.len() + 1;
    let port = |at: usize| 5061 + u16::try_from(at).expect("few");
    let mut text = format!("[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{}\n", port(at));
    let mut add = |name: &str, peer: u16, mitigation: &str| {
        text.push_str(&format!(
            "[{name}]\ntype=endpoint\ncontext=all\ndisallow=all\nallow=ulaw\naors={name}\n\
             direct_media_glare_mitigation={mitigation}\n[{name}]\ntype=aor\ncontact=sip:127.0.0.1:{peer}\n\
             [{name}]\ntype=identify\nendpoint={name}\nmatch=127.0.0.1:{peer}\n"
        ));
    };
    match at {
        0 => add("a", A, phones),
        _ => add("west", port(at - 1), settings[at - 1][1]),
    }
    let dial = if at + 1 == count {
        add("b", B, phones);
        "PJSIP/b"
    } else {
        add("east", port(at + 1), settings[at][0]);
        "PJSIP/${EXTEN}@east"
    };
    (text, format!("[all]\nexten => _X.,1,Dial({dial},30)\n same => n,Hangup()\n"))
}

#[derive(Debug)]
enum Act {
    Answer(u32),
}

struct Row {
    net: Net<Act>,
    calls: [u32; 2],
}

impl Row {
    /// The call is up, everybody has heard of it, and nothing was redirected yet beyond what came at once.
    fn up(seed: u64, settings: Settings<'_>, phones: &str, delay_ms: (u64, u64)) -> Row {
        let mut net = Net::new(seed, Link { loss: 0, double: 0, delay_ms });
        net.log = Some(Vec::new());
        for at in 0..=settings.len() {
            let (pjsip, dialplan) = tree(at, settings, phones);
            let at = u16::try_from(at).expect("few");
            net.server(5061 + at, 20_000 + 4_000 * at, &pjsip, &dialplan);
        }
        net.phone(A);
        net.phone(B);
        let first = net.call(A, 5061, "200", A_AUDIO);
        Row { net, calls: [first, 1] }
    }

    fn run(&mut self, millis: u64) {
        self.net.run(millis, &mut |net, happening| match happening {
            Happening::Told(phone, call, Event::PortsNeeded { .. }) => {
                assert_eq!(phone, B);
                net.with(phone, call, |s, cx| s.provide(cx, 0, Some(crate::session::local(B_AUDIO))));
                let wait = 100 + net.rng.below(1_000);
                net.later(wait, Act::Answer(call));
            }
            Happening::Act(Act::Answer(call)) => {
                net.with(B, call, |s, cx| s.answer(cx, AnswerWith::default()));
            }
            Happening::Told(..) => {}
        });
    }

    /// Where each phone sends its audio.
    fn targets(&self) -> [Option<u16>; 2] {
        let port = |phone: u16, call: u32| {
            let session = &self.net.leg(phone, call)?.session;
            session.is_up().then_some(())?;
            Some(session.agreement()?.audio()?.remote.port)
        };
        [port(A, self.calls[0]), port(B, self.calls[1])]
    }

    /// Until the phones talk to each other: how many milliseconds after the caller heard the answer.
    fn direct_after(&mut self) -> Option<u64> {
        let mut answered = None;
        for at in 0..40_000 {
            self.run(1);
            let targets = self.targets();
            if targets[0].is_some() {
                answered.get_or_insert(at);
            }
            if targets == [Some(B_AUDIO), Some(A_AUDIO)] {
                return Some(at - answered.expect("answered before"));
            }
        }
        None
    }
}

#[derive(Default)]
struct Measured {
    glares: u32,
    calls_with_glare: u32,
    delays: Vec<u64>,
}

impl Measured {
    fn line(&mut self) -> String {
        self.delays.sort_unstable();
        let count = self.delays.len();
        format!(
            "{} × 491 in {} of {count} calls; direct after {} ms (median), {} ms (most)",
            self.glares,
            self.calls_with_glare,
            self.delays[count / 2],
            self.delays[count - 1]
        )
    }
}

fn measure(settings: Settings<'_>, phones: &str, count: u64) -> Measured {
    let mut measured = Measured::default();
    for seed in 0..count {
        let mut row = Row::up(seed, settings, phones, (5, 60));
        let delay = row.direct_after();
        let delay = delay.unwrap_or_else(|| {
            let all = row.net.log.take().unwrap_or_default();
            let ladder = all.iter().map(|sent| format!("{sent}\n")).collect::<String>();
            panic!("seed {seed}, {settings:?}: direct media is never reached\n{ladder}")
        });
        row.run(10_000);
        assert_eq!(
            row.targets(),
            [Some(B_AUDIO), Some(A_AUDIO)],
            "seed {seed}, {settings:?}: it does not stay"
        );
        let glares = row.net.count_of(491);
        measured.glares += glares;
        measured.calls_with_glare += u32::from(glares > 0);
        measured.delays.push(delay);
        end(&mut row, seed);
    }
    eprintln!("{} servers, {settings:?}, phones {phones}: {}", settings.len() + 1, measured.line());
    measured
}

/// One phone hangs up; nothing stays anywhere.
fn end(row: &mut Row, seed: u64) {
    let (phone, call) = if seed.is_multiple_of(2) { (A, row.calls[0]) } else { (B, row.calls[1]) };
    row.net.with(phone, call, |s, cx| s.hangup(cx, jackfield::session::Cause::NORMAL));
    row.run(70_000);
    assert_eq!(row.net.leftovers(), [""; 0], "seed {seed}");
}

/// The ladder of a row of servers from the moment the caller hears the answer, every message on its way for 10 ms.
fn ladder(settings: Settings<'_>) -> String {
    let mut row = Row::up(1, settings, "none", (10, 10));
    row.direct_after().expect("direct");
    row.run(300);
    let servers = settings.len() + 1;
    let column = |port: u16| match port {
        A => 0,
        B => servers + 1,
        port => usize::from(port - 5060),
    };
    let names = (0..=servers + 1).map(|at| match at {
        0 => format!("phone ({A_AUDIO})"),
        at if at > servers => format!("phone ({B_AUDIO})"),
        at => format!("server {at}"),
    });
    let mut text = names.map(|name| format!("{name:<24}")).collect::<String>().trim_end().to_owned() + "\n";
    let log = row.net.log.take().expect("kept");
    let since = log.iter().position(|sent| sent.to == A && sent.what == "200").expect("answered");
    for sent in &log[since..] {
        let (from, to) = (column(sent.from), column(sent.to));
        let audio = sent.audio.map(|port| format!(" {port}")).unwrap_or_default();
        let label = format!("{}{audio}", sent.what);
        let arrow = if from < to { format!("{label:─<21}▶") } else { format!("◀{label:─>21}") };
        let mut line = String::new();
        for at in 0..=servers {
            line += "│";
            line += &if at == from.min(to) { format!(" {arrow}") } else { " ".repeat(23) };
        }
        text += &format!("{line}│ {} ms\n", sent.millis - log[since].millis);
    }
    text
}

/// S2-2, S2-4, S2-5, S2-12, S2-14: the ladders of the documentation are what the servers do.
#[test]
fn ladders_are_as_documented() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/direct-media.md");
    let documented = std::fs::read_to_string(path).unwrap_or_default();
    let rows: [Settings<'_>; 3] = [&[], &[["none", "none"]], &[["outgoing", "outgoing"]]];
    for settings in rows {
        let ladder = ladder(settings);
        assert!(documented.contains(&ladder), "docs/direct-media.md lacks, for {settings:?}:\n{ladder}");
    }
}

const WORDS: [&str; 3] = ["none", "outgoing", "incoming"];

/// S2-1, S2-2: one server alone has nobody to meet.
#[test]
fn one_server_meets_nobody() {
    for phones in WORDS {
        let measured = measure(&[], phones, seeds(20));
        assert_eq!(measured.glares, 0);
    }
}

/// S2-3…S2-6, S2-10…S2-13: two servers with every pair of settings on the line between them. `outgoing` at both ends, or
/// at the called server's end alone, and its mirror image meet no 491; whatever is set, direct media is reached.
#[test]
fn two_servers_reach_direct_media_with_every_setting() {
    let mut plain = 0;
    for calling in WORDS {
        for called in WORDS {
            let measured = measure(&[[calling, called]], "none", seeds(24));
            let never = matches!(
                (calling, called),
                ("outgoing", "outgoing")
                    | ("none", "outgoing")
                    | ("incoming", "incoming")
                    | ("incoming", "none")
            );
            if never {
                assert_eq!(measured.glares, 0, "{calling}, {called}");
                assert!(measured.delays.iter().all(|delay| *delay < 500), "{:?}", measured.delays);
            }
            if (calling, called) == ("none", "none") {
                plain = measured.calls_with_glare;
            }
        }
    }
    assert!(plain > 0, "without the setting they do meet, or this test proves nothing");
}

/// S2-7: three servers. The recommended setting meets no 491; every other one reaches direct media, later.
#[test]
fn three_servers_reach_direct_media() {
    for word in WORDS {
        let measured = measure(&[[word, word], [word, word]], "none", seeds(24));
        match word {
            "none" => assert!(measured.glares > 0),
            _ => assert_eq!(measured.glares, 0, "{word}"),
        }
    }
    for (at, settings) in
        [[["none", "outgoing"], ["none", "outgoing"]], [["outgoing", "incoming"], ["incoming", "outgoing"]]]
            .iter()
            .enumerate()
    {
        let measured = measure(settings, "none", seeds(12));
        assert!(at > 0 || measured.glares == 0, "the called server's end alone is enough");
    }
}

/// Everything set to `outgoing`, phones too: they never make offers, so their legs wait for nothing and then go on.
#[test]
fn the_setting_on_phones_only_delays() {
    let measured = measure(&[["outgoing", "outgoing"]], "outgoing", seeds(12));
    assert_eq!(measured.glares, 0);
    assert!(measured.delays.iter().all(|delay| *delay < 4_000), "{:?}", measured.delays);
}

/// S3-10, S3-13, S3-14: hold goes through all servers of a row and comes back.
#[test]
fn hold_passes_a_row_of_servers() {
    for seed in 0..seeds(12) {
        let mut row = Row::up(seed, &[["outgoing", "outgoing"], ["outgoing", "outgoing"]], "none", (5, 60));
        row.direct_after().expect("direct");
        let call = row.calls[0];
        let change =
            |direction, why| Reoffer { direction: Some(direction), ..Reoffer::new(RefreshWith::Invite, why) };
        let hold = change(Direction::SendOnly, Why::Hold);
        row.net.with(A, call, |s, cx| s.reoffer(cx, hold)).expect("a call").expect("up");
        row.run(20_000);
        // Who is held hears the server next to him.
        assert_ne!(row.targets()[1], Some(A_AUDIO), "seed {seed}");
        let resume = change(Direction::SendRecv, Why::Unhold);
        row.net.with(A, call, |s, cx| s.reoffer(cx, resume)).expect("a call").expect("up");
        row.run(20_000);
        assert_eq!(row.targets(), [Some(B_AUDIO), Some(A_AUDIO)], "seed {seed}");
        end(&mut row, seed);
    }
}
