//! `0` in `VoiceMailMain`: greetings and the password.

use super::listen::{Listen, MENU_WAIT, REPEATS, Stage as Place};
use super::{Answer, Do, Order, Prompt, file};

/// Where in the options.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stage {
    /// The menu was said so often.
    Menu(u32),
    /// What to say is said, then it is recorded.
    Prompt(Greeting),
    Recording(Greeting),
    /// Shall it be so? Asked so often; whether it is heard again.
    Review(Greeting, u32, bool),
    /// There is a temporary greeting: another, or none?
    Temporary(u32),
    /// A new password, then once more.
    Password {
        first: Option<String>,
        digits: String,
        tries: u32,
    },
    /// The word that is said when it is done, and which greeting it is.
    Working(&'static str),
}

/// A greeting and its recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// Its file's name.
    pub name: &'static str,
    /// What asks for it.
    pub asks: &'static str,
    /// The recording, without extension.
    pub base: String,
    /// With extension.
    pub file: String,
}

impl Stage {
    pub fn waits_for_answer(&self) -> bool {
        matches!(self, Stage::Working(_))
    }

    pub fn is_recording(&self) -> bool {
        matches!(self, Stage::Recording(_))
    }

    /// A recording that nobody wants when the caller is gone.
    pub fn unwanted(&self) -> Option<String> {
        match self {
            Stage::Recording(greeting) | Stage::Review(greeting, ..) => Some(greeting.file.clone()),
            _ => None,
        }
    }
}

impl Listen {
    pub(super) fn options_menu(&mut self, asked: u32) -> Vec<Do> {
        self.say_options(Vec::new(), asked)
    }

    pub(super) fn say_options(&mut self, mut prompts: Vec<Prompt>, asked: u32) -> Vec<Do> {
        self.stage = Place::Options(Stage::Menu(asked));
        prompts.push(file("vm-options"));
        vec![Do::Play(prompts)]
    }

    pub(super) fn options_played(&mut self, stage: Stage) -> Vec<Do> {
        match stage {
            Stage::Menu(_) | Stage::Temporary(_) | Stage::Review(_, _, false) => vec![Do::Wait(MENU_WAIT)],
            Stage::Prompt(greeting) => self.record_greeting(greeting),
            Stage::Review(greeting, asked, true) => self.review_greeting(greeting, asked),
            Stage::Password { digits, .. } => vec![Listen::digits_wait(&digits)],
            Stage::Recording(_) | Stage::Working(_) => Vec::new(),
        }
    }

    pub(super) fn options_timed_out(&mut self, stage: Stage) -> Vec<Do> {
        match stage {
            Stage::Menu(asked) if asked + 1 < REPEATS => self.options_menu(asked + 1),
            Stage::Menu(_) => self.leave(),
            Stage::Temporary(asked) if asked + 1 < REPEATS => self.ask_temporary(asked + 1),
            Stage::Temporary(_) => self.options_menu(0),
            Stage::Review(greeting, asked, _) if asked + 1 < REPEATS => {
                self.review_greeting(greeting, asked + 1)
            }
            Stage::Review(greeting, ..) => self.drop_greeting(&greeting),
            Stage::Password { .. } => self.password_ended(stage),
            Stage::Prompt(_) | Stage::Recording(_) | Stage::Working(_) => Vec::new(),
        }
    }

