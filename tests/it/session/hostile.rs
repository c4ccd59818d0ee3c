//! A peer that sends anything: no message makes a session panic, and none keeps it alive after it is hung up.

use super::*;

/// What a phone may say in a call, to be spoiled.
fn messages(phone: &mut Phone) -> Vec<String> {
    let offer = sdp(2, "127.0.0.1", 7000, "sendonly");
    let video =
        format!("{offer}m=video 7010 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\nm=image 7020 udptl t38\r\n");
    let timer = "Session-Expires: 1800;refresher=uac\r\nSupported: timer,100rel\r\nAllow: INVITE,UPDATE\r\n";
    let refer =
        "Refer-To: <sip:x@h?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\nReferred-By: <sip:y@h>\r\n";
    let relay = "Content-Type: application/dtmf-relay\r\n";
    let notify = "Event: refer;id=1\r\nSubscription-State: active\r\nContent-Type: message/sipfrag\r\n";
    vec![
        phone.request("INVITE", timer, &video),
        phone.request("ACK", "", &offer),
        phone.request("INVITE", "", ""),
        phone.request("ACK", "", ""),
        phone.request("UPDATE", timer, &offer),
        phone.request("PRACK", "RAck: 1 1 INVITE\r\n", ""),
        phone.request("REFER", refer, ""),
        phone.request("INFO", relay, "Signal=5\r\nDuration=100\r\n"),
        phone.request("MESSAGE", "Content-Type: text/plain\r\n", "hi"),
        phone.request("NOTIFY", notify, "SIP/2.0 200 OK"),
        phone.request("CANCEL", "Reason: Q.850;cause=16\r\n", ""),
        phone.request("BYE", "Reason: SIP;cause=200, Q.850;cause=999\r\n", ""),
    ]
}

/// Copies, drops and changes a few bytes.
fn spoil(text: &str, rng: &mut Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..rng.below(4) {
        let at = rng.below(bytes.len() as u64) as usize;
        match rng.below(4) {
            0 => bytes[at] = b"0;=<>@:,\r\n \"%?x9"[rng.below(16) as usize],
            1 => {
                bytes.remove(at);
            }
            2 => {
                let end = (at + rng.below(40) as usize).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let end = (at + rng.below(20) as usize).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    // The body is as long as it is: a false length is the wire's business.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.split_once("Content-Length: ") {
        Some((head, tail)) => match tail.split_once("\r\n\r\n") {
            Some((_, body)) => format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
            None => text.clone(),
        },
        None => text,
    }
}

fn hear_if_sound(side: &mut Side, text: &str) {
    let mut index = Index::default();
    let sound = index.scan(text.as_bytes()).is_ok_and(|message| message.envelope().is_ok());
    if sound {
        side.hear(5080, text);
    }
}

#[test]
fn spoiled_messages_neither_panic_nor_linger() {
    for seed in 0..400 {
        let mut rng = Rng::seeded(seed);
        let mut side = Side::new(5060, seed);
        side.capabilities.fax = seed % 3 == 0;
        side.capabilities.formats.push(Format::of(Codec::from_name("h264").expect("known")));
        let (_, mut phone) = if seed % 2 == 0 { incoming_call(&mut side) } else { outgoing_call(&mut side) };
        let texts = messages(&mut phone);
        for _ in 0..40 {
            let text = &texts[rng.below(texts.len() as u64) as usize];
            let text = spoil(text, &mut rng);
            hear_if_sound(&mut side, &text);
            for sent in side.sent() {
                if !sent.starts_with("SIP/2.0") && !sent.starts_with("ACK") && rng.below(2) == 0 {
                    let code = [180, 200, 200, 302, 401, 422, 481, 491, 500][rng.below(9) as usize];
                    let answer =
                        phone.response(&sent, code, "Min-SE: 99\r\n", &sdp(9, "127.0.0.1", 7000, "sendrecv"));
                    hear_if_sound(&mut side, &spoil(&answer, &mut rng));
                }
            }
            let calls: Vec<u32> =
                side.sessions.iter().filter(|(_, leg)| !leg.ended).map(|(c, _)| *c).collect();
            for call in calls {
                let _ = side.with(call, |s, cx| match rng.below(8) {
                    0 => s.reoffer(cx, Reoffer::new(RefreshWith::Update, Why::Hold)),
                    1 => s.answer_refer(cx, 202),
                    2 => s.notify_sipfrag(cx, 180, "", false),
                    3 => s.accept_fax(cx, Default::default()),
                    4 => s.refer(cx, b"<sip:x@h>", b"", b""),
                    _ => {
                        s.provide(cx, rng.below(3) as usize, Some(local(4444)));
                        Ok(())
                    }
                });
            }
            side.pass(ms(rng.below(300)));
        }
        let calls: Vec<u32> = side.sessions.keys().copied().collect();
        for call in calls {
            let _ = side.with(call, |s, cx| s.hangup(cx, Cause::NORMAL));
        }
        side.pass(secs(400));
        let left: Vec<State> =
            side.sessions.values().filter(|leg| !leg.ended).map(|leg| leg.session.state()).collect();
        assert!(side.is_at_rest(), "seed {seed}: {left:?}");
    }
}
