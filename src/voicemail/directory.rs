//! `Directory`: who is called is found by his name, dialled by letters on the keypad.
//!
//! ```text
//! Digits ─ enough, # or silence ─▶ Looking ─ names ─▶ Item ─ 1 ─▶ SELECTED
//!   ▲ 0, *: OPERATOR, ASSISTANT        │ nobody        │ *: the next; nobody left ─▶ Digits
//!   └──────────────────────────────────┴───────────────┘ #: USEREXIT
//! ```

use super::{Answer, Do, End, Input, Order, Prompt, file};
use crate::base::limits;
use crate::config::services::Mailbox;
use std::sync::Arc;
use std::time::Duration;

/// How long a digit is waited for, and how often one is asked for.
const DIGIT_WAIT: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;

/// By which of somebody's names he is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ByName {
    /// `l`, and where nothing is said.
    #[default]
    Last,
    /// `f`
    First,
    /// `b`
    Both,
}

/// What a directory is made of.
#[derive(Clone, Debug)]
pub struct DirectoryCall {
    /// Everybody in it.
    pub boxes: Arc<std::collections::BTreeMap<String, Arc<Mailbox>>>,
    /// How they are found.
    pub by: ByName,
    /// How many letters are asked for.
    pub letters: usize,
    /// `e`: their extensions are said, too.
    pub says_exten: bool,
    /// `s`: nobody is called; the dialplan gets the extension.
    pub only_tells: bool,
    /// `n`: the call is not answered.
    pub silent_line: bool,
    /// `p(ms)`: so long nothing is said after the intro.
    pub pause: Duration,
    /// Where those who are found are called.
    pub context: String,
    /// Extension `o` is there.
    pub has_operator: bool,
    /// Extension `a` is there.
    pub has_attendant: bool,
}

/// A call in the directory.
#[derive(Debug)]
pub struct Directory {
    call: DirectoryCall,
    stage: Stage,
    tries: u32,
    found: Vec<(Arc<Mailbox>, Option<String>)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Digits(String),
    /// The recorded names of those that were found are looked for.
    Looking,
    /// One of them is said.
    Item(usize),
    /// A last word, and how it ends.
    Leaving(&'static str),
}

impl Directory {
    /// A call that looks for somebody.
    pub fn new(call: DirectoryCall) -> Directory {
        Directory { call, stage: Stage::Digits(String::new()), tries: 0, found: Vec::new() }
    }

    pub(super) fn start(&mut self) -> Vec<Do> {
        let mut steps = if self.call.silent_line { Vec::new() } else { vec![Do::Answer] };
        steps.extend(self.ask(vec![file("dir-welcome")]));
        steps
    }

    pub(super) fn waits_for_answer(&self) -> bool {
        self.stage == Stage::Looking
    }

    pub(super) fn hear(&mut self, input: Input) -> Vec<Do> {
        match (self.stage.clone(), input) {
            (_, Input::HungUp) => vec![Do::End(End::Status("HANGUP"))],
            (Stage::Digits(digits), Input::Digit(digit)) => self.digit(digits, digit),
            (Stage::Digits(digits), Input::Played) => {
                let pause = if digits.is_empty() { self.call.pause } else { Duration::ZERO };
                vec![Do::Wait(DIGIT_WAIT + pause)]
            }
            (Stage::Digits(digits), Input::TimedOut) if digits.is_empty() => {
                self.tries += 1;
                if self.tries < TRIES { self.ask(Vec::new()) } else { self.end("TIMEOUT") }
            }
            (Stage::Digits(digits), Input::TimedOut) => self.look(&digits),
            (Stage::Looking, Input::Answer(Answer::Names(names))) => self.looked(names),
            (Stage::Looking, Input::Answer(_)) => self.end("FAILED"),
            (Stage::Item(_), Input::Played) => vec![Do::Wait(DIGIT_WAIT)],
            (Stage::Item(at), Input::Digit(digit)) => self.choose(at, digit),
            (Stage::Item(at), Input::TimedOut) => self.say(at + 1),
            (Stage::Leaving(word), Input::Played) => vec![Do::End(End::Status(word))],
            _ => Vec::new(),
        }
    }

    fn ask(&mut self, mut prompts: Vec<Prompt>) -> Vec<Do> {
        self.stage = Stage::Digits(String::new());
        let which = match self.call.by {
            ByName::Last => "dir-last",
            ByName::First => "dir-first",
            ByName::Both => "dir-firstlast",
        };
        let letters = Prompt::Number(self.call.letters as u64);
        prompts.extend([file("dir-pls-enter"), letters, file(which), file("dir-usingkeypad")]);
        vec![Do::Play(prompts)]
    }

