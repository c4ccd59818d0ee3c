//! Conferences, holding bridges, listening in: who is sent into which room with which seat, what an administrator sees
//! and orders, what the dialplans learn, and that nothing is left.

use super::phone::*;
use crate::world::World;
use jackfield::admin::cli::{self, Parsed};
use jackfield::admin::shape::Format;
use jackfield::bridge::*;
use jackfield::codec::Gain;
use jackfield::config::files::MemoryFiles;
use jackfield::config::origin::Sources;
use jackfield::config::services::Services;
use jackfield::rtp::{Digit, DtmfEvent};
use jackfield::switch::io::Input;
use jackfield::switch::view::{Command, DirectMediaQuestion, Reply};
use std::sync::Arc;
use std::time::Duration;

pub const PHONES: [(&str, &str, u16); 3] =
    [("100", CALLER, 7000), ("200", CALLED, 7200), ("300", THIRD, 7300)];

/// A request of one of the three phones, in a call of its own.
pub fn from(
    who: usize,
    method: &str,
    exten: &str,
    (call, cseq, to_tag): (&str, u32, &str),
    body: &str,
) -> String {
    let (name, at, _) = PHONES[who];
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    format!(
        "{method} sip:{exten}@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {at};rport;branch=z9hG4bK{call}{cseq}{method}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{name}@127.0.0.1>;tag=f{call}\r\nTo: <sip:{exten}@127.0.0.1>{tag}\r\n\
         Call-ID: {call}\r\nCSeq: {cseq} {method}\r\nContact: <sip:{name}@{at}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One call of a phone that is answered at once.
pub struct Call {
    pub who: usize,
    pub id: String,
    pub to_tag: String,
    pub port: PortId,
    /// What was sent meanwhile.
    pub sent: Vec<String>,
}

pub fn come(world: &mut World, who: usize, exten: &str) -> Call {
    let id = format!("k{}", world.cseq());
    let before = world.plans.len();
    let body = sdp("127.0.0.1", PHONES[who].2, "8 101", "");
    let mut sent = world.datagram(PHONES[who].1, from(who, "INVITE", exten, (&id, 1, ""), &body).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let to_tag = header(&ok, "To").split_once(";tag=").expect("a tag").1.to_owned();
    sent.extend(world.datagram(PHONES[who].1, from(who, "ACK", exten, (&id, 1, &to_tag), "").as_bytes()));
    let port = world.plans[before..].iter().find_map(|plan| match plan {
        Plan::Open(open) => Some(open.port),
        _ => None,
    });
    Call { who, id, to_tag, port: port.expect("a port"), sent }
}

impl Call {
    pub fn bye(&self, world: &mut World) -> Vec<String> {
        let bye = from(self.who, "BYE", "x", (&self.id, 9, &self.to_tag), "");
        world.datagram(PHONES[self.who].1, bye.as_bytes())
    }

    pub fn press(&self, world: &mut World, keys: &str) -> Vec<String> {
        let mut sent = Vec::new();
        for key in keys.chars() {
            let digit = Digit::from_char(key).expect("a key");
            let event = DtmfEvent::End { digit, duration: Duration::from_millis(100) };
            sent.extend(world.handle(Input::Media(MediaEvent::Digit { port: self.port, event })));
        }
        sent
    }

    pub fn orders<'w>(&self, world: &'w World) -> impl DoubleEndedIterator<Item = &'w SoundOrder> + use<'w> {
        let port = self.port;
        world.plans.iter().filter_map(move |plan| match plan {
            Plan::Sound { port: at, order } if *at == port => Some(&**order),
            _ => None,
        })
    }

    /// The room it is in, and its seat there.
    pub fn seat(&self, world: &World) -> Option<(RoomId, Seat)> {
        let last = self.orders(world).rev().find_map(|order| match order {
            SoundOrder::Enter { room, seat } => Some(Some((*room, *seat))),
            SoundOrder::Leave => Some(None),
            _ => None,
        });
        last.flatten()
    }

    /// What plays to it alone: the sound and the first file.
    pub fn hears(&self, world: &World) -> Vec<(SoundId, String)> {
        let mut playing = Vec::new();
        for order in self.orders(world) {
            match order {
                SoundOrder::Play { id, source, .. } => playing.push((*id, first(source))),
                SoundOrder::Stop { id } => playing.retain(|(playing, _)| playing != id),
                _ => {}
            }
        }
        playing.retain(|(id, _)| !ENDED.with_borrow(|ended| ended.contains(id)));
        playing
    }

    pub fn hears_files(&self, world: &World) -> Vec<String> {
        self.hears(world).into_iter().map(|(_, file)| file).collect()
    }

    /// All files of what plays to it alone, those of one order joined by `&`.
    pub fn hears_all(&self, world: &World) -> Vec<String> {
        let now = self.hears(world);
        let orders = self.orders(world).filter_map(|order| match order {
            SoundOrder::Play { id, source: SoundSource::Files(files), .. } => Some((*id, files)),
            _ => None,
        });
        let playing = orders.filter(|(id, _)| now.iter().any(|(its, _)| its == id));
        let name = |piece: &Piece| match piece {
            Piece::Prompt(name) => name.to_string(),
            Piece::Directory { path, .. } => format!("{path}/"),
        };
        playing.map(|(_, files)| files.pieces.iter().map(name).collect::<Vec<_>>().join("&")).collect()
    }

    /// What plays to it alone is over.
    pub fn heard_all(&self, world: &mut World) -> Vec<String> {
        let mut sent = Vec::new();
        for (id, _) in self.hears(world) {
            ENDED.with_borrow_mut(|ended| ended.push(id));
            sent.extend(world.handle(Input::Media(MediaEvent::SoundEnded {
                port: self.port,
                id,
                end: SoundEnd::Done,
            })));
        }
        sent
    }
}

thread_local! {
    /// Sounds that were told to be over, in this test.
    static ENDED: std::cell::RefCell<Vec<SoundId>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn first(source: &SoundSource) -> String {
    match source {
        SoundSource::Files(order) => match &order.pieces[0] {
            Piece::Prompt(name) => name.to_string(),
            Piece::Directory { path, .. } => format!("{path}/"),
        },
        SoundSource::Tones(_) => "tones".to_owned(),
        SoundSource::Silence(_) => "silence".to_owned(),
    }
}

/// An office with this `confbridge.conf` and dialplan.
pub fn conference(confbridge: &str, dialplan: &str) -> World {
    ENDED.with_borrow_mut(Vec::clear);
    let mut world = office("", dialplan);
    world.switch.ears().level = jackfield::switch::view::Level::Verbose;
    let files = MemoryFiles::new().with("confbridge.conf", confbridge);
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let services = Services::read(&files, &mut sources, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    world.handle(Input::Services(Arc::new(services)));
    world
}

/// A line on the command line, and what it prints.
pub fn type_in(world: &mut World, line: &str) -> String {
    match cli::parse(line, Format::PLAIN) {
        Parsed::Ask(commands, shape) => {
            let replies: Vec<Reply> = commands.into_iter().map(|command| world.command(command)).collect();
            jackfield::admin::print(replies, &shape).text
        }
        Parsed::Text(answer) => answer.text,
        other => panic!("{other:?}"),
    }
}

pub fn explained(world: &mut World, channel: &str) -> (String, Vec<String>) {
    let question = DirectMediaQuestion::Call { channel: channel.into() };
    let Reply::Explanation(explained) = world.command(Command::ExplainDirectMedia(question)) else {
        panic!("an explanation was asked for")
    };
    let failed = explained.steps.into_iter().filter(|step| step.outcome == "fail");
    (explained.verdict, failed.map(|step| step.culprit).collect())
}

pub fn nothing_is_left(world: &mut World) {
    for _ in 0..80 {
        world.wait(Duration::from_millis(500));
    }
    assert_eq!(leftovers(world), (0, 0, 0), "channels, dialogs, transactions");
    assert_eq!(world.open_ports(), 0, "ports");
    assert!(type_in(world, "confbridge list").ends_with("=====\n"));
}

const PLAN: &str = "[phones]\nexten => 600,1,ConfBridge(room)\n same => n,Hangup($[\"${CONFBRIDGE_RESULT}\" = \"KICKED\" ? 17 :: 19])\n\
    exten => 601,1,ConfBridge(room,,boss,keys)\n same => n,Verbose(result ${CONFBRIDGE_RESULT})\n same => n,Hangup(18)\n\
    exten => h,1,Verbose(after ${CONFBRIDGE_RESULT})\n\
    exten => 700,1,Verbose(parties ${CONFBRIDGE_INFO(parties,room)} locked ${CONFBRIDGE_INFO(locked,room)})\n";

pub fn said(world: &World, what: &str) -> bool {
    world
        .events
        .iter()
        .any(|event| matches!(event, jackfield::switch::view::Event::Log { text, .. } if text.contains(what)))
}

/// S4-111: three are in one room, each speaks and hears; the list shows them; `explain` names the application; whoever is
/// kicked goes on with his dialplan, and the last one takes the conference with him.
#[test]
fn three_meet_are_listed_kicked_and_hang_up() {
    let mut world = conference("", PLAN);
    let calls: Vec<Call> = (0..3).map(|who| come(&mut world, who, "600")).collect();
    let seats: Vec<_> = calls.iter().map(|call| call.seat(&world).expect("in a room")).collect();
    assert!(seats.iter().all(|seat| *seat == (seats[0].0, Seat::FULL)), "{seats:?}");
    assert_eq!(calls[0].hears_files(&world), ["conf-onlyperson"]);
    assert!(calls[2].hears_files(&world).is_empty());
    assert_eq!(
        type_in(&mut world, "confbridge list"),
        "Conference Bridge Name           Users  Marked Locked Muted\n\
         ================================ ====== ====== ====== =====\n\
         room                                  3      0 No     No\n"
    );
    let list = type_in(&mut world, "confbridge list room");
    let line =
        "PJSIP/200-00000001                    default_user     default_bridge                    200\n";
    assert!(list.ends_with("200\nPJSIP/300-00000002                    default_user     default_bridge                    300\n") && list.contains(line), "{list}");
    let (verdict, failed) = explained(&mut world, "PJSIP/100-00000000");
    assert!(verdict.starts_with("core: "), "{verdict}");
    assert!(failed.iter().any(|culprit| culprit.contains("ConfBridge")), "{failed:?}");
    let Reply::Bridges(bridges) = world.command(Command::Bridges) else { panic!("bridges") };
    assert_eq!((bridges[0].technology, bridges[0].channels.len()), ("softmix", 3));
    assert_eq!(
        type_in(&mut world, "confbridge kick room PJSIP/200"),
        "Kicked 'PJSIP/200' out of conference 'room'\n"
    );
    assert_eq!(calls[1].hears_files(&world), ["conf-kicked"]);
    assert!(calls[1].seat(&world).is_none());
    let sent = calls[1].heard_all(&mut world);
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=17");
    world.datagram(CALLED, reply(the(&sent, "BYE"), "200 OK", CALLED, "").as_bytes());
    assert!(
        type_in(&mut world, "confbridge kick room nobody").contains("No participant named 'nobody' found!")
    );
    for call in [&calls[0], &calls[2]] {
        the(&call.bye(&mut world), "SIP/2.0 200");
    }
    assert!(said(&world, "after HANGUP"));
    nothing_is_left(&mut world);
}

const PROFILES: &str = "[boss]\ntype=user\nadmin=yes\nmarked=yes\nquiet=yes\n[default_user]\ntype=user\nquiet=yes\n\
    [keys]\ntype=menu\n*=playback_and_continue(usermenu)\n*1=toggle_mute\n*2=admin_toggle_conference_lock\n\
    *3=admin_kick_last\n*4=admin_toggle_mute_participants\n*5=increase_talking_volume\n*6=participant_count\n\
    8=leave_conference\n9=dialplan_exec(phones,700,1)\n0=playback(one&two),leave_conference\n";

/// A menu's digits: one after the other, through what plays, with a time between them; only administrators do what is
/// theirs; a dialplan is run and the party comes back.
#[test]
fn a_menu_is_obeyed() {
    let mut world = conference(PROFILES, PLAN);
    let boss = come(&mut world, 0, "601");
    let one = come(&mut world, 1, "600");
    let two = come(&mut world, 2, "600");
    // `*` plays, `*1` mutes: the digit comes while it plays.
    boss.press(&mut world, "*");
    assert_eq!(boss.hears_files(&world), ["usermenu"]);
    boss.press(&mut world, "1");
    assert_eq!(boss.hears_files(&world), ["conf-muted"]);
    assert_eq!(boss.seat(&world).map(|(_, seat)| seat), Some(Seat::LISTENER));
    boss.heard_all(&mut world);
    boss.press(&mut world, "*1");
    assert_eq!(boss.seat(&world).map(|(_, seat)| seat), Some(Seat::FULL));
    boss.heard_all(&mut world);
    // All but him are muted, and not him.
    boss.press(&mut world, "*4");
    let seats = [&boss, &one, &two].map(|call| call.seat(&world).expect("seated").1);
    assert_eq!(seats, [Seat::FULL, Seat::LISTENER, Seat::LISTENER]);
    assert!(boss.orders(&world).any(|order| matches!(order, SoundOrder::PlayRoom { .. })), "all are told");
    boss.press(&mut world, "*4");
    assert_eq!(one.seat(&world).expect("seated").1, Seat::FULL);
    boss.press(&mut world, "*5");
    boss.press(&mut world, "*5");
    let volume = boss.orders(&world).rev().find(|order| matches!(order, SoundOrder::Volume { .. }));
    assert_eq!(volume, Some(&SoundOrder::Volume { heard: Gain::of_steps(2), said: Gain::UNITY }));
    boss.press(&mut world, "*6");
    assert_eq!(boss.hears_files(&world), ["conf-thereare"]);
    boss.heard_all(&mut world);
    // A dialplan, and back: out of the room meanwhile.
    world.events.clear();
    boss.press(&mut world, "9");
    assert!(said(&world, "parties 3 locked 0"), "{:?}", world.events);
    assert!(boss.seat(&world).is_some(), "it is back");
    // Locked: nobody comes any more, and the last one is thrown out.
    boss.press(&mut world, "*2");
    boss.heard_all(&mut world);
    boss.press(&mut world, "*3");
    assert_eq!(two.hears_files(&world), ["conf-kicked"]);
    let sent = two.heard_all(&mut world);
    world.datagram(THIRD, reply(the(&sent, "BYE"), "200 OK", THIRD, "").as_bytes());
    let late = come(&mut world, 2, "600");
    assert_eq!((late.hears_files(&world), late.seat(&world)), (vec!["conf-locked".to_owned()], None));
    let sent = late.heard_all(&mut world);
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=19");
    world.datagram(THIRD, reply(the(&sent, "BYE"), "200 OK", THIRD, "").as_bytes());
    // Digits wait three seconds for the next one.
    boss.press(&mut world, "*");
    boss.heard_all(&mut world);
    world.wait(Duration::from_secs(4));
    world.events.clear();
    boss.press(&mut world, "0");
    assert_eq!(boss.hears_files(&world), ["one"]);
    boss.press(&mut world, "8");
    assert_eq!(boss.hears_files(&world), ["one"], "deaf while it plays");
    let sent = boss.heard_all(&mut world);
    assert!(said(&world, "result DTMF"), "{:?}", world.events);
    world.datagram(CALLER, reply(the(&sent, "BYE"), "200 OK", CALLER, "").as_bytes());
    one.bye(&mut world);
    nothing_is_left(&mut world);
}

/// A pin is asked for three times; a wrong one keeps the caller out, the right one lets him in as soon as it is whole.
#[test]
fn a_pin_is_asked_for() {
    let profile = "[default_user]\ntype=user\npin=4711\nannounce_only_user=no\n";
    let mut world = conference(profile, PLAN);
    let right = come(&mut world, 0, "600");
    assert_eq!((right.hears_files(&world), right.seat(&world)), (vec!["conf-getpin".to_owned()], None));
    right.press(&mut world, "12#");
    assert_eq!(right.hears_files(&world), ["conf-invalidpin"]);
    right.heard_all(&mut world);
    right.press(&mut world, "4711");
    assert!(right.seat(&world).is_some() && right.hears(&world).is_empty());
    let wrong = come(&mut world, 1, "600");
    let mut sent = wrong.press(&mut world, "1#2#");
    wrong.heard_all(&mut world);
    // The third one times out.
    sent.extend(world.wait(Duration::from_secs(8)));
    sent.extend(wrong.heard_all(&mut world));
    assert_eq!(header(the(&sent, "BYE"), "Reason"), "Q.850;cause=19");
    assert!(wrong.seat(&world).is_none());
    world.datagram(CALLED, reply(the(&sent, "BYE"), "200 OK", CALLED, "").as_bytes());
    right.bye(&mut world);
    nothing_is_left(&mut world);
}

/// `wait_marked`, `end_marked`, `music_on_hold_when_empty`, `timeout`.
#[test]
fn who_waits_for_a_marked_one_hears_music_and_goes_with_him() {
    let profiles = "[default_user]\ntype=user\nwait_marked=yes\nend_marked=yes\nmusic_on_hold_when_empty=yes\nstartmuted=yes\n\
                    [boss]\ntype=user\nmarked=yes\ntimeout=30\nannounce_only_user=no\n[keys]\ntype=menu\n8=leave_conference\n";
    let mut world = conference(profiles, PLAN);
    let waits = come(&mut world, 0, "600");
    assert_eq!(
        (waits.seat(&world), waits.hears_files(&world)),
        (None, vec!["moh/".into(), "conf-waitforleader".into()])
    );
    let list = type_in(&mut world, "confbridge list room");
    assert!(list.contains("PJSIP/100-00000000             WEmw   default_user"), "{list}");
    let boss = come(&mut world, 1, "601");
    assert_eq!(waits.seat(&world).map(|(_, seat)| seat), Some(Seat::LISTENER), "started muted");
    assert_eq!(waits.hears_files(&world), ["conf-waitforleader"], "no music any more");
    waits.heard_all(&mut world);
    let sent = world.wait(Duration::from_secs(31));
    assert!(said(&world, "result TIMEOUT"));
    the(&sent, "BYE sip:200@");
    assert_eq!(waits.hears_files(&world), ["conf-leaderhasleft"]);
    world.events.clear();
    let more = waits.heard_all(&mut world);
    the(&more, "BYE sip:100@");
    world.datagram(CALLED, reply(the(&sent, "BYE"), "200 OK", CALLED, "").as_bytes());
    world.datagram(CALLER, reply(the(&more, "BYE"), "200 OK", CALLER, "").as_bytes());
    assert!(said(&world, "after ENDMARKED"), "{:?}", world.events);
    let _ = boss;
    nothing_is_left(&mut world);
}

/// `CONFBRIDGE()` sets what one channel wants; `CONFBRIDGE_INFO()` and a limit of members; recording by profile and by
/// order; locking, muting on the command line; profiles and menus are shown.
#[test]
fn a_conference_is_ordered_about() {
    let plan = "[phones]\nexten => 600,1,Set(CONFBRIDGE(user,template)=guest)\n same => n,Set(CONFBRIDGE(user,startmuted)=yes)\n\
        same => n,Set(CONFBRIDGE(bridge,max_members)=2)\n same => n,Set(CONFBRIDGE(bridge,record_conference)=yes)\n\
        same => n,Set(CONFBRIDGE(bridge,record_file)=meeting.wav)\n same => n,Set(CONFBRIDGE(bridge,record_file_timestamp)=no)\n\
        same => n,ConfBridge(room)\n same => n,Verbose(result ${CONFBRIDGE_RESULT})\n";
    let mut world = conference(
        "[guest]\ntype=user\nquiet=yes\ndsp_drop_silence=yes\n[keys]\ntype=menu\n1=toggle_mute,no_op\n",
        plan,
    );
    let (a, b) = (come(&mut world, 0, "600"), come(&mut world, 1, "600"));
    let seat = Seat { only_talk: true, ..Seat::LISTENER };
    assert_eq!(a.seat(&world).map(|(_, seat)| seat), Some(seat));
    assert!(
        a.orders(&world).any(|order| matches!(order, SoundOrder::Listen(Listening { talk: Some(_), .. })))
    );
    let records = |call: &Call, world: &World| -> Vec<String> {
        let paths = call.orders(world).filter_map(|order| match order {
            SoundOrder::RecordRoom { record, .. } => Some(record.path.to_string()),
            _ => None,
        });
        paths.collect()
    };
    assert_eq!((records(&a, &world), records(&b, &world)), (vec!["meeting.wav".to_owned()], vec![]));
    let full = come(&mut world, 2, "600");
    assert_eq!(full.hears_files(&world), ["conf-locked"]);
    let sent = full.heard_all(&mut world);
    assert!(said(&world, "result FAILED"));
    world.datagram(THIRD, reply(the(&sent, "BYE"), "200 OK", THIRD, "").as_bytes());
    assert_eq!(type_in(&mut world, "confbridge unmute room all"), "Unmuting all from confbridge room\n");
    assert_eq!(a.seat(&world).map(|(_, seat)| seat.speaks), Some(true));
    assert_eq!(type_in(&mut world, "confbridge lock room"), "Conference room is locked.\n");
    assert!(
        type_in(&mut world, "confbridge list")
            .contains("room                                  2      0 Yes    No")
    );
    assert_eq!(
        type_in(&mut world, "confbridge record start room"),
        "Conference is already being recorded.\nCommand 'confbridge record start room' failed.\n"
    );
    assert_eq!(type_in(&mut world, "confbridge record stop room"), "Recording stopped.\n");
    assert!(matches!(a.orders(&world).next_back(), Some(SoundOrder::Stop { .. })));
    assert_eq!(type_in(&mut world, "confbridge record start room again.wav"), "Recording started\n");
    assert_eq!(records(&a, &world), ["meeting.wav", "again.wav"]);
    assert!(
        type_in(&mut world, "confbridge show profile user guest").contains("Quiet:                 enabled")
    );
    assert!(type_in(&mut world, "confbridge show profile bridges").contains("default_bridge"));
    assert_eq!(type_in(&mut world, "confbridge show menu keys"), "Name: keys\n1=toggle_mute, no_op\n");
    for call in [a, b] {
        call.bye(&mut world);
    }
    nothing_is_left(&mut world);
}

/// D5: parties come, go, are kicked, muted, hung up in any order; nothing is left of them.
#[test]
fn nothing_leaks_whatever_they_do() {
    for seed in 0..20u64 {
        let mut random = jackfield::base::rng::Rng::seeded(seed);
        let mut world = conference(PROFILES, PLAN);
        let mut calls: Vec<Call> = Vec::new();
        for _ in 0..60 {
            let at = random.below(3) as usize;
            let sent = match random.below(9) {
                0..4 if calls.len() < 12 => {
                    let exten = if random.below(3) == 0 { "601" } else { "600" };
                    calls.push(come(&mut world, at, exten));
                    Vec::new()
                }
                4 if !calls.is_empty() => {
                    let which = random.below(calls.len() as u64) as usize;
                    calls.remove(which).bye(&mut world)
                }
                5 => {
                    type_in(
                        &mut world,
                        [
                            "confbridge kick room all",
                            "confbridge mute room participants",
                            "confbridge kick room PJSIP/2",
                        ][at],
                    );
                    Vec::new()
                }
                6 if !calls.is_empty() => {
                    let which = random.below(calls.len() as u64) as usize;
                    calls[which].press(&mut world, ["*1", "*3", "8"][at])
                }
                7 if !calls.is_empty() => {
                    let which = random.below(calls.len() as u64) as usize;
                    calls[which].heard_all(&mut world)
                }
                _ => world.wait(Duration::from_millis(random.below(3_000))),
            };
            answer_byes(&mut world, &sent);
        }
        for call in &calls {
            call.bye(&mut world);
        }
        for _ in 0..60 {
            let sent = world.wait(Duration::from_millis(1_000));
            answer_byes(&mut world, &sent);
        }
        nothing_is_left(&mut world);
        let rooms = world.plans.iter().filter(|plan| matches!(plan, Plan::Open(_))).count();
        assert!(rooms > 0, "seed {seed}");
    }
}

fn answer_byes(world: &mut World, sent: &[String]) {
    for bye in those(sent, "BYE") {
        let at = PHONES.iter().find(|(_, at, _)| bye.contains(&format!("@{at} "))).expect("a phone").1;
        world.datagram(at, reply(bye, "200 OK", at, "").as_bytes());
    }
}

/// `BridgeWait`: who waits hears music and nobody else, an announcer speaks to all and is not heard by himself, a time
/// ends it.
#[test]
fn a_holding_bridge_holds_and_announces() {
    let plan = "[phones]\nexten => 600,1,BridgeWait(hall,participant,m(default)S(20))\n same => n,Verbose(over)\n\
                exten => 601,1,BridgeWait(hall,announcer,e(s))\n";
    let mut world = conference("", plan);
    let waits = come(&mut world, 0, "600");
    assert_eq!(waits.seat(&world).map(|(_, seat)| seat), Some(Seat::LISTENER));
    assert_eq!(waits.hears_files(&world), ["moh/"]);
    let (_, failed) = explained(&mut world, "PJSIP/100-00000000");
    assert!(failed.iter().any(|culprit| culprit.contains("BridgeWait")), "{failed:?}");
    let speaker = come(&mut world, 1, "601");
    assert_eq!(speaker.seat(&world).map(|(_, seat)| seat), Some(Seat::SPEAKER));
    assert!(waits.hears(&world).is_empty(), "the announcer is heard");
    speaker.bye(&mut world);
    assert_eq!(waits.hears_files(&world), ["moh/"]);
    let sent = world.wait(Duration::from_secs(21));
    assert!(said(&world, "over"));
    world.datagram(CALLER, reply(the(&sent, "BYE"), "200 OK", CALLER, "").as_bytes());
    nothing_is_left(&mut world);
}
