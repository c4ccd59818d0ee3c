use super::super::RecordEnd;
use super::*;
use crate::config::files::MemoryFiles;
use crate::config::origin::Sources;
use crate::config::services::Services;

fn call(conf: &str, options: LeaveOptions) -> Leave {
    let files =
        MemoryFiles::new().with("voicemail.conf", format!("[general]\n{conf}\n[default]\n200 => 1,B\n"));
    let all = Services::read(&files, &mut Sources::new(), &mut Vec::new()).voicemail;
    Leave::new(LeaveCall {
        boxes: vec![all.find("200", "").expect("there").clone()],
        options,
        settings: all.settings.clone(),
        facts: MessageFacts::default(),
        has_operator: true,
        has_attendant: true,
        exits: ("menu".to_owned(), "5".to_owned()),
        unique: "u1".to_owned(),
    })
}

fn at(secs: u64) -> Moment {
    Moment(secs * 1_000_000)
}

fn unavail() -> LeaveOptions {
    LeaveOptions { unavail: true, ..LeaveOptions::default() }
}

fn greetings() -> Greetings {
    Greetings { dir: "/vm/default/200".to_owned(), ..Greetings::default() }
}

fn play(names: &[&str]) -> Do {
    Do::Play(names.iter().map(|name| file(name)).collect())
}

fn status(word: &'static str) -> Vec<Do> {
    vec![Do::End(End::Status(word))]
}

/// Up to the recording, which begins at second 10.
fn recording(leave: &mut Leave) {
    leave.start();
    leave.hear(at(0), Input::Answer(Answer::Greetings(greetings())));
    assert_eq!(leave.hear(at(9), Input::Played), [play(&["beep"])]);
    let steps = leave.hear(at(10), Input::Played);
    assert!(
        matches!(&steps[..], [Do::Record { file, .. }] if file == "/vm/default/200/tmp/u1.wav"),
        "{steps:?}"
    );
}

