//! Functions of the channel and of PJSIP, as dialplans use them.

use super::dialplan::{call, logged};
use super::phone::*;

/// What `Log(WARNING,…)` prints for each text, in an extension that does nothing else.
fn expand(options: &str, texts: &[&str]) -> Vec<String> {
    let lines: Vec<String> = texts.iter().map(|text| format!(" same => n,Log(WARNING,{text})\n")).collect();
    let plan = format!("[phones]\nexten => 1,1,NoOp()\n{} same => n,Hangup()\n", lines.concat());
    let mut world = office(options, &plan);
    call(&mut world, "1");
    logged(&world)
}

/// `PJSIP_ENDPOINT`, `PJSIP_AOR`, `PJSIP_CONTACT`: any option; contacts by the ids that aors list.
#[test]
fn objects_are_read() {
    let told = expand(
        "",
        &[
            "${PJSIP_ENDPOINT(200,allow)} ${PJSIP_ENDPOINT(200,context)} [${PJSIP_ENDPOINT(none,allow)}]",
            "${PJSIP_AOR(200,max_contacts)} ${PJSIP_CONTACT(${PJSIP_AOR(200,contact)},uri)}",
            "${PJSIP_CONTACT(${PJSIP_AOR(200,contact)},status)} ${PJSIP_CONTACT(${PJSIP_AOR(200,contact)},rtt)}",
            "${PJSIP_DIAL_CONTACTS(200)}",
        ],
    );
    let wanted = ["(ulaw|alaw) phones []", "0 sip:200@127.0.0.1:6200"];
    assert_eq!(told[..2], wanted);
    assert!(told[2].ends_with(" N/A"), "{told:?}");
    assert_eq!(told[3], "PJSIP/200/sip:200@127.0.0.1:6200");
}

#[test]
fn the_channel_tells_of_itself() {
    let told = expand(
        "accountcode=acc\ntenantid=t9\ncall_group=1,3\nnamed_pickup_group=sales",
        &[
            "${CHANNEL(name)} ${CHANNEL(channeltype)} ${CHANNEL(state)} ${CHANNEL(accountcode)} ${CHANNEL(tenantid)}",
            "${CHANNEL(callgroup)} ${CHANNEL(namedpickupgroup)} ${CHANNEL(max_forwards)} ${CHANNEL(callid)}",
            "${CHANNEL(appname)} ${CHANNEL(pjsip,request_uri)} ${CHANNEL(pjsip,call-id)} ${CHANNEL(onhold)}",
            "${CALLERID(num)} ${CALLERID(ani)}${SET(CALLERID(num)=7)}${CALLERID(num)} ${CALLERID(ani)}",
            "${SET(REDIRECTING(orig-num)=9)}${REDIRECTING(orig-num)} ${REDIRECTING(count)}",
            "${PJSIP_PARSE_URI_FROM(U,user)}${SET(U=sip:a@b:7)} ${PJSIP_PARSE_URI_FROM(U,port)}",
        ],
    );
    assert_eq!(
        told,
        [
            "PJSIP/100-00000000 PJSIP Ring acc t9",
            "1,3 sales 20 C-00000000",
            "Log sip:1@127.0.0.1:5060 c1 0",
            "100 10077 100",
            "99 0",
            "sip:a@b:7 7",
        ]
    );
}

/// Groups of channels, shared variables, and variables of another channel.
#[test]
fn channels_know_of_each_other() {
    let plan = "[phones]\nexten => 1,1,Set(GROUP(out)=trunk)\n same => n,Set(GROUP()=all)\n\
        same => n,Log(WARNING,${GROUP(out)} ${GROUP_COUNT(trunk@out)} ${GROUP_COUNT()} ${GROUP_MATCH_COUNT(tr.*@out)})\n\
        same => n,Log(WARNING,${GROUP_LIST()} ${GROUP_COUNT(none@out)})\n\
        same => n,Set(SHARED(x)=5)\n same => n,Set(y=6)\n same => n,Dial(Local/2@phones/n,20)\n\
        exten => 2,1,Log(WARNING,${MASTER_CHANNEL(y)} ${IMPORT(PJSIP/100-00000000,y)} ${SHARED(x,PJSIP/100-00000000)})\n\
        same => n,Set(MASTER_CHANNEL(z)=8)\n same => n,Log(WARNING,${MASTER_CHANNEL(z)} ${CHANNELS(^PJSIP)})\n";
    let mut world = office("", plan);
    call(&mut world, "1");
    assert_eq!(logged(&world), ["trunk 1 1 1", "trunk@out all 0", "6 6 5", "8 PJSIP/100-00000000"]);
}

