//! `If ElseIf Else EndIf ExitIf`, and `WaitUntil`.

use super::*;

/// Each value takes its branch and no other; blocks inside blocks belong to their own `If`.
#[test]
fn one_branch_of_a_block_runs() {
    let text = "[in]\nexten => _X,1,If($[${EXTEN} = 1])\n same => n,Verbose(one)\n same => n,If($[${EXTEN} = 2])\n\
                same => n,Verbose(never)\n same => n,Else()\n same => n,Verbose(inner else)\n same => n,EndIf()\n\
                same => n,ElseIf($[${EXTEN} = 2])\n same => n,Verbose(two)\n same => n,ExitIf()\n same => n,Verbose(never)\n\
                same => n,ElseIf($[${EXTEN} > 7])\n same => n,Verbose(large)\n\
                same => n,Else()\n same => n,Verbose(else)\n same => n,EndIf()\n same => n,Verbose(out)";
    for (exten, told) in [
        ("1", vec!["one", "inner else", "out"]),
        ("2", vec!["two", "out"]),
        ("8", vec!["large", "out"]),
        ("3", vec!["else", "out"]),
    ] {
        let mut call = Call::to(text, exten);
        assert_eq!((call.end(), call.told()), (End::OutOfPriorities, told), "{exten}");
    }
    // Without Else the block is passed over; in a loop each turn chooses anew.
    let text = "[in]\nexten => 1,1,Set(i=0)\n same => n,While($[${i} < 3])\n same => n,Set(i=$[${i} + 1])\n\
                same => n,If($[${i} = 2])\n same => n,Verbose(two)\n same => n,EndIf()\n same => n,EndWhile()\n same => n,Verbose(out)";
    let mut call = Call::to(text, "1");
    assert_eq!((call.end(), call.told()), (End::OutOfPriorities, vec!["two", "out"]));
}

#[test]
fn a_block_without_its_end_fails() {
    for text in ["If(0)", "Else()", "ExitIf()", "ElseIf(1)"] {
        let mut call = Call::to(&format!("[in]\nexten => 1,1,{text}\n same => n,Verbose(x)"), "1");
        assert!(matches!(call.end(), End::Failed { .. }), "{text}");
    }
}

#[test]
fn a_time_is_waited_for() {
    let until = |text: &str| Call::to(&format!("[in]\nexten => 1,1,WaitUntil({text})"), "1");
    let mut call = until("1770026402.5");
    let Action::Wait { until: at } = call.action() else { panic!("it waits") };
    assert_eq!((at, call.value("WAITUNTILSTATUS")), (Moment(3_500_000), "OK"));
    for (text, status) in [("1770026400", "PAST"), ("soon", "FAILURE"), ("inf", "FAILURE")] {
        let mut call = until(text);
        assert_eq!((call.end(), call.value("WAITUNTILSTATUS")), (End::OutOfPriorities, status), "{text}");
    }
}