    fn digit(&mut self, mut digits: String, digit: char) -> Vec<Do> {
        let context = self.call.context.clone();
        let exit = |exten: &str, result| {
            let exten = exten.to_owned();
            vec![Do::Stop, Do::End(End::Exit { exten, context, result })]
        };
        match digit {
            '0' if digits.is_empty() && self.call.has_operator => return exit("o", "OPERATOR"),
            '*' if digits.is_empty() && self.call.has_attendant => return exit("a", "ASSISTANT"),
            '#' if digits.is_empty() => return self.stop_and(|own| own.end("USEREXIT")),
            '#' => return self.stop_and(|own| own.look(&digits)),
            '2'..='9' => digits.push(digit),
            // No letter is under it.
            _ => return Vec::new(),
        }
        if digits.len() >= self.call.letters {
            return self.stop_and(|own| own.look(&digits));
        }
        self.stage = Stage::Digits(digits);
        vec![Do::Stop, Do::Wait(DIGIT_WAIT)]
    }

    fn stop_and(&mut self, then: impl FnOnce(&mut Directory) -> Vec<Do>) -> Vec<Do> {
        let mut steps = vec![Do::Stop];
        steps.extend(then(self));
        steps
    }

    fn look(&mut self, digits: &str) -> Vec<Do> {
        let by = self.call.by;
        let fits =
            |mailbox: &&Arc<Mailbox>| !mailbox.options.hidden && is_named(&mailbox.fullname, digits, by);
        let found = self.call.boxes.values().filter(fits).take(limits::DIRECTORY_FOUND);
        let found: Vec<Arc<Mailbox>> = found.cloned().collect();
        if found.is_empty() {
            return self.nobody("dir-nomatch");
        }
        self.found = found.iter().map(|mailbox| (mailbox.clone(), None)).collect();
        self.stage = Stage::Looking;
        vec![Do::Order(Order::Names(found))]
    }

    fn nobody(&mut self, word: &str) -> Vec<Do> {
        self.tries += 1;
        if self.tries < TRIES {
            return self.ask(vec![file(word)]);
        }
        self.stage = Stage::Leaving("FAILED");
        vec![Do::Play(vec![file(word)])]
    }

    fn looked(&mut self, names: Vec<Option<String>>) -> Vec<Do> {
        for ((_, known), name) in self.found.iter_mut().zip(names) {
            *known = name;
        }
        self.say(0)
    }

    /// His own voice, or his name letter by letter.
    fn say(&mut self, at: usize) -> Vec<Do> {
        let Some((mailbox, recorded)) = self.found.get(at) else { return self.nobody("dir-nomore") };
        self.stage = Stage::Item(at);
        let mut prompts = match recorded {
            Some(name) => vec![Prompt::File(name.clone())],
            None => spelled(&mailbox.fullname),
        };
        if self.call.says_exten {
            prompts.extend([file("vm-extension"), Prompt::Digits(mailbox.name.clone())]);
        }
        prompts.push(file("dir-instr"));
        vec![Do::Play(prompts)]
    }

    fn choose(&mut self, at: usize, digit: char) -> Vec<Do> {
        match digit {
            '1' => {
                // `say` took it from there.
                let exten = self.found.get(at).map(|(mailbox, _)| mailbox.name.clone()).unwrap_or_default();
                let end = match self.call.only_tells {
                    true => End::Told { variable: "DIRECTORY_EXTEN", value: exten, result: "SELECTED" },
                    false => End::Exit { exten, context: self.call.context.clone(), result: "SELECTED" },
                };
                vec![Do::Stop, Do::End(end)]
            }
            '*' => self.stop_and(|own| own.say(at + 1)),
            '#' => self.stop_and(|own| own.end("USEREXIT")),
            _ => Vec::new(),
        }
    }

