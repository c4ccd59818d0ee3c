//! The beginning of `VoiceMailMain`: whose mailbox, and the password.

use super::listen::{Listen, Stage};
use super::{Do, End, Opened, Order, file};
use std::time::Duration;

/// How long the first digit is waited for, and each further one.
const FIRST_DIGIT: Duration = Duration::from_secs(10);
const NEXT_DIGIT: Duration = Duration::from_secs(2);
/// Digits of a mailbox or password.
pub(super) const MOST_DIGITS: usize = 79;

impl Listen {
    /// Asks for what is not given.
    pub(super) fn begin_login(&mut self) -> Vec<Do> {
        match self.call.mailbox.is_empty() || self.call.is_prefix {
            true => {
                self.stage = Stage::Mailbox(String::new());
                vec![Do::Play(vec![file("vm-login")])]
            }
            false => {
                let name = self.call.mailbox.clone();
                self.look_up(&name)
            }
        }
    }

    /// Time for the digits of a mailbox, a password or an extension.
    pub(super) fn digits_wait(digits: &str) -> Do {
        Do::Wait(if digits.is_empty() { FIRST_DIGIT } else { NEXT_DIGIT })
    }

    /// A digit of the mailbox.
    pub(super) fn mailbox_digit(&mut self, mut digits: String, digit: Option<char>) -> Vec<Do> {
        if digit == Some('*') && digits.is_empty() && self.call.has_attendant {
            return self.to_attendant();
        }
        if let Some(digit) = digit.filter(|digit| *digit != '#' && digits.len() < MOST_DIGITS) {
            digits.push(digit);
            let wait = Listen::digits_wait(&digits);
            self.stage = Stage::Mailbox(digits);
            return vec![Do::Stop, wait];
        }
        let name = if self.call.is_prefix { format!("{}{digits}", self.call.mailbox) } else { digits };
        let mut steps = vec![Do::Stop];
        steps.extend(self.look_up(&name));
        steps
    }

    pub(super) fn to_attendant(&self) -> Vec<Do> {
        vec![
            Do::Stop,
            Do::End(End::Exit { exten: "a".to_owned(), context: String::new(), result: "USEREXIT" }),
        ]
    }

    /// A mailbox that is not there is asked for its password like any other.
    fn look_up(&mut self, name: &str) -> Vec<Do> {
        self.mailbox = self.call.boxes.get(name).cloned();
        let Some(mailbox) = self.mailbox.clone() else {
            return match self.call.skips_password {
                true => self.wrong_login(),
                false => self.ask_password(),
            };
        };
        self.stage = Stage::Opening;
        let zone = self.call.zones.get(&mailbox.options.zone).cloned();
        vec![Do::Order(Order::Open { mailbox, folder: 0, zone })]
    }

    /// What is known of the mailbox is there.
    pub(super) fn opened_first(&mut self, opened: Opened) -> Vec<Do> {
        self.greetings = opened.greetings.clone();
        let password = opened.secret.clone().unwrap_or_else(|| self.own_password());
        self.opened = Some(opened);
        if self.call.skips_password || password.is_empty() { self.come_in() } else { self.ask_password() }
    }

    fn own_password(&self) -> String {
        let Some(mailbox) = &self.mailbox else { return String::new() };
        let changed = self.call.changed.get(&mailbox.full_name());
        changed.cloned().unwrap_or_else(|| mailbox.password.clone())
    }

    fn ask_password(&mut self) -> Vec<Do> {
        self.stage = Stage::Password(String::new());
        vec![Do::Play(vec![file("vm-password")])]
    }

    /// A digit of the password; `None`: no more came.
    pub(super) fn password_digit(&mut self, mut digits: String, digit: Option<char>) -> Vec<Do> {
        if digit == Some('*') && digits.is_empty() && self.call.has_attendant {
            return self.to_attendant();
        }
        if let Some(digit) = digit.filter(|digit| *digit != '#' && digits.len() < MOST_DIGITS) {
            digits.push(digit);
            let wait = Listen::digits_wait(&digits);
            self.stage = Stage::Password(digits);
            return vec![Do::Stop, wait];
        }
        let wanted = self.opened.as_ref().and_then(|opened| opened.secret.clone());
        let wanted = wanted.unwrap_or_else(|| self.own_password());
        if self.opened.is_some() && digits == wanted {
            let mut steps = vec![Do::Stop];
            steps.extend(self.come_in());
            return steps;
        }
        let mut steps = vec![Do::Stop];
        steps.extend(self.wrong_login());
        steps
    }

    fn wrong_login(&mut self) -> Vec<Do> {
        self.attempt += 1;
        (self.mailbox, self.opened) = (None, None);
        let asks_mailbox = self.call.mailbox.is_empty() || self.call.is_prefix;
        let word = if asks_mailbox { "vm-incorrect-mailbox" } else { "vm-incorrect" };
        if self.attempt >= self.call.settings.logins {
            self.stage = Stage::Leaving;
            return vec![Do::Play(vec![file("vm-incorrect"), file("vm-goodbye")])];
        }
        self.stage = Stage::Wrong;
        vec![Do::Play(vec![file(word)])]
    }

    /// What was wrong is said: once more.
    pub(super) fn login_again(&mut self) -> Vec<Do> {
        match self.call.mailbox.is_empty() || self.call.is_prefix {
            // The words for it ask for the mailbox, too.
            true => {
                self.stage = Stage::Mailbox(String::new());
                vec![Listen::digits_wait("")]
            }
            false => {
                let name = self.call.mailbox.clone();
                self.look_up(&name)
            }
        }
    }
}
