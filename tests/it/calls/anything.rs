//! Issue 5, D5: calls with every service in any order, by chance, over links that lose, double and reorder: nothing is
//! left of them anywhere.
//!
//! `JACKFIELD_SEEDS=10000` takes ten thousand seeds; `JACKFIELD_SEED=n` repeats one alone and prints every message.

use super::flows::{Act, PHONES, Told, each};
use crate::net::{Link, Net, seeds};
use jackfield::admin::cli::{self, Parsed};
use jackfield::admin::shape::Format;
use jackfield::base::rng::Rng;
use jackfield::config::files::MemoryFiles;
use jackfield::config::origin::Sources;
use jackfield::config::services::Services;
use jackfield::session::Own;
use jackfield::sip::method::Method;
use std::sync::Arc;

/// What the services add to a call.
#[derive(Clone, Copy, Debug)]
pub enum More {
    /// A digit by INFO.
    Info(u16, u32, char),
    /// A digit heard in the sound.
    Key(u16, u32, char),
    /// `Record: on` or `off` by INFO.
    Record(u16, u32, bool),
    /// A line on the command line, about a channel or a conference there is.
    Order(&'static str),
}

const DIALPLAN: &str = "[phones]\ninclude => parkedcalls\n\
    exten => _X00,1,Set(__DYNAMIC_FEATURES=say#ask#rec)\n same => n,Dial(PJSIP/${EXTEN},20,tTkKxXwWhHg)\n same => n,Hangup()\n\
    exten => 701,1,Dial(PJSIP/200&PJSIP/300&PJSIP/400,15,tT)\nexten => 702,1,Dial(Local/300@phones,20,tTkK)\n\
    exten => 703,1,Dial(PJSIP/400,20,tTL(9000:4000:2000))\n same => n,Hangup()\n\
    exten => 704,1,Dial(Local/200@phones/n,20,tTkKS(12))\nexten => 705,1,Playback(a)\n same => n,Park(,t(5))\n same => n,Hangup()\n\
    exten => 706,1,ConfBridge(one,,,keys)\n same => n,Playback(bye)\nexten => 707,1,ConfBridge(two,loud,boss,keys)\n\
    exten => 708,1,ChanSpy(PJSIP/,dqE)\n same => n,Hangup()\nexten => 709,1,MixMonitor(all.wav,b)\n \
    same => n,Set(JITTERBUFFER(adaptive)=default)\n same => n,Dial(PJSIP/100,20,tT)\n same => n,StopMixMonitor()\n\
    exten => 710,1,Answer()\n same => n,Read(x,prompt,3,,2,4)\n same => n,Goto(phones,${x}00,1)\n\
    exten => 711,1,Record(said.wav,2,10)\n same => n,MusicOnHold(,5)\n same => n,BridgeWait(wait,,S(20))\n\
    exten => 712,1,Answer()\n same => n,Set(VOLUME(TX)=2)\n same => n,Set(TALK_DETECT(set)=)\n same => n,Dial(PJSIP/300,20,tG(phones^713^1))\n\
    exten => 713,1,Wait(5)\n same => n,Echo()\nexten => 714,1,Busy(3)\nexten => 715,1,Pickup()\n same => n,Hangup()\n\
    exten => 716,1,BridgeWait(wait,announcer)\nexten => 8,1,PlayTones(busy)\n same => n,Wait(3)\n\
    exten => h,1,StopMixMonitor()\n same => n,NoOp(${CONFBRIDGE_RESULT})\n[parkedcalls]\n";

const FILES: &[(&str, &str)] = &[
    (
        "features.conf",
        "[general]\natxfernoanswertimeout=5\natxferloopdelay=2\natxfercallbackretries=1\nfeaturedigittimeout=600\n\
         courtesytone=beep\n[featuremap]\nblindxfer=#1\natxfer=*2\nparkcall=#72\nautomixmon=*3\nautomon=*5\ndisconnect=*0\n\
         [applicationmap]\nsay=91,peer,Playback,hello\nask=92,self,Playback,hello&world,default\nrec=93,self,MixMonitor,x.wav\n",
    ),
    (
        "res_parking.conf",
        "[default]\nparkext=750\nparkpos=751-752\nparkingtime=8\ncomebackdialtime=4\nparkedcalltransfers=both\n\
         parkedcallreparking=both\nparkedcallrecording=both\nparkinghints=yes\n",
    ),
    (
        "confbridge.conf",
        "[default_user]\ntype=user\nannounce_join_leave=no\n[boss]\ntype=user\nadmin=yes\nmarked=yes\nend_marked=yes\npin=12\n\
         [loud]\ntype=bridge\nmax_members=3\nrecord_conference=yes\n[keys]\ntype=menu\n*1=toggle_mute\n*2=playback(hello)\n\
         *3=admin_toggle_mute_participants\n*4=admin_kick_last\n*5=dialplan_exec(phones,8,1)\n*8=leave_conference\n",
    ),
];

const OPTIONS: &[&str] = &[
    "dtmf_mode=info",
    "dtmf_mode=info",
    "dtmf_mode=info\none_touch_recording=yes",
    "dtmf_mode=info\ndirect_media_method=update",
    "dtmf_mode=info\nmoh_passthrough=yes",
    "dtmf_mode=info\ndirectrtpsetup=yes",
    "dtmf_mode=inband",
    "direct_media=no",
    "",
    "allow=ulaw,alaw,g722\n100rel=required",
    "timers=always\ntimers_sess_expires=90",
];

const EXTENSIONS: &[&str] = &[
    "100", "200", "300", "400", "100", "200", "300", "400", "701", "702", "703", "704", "705", "706", "706",
    "707", "708", "708", "709", "710", "711", "712", "714", "715", "716", "750", "751", "752", "99",
];

/// Codes, extensions after them, answers to prompts, menus.
const DIGITS: &[&str] = &[
    "#1300", "#1100", "#1706", "#1750", "#199", "#1", "*2200", "*2400", "*2706", "*2750", "*2705", "*2",
    "#72", "*3", "*5", "*0", "91", "92", "93", "*1", "*2", "*4", "*5", "*8", "12#", "2", "5", "6", "4", "*",
    "#", "1",
];

const ORDERS: &[&str] = &[
    "channel request hangup CHANNEL",
    "confbridge kick one CHANNEL",
    "confbridge mute one CHANNEL",
    "confbridge unmute one CHANNEL",
    "confbridge lock two",
    "confbridge unlock two",
    "confbridge record start one",
    "confbridge record stop one",
    "dialplan set chanvar CHANNEL VOLUME(RX) 3",
    "dialplan set chanvar CHANNEL VOLUME(RX) 0",
    "dialplan set chanvar CHANNEL TALK_DETECT(set) 300,256",
    "dialplan set chanvar CHANNEL TALK_DETECT(remove) 1",
    "channel originate PJSIP/200 extension 706@phones",
    "channel originate Local/300@phones application Playback a",
    "channel originate PJSIP/400 application ChanSpy PJSIP/100",
    "channel originate Local/8@phones application ChannelRedirect CHANNEL,phones,705,1",
    "channel originate Local/8@phones application Bridge CHANNEL,x",
];

fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.below(all.len() as u64) as usize]
}

