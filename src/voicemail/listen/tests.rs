use super::super::{KeptWhere, RecordEnd};
use super::*;
use crate::config::files::MemoryFiles;
use crate::config::origin::Sources;
use crate::config::services::Services;

fn listen(conf: &str, set: impl FnOnce(&mut ListenCall)) -> Listen {
    let text = format!("[general]\n{conf}\n[default]\n100 => 4711,Alice\n200 => -1,Bob\n300 =>\n");
    let files = MemoryFiles::new().with("voicemail.conf", text);
    let all = Services::read(&files, &mut Sources::new(), &mut Vec::new()).voicemail;
    let mut call = ListenCall {
        mailbox: "100".to_owned(),
        is_prefix: false,
        skips_password: false,
        plays: None,
        has_attendant: true,
        boxes: all.contexts["default"].clone(),
        zones: all.zones.clone(),
        changed: BTreeMap::new(),
        settings: all.settings.clone(),
        unique: "u".to_owned(),
    };
    set(&mut call);
    Listen::new(call)
}

fn hear(listen: &mut Listen, input: Input) -> Vec<Do> {
    listen.hear(Moment(0), input)
}

fn press(listen: &mut Listen, digits: &str) -> Vec<Do> {
    let mut last = Vec::new();
    for digit in digits.chars() {
        last = hear(listen, Input::Digit(digit));
    }
    last
}

fn message(key: &str, folder: &'static str) -> Message {
    let received = vec!["vm-received".to_owned(), "digits/today".to_owned()];
    Message { key: key.to_owned(), folder, number: "55".to_owned(), received, duration_secs: 150 }
}

fn opened(messages: Vec<Message>, counts: (usize, usize)) -> Input {
    let greetings = Greetings { dir: "/vm".to_owned(), ..Greetings::default() };
    Input::Answer(Answer::Opened(Box::new(Opened { greetings, secret: None, counts, messages })))
}