/// What a pre-dial subroutine changes is in the INVITE: From's parameters, codecs, headers; those of the caller too.
#[test]
fn an_invite_is_made_to_measure() {
    let plan = "[phones]\nexten => 200,1,Set(PJSIP_INHERITABLE_HEADER(X-Tenant)=blue)\n\
        same => n,Dial(PJSIP/200,20,b(head^s^1))\n\
        [head]\nexten => s,1,Set(PJSIP_HEADER_PARAM(From,uri,isup-oli)=62)\n\
        same => n,Set(PJSIP_HEADER_PARAM(From,header,x)=y)\n same => n,Set(PJSIP_MEDIA_OFFER(audio)=alaw)\n\
        same => n,Log(WARNING,phones: ${PJSIP_MEDIA_OFFER(audio)} ${CHANNEL(aor)} ${CHANNEL(contact)})\n same => n,Return()\n";
    let mut world = office("", plan);
    let sent =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "0 8 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200");
    assert!(header(out, "From").starts_with("\"Ann\" <sip:100@127.0.0.1;isup-oli=62>;x=y;tag="), "{out}");
    assert_eq!(header(out, "X-Tenant"), "blue");
    assert!(body(out).contains("RTP/AVP 8 101"), "{out}");
    let told = logged(&world);
    assert!(told[0].starts_with("alaw 200 200@@"), "{told:?}");
}

/// The 200 of the called side is read before the bridge.
#[test]
fn headers_of_the_answer_are_read() {
    let plan = "[phones]\nexten => 200,1,Dial(PJSIP/200,20,U(look))\n\
        [look]\nexten => s,1,Log(WARNING,phones: ${PJSIP_RESPONSE_HEADER(read,Contact)} ${PJSIP_RESPONSE_HEADERS(Al)})\n\
        same => n,Return()\n";
    let mut world = office("", plan);
    let sent =
        world.datagram(CALLER, invite("200", 1, "i1", &sdp("127.0.0.1", 7000, "0 101", "")).as_bytes());
    let out = the(&sent, "INVITE sip:200@127.0.0.1:6200").to_owned();
    world.datagram(CALLED, reply(&out, "200 OK", CALLED, &sdp("127.0.0.1", 7200, "0 101", "")).as_bytes());
    assert_eq!(logged(&world), ["<sip:phone@127.0.0.1:6200> Allow"]);
}

/// `ChannelRedirect`: another channel goes elsewhere.
#[test]
fn another_channel_is_sent_elsewhere() {
    let plan = "[phones]\nexten => 1,1,Answer(0,i)\n same => n,Wait(100)\n\
        exten => 2,1,ChannelRedirect(PJSIP/100-00000000,phones,3,1)\n\
        same => n,Log(WARNING,${CHANNELREDIRECT_STATUS})\n same => n,ChannelRedirect(PJSIP/none,phones,3,1)\n\
        same => n,Log(WARNING,${CHANNELREDIRECT_STATUS})\n same => n,Hangup()\n\
        exten => 3,1,Wait(50)\n";
    let mut world = office("", plan);
    call(&mut world, "1");
    let second = invite("2", 1, "i9", &sdp("127.0.0.1", 7000, "0 101", ""))
        .replace("Call-ID: c1", "Call-ID: c2")
        .replace("tag=ann", "tag=two");
    world.datagram(CALLER, second.as_bytes());
    assert_eq!(logged(&world), ["SUCCESS", "NOCHANNEL"]);
    let left: Vec<_> = channels(&mut world).into_iter().map(|c| (c.extension, c.data)).collect();
    assert_eq!(left, [("3".to_owned(), "50".to_owned())]);
}