/// The server with its services, and calls to everywhere.
pub fn office(seed: u64, link: Link) -> Net<Act> {
    let mut net = Net::new(seed, link);
    let mut text = String::from("[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n");
    for port in PHONES {
        let name = port - 6000;
        let options = pick(&mut net.rng, OPTIONS);
        text.push_str(&format!(
            "[{name}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw,alaw\naors={name}\ncall_group=1\n\
             pickup_group=1\n{options}\n[{name}]\ntype=aor\ncontact=sip:{name}@127.0.0.1:{port}\n\
             [{name}]\ntype=identify\nendpoint={name}\nmatch=127.0.0.1:{port}\n"
        ));
        net.phone(port);
    }
    net.server(5060, 20_000, &text, DIALPLAN);
    let files = FILES.iter().fold(MemoryFiles::new(), |files, (name, text)| files.with(name, *text));
    let (mut sources, mut findings) = (Sources::new(), Vec::new());
    let services = Services::read(&files, &mut sources, &mut findings);
    assert!(findings.is_empty(), "{findings:?}");
    net.services(Arc::new(services));
    for _ in 0..4 + net.rng.below(6) {
        let from = pick(&mut net.rng, &PHONES);
        let exten = pick(&mut net.rng, EXTENSIONS);
        let at = net.rng.below(20_000);
        net.later(at, Act::Call(from, exten));
    }
    for _ in 0..net.rng.below(6) {
        let (at, order) = (net.rng.below(30_000), pick(&mut net.rng, ORDERS));
        net.later(at, Act::More(More::Order(order)));
    }
    net.later(60_000, Act::HangUpAll);
    net.later(95_000, Act::HangUpAll);
    net
}

