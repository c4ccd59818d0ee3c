//! The commands of `VoiceMailMain`: hearing, deleting, saving and forwarding messages.

use super::listen::{Listen, REPEATS, Stage};
use super::orders::{FOLDERS, KeptWhere};
use super::{Do, Message, Order, Prompt, file};
use crate::config::services::Mailbox;
use std::sync::Arc;

impl Listen {
    pub(super) fn command(&mut self, digit: char) -> Vec<Do> {
        let last = self.messages.len().checked_sub(1);
        match (digit, last) {
            ('1', Some(_)) => {
                self.at = 0;
                self.find()
            }
            ('5', Some(_)) => self.find(),
            ('4', Some(last)) => match self.at {
                0 if self.wraps() => self.go_to(last),
                0 => self.say_and_go_on(vec![file("vm-nomore")]),
                at => self.go_to(at - 1),
            },
            ('6', Some(last)) => self.next(last),
            ('7', Some(last)) if !self.starting => self.toggle_deleted(last),
            ('8', Some(_)) if !self.starting => self.ask_forward(0),
            ('9', Some(_)) if !self.starting => self.ask_folder(true, 0),
            ('3', Some(_)) if !self.starting => self.envelope(),
            ('1' | '3'..='9', _) => self.say_and_go_on(vec![file("vm-nomore")]),
            ('2', _) => self.ask_folder(false, 0),
            ('0', _) => self.options_menu(0),
            ('#', _) => self.leave(),
            _ => self.say_and_go_on(Vec::new()),
        }
    }

    fn next(&mut self, last: usize) -> Vec<Do> {
        match self.at {
            at if at < last => self.go_to(at + 1),
            _ if self.wraps() => self.go_to(0),
            _ => self.say_and_go_on(vec![file("vm-nomore")]),
        }
    }

    fn go_to(&mut self, at: usize) -> Vec<Do> {
        self.at = at;
        self.find()
    }

    fn toggle_deleted(&mut self, last: usize) -> Vec<Do> {
        let Some(key) = self.messages.get(self.at).map(|message| message.key.clone()) else {
            return self.say_and_go_on(Vec::new());
        };
        if self.deleted.remove(&key) {
            return self.say_and_go_on(vec![file("vm-undeleted")]);
        }
        self.deleted.insert(key);
        let goes_on = self.mailbox.as_ref().is_some_and(|mailbox| mailbox.options.next_after);
        if goes_on && self.at < last {
            return self.go_to(self.at + 1);
        }
        self.say_and_go_on(vec![file("vm-deleted")])
    }

    /// Where a message is now; another session may have renumbered it.
    pub(super) fn find(&mut self) -> Vec<Do> {
        let (Some(mailbox), Some(message)) = (self.mailbox.clone(), self.messages.get(self.at)) else {
            return self.leave();
        };
        let (folder, key) = (message.folder, message.key.clone());
        self.stage = Stage::Finding;
        vec![Do::Order(Order::Find { mailbox, folder, key })]
    }

    pub(super) fn found(&mut self, place: Option<String>) -> Vec<Do> {
        self.starting = false;
        let (Some(message), Some(place)) = (self.messages.get(self.at).cloned(), place) else {
            return self.say_and_go_on(vec![file("vm-nomore")]);
        };
        let last = self.messages.len() - 1;
        let mut prompts = match self.at {
            0 => vec![file("vm-first"), file("vm-message")],
            at if at == last => vec![file("vm-last"), file("vm-message")],
            at => vec![file("vm-message"), Prompt::Number(at as u64 + 1)],
        };
        let options = self.mailbox.as_ref().map(|mailbox| mailbox.options.clone()).unwrap_or_default();
        if options.envelope {
            prompts.extend(message.received.iter().map(|name| file(name)));
        }
        if options.saycid {
            prompts.extend(caller(&message));
        }
        if let Some(from) = options.sayduration
            && message.duration_secs / 60 >= u64::from(from.max(1))
        {
            let minutes = message.duration_secs / 60;
            prompts.extend([file("vm-duration"), Prompt::Number(minutes), file("vm-minutes")]);
        }
        prompts.push(Prompt::File(place));
        self.heard.insert(message.key);
        self.stage = Stage::Playing;
        vec![Do::Play(prompts)]
    }

    /// `3`: when it came, and who called.
    fn envelope(&mut self) -> Vec<Do> {
        let Some(message) = self.messages.get(self.at) else { return self.say_and_go_on(Vec::new()) };
        let mut prompts: Vec<Prompt> = message.received.iter().map(|name| file(name)).collect();
        prompts.extend(caller(message));
        self.stage = Stage::Envelope;
        vec![Do::Play(prompts)]
    }