    fn end(&mut self, word: &'static str) -> Vec<Do> {
        self.stage = Stage::Leaving(word);
        vec![Do::End(End::Status(word))]
    }
}

/// Whether one of his names begins with these keys.
fn is_named(fullname: &str, digits: &str, by: ByName) -> bool {
    let name = fullname.trim();
    let begins = |part: &str| {
        let mut keys = part.chars().filter_map(key);
        digits.chars().all(|digit| keys.next() == Some(digit))
    };
    let (first, last) = (name, name.rsplit(' ').next().unwrap_or_default());
    !name.is_empty()
        && match by {
            ByName::Last => begins(last),
            ByName::First => begins(first),
            ByName::Both => begins(last) || begins(first),
        }
}

/// The key that a letter is under; signs are under none.
fn key(letter: char) -> Option<char> {
    Some(match letter.to_ascii_lowercase() {
        'a'..='c' => '2',
        'd'..='f' => '3',
        'g'..='i' => '4',
        'j'..='l' => '5',
        'm'..='o' => '6',
        'p'..='s' => '7',
        't'..='v' => '8',
        'w'..='z' => '9',
        digit @ '0'..='9' => digit,
        _ => return None,
    })
}

fn spelled(name: &str) -> Vec<Prompt> {
    let letter = |c: char| match c.to_ascii_lowercase() {
        letter @ 'a'..='z' => Some(Prompt::File(format!("letters/{letter}"))),
        digit @ '0'..='9' => Some(Prompt::File(format!("digits/{digit}"))),
        ' ' => Some(file("letters/space")),
        _ => None,
    };
    name.chars().filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;
    use crate::config::origin::Sources;
    use crate::config::services::Services;

    fn directory(set: impl FnOnce(&mut DirectoryCall)) -> Directory {
        let conf = "[default]\n100 => 1,Alice Adams\n101 => 1,Bob Adair\n102 => 1,Carol O'Brien\n\
                    103 => 1,Dan Adams,,,hidefromdir=yes\n104 => 1\n";
        let files = MemoryFiles::new().with("voicemail.conf", conf);
        let mut findings = Vec::new();
        let all = Services::read(&files, &mut Sources::new(), &mut findings).voicemail;
        assert!(findings.is_empty(), "{findings:?}");
        let mut call = DirectoryCall {
            boxes: all.contexts["default"].clone(),
            by: ByName::Last,
            letters: 3,
            says_exten: false,
            only_tells: false,
            silent_line: false,
            pause: Duration::ZERO,
            context: "phones".to_owned(),
            has_operator: true,
            has_attendant: true,
        };
        set(&mut call);
        Directory::new(call)
    }

    fn press(directory: &mut Directory, digits: &str) -> Vec<Do> {
        digits.chars().fold(Vec::new(), |_, digit| directory.hear(Input::Digit(digit)))
    }

    fn found(steps: &[Do]) -> Vec<String> {
        match steps.last() {
            Some(Do::Order(Order::Names(boxes))) => {
                boxes.iter().map(|mailbox| mailbox.name.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn says(steps: &[Do], wanted: &str) -> bool {
        let Some(Do::Play(prompts)) = steps.last() else { return false };
        prompts.contains(&file(wanted))
    }

    #[test]
    fn people_are_found_by_the_letters_of_their_names() {
        for (by, digits, expected) in [
            (ByName::Last, "232", &["100", "101"][..]),
            (ByName::Last, "23#", &["100", "101"]),
            (ByName::Last, "627", &["102"]),
            (ByName::First, "254", &["100"]),
            (ByName::Both, "262", &["101"]),
        ] {
            let mut directory = directory(|call| call.by = by);
            assert_eq!(directory.start()[0], Do::Answer);
            assert_eq!(found(&press(&mut directory, digits)), expected, "{by:?} {digits}");
        }
    }

    #[test]
    fn who_is_chosen_is_called_or_told() {
        let mut directory = super::tests::directory(|call| call.says_exten = true);
        directory.start();
        press(&mut directory, "23#");
        let names = vec![Some("/vm/default/100/greet".to_owned()), None];
        let steps = directory.hear(Input::Answer(Answer::Names(names)));
        assert!(says(&steps, "/vm/default/100/greet") && says(&steps, "dir-instr"), "{steps:?}");
        let steps = press(&mut directory, "*");
        assert!(says(&steps, "letters/b") && says(&steps, "letters/space"), "{steps:?}");
        let steps = press(&mut directory, "1");
        let end = End::Exit { exten: "101".into(), context: "phones".into(), result: "SELECTED" };
        assert_eq!(steps, [Do::Stop, Do::End(end)]);
        let mut told = super::tests::directory(|call| call.only_tells = true);
        told.start();
        press(&mut told, "627");
        told.hear(Input::Answer(Answer::Names(vec![None])));
        let steps = press(&mut told, "1");
        assert!(matches!(&steps[1], Do::End(End::Told { value, .. }) if value == "102"), "{steps:?}");
    }

    #[test]
    fn every_other_way_out_has_its_word() {
        let mut none = directory(|_| {});
        none.start();
        assert!(says(&press(&mut none, "999"), "dir-nomatch"));
        press(&mut none, "999");
        let steps = press(&mut none, "999");
        assert_eq!(steps.last(), Some(&Do::Play(vec![file("dir-nomatch")])));
        assert_eq!(none.hear(Input::Played), [Do::End(End::Status("FAILED"))]);
        let mut silent = directory(|_| {});
        silent.start();
        silent.hear(Input::TimedOut);
        silent.hear(Input::TimedOut);
        assert_eq!(silent.hear(Input::TimedOut), [Do::End(End::Status("TIMEOUT"))]);
        for (digit, result) in [("0", "OPERATOR"), ("*", "ASSISTANT")] {
            let mut exit = directory(|_| {});
            exit.start();
            let steps = press(&mut exit, digit);
            assert!(matches!(&steps[1], Do::End(End::Exit { result: word, .. }) if *word == result));
        }
        let mut done = directory(|_| {});
        done.start();
        assert_eq!(press(&mut done, "#")[1], Do::End(End::Status("USEREXIT")));
        assert_eq!(directory(|_| {}).hear(Input::HungUp), [Do::End(End::Status("HANGUP"))]);
    }
}