/// A call is up: what is done with it beside what is done with any call.
pub fn talk(net: &mut Net<Act>, phone: u16, call: u32) {
    for _ in 0..net.rng.below(4) {
        let mut at = net.rng.below(9_000);
        match net.rng.below(6) {
            0 => {
                let on = net.rng.below(3) > 0;
                net.later(at, Act::More(More::Record(phone, call, on)));
            }
            way => {
                for digit in pick(&mut net.rng, DIGITS).chars() {
                    let more =
                        if way > 2 { More::Info(phone, call, digit) } else { More::Key(phone, call, digit) };
                    net.later(at, Act::More(more));
                    at += 60 + net.rng.below(400);
                }
            }
        }
    }
}

/// It is done.
pub fn act(net: &mut Net<Act>, more: More) {
    match more {
        More::Info(phone, call, digit) => {
            // What makes no sense any more says so.
            let _ = net.with(phone, call, |s, cx| s.dtmf_info(cx, digit, 120));
        }
        More::Key(phone, call, digit) => net.press(phone, call, digit),
        More::Record(phone, call, on) => {
            let extra = if on { &b"Record: on\r\n"[..] } else { b"Record: off\r\n" };
            let own = Own { method: Method::Info, content_type: "", body: b"", extra };
            let _ = net.with(phone, call, |s, cx| s.send(cx, &own));
        }
        More::Order(line) => {
            let channels = net.channels(0);
            let at = net.rng.below(channels.len().max(1) as u64) as usize;
            let channel = channels.get(at).map_or("PJSIP/none", String::as_str);
            let line = line.replace("CHANNEL", channel);
            let Parsed::Ask(commands, _) = cli::parse(&line, Format::PLAIN) else {
                panic!("'{line}' is no command")
            };
            commands.into_iter().for_each(|command| net.order(0, command));
        }
    }
}

/// D5: with 10,000 seeds, some hundred thousand calls.
#[test]
fn services_by_chance_leave_nothing() {
    let count = seeds(250);
    let mut told = Told { services: true, ..Told::default() };
    let link = |seed: u64| match seed % 3 {
        0 => Link { loss: 0, double: 0, delay_ms: (1, 30) },
        1 => Link { loss: 3, double: 3, delay_ms: (1, 80) },
        _ => Link { loss: 15, double: 8, delay_ms: (1, 200) },
    };
    each(50_000, count, link, &mut told);
    let done = &told.done;
    eprintln!(
        "{count} seeds: {} answers, {} transfers by REFER, {} Local halves left in rooms, {done:?}",
        told.answered, told.transfers, told.seated
    );
    if std::env::var("JACKFIELD_SEED").is_err() {
        // Each kind of thing did happen.
        let orders = "Join Direct Enter Leave Play PlayRoom Record RecordRoom Spy Stop Smooth Listen Volume";
        for what in orders.split(' ') {
            assert!(done.get(what).copied().unwrap_or(0) > 0, "no '{what}' in {done:?}");
        }
        assert!(u64::from(told.answered) > 3 * count && 10 * u64::from(told.busy) > 9 * count);
    }
}