fn kept(steps: &[Do]) -> u64 {
    let found = steps.iter().find_map(|step| match step {
        Do::Order(Order::Keep(message)) => Some(message.facts.duration_secs),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("nothing is kept by {steps:?}"))
}

#[test]
fn the_greeting_is_the_owners_own_or_made_of_prompts() {
    let heard = |options: LeaveOptions, recorded: Greetings| {
        let mut leave = call("", options);
        assert_eq!(leave.start()[0], Do::Answer);
        let steps = leave.hear(at(0), Input::Answer(Answer::Greetings(recorded)));
        let [Do::Play(prompts)] = &steps[..] else { panic!("{steps:?}") };
        prompts
            .iter()
            .map(|prompt| match prompt {
                Prompt::File(name) => name.trim_start_matches("/vm/default/200/").to_owned(),
                Prompt::Digits(digits) => digits.clone(),
                Prompt::Number(number) => number.to_string(),
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    let busy = || LeaveOptions { busy: true, ..LeaveOptions::default() };
    assert_eq!(heard(unavail(), greetings()), "vm-theperson 200 vm-isunavail vm-intro");
    assert_eq!(heard(busy(), greetings()), "vm-theperson 200 vm-isonphone vm-intro");
    assert_eq!(heard(LeaveOptions::default(), greetings()), "vm-intro");
    let own = || Greetings { unavail: true, greet: true, ..greetings() };
    assert_eq!(heard(unavail(), own()), "unavail vm-intro");
    assert_eq!(heard(busy(), own()), "greet vm-isonphone vm-intro");
    assert_eq!(heard(unavail(), Greetings { temp: true, ..own() }), "temp vm-intro");
    assert_eq!(heard(LeaveOptions { silent_after_greeting: true, ..unavail() }, own()), "unavail");
    assert_eq!(
        heard(LeaveOptions { silent: true, ..unavail() }, greetings()),
        "vm-theperson 200 vm-isunavail"
    );
}

#[test]
fn a_message_is_kept_when_it_is_long_enough_and_its_end_waits_for_that() {
    let mut leave = call("minsecs=3\nmaxsilence=4\nmaxsecs=60", unavail());
    recording(&mut leave);
    assert_eq!(leave.hear(at(15), Input::Digit('5')), [], "only # ends it");
    assert_eq!(leave.hear(at(15), Input::Digit('#')), [Do::Stop]);
    let steps = leave.hear(at(15), Input::Recorded(RecordEnd::Done));
    assert_eq!(steps[0], play(&["auth-thankyou"]));
    assert_eq!(kept(&steps), 5);
    assert!(leave.waits_for_answer());
    assert_eq!(leave.hear(at(16), Input::Answer(Answer::Kept(1))), [], "the last word is still heard");
    assert_eq!(leave.hear(at(16), Input::Played), status("SUCCESS"));
    // Silence at the end is no part of the message.
    let mut leave = call("minsecs=3\nmaxsilence=4", unavail());
    recording(&mut leave);
    let steps = leave.hear(at(16), Input::Recorded(RecordEnd::Silence));
    assert_eq!(steps[0], Do::Order(Order::Discard { file: "/vm/default/200/tmp/u1.wav".to_owned() }));
    assert_eq!(steps[1..], status("FAILED"));
}

#[test]
fn who_hangs_up_has_left_what_he_said() {
    let mut leave = call("minsecs=3", unavail());
    recording(&mut leave);
    assert!(leave.has_message(at(14)) && !leave.has_message(at(12)));
    assert_eq!(leave.hear(at(14), Input::HungUp), [Do::Stop]);
    assert_eq!(kept(&leave.hear(at(14), Input::Recorded(RecordEnd::Done))), 4);
    assert_eq!(leave.hear(at(14), Input::Answer(Answer::Kept(1))), status("SUCCESS"));
    let mut leave = call("minsecs=3", unavail());
    leave.start();
    assert_eq!(leave.hear(at(1), Input::HungUp), status("FAILED"));
}

#[test]
fn a_full_mailbox_and_a_disk_that_fails_say_so() {
    let mut leave = call("maxmsg=2", unavail());
    leave.start();
    leave.hear(at(0), Input::Answer(Answer::Greetings(Greetings { messages: 2, ..greetings() })));
    assert_eq!(leave.hear(at(1), Input::Digit('#')), [Do::Stop, play(&["vm-mailboxfull"])]);
    assert_eq!(leave.hear(at(2), Input::Played), status("FAILED"));
    let mut leave = call("", unavail());
    leave.start();
    assert_eq!(leave.hear(at(0), Input::Answer(Answer::Failed("no disk".to_owned()))), status("FAILED"));
    let mut leave = call("", unavail());
    recording(&mut leave);
    leave.hear(at(15), Input::Recorded(RecordEnd::Done));
    leave.hear(at(15), Input::Played);
    assert_eq!(leave.hear(at(16), Input::Answer(Answer::Kept(0))), status("FAILED"));
}

#[test]
fn a_mailbox_may_only_greet() {
    let mut leave = call("maxmsg=0", unavail());
    leave.start();
    let steps = leave.hear(at(0), Input::Answer(Answer::Greetings(greetings())));
    let Do::Play(prompts) = &steps[0] else { panic!("{steps:?}") };
    assert!(!prompts.contains(&file("vm-intro")), "{prompts:?}");
    assert_eq!(leave.hear(at(1), Input::Played), status("SUCCESS"));
}

#[test]
fn digits_lead_out_of_the_greeting() {
    let exit = |exten: &str, context: &str| {
        Do::End(End::Exit { exten: exten.to_owned(), context: context.to_owned(), result: "USEREXIT" })
    };
    for (conf, digit, expected) in [
        ("operator=yes\nexitcontext=desk", '0', Some(exit("o", "desk"))),
        ("operator=no", '0', None),
        ("", '*', Some(exit("a", ""))),
        ("", '5', Some(exit("5", "menu"))),
        ("", '6', None),
    ] {
        let mut leave = call(conf, unavail());
        leave.start();
        leave.hear(at(0), Input::Answer(Answer::Greetings(greetings())));
        let steps = leave.hear(at(1), Input::Digit(digit));
        assert_eq!(steps.get(1), expected.as_ref(), "{conf} {digit}");
    }
}

#[test]
fn a_reviewed_message_is_heard_said_again_and_accepted() {
    let mut leave = call("review=yes\noperator=yes\nminsecs=2", unavail());
    recording(&mut leave);
    assert_eq!(leave.hear(at(11), Input::Recorded(RecordEnd::Done)), [play(&["vm-review"])]);
    assert_eq!(leave.hear(at(12), Input::Digit('1')), [Do::Stop, play(&["vm-tooshort", "vm-review"])]);
    assert_eq!(leave.hear(at(12), Input::Digit('2')), [Do::Stop, play(&["/vm/default/200/tmp/u1"])]);
    assert_eq!(leave.hear(at(13), Input::Played), [play(&["vm-review"])]);
    assert_eq!(leave.hear(at(13), Input::Digit('3')), [Do::Stop, play(&["beep"])]);
    leave.hear(at(20), Input::Played);
    leave.hear(at(25), Input::Recorded(RecordEnd::Done));
    assert_eq!(leave.hear(at(26), Input::Played), [Do::Wait(ANSWER_WAIT)]);
    assert_eq!(leave.hear(at(32), Input::TimedOut), [play(&["vm-review"])]);
    let steps = leave.hear(at(33), Input::Digit('0'));
    assert_eq!(steps[1], play(&["vm-saveoper"]));
    assert_eq!(kept(&leave.hear(at(34), Input::Digit('1'))), 5);
    let steps = leave.hear(at(35), Input::Answer(Answer::Kept(1)));
    let operator = End::Exit { exten: "o".to_owned(), context: String::new(), result: "USEREXIT" };
    assert_eq!(steps, [Do::End(operator)]);
}
