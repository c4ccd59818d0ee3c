//! What a dialplan does once its channel is gone: `h`, and hangup handlers.

use super::*;

#[test]
fn the_hangup_extension_and_the_handlers_run_once_the_channel_is_gone() {
    let text = "[in]\nexten => 1,1,Set(CHANNEL(hangup_handler_push)=hdl,s,1(x))\n same => n,Set(CHANNEL(hangup_handler_push)=hdl,s,1(y))\n\
                same => n,Wait(10)\n same => n,Verbose(never)\nexten => h,1,Verbose(h ${EXTEN})\n same => n,UserEvent(Gone,Who: me)\n\
                same => n,Verbose(h again)\n same => n,Wait(1)\n same => n,Verbose(never)\n\
                [hdl]\nexten => s,1,Verbose(handler ${ARG1})\n same => n,Return()";
    let mut call = Call::to(text, "1");
    call.action();
    call.program.hung_up();
    let Action::UserEvent { name, headers } = call.action() else { panic!("a user event") };
    assert_eq!((name.as_str(), headers), ("Gone", vec![("Who".to_owned(), "me".to_owned())]));
    assert_eq!(call.done().end(), End::ChannelGone);
    assert_eq!(call.told(), ["h h", "h again", "handler y", "handler x"]);
    let mut call = Call::to(text, "1");
    call.action();
    call.program.hangup_exten_ran();
    call.program.hung_up();
    assert_eq!(call.end(), End::ChannelGone);
    assert_eq!(call.told(), ["handler y", "handler x"]);
}

#[test]
fn a_hangup_extension_or_handler_that_loops_is_left() {
    let text = "[in]\nexten => 1,1,Set(CHANNEL(hangup_handler_push)=hdl,s,1)\n same => n,Hangup(17)\nexten => h,1,UserEvent(x)\n\
                same => n,Goto(1)\n[hdl]\nexten => s,1,Set(CHANNEL(hangup_handler_push)=hdl,s,1)\n same => n,Return()";
    for exten in ["1", "9"] {
        let mut call = Call::to(text, exten);
        let mut steps = 0;
        let end = loop {
            match call.step() {
                Step::Do(_) => call.program.resume(Outcome::Done),
                Step::Finished(end) => break end,
                _ => {}
            }
            steps += 1;
            assert!(steps < 10_000);
        };
        assert_ne!(end, End::Looped, "the first end is told");
    }
    let mut call = Call::to(&text.replace("h,1,", "x,1,"), "1");
    while !matches!(call.step(), Step::Finished(_)) {}
    assert_eq!(call.end().cause(), Some(17));
}

#[test]
fn the_hangup_extension_sees_how_the_dial_ended() {
    let text = "[in]\nexten => 1,1,Dial(PJSIP/a)\nexten => h,1,Verbose(${DIALSTATUS})";
    let mut call = Call::to(text, "1");
    call.action();
    call.program.hung_up();
    assert_eq!((call.end(), call.told()), (End::ChannelGone, vec!["CANCEL"]));
    let mut call = Call::to(text, "1");
    call.action();
    call.program.set_variable("DIALSTATUS", "ANSWER").expect("room");
    call.program.hung_up();
    assert_eq!((call.end(), call.told()), (End::ChannelGone, vec!["ANSWER"]));
}