    pub(super) fn options_digit(&mut self, stage: Stage, digit: char) -> Vec<Do> {
        let steps = match stage {
            Stage::Menu(_) => match digit {
                '1' => self.ask_greeting("unavail", "vm-rec-unv"),
                '2' => self.ask_greeting("busy", "vm-rec-busy"),
                '3' => self.ask_greeting("greet", "vm-rec-name"),
                '4' if self.greetings.temp => self.ask_temporary(0),
                '4' => self.ask_greeting("temp", "vm-rec-temp"),
                '5' => self.begin_password(),
                '#' => self.leave(),
                '*' => self.say_and_go_on(Vec::new()),
                _ => self.options_menu(0),
            },
            Stage::Temporary(_) => match digit {
                '1' => self.ask_greeting("temp", "vm-rec-temp"),
                '2' => self.remove_temporary(),
                _ => self.options_menu(0),
            },
            Stage::Prompt(greeting) if digit == '#' => self.record_greeting(greeting),
            Stage::Recording(_) if digit == '#' => return vec![Do::Stop],
            Stage::Review(greeting, asked, _) => match digit {
                '1' => self.accept_greeting(&greeting),
                '2' => {
                    let again = Prompt::File(greeting.base.clone());
                    self.stage = Place::Options(Stage::Review(greeting, asked, true));
                    vec![Do::Play(vec![again])]
                }
                '3' => self.greeting_again(greeting),
                '*' => self.drop_greeting(&greeting),
                _ => self.review_greeting(greeting, asked),
            },
            Stage::Password { .. } => self.password_key(stage, digit),
            Stage::Prompt(_) | Stage::Recording(_) | Stage::Working(_) => return Vec::new(),
        };
        let mut all = vec![Do::Stop];
        all.extend(steps);
        all
    }

    pub(super) fn options_answered(&mut self, stage: Stage, answer: Answer) -> Vec<Do> {
        let Stage::Working(word) = stage else { return Vec::new() };
        match answer {
            Answer::Failed(_) => self.say_options(vec![file("vm-sorry")], 0),
            _ => self.say_options(vec![file(word)], 0),
        }
    }

    fn remove_temporary(&mut self) -> Vec<Do> {
        let Some(mailbox) = self.mailbox.clone() else { return self.leave() };
        self.greetings.temp = false;
        self.stage = Place::Options(Stage::Working("vm-tempremoved"));
        vec![Do::Order(Order::Install { mailbox, file: None, name: "temp" })]
    }

    fn ask_temporary(&mut self, asked: u32) -> Vec<Do> {
        self.stage = Place::Options(Stage::Temporary(asked));
        vec![Do::Play(vec![file("vm-tempgreeting2")])]
    }

    /// One that stands in the file with `-` stays as it is.
    fn begin_password(&mut self) -> Vec<Do> {
        if self.mailbox.as_ref().is_none_or(|mailbox| mailbox.fixed_password) {
            return self.say_options(vec![file("vm-no")], 0);
        }
        self.ask_new_password(None, 0, Vec::new())
    }

    fn ask_new_password(&mut self, first: Option<String>, tries: u32, mut said: Vec<Prompt>) -> Vec<Do> {
        said.push(file(if first.is_some() { "vm-reenterpassword" } else { "vm-newpassword" }));
        self.stage = Place::Options(Stage::Password { first, digits: String::new(), tries });
        vec![Do::Play(said)]
    }

    fn password_key(&mut self, stage: Stage, digit: char) -> Vec<Do> {
        let Stage::Password { first, mut digits, tries } = stage else { return Vec::new() };
        match digit {
            '#' => self.password_ended(Stage::Password { first, digits, tries }),
            '*' => self.options_menu(0),
            digit => {
                if digits.len() < super::login::MOST_DIGITS {
                    digits.push(digit);
                }
                let wait = Listen::digits_wait(&digits);
                self.stage = Place::Options(Stage::Password { first, digits, tries });
                vec![wait]
            }
        }
    }

    fn password_ended(&mut self, stage: Stage) -> Vec<Do> {
        let Stage::Password { first, digits, tries } = stage else { return Vec::new() };
        let least = self.call.settings.least_password;
        let word = match &first {
            None if digits.len() < least || digits.is_empty() => "vm-invalid-password",
            None => return self.ask_new_password(Some(digits), tries, Vec::new()),
            Some(first) if *first != digits => "vm-mismatch",
            Some(_) => {
                let Some(mailbox) = self.mailbox.clone() else { return self.leave() };
                self.stage = Place::Options(Stage::Working("vm-passchanged"));
                let settings = self.call.settings.clone();
                return vec![Do::Order(Order::Password { mailbox, password: digits, settings })];
            }
        };
        if tries + 1 < REPEATS {
            return self.ask_new_password(None, tries + 1, vec![file(word)]);
        }
        self.say_options(vec![file(word)], 0)
    }
}
