//! A watcher made of text.

pub use crate::calls::phone::*;
use crate::world::World;
use std::time::Duration;

pub const WATCHER: &str = "127.0.0.1:6400";

pub const HINTS: &str = "[phones]\nexten => _X00,1,Dial(PJSIP/${EXTEN},20)\n same => n,Hangup()\n\
    exten => 200,hint,PJSIP/200\nexten => _3XX,hint,PJSIP/${EXTEN}&Custom:lamp${EXTEN}\n\
    exten => 700,hint,PJSIP/200&PJSIP/300,CustomPresence:seven\nexten => 900,hint,Custom:night\n";

/// Phones 100, 200 and 300, and a watcher 400 with `options` of its own.
pub fn desk(options: &str, dialplan: &str) -> World {
    let mut world = office("direct_media=no", dialplan);
    let mut text = String::from("[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n");
    for (name, at) in [("100", CALLER), ("200", CALLED), ("300", THIRD), ("400", WATCHER)] {
        let more = if name == "400" { options } else { "direct_media=no" };
        text.push_str(&format!(
            "[{name}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw,alaw\naors={name}\n{more}\n\
             [{name}]\ntype=aor\nmax_contacts=2\ncontact=sip:{name}@{at}\n\
             [id{name}]\ntype=identify\nendpoint={name}\nmatch={at}\n"
        ));
    }
    world.reload(&text);
    world
}

/// A SUBSCRIBE of the watcher's, `more` being whole header lines.
pub fn subscribe(exten: &str, (call, cseq): (&str, u32), to_tag: &str, more: &str) -> String {
    format!(
        "SUBSCRIBE sip:{exten}@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {WATCHER};rport;branch=z9hG4bK{call}{cseq}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:400@127.0.0.1>;tag=w\r\nTo: <sip:{exten}@127.0.0.1>{to_tag}\r\nCall-ID: {call}\r\n\
         CSeq: {cseq} SUBSCRIBE\r\nContact: <sip:400@{WATCHER}>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}

/// Subscribes and answers the first NOTIFY; both messages that came.
pub fn watch(world: &mut World, exten: &str, call: &str, more: &str) -> (String, String) {
    let sent = world.datagram(WATCHER, subscribe(exten, (call, 1), "", more).as_bytes());
    let ok = the(&sent, "SIP/2.0 200").to_owned();
    let first = the(&sent, "NOTIFY").to_owned();
    assert!(accept(world, &first).is_empty());
    (ok, first)
}

/// Answers a NOTIFY with 200; what that led to.
pub fn accept(world: &mut World, notify: &str) -> Vec<String> {
    world.datagram(WATCHER, reply(notify, "200 OK", WATCHER, "").as_bytes())
}

/// The tag of our side, as a To parameter.
pub fn our_tag(ok: &str) -> String {
    format!(";tag={}", header(ok, "To").split(";tag=").nth(1).expect("a tag"))
}

/// Long enough for every transaction to end.
pub fn settle(world: &mut World) -> Vec<String> {
    (0..80).flat_map(|_| world.wait(Duration::from_millis(500))).collect()
}
