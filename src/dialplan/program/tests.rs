mod blocks;
mod hangup;

use super::super::action::{After, Dialled};
use super::super::host::tests::TestHost;
use super::super::load::tests::{load, load_with_findings};
use super::*;
use crate::base::limits::PRIORITIES_WITHOUT_ACTION;
use crate::base::time::WallTime;
use std::time::Duration;

/// One call through a dialplan.
struct Call {
    plan: Dialplan,
    host: TestHost,
    program: Program,
    now: Now,
}

impl Call {
    fn new(plan: Dialplan, exten: &str) -> Call {
        let now = Now { at: Moment(1_000_000), wall: WallTime::from_secs(1_770_026_400) };
        let program = Program::new(Place::new("in", exten, 1));
        Call { plan, host: TestHost::default(), program, now }
    }

    fn to(text: &str, exten: &str) -> Call {
        Call::new(load(text), exten)
    }

    fn step(&mut self) -> Step {
        self.program.step(self.now, &self.plan, &mut self.host)
    }

    fn action(&mut self) -> Action {
        match self.step() {
            Step::Do(action) => action,
            other => panic!("an action was expected, not {other:?}"),
        }
    }

    fn done(&mut self) -> &mut Call {
        self.resume(Outcome::Done)
    }

    fn resume(&mut self, outcome: Outcome) -> &mut Call {
        self.program.resume(outcome);
        self
    }

    fn end(&mut self) -> End {
        match self.step() {
            Step::Finished(end) => end,
            other => panic!("the end was expected, not {other:?}"),
        }
    }

    fn value(&self, name: &str) -> &str {
        self.program.variables().value(name).unwrap_or("(unset)")
    }

    /// What NoOp, Verbose and Log printed: the texts of `Verbose(0,…)`.
    fn told(&self) -> Vec<&str> {
        let told = self.host.said.iter().filter(|(level, _)| *level == Level::Verbose(0));
        told.map(|(_, text)| text.as_str()).collect()
    }
}

fn unanswered(status: DialStatus) -> Outcome {
    Outcome::Dialled(Box::new(Dialled::unanswered(status)))
}

#[test]
fn a_call_is_answered_waits_and_is_hung_up() {
    let mut call =
        Call::to("[in]\nexten => 600,1,Answer(500)\n same => n,Wait(1.5)\n same => n,Hangup(17)", "600");
    assert_eq!(call.action(), Action::Answer { delay: Duration::from_millis(500), at_once: false });
    assert_eq!(call.step(), Step::Waiting);
    assert_eq!(call.done().action(), Action::Wait { until: Moment(2_500_000) });
    assert_eq!(call.done().end(), End::Hangup { application: "Hangup", cause: Some(17) });
    assert_eq!(call.end().cause(), Some(17), "the end stays the end");
}

#[test]
fn a_dial_goes_on_only_as_its_options_and_its_end_say() {
    let text = "[in]\nexten => 1,1,Dial(PJSIP/a,20)\n same => n,NoOp(${DIALSTATUS})\n same => n,Verbose(after ${DIALSTATUS})\n\
                exten => 2,1,Dial(PJSIP/a,20,g)\n same => n,Verbose(after ${DIALSTATUS} ${ANSWEREDTIME})";
    let answered = || {
        let mut dialled = Dialled::unanswered(DialStatus::Answer);
        dialled.answered = Some(Duration::from_millis(2_900));
        Outcome::Dialled(Box::new(dialled))
    };
    let mut call = Call::to(text, "1");
    assert!(matches!(call.action(), Action::Dial(dial) if dial.targets[0].resource == "a"));
    call.resume(unanswered(DialStatus::NoAnswer));
    assert_eq!(call.end(), End::OutOfPriorities);
    assert_eq!(call.told(), ["after NOANSWER"]);
    let mut call = Call::to(text, "1");
    call.action();
    assert_eq!(call.resume(answered()).end(), End::Hangup { application: "Dial", cause: None });
    let mut call = Call::to(text, "2");
    call.action();
    assert_eq!(call.resume(answered()).end(), End::OutOfPriorities);
    assert_eq!(call.told(), ["after ANSWER 2"]);
    assert_eq!(call.value("ANSWEREDTIME_MS"), "2900");
}

/// A channel full of variables goes without further ones, and the log says which.
#[test]
fn a_variable_without_room_is_told() {
    use crate::base::limits::CHANNEL_VARIABLES;
    let text = "[in]\nexten => 1,1,TryExec(NoOp())\n same => n,Wait(1)\n";
    let mut call = Call::to(text, "1");
    for n in 0..CHANNEL_VARIABLES {
        call.program.set_variable(&format!("v{n}"), "x").expect("room");
    }
    call.action();
    let told = call.host.complaints().join("\n");
    assert!(told.contains("TRYSTATUS is not set: there are at most"), "{told}");
}