    pub(super) fn ask_folder(&mut self, saves: bool, asked: u32) -> Vec<Do> {
        self.stage = Stage::Folder { saves, asked };
        let mut prompts = vec![file(if saves { "vm-savefolder" } else { "vm-changeto" })];
        for folder in 0..5 {
            prompts.extend([file("vm-press"), Prompt::Number(folder), file("vm-for")]);
            prompts.extend(self.folder_name(usize::try_from(folder).unwrap_or(0)));
        }
        prompts.push(file("vm-tocancel"));
        vec![Do::Play(prompts)]
    }

    pub(super) fn folder_digit(&mut self, saves: bool, digit: char) -> Vec<Do> {
        let folder = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
        let Some(folder) = folder.filter(|folder| *folder < FOLDERS.len()) else {
            return self.say_and_go_on(Vec::new());
        };
        if !saves {
            return self.change_folder(folder);
        }
        let (Some(mailbox), Some(message)) = (self.mailbox.clone(), self.messages.get(self.at)) else {
            return self.say_and_go_on(Vec::new());
        };
        let (from, key) = (message.folder, message.key.clone());
        let to = FOLDERS[folder];
        if from == to {
            return self.say_and_go_on(vec![file("vm-sorry")]);
        }
        self.stage = Stage::Copying { saved: true };
        let (to, settings) = (KeptWhere::Folder(to), self.call.settings.clone());
        vec![Do::Order(Order::Copy { mailbox, folder: from, key, to, settings })]
    }

    /// What was done in this folder is written down before the other is read.
    fn change_folder(&mut self, folder: usize) -> Vec<Do> {
        let mut steps = self.close();
        steps.extend(self.open_folder(folder, false));
        steps
    }

    pub(super) fn copied(&mut self, saved: bool, copies: usize) -> Vec<Do> {
        if copies == 0 {
            return self.say_and_go_on(vec![file("vm-mailboxfull")]);
        }
        if !saved {
            return self.say_and_go_on(vec![file("vm-msgsaved")]);
        }
        if let Some(message) = self.messages.get(self.at) {
            self.deleted.insert(message.key.clone());
        }
        let number = Prompt::Number(self.at as u64 + 1);
        self.say_and_go_on(vec![file("vm-message"), number, file("vm-savedto")])
    }

    fn ask_forward(&mut self, asked: u32) -> Vec<Do> {
        self.stage = Stage::Forward(String::new(), asked);
        vec![Do::Play(vec![file("vm-extension")])]
    }

    pub(super) fn forward_digit(&mut self, mut digits: String, asked: u32, digit: char) -> Vec<Do> {
        if digit == '#' {
            return self.forward_to(&digits, asked);
        }
        if digits.len() < super::login::MOST_DIGITS {
            digits.push(digit);
        }
        let wait = Listen::digits_wait(&digits);
        self.stage = Stage::Forward(digits, asked);
        vec![wait]
    }

    /// Mailboxes of the same context, several with `*` between them.
    pub(super) fn forward_to(&mut self, digits: &str, asked: u32) -> Vec<Do> {
        let names: Vec<&str> = digits.split('*').filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return self.say_and_go_on(Vec::new());
        }
        let boxes: Option<Vec<Arc<Mailbox>>> =
            names.iter().map(|name| self.call.boxes.get(*name).cloned()).collect();
        match (boxes, self.mailbox.clone(), self.messages.get(self.at)) {
            (Some(boxes), Some(mailbox), Some(message)) => {
                let (folder, key) = (message.folder, message.key.clone());
                self.stage = Stage::Copying { saved: false };
                let (to, settings) = (KeptWhere::Boxes(boxes), self.call.settings.clone());
                vec![Do::Order(Order::Copy { mailbox, folder, key, to, settings })]
            }
            _ if asked + 1 < REPEATS => {
                self.stage = Stage::Forward(String::new(), asked + 1);
                vec![Do::Play(vec![file("pbx-invalid"), file("vm-extension")])]
            }
            _ => self.say_and_go_on(vec![file("pbx-invalid")]),
        }
    }
}

fn caller(message: &Message) -> Vec<Prompt> {
    match message.number.is_empty() {
        true => vec![file("vm-from"), file("vm-unknown-caller")],
        false => vec![file("vm-from-phonenumber"), Prompt::Digits(message.number.clone())],
    }
}