/// What is said, in one line; numbers and digits as they are.
fn said(steps: &[Do]) -> String {
    let prompts = steps.iter().rev().find_map(|step| match step {
        Do::Play(prompts) => Some(prompts),
        _ => None,
    });
    let word = |prompt: &Prompt| match prompt {
        Prompt::File(name) => name.trim_start_matches("vm-").to_owned(),
        Prompt::Number(number) => number.to_string(),
        Prompt::Digits(digits) => digits.clone(),
    };
    prompts.map(|prompts| prompts.iter().map(word).collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

/// A mailbox with two new messages, its owner in the menu.
fn at_menu(conf: &str) -> Listen {
    let mut listen = listen(conf, |call| call.skips_password = true);
    listen.start();
    hear(&mut listen, opened(vec![message("a", "INBOX"), message("b", "INBOX")], (2, 0)));
    listen
}

/// Plays the message that a command led to.
fn play(listen: &mut Listen, digit: char) -> String {
    let steps = press(listen, &digit.to_string());
    assert!(steps.iter().any(|step| matches!(step, Do::Order(Order::Find { .. }))), "{steps:?}");
    said(&hear(listen, Input::Answer(Answer::At(Some("/vm/INBOX/x".to_owned())))))
}

fn changes(steps: &[Do]) -> Vec<Changes> {
    let found = steps.iter().find_map(|step| match step {
        Do::Order(Order::Close { changes, .. }) => Some(changes.clone()),
        _ => None,
    });
    found.unwrap_or_default()
}

#[test]
fn a_login_tells_nobody_which_mailboxes_there_are() {
    let mut listen = listen("maxlogins=2", |call| call.mailbox.clear());
    let steps = listen.start();
    assert_eq!((steps[0].clone(), said(&steps).as_str()), (Do::Answer, "login"));
    // One that is not there is asked for its password as well.
    assert_eq!(said(&press(&mut listen, "999#")), "password");
    assert_eq!(said(&press(&mut listen, "1#")), "incorrect-mailbox");
    assert_eq!(hear(&mut listen, Input::Played), [Do::Wait(Duration::from_secs(10))]);
    press(&mut listen, "100");
    // The rest of a number is waited for a short while.
    let steps = hear(&mut listen, Input::TimedOut);
    assert!(matches!(&steps[1], Do::Order(Order::Open { mailbox, folder: 0, .. }) if mailbox.name == "100"));
    assert!(listen.waits_for_answer());
    assert_eq!(said(&hear(&mut listen, opened(vec![], (0, 0)))), "password");
    assert_eq!(said(&press(&mut listen, "4712#")), "incorrect vm-goodbye".replace("vm-", ""));
    assert_eq!(hear(&mut listen, Input::Played), [Do::End(End::Status("SUCCESS"))]);
}

#[test]
fn passwords_come_from_the_file_the_spool_or_a_change() {
    let enter = |listen: &mut Listen, secret: Option<&str>, digits: &str| {
        listen.start();
        let secret = secret.map(str::to_owned);
        hear(listen, Input::Answer(Answer::Opened(Box::new(Opened { secret, ..Opened::default() }))));
        said(&press(listen, digits))
    };
    let welcome = "youhave no messages opts helpexit";
    assert_eq!(enter(&mut listen("", |_| {}), None, "4711#"), welcome);
    assert_eq!(enter(&mut listen("", |_| {}), Some("99"), "99#"), welcome);
    assert_eq!(enter(&mut listen("", |_| {}), Some("99"), "4711#"), "incorrect");
    let changed = |call: &mut ListenCall| {
        call.changed.insert("100@default".to_owned(), "5".to_owned());
    };
    assert_eq!(enter(&mut listen("", changed), None, "5#"), welcome);
    let mut none = listen("", |call| call.mailbox = "300".to_owned());
    none.start();
    assert_eq!(said(&hear(&mut none, opened(vec![], (0, 0)))), welcome, "an empty password is none");
    let mut away = listen("", |call| call.mailbox.clear());
    away.start();
    assert!(matches!(&press(&mut away, "*")[1], Do::End(End::Exit { exten, .. }) if exten == "a"));
    let mut prefix = listen("", |call| (call.mailbox, call.is_prefix) = ("1".to_owned(), true));
    prefix.start();
    assert!(
        matches!(&press(&mut prefix, "00#")[1], Do::Order(Order::Open { mailbox, .. }) if mailbox.name == "100")
    );
}

#[test]
fn messages_are_heard_in_order_and_what_was_heard_moves_at_the_end() {
    let mut listen = at_menu("");
    let heard = play(&mut listen, '1');
    assert_eq!(heard, "first message received digits/today duration 2 minutes /vm/INBOX/x");
    let menu = said(&hear(&mut listen, Input::Played));
    assert_eq!(menu, "advopts repeat next delete toforward savemessage helpexit");
    assert_eq!(play(&mut listen, '6').split(" rec").next(), Some("last message"));
    assert!(said(&press(&mut listen, "6")).starts_with("nomore prev"), "there is no third one");
    assert!(said(&press(&mut listen, "3")).starts_with("received digits/today from-phonenumber 55"));
    assert!(said(&press(&mut listen, "7")).starts_with("deleted"));
    assert!(said(&press(&mut listen, "7")).starts_with("undeleted"));
    press(&mut listen, "7");
    let steps = press(&mut listen, "#");
    let expected = Changes { folder: "INBOX", deleted: vec!["b".into()], heard: vec!["a".into()] };
    assert_eq!((changes(&steps), said(&steps).as_str()), (vec![expected], "goodbye"));
    assert_eq!(hear(&mut listen, Input::Played), [Do::End(End::Status("SUCCESS"))]);
    assert_eq!(changes(&hear(&mut listen, Input::HungUp)), [], "once is enough");
}

#[test]
fn who_hangs_up_has_heard_what_he_heard() {
    let mut listen = at_menu("");
    play(&mut listen, '1');
    let steps = hear(&mut listen, Input::HungUp);
    assert_eq!(changes(&steps)[0].heard, ["a"]);
    assert_eq!(steps.last(), Some(&Do::End(End::Status("SUCCESS"))));
    let mut stays = at_menu("moveheard=no");
    play(&mut stays, '1');
    assert_eq!(changes(&hear(&mut stays, Input::HungUp)), []);
    // Nobody who did not come in changes anything.
    let mut out = super::tests::listen("", |_| {});
    out.start();
    assert_eq!(hear(&mut out, Input::HungUp), [Do::End(End::Status("SUCCESS"))]);
}

#[test]
fn folders_are_changed_saved_to_and_played_at_once() {
    let mut listen = at_menu("");
    play(&mut listen, '1');
    assert!(said(&press(&mut listen, "9")).starts_with("savefolder press 0 for INBOX messages press 1"));
    let steps = press(&mut listen, "2");
    let to_work = |step: &Do| matches!(step, Do::Order(Order::Copy { key, to: KeptWhere::Folder("Work"), .. }) if key == "a");
    assert!(steps.iter().any(to_work), "{steps:?}");
    assert!(said(&hear(&mut listen, Input::Answer(Answer::Kept(1)))).starts_with("message 1 savedto"));
    // Where it was it is no more: that is written down before the next folder is read.
    press(&mut listen, "2");
    let steps = press(&mut listen, "1");
    assert_eq!(changes(&steps)[0].deleted, ["a"]);
    assert!(matches!(steps.last(), Some(Do::Order(Order::Open { folder: 1, .. }))));
    assert_eq!(said(&hear(&mut listen, opened(vec![], (1, 0)))), "Old messages opts helpexit");
    // Only heard ones: they are what he has come for.
    let mut old = super::tests::listen("", |call| call.skips_password = true);
    old.start();
    assert!(matches!(
        &hear(&mut old, opened(vec![], (0, 1)))[..],
        [Do::Order(Order::Open { folder: 1, .. })]
    ));
    let steps = hear(&mut old, opened(vec![message("o", "Old")], (0, 1)));
    assert_eq!(said(&steps), "youhave 1 Old message onefor Old messages opts helpexit");
    let mut at_once = super::tests::listen("", |call| (call.skips_password, call.plays) = (true, Some(2)));
    at_once.start();
    hear(&mut at_once, opened(vec![], (0, 0)));
    let steps = hear(&mut at_once, opened(vec![message("w", "Work")], (0, 0)));
    assert!(matches!(&steps[..], [Do::Order(Order::Find { folder: "Work", .. })]));
}

#[test]
fn messages_are_forwarded_to_mailboxes_that_are_there() {
    let mut listen = at_menu("");
    play(&mut listen, '1');
    assert_eq!(said(&press(&mut listen, "8")), "extension");
    assert_eq!(said(&press(&mut listen, "77#")), "pbx-invalid extension");
    let steps = press(&mut listen, "200*300#");
    let both = |step: &Do| matches!(step, Do::Order(Order::Copy { to: KeptWhere::Boxes(boxes), .. }) if boxes.len() == 2);
    assert!(steps.iter().any(both), "{steps:?}");
    assert!(said(&hear(&mut listen, Input::Answer(Answer::Kept(2)))).starts_with("msgsaved"));
}

#[test]
fn greetings_are_recorded_judged_and_put_in_place() {
    let mut listen = at_menu("maxgreet=30");
    assert_eq!(said(&press(&mut listen, "0")), "options");
    assert_eq!(said(&press(&mut listen, "1")), "rec-unv beep");
    let steps = hear(&mut listen, Input::Played);
    let recording = "/vm/tmp/u-1.wav";
    assert!(
        matches!(&steps[..], [Do::Record { file, most: Some(most), .. }] if file == recording && most.as_secs() == 30)
    );
    assert_eq!(press(&mut listen, "#"), [Do::Stop]);
    assert_eq!(said(&hear(&mut listen, Input::Recorded(RecordEnd::Done))), "review");
    assert_eq!(said(&press(&mut listen, "2")), "/vm/tmp/u-1");
    let steps = press(&mut listen, "1");
    let install = |step: &Do| matches!(step, Do::Order(Order::Install { file: Some(file), name: "unavail", .. }) if file == recording);
    assert!(steps.iter().any(install), "{steps:?}");
    assert_eq!(said(&hear(&mut listen, Input::Answer(Answer::Done))), "msgsaved options");
    // One that is not finished is thrown away, when its file is complete.
    press(&mut listen, "3");
    hear(&mut listen, Input::Played);
    assert_eq!(hear(&mut listen, Input::HungUp), [Do::Stop]);
    let steps = hear(&mut listen, Input::Recorded(RecordEnd::Done));
    assert_eq!(steps[0], Do::Order(Order::Discard { file: "/vm/tmp/u-2.wav".to_owned() }));
}

#[test]
fn passwords_are_changed_by_saying_them_twice() {
    let mut listen = at_menu("minpassword=3");
    assert_eq!(said(&press(&mut listen, "05")), "newpassword");
    assert_eq!(said(&press(&mut listen, "12#")), "invalid-password newpassword");
    assert_eq!(said(&press(&mut listen, "123#")), "reenterpassword");
    assert_eq!(said(&press(&mut listen, "124#")), "mismatch newpassword");
    press(&mut listen, "123#");
    let steps = press(&mut listen, "123#");
    let order = |step: &Do| matches!(step, Do::Order(Order::Password { password, .. }) if password == "123");
    assert!(steps.iter().any(order), "{steps:?}");
    assert_eq!(said(&hear(&mut listen, Input::Answer(Answer::Done))), "passchanged options");
    let mut fixed = super::tests::listen("", |call| {
        (call.mailbox, call.skips_password) = ("200".to_owned(), true);
    });
    fixed.start();
    hear(&mut fixed, opened(vec![], (0, 0)));
    assert_eq!(said(&press(&mut fixed, "05")), "no options", "a password written with - stays");
}

#[test]
fn who_says_nothing_is_let_go() {
    let mut listen = at_menu("");
    for _ in 0..2 {
        assert_eq!(hear(&mut listen, Input::Played), [Do::Wait(MENU_WAIT)]);
        assert!(said(&hear(&mut listen, Input::TimedOut)).ends_with("helpexit"));
    }
    hear(&mut listen, Input::Played);
    assert_eq!(said(&hear(&mut listen, Input::TimedOut)), "goodbye");
}