/// Recorded: Dial to an endpoint without contacts, or none of that name, and nothing after it: 503.
#[test]
fn falling_through_tells_congestion_or_busy() {
    for (status, indication, cause) in [
        (DialStatus::ChanUnavail, Some(Indication::Congestion), Some(34)),
        (DialStatus::Congestion, Some(Indication::Congestion), Some(34)),
        (DialStatus::Busy, Some(Indication::Busy), Some(17)),
        (DialStatus::NoAnswer, None, None),
    ] {
        let mut call = Call::to("[in]\nexten => 606,1,Dial(PJSIP/dave,5)", "606");
        call.action();
        call.resume(unanswered(status));
        if let Some(indication) = indication {
            assert_eq!(call.action(), Action::Refuse { indication, until: Some(Moment(11_000_000)) });
            call.done();
        }
        assert_eq!(call.end().cause(), cause, "{status}");
    }
    let mut call = Call::to("[in]\nexten => 605,1,NoOp()", "605");
    assert_eq!(call.end(), End::OutOfPriorities);
}

#[test]
fn an_unknown_application_ends_the_call() {
    let (plan, findings) = load_with_findings("[in]\nexten => 612,1,NoSuchApp()\n same => n,Answer()");
    assert_eq!(findings.len(), 1);
    let mut call = Call::new(plan, "612");
    assert_eq!(call.end(), End::UnknownApplication("NoSuchApp".into()));
    assert_eq!(call.host.complaints(), ["No application 'NoSuchApp' for extension (in, 612, 1)"]);
}

#[test]
fn an_extension_that_is_not_there_goes_to_i_then_e_then_ends() {
    let tell = "Verbose(${EXTEN} ${INVALID_EXTEN}${EXCEPTION(reason)})";
    let mut call = Call::to(&format!("[in]\nexten => i,1,{tell}"), "999");
    assert_eq!(call.end(), End::OutOfPriorities);
    assert_eq!(call.told(), ["i 999"]);
    let mut call = Call::to(&format!("[in]\nexten => e,1,{tell}"), "999");
    assert_eq!((call.end(), call.told()), (End::OutOfPriorities, vec!["e INVALID"]));
    let mut call = Call::to("[in]\nexten => 1,1,NoOp()", "999");
    assert_eq!(call.end(), End::NoExtension(Miss::NoExtension));
    let mut call = Call::to("[other]\nexten => 1,1,NoOp()", "999");
    assert_eq!(call.end(), End::NoExtension(Miss::NoContext));
}

#[test]
fn jumps_go_to_numbers_labels_and_relative_priorities() {
    let text = "[in]\nexten => 1,1,Goto(there)\n same => n,Verbose(never)\n same => n(there),Verbose(a)\n\
                same => n,Goto(+2)\n same => n,Verbose(never)\n same => n,GotoIf($[1 = 1]?2,1:never)\n\
                exten => 2,1,GotoIf(0?never)\n same => n,GotoIfTime(*,mon,*,*?out,s,last)\n\
                [out]\nexten => s,1,Verbose(never)\n same => n(last),Verbose(b ${EXTEN}@${CONTEXT}:${PRIORITY})\n\
                same => n,Goto(-9)";
    let mut call = Call::new(load_with_findings(text).0, "1");
    assert!(matches!(call.end(), End::Failed { application: "Goto", .. }));
    assert_eq!(call.told(), ["a", "b s@out:2"]);
}

#[test]
fn a_subroutine_has_its_arguments_and_returns_a_value() {
    let text = "[in]\nexten => 1,1,Gosub(sub,${EXTEN},1(a,\"b,c\"))\n same => n,Verbose(${GOSUB_RETVAL} [${ARG1}] [${x}] ${y})\n\
                [sub]\nexten => _X,1,Set(LOCAL(x)=5)\n same => n,Set(y=6)\n same => n,Gosub(deep,1(z))\n\
                same => n,Return(${ARG1}${ARG2}${ARGC})\n same => n(deep),NoOp()\n\
                exten => deep,1,Verbose(${ARG1} [${ARG2}] ${ARGC} ${x})\n same => n,Return()";
    let mut call = Call::to(text, "1");
    assert_eq!(call.end(), End::OutOfPriorities);
    assert_eq!(call.told(), ["z [] 1 5", "a\"b,c\"2 [] [] 6"]);
    let mut call = Call::to("[in]\nexten => 1,1,Return()", "1");
    assert!(matches!(call.end(), End::Failed { application: "Return", .. }));
}

