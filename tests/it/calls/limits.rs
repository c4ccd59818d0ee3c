//! What calls are told by their own rules: announcements, warnings, the end of their time; and `Bridge`.

use super::desk::Desk;
use super::phone::*;
use super::sounds::playing;
use jackfield::bridge::{MediaEvent, Piece, PortId, SoundEnd, SoundId, SoundSource};
use jackfield::switch::io::Input;

fn files(source: &SoundSource) -> String {
    let SoundSource::Files(order) = source else { panic!("{source:?} is no file") };
    let name = |piece: &Piece| match piece {
        Piece::Prompt(name) => name.to_string(),
        Piece::Directory { path, .. } => format!("{path}/"),
    };
    order.pieces.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// What sounds now: port and files.
fn sounding(desk: &Desk) -> Vec<(u64, String)> {
    playing(&desk.world).iter().map(|(port, _, source)| (port.0, files(source))).collect()
}

fn ended(desk: &mut Desk, (port, id): (PortId, SoundId)) {
    // What has ended is not told to stop.
    desk.world.plans.clear();
    let sent = desk.world.handle(Input::Media(MediaEvent::SoundEnded { port, id, end: SoundEnd::Done }));
    desk.deliver(sent);
}

/// All that sounds comes to its end.
fn heard_out(desk: &mut Desk) {
    for (port, id, _) in playing(&desk.world) {
        ended(desk, (port, id));
    }
}

fn bye_to(desk: &Desk, at: &str) -> Option<String> {
    desk.sent.iter().find(|text| text.starts_with("BYE") && text.contains(at)).cloned()
}

fn desk(dialplan: &str) -> Desk {
    Desk::new(["direct_media=no", "direct_media=no", "direct_media=no"], &format!("[phones]\n{dialplan}"))
}

/// `A(x:y)`: both hear something of their own first; they are joined when both have heard it.
#[test]
fn an_announcement_comes_before_the_bridge() {
    let mut desk = desk("exten => 200,1,Dial(PJSIP/200,20,A(hello&there:wait))\n");
    desk.call(CALLER, "200");
    assert_eq!(sounding(&desk), [(1, "hello there".into()), (0, "wait".into())]);
    assert_eq!(desk.world.joins(), 0, "not yet");
    assert!(desk.sent.iter().any(|text| text.starts_with("SIP/2.0 183")), "the caller hears it early");
    let all = playing(&desk.world);
    ended(&mut desk, (all[0].0, all[0].1));
    assert_eq!(desk.world.joins(), 0);
    ended(&mut desk, (all[1].0, all[1].1));
    assert_eq!(desk.world.joins(), 1);
    assert!(desk.sent.iter().any(|text| text.starts_with("SIP/2.0 200")));
}

/// The caller hangs up while the announcement plays: so is who answered.
#[test]
fn a_caller_who_leaves_during_the_announcement_takes_the_called_along() {
    let mut desk = desk("exten => 200,1,Dial(PJSIP/200,20,aA(hello))\n");
    desk.call(CALLER, "200");
    desk.bye(CALLER);
    assert!(bye_to(&desk, "127.0.0.1:6200").is_some(), "{:?}", desk.sent);
    for _ in 0..70 {
        desk.wait(500);
    }
    assert_eq!(leftovers(&mut desk.world), (0, 0, 0));
}

/// `L(ms:warn:repeat)`: the caller is told the time that is left; the files are those of the `LIMIT_` variables.
#[test]
fn a_limited_call_is_warned_of_its_end() {
    let mut desk = desk("exten => 200,1,Dial(PJSIP/200,20,gL(10000:5000:3000))\n same => n,Hangup(21)\n");
    desk.call(CALLER, "200");
    assert_eq!(sounding(&desk), []);
    desk.wait(5_000);
    assert_eq!(sounding(&desk), [(0, "vm-youhave digits/5 queue-seconds".into())]);
    heard_out(&mut desk);
    desk.wait(3_000);
    assert_eq!(sounding(&desk), [(0, "vm-youhave digits/2 queue-seconds".into())]);
    heard_out(&mut desk);
    desk.wait(1_900);
    assert!(bye_to(&desk, "127.0.0.1:6200").is_none());
    desk.wait(200);
    assert!(bye_to(&desk, "127.0.0.1:6200").is_some());
    let bye = bye_to(&desk, "127.0.0.1:6100").expect("the dialplan goes on to its Hangup");
    assert_eq!(header(&bye, "Reason"), "Q.850;cause=21");

    let mut desk = self::desk(
        "exten => 200,1,Set(LIMIT_PLAYAUDIO_CALLER=no)\n same => n,Set(LIMIT_PLAYAUDIO_CALLEE=yes)\n\
         same => n,Set(LIMIT_WARNING_FILE=soon)\n same => n,Set(LIMIT_CONNECT_FILE=begins)\n\
         same => n,Set(LIMIT_TIMEOUT_FILE=over)\n same => n,Dial(PJSIP/200,20,L(10000:4000))\n",
    );
    desk.call(CALLER, "200");
    assert_eq!(sounding(&desk), [(1, "begins".into())]);
    heard_out(&mut desk);
    desk.wait(6_000);
    assert_eq!(sounding(&desk), [(1, "soon".into())]);
    heard_out(&mut desk);
    desk.wait(4_000);
    assert_eq!(sounding(&desk), [(1, "over".into())]);
    assert!(bye_to(&desk, "127.0.0.1:6200").is_none(), "last words are heard to their end");
    heard_out(&mut desk);
    assert!(bye_to(&desk, "127.0.0.1:6200").is_some());
}

/// `Bridge`: a channel is taken from its call; who it left sees it gone. Options `p`, `x`, `F` and `S`.
#[test]
fn a_channel_is_bridged_with_another() {
    let plan = "exten => 200,1,Dial(PJSIP/200,20)\n same => n,Hangup(21)\n\
                exten => 1,1,Bridge(PJSIP/200-00000001,p)\n same => n,Hangup($[\"${BRIDGERESULT}\" = \"SUCCESS\" ? 17 :: 19])\n\
                exten => 2,1,Bridge(PJSIP/100-00000000,xS(5))\n same => n,Wait(9)\n\
                exten => 3,1,Bridge(PJSIP/100-00000000,F(phones^away^1))\n\
                exten => 4,1,Bridge(PJSIP/nobody-1)\n same => n,Hangup($[\"${BRIDGERESULT}\" = \"NONEXISTENT\" ? 17 :: 19])\n\
                exten => w,1,Answer(0,i)\n same => n,Wait(60)\n same => n,Hangup(18)\nexten => away,1,Hangup(22)\n";
    // The called leg of a call: its caller's Dial is over, it hears the tone, and ends with the new bridge.
    let mut desk = self::desk(plan);
    desk.call(CALLER, "200");
    desk.call(THIRD, "1");
    assert!(bye_to(&desk, "127.0.0.1:6100").is_some(), "as if the called side had hung up");
    assert_eq!(sounding(&desk), [(1, "beep".into())]);
    assert_eq!(desk.world.joins(), 2);
    desk.bye(CALLED);
    let bye = bye_to(&desk, "127.0.0.1:6300").expect("the dialplan of who bridged goes on");
    assert_eq!(header(&bye, "Reason"), "Q.850;cause=17");
    // A caller is taken from its Wait, and goes on there when the other one leaves.
    let mut desk = self::desk(plan);
    desk.call(CALLER, "w");
    desk.call(THIRD, "3");
    desk.bye(THIRD);
    assert_eq!(header(&bye_to(&desk, "127.0.0.1:6100").expect("F"), "Reason"), "Q.850;cause=22");
    // S ends the bridge, x the other channel.
    let mut desk = self::desk(plan);
    desk.call(CALLER, "w");
    desk.call(THIRD, "2");
    desk.wait(4_900);
    assert!(bye_to(&desk, "127.0.0.1:6100").is_none());
    desk.wait(200);
    assert!(bye_to(&desk, "127.0.0.1:6100").is_some());
    assert!(bye_to(&desk, "127.0.0.1:6300").is_none(), "its dialplan goes on");
    let mut desk = self::desk(plan);
    desk.call(THIRD, "4");
    assert!(desk.sent.iter().any(|text| text.starts_with("SIP/2.0 486")), "{:?}", desk.sent);
}

/// A caller without media hears no announcement, and is joined all the same.
#[test]
fn an_announcement_that_nobody_hears_keeps_nobody_apart() {
    let mut desk = desk("exten => 200,1,Dial(PJSIP/200,20,A(:wait))\n");
    desk.call(CALLER, "200");
    desk.wait(59_000);
    assert_eq!(desk.world.joins(), 0);
    desk.wait(1_100);
    assert_eq!((desk.world.joins(), sounding(&desk)), (1, Vec::new()));
}