#[test]
fn loops_run_break_and_continue() {
    let text = "[in]\nexten => 1,1,Set(i=0)\n same => n,While($[${i} < 5])\n same => n,Set(i=$[${i} + 1])\n\
                same => n,ExecIf($[${i} = 2]?ContinueWhile())\n same => n,ExecIf($[${i} = 4]?ExitWhile())\n\
                same => n,Verbose(${i})\n same => n,Set(j=0)\n same => n,While($[${j} < 2])\n same => n,Set(j=$[${j} + 1])\n\
                same => n,EndWhile()\n same => n,EndWhile()\n same => n,Verbose(out ${i} ${j})";
    let mut call = Call::to(text, "1");
    assert_eq!((call.end(), call.told()), (End::OutOfPriorities, vec!["1", "3", "out 4 2"]));
}

#[test]
fn an_endless_loop_yields_and_is_ended() {
    let mut call = Call::to("[in]\nexten => 1,1,Goto(1,1)", "1");
    let mut yields = 0;
    let end = loop {
        match call.step() {
            Step::Yield => yields += 1,
            Step::Finished(end) => break end,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((end, yields), (End::Looped, PRIORITIES_WITHOUT_ACTION / PRIORITIES_PER_WAKE));
    // The same with words to the caller, which take no time.
    let mut call = Call::to("[in]\nexten => 1,1,Ringing()\n same => n,Goto(1,1)", "1");
    let mut steps = 0u32;
    loop {
        match call.step() {
            Step::Do(_) => {
                call.done();
            }
            Step::Finished(end) => break assert_eq!(end, End::Looped),
            _ => {}
        }
        steps += 1;
        assert!(steps < 3 * PRIORITIES_WITHOUT_ACTION);
    }
}

#[test]
fn digits_are_collected_while_they_could_become_more() {
    let text = "[in]\nexten => s,1,WaitExten(7)\nexten => 1,1,Verbose(one)\nexten => 12,1,Verbose(twelve)\n\
                exten => _3XX,1,Verbose(${EXTEN})\nexten => i,1,Verbose(invalid ${INVALID_EXTEN})\nexten => t,1,Verbose(timeout)";
    let run = |digits: &str| {
        let mut call = Call::to(text, "s");
        let mut waits = Vec::new();
        let mut digits = digits.chars();
        loop {
            match call.step() {
                Step::Do(Action::WaitDigit { until, .. }) => {
                    waits.push((until.expect("a limit").0 - 1_000_000) / 1_000_000);
                    call.resume(digits.next().map_or(Outcome::TimedOut, Outcome::Digit));
                }
                Step::Finished(_) => break (call.told().join(" "), waits),
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(run("12"), ("twelve".into(), vec![7, 5]));
    assert_eq!(run("1"), ("one".into(), vec![7, 5]));
    assert_eq!(run("345"), ("345".into(), vec![7, 5, 5]));
    assert_eq!(run("9"), ("invalid 9".into(), vec![7]));
    assert_eq!(run("3"), ("invalid 3".into(), vec![7, 5]));
    assert_eq!(run(""), ("timeout".into(), vec![7]));
    let mut call = Call::to("[in]\nexten => s,1,WaitExten(7)\n same => n,Verbose(next)", "s");
    call.action();
    assert_eq!(call.resume(Outcome::TimedOut).end(), End::OutOfPriorities);
    assert_eq!(call.told(), ["next"]);
    let mut call = Call::to("[in]\nexten => s,1,WaitExten()", "s");
    call.action();
    assert_eq!(call.resume(Outcome::TimedOut).end(), End::NoDigits);
}

#[test]
fn without_autofallthrough_the_end_waits_for_an_extension() {
    let text = "[general]\nautofallthrough=no\n[in]\nexten => s,1,NoOp()\nexten => 1,1,Verbose(one)\nexten => 1,2,Hangup()";
    let mut call = Call::to(text, "s");
    assert!(matches!(call.action(), Action::WaitDigit { until: Some(Moment(11_000_000)), .. }));
    assert!(matches!(call.resume(Outcome::Digit('1')).end(), End::Hangup { .. }));
    assert_eq!(call.told(), ["one"]);
}

#[test]
fn incomplete_asks_for_more_or_is_invalid() {
    let text = "[in]\nexten => 12,1,Incomplete(n)\nexten => 123,1,Verbose(full)\nexten => 9,1,Incomplete()\nexten => i,1,Verbose(i)";
    let mut call = Call::to(text, "12");
    assert_eq!(call.action(), Action::Incomplete { may_answer: false });
    assert!(matches!(call.done().action(), Action::WaitDigit { .. }));
    call.resume(Outcome::Digit('3')).end();
    assert_eq!(call.told(), ["full"]);
    let mut call = Call::to(text, "9");
    call.action();
    call.done().end();
    assert_eq!(call.told(), ["i"]);
}

#[test]
fn the_absolute_timeout_interrupts_and_goes_to_t_or_e() {
    let text = "[in]\nexten => 1,1,Set(TIMEOUT(absolute)=5)\n same => n,Wait(60)\nexten => T,1,Verbose(late)";
    let mut call = Call::to(text, "1");
    call.action();
    assert_eq!(call.program.absolute_deadline(), Some(Moment(6_000_000)));
    call.program.absolute_timeout();
    assert_eq!(call.end(), End::OutOfPriorities);
    assert_eq!((call.told(), call.program.absolute_deadline()), (vec!["late"], None));
    let mut call = Call::to("[in]\nexten => 1,1,Wait(60)", "1");
    call.action();
    call.program.absolute_timeout();
    assert_eq!(call.end(), End::TimedOut);
}

#[test]
fn try_exec_tells_and_goes_on() {
    let text = "[in]\nexten => 1,1,TryExec(Return())\n same => n,Verbose(${TRYSTATUS})\n same => n,TryExec(NoOp(x))\n\
                same => n,Verbose(${TRYSTATUS})\n same => n,TryExec(Wait(1))\n same => n,Verbose(${TRYSTATUS})\n\
                same => n,Set(a=Nope())\n same => n,TryExec(${a})\n same => n,Verbose(${TRYSTATUS})\n\
                same => n,ExecIf(0?Hangup():Verbose(else))\n same => n,ExecIfTime(*,mon,*,*?Exec(Verbose(in, time)))";
    let mut call = Call::to(text, "1");
    call.action();
    call.done().end();
    assert_eq!(call.told(), ["FAILED", "SUCCESS", "SUCCESS", "NOAPP", "else", "in, time"]);
}

#[test]
fn what_the_switch_does_not_do_tells_its_failure_and_goes_on() {
    let (plan, findings) =
        load_with_findings("[in]\nexten => 1,1,VoiceMail(hello)\n same => n,Verbose(${VMSTATUS})");
    assert!(findings[0].contains("extensions.conf:2:14: warning[later-application]"), "{findings:?}");
    let mut call = Call::new(plan, "1");
    assert!(
        matches!(call.action(), Action::Later { application, ref arguments } if application.name == "VoiceMail" && arguments == "hello")
    );
    call.resume(Outcome::Unsupported).end();
    assert_eq!(call.told(), ["FAILED"]);
}

#[test]
fn a_subroutine_run_ends_at_its_return() {
    let plan =
        load("[sub]\nexten => s,1,Verbose(${ARG1})\n same => n,Return(BUSY)\nexten => h,1,Verbose(never)");
    let mut host = TestHost::default();
    let now = Now::default();
    let mut program = Program::subroutine(
        Place::new("sub", "s", 1),
        (&["x".into()], Variables::default()),
        &plan,
        &mut host,
        now,
    );
    assert_eq!(program.step(now, &plan, &mut host), Step::Finished(End::Returned("BUSY".into())));
    assert_eq!(program.variables().value("GOSUB_RETVAL"), Some("BUSY"));
    assert_eq!(program.variables().value("ARG1"), None);
}

#[test]
fn a_digit_or_a_place_leads_out_of_a_dial_and_a_redirect_out_of_anything() {
    let text = "[in]\nexten => 1,1,Set(EXITCONTEXT=exit)\n same => n,Dial(PJSIP/a,,d)\n[exit]\nexten => 5,1,Verbose(left)\n\
                exten => g,1,Verbose(gone)\n same => n,Wait(5)";
    let mut call = Call::to(text, "1");
    call.action();
    let mut dialled = Dialled::unanswered(DialStatus::Cancel);
    dialled.after = After::Digit('5');
    call.resume(Outcome::Dialled(Box::new(dialled.clone()))).end();
    assert_eq!(call.told(), ["left"]);
    let mut call = Call::to(text, "1");
    call.action();
    dialled.after = After::Goto(Place::new("exit", "g", 1));
    assert!(matches!(call.resume(Outcome::Dialled(Box::new(dialled))).action(), Action::Wait { .. }));
    call.program.redirect(Place::new("exit", "5", 1));
    call.end();
    assert_eq!(call.told(), ["gone", "left"]);
}

/// One priority of a call may come from one pattern and the next from another.
#[test]
fn each_priority_takes_the_best_pattern_that_has_it() {
    let text = "[in]\nexten => _1XX,1,Verbose(a)\nexten => _1.,1,Verbose(never)\nexten => _1.,2,Verbose(b)\ninclude => more\n\
                [more]\nexten => _1XX,3,Verbose(c)";
    let (plan, _) = load_with_findings(text);
    let mut call = Call::new(plan.clone(), "123");
    call.end();
    assert_eq!(call.told(), ["a", "b", "c"]);
    let mut strict = plan;
    strict.general.new_pattern_match = true;
    let mut call = Call::new(strict, "123");
    call.end();
    assert_eq!(call.told(), ["a"]);
}
