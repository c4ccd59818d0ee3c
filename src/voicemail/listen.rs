//! `VoiceMailMain`: the owner hears his messages.
//!
//! ```text
//! Mailbox ─▶ Opening ─▶ Password ─▶ Menu ─ 1, 4, 5, 6 ─▶ Finding ─▶ Playing ─▶ Menu
//!    ▲          └ Wrong ◀──┘         │ 2 ─▶ Folder ─▶ Opening folder ─▶ Menu
//!    └─────────────┘                 │ 0 ─▶ Options: greetings, password
//!                                    │ 8 ─▶ Forward   9 ─▶ Folder ─▶ Copying ─▶ Menu
//!                                    └ # ─▶ Leaving; what was heard and deleted is written down
//! ```

use super::orders::{Changes, FOLDERS};
use super::{Answer, Do, End, Greetings, Input, Message, Opened, Order, Prompt, file};
use crate::base::time::Moment;
use crate::config::services::{Mailbox, VoicemailSettings, VoicemailZone};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long a command is waited for, and how often the menu is said before the call is given up.
pub(super) const MENU_WAIT: Duration = Duration::from_secs(6);
pub(super) const REPEATS: u32 = 3;

/// What an owner comes with.
#[derive(Clone, Debug)]
pub struct ListenCall {
    /// The mailbox as the dialplan names it; may be empty.
    pub mailbox: String,
    /// `p`: that is the beginning of it.
    pub is_prefix: bool,
    /// `s`: no password.
    pub skips_password: bool,
    /// `a(folder)`: that folder is played at once.
    pub plays: Option<usize>,
    /// Extension `a` is there.
    pub has_attendant: bool,
    /// The mailboxes of the context.
    pub boxes: Arc<BTreeMap<String, Arc<Mailbox>>>,
    /// How times are said.
    pub zones: Arc<BTreeMap<String, VoicemailZone>>,
    /// Passwords that were changed since the file was read.
    pub changed: BTreeMap<String, String>,
    /// `[general]`
    pub settings: Arc<VoicemailSettings>,
    /// A name for recordings that no other call has.
    pub unique: String,
}

/// A call of the owner.
#[derive(Debug)]
pub struct Listen {
    pub(super) call: ListenCall,
    pub(super) stage: Stage,
    pub(super) attempt: u32,
    pub(super) mailbox: Option<Arc<Mailbox>>,
    /// Before the password is right.
    pub(super) opened: Option<Opened>,
    pub(super) greetings: Greetings,
    counts: (usize, usize),
    /// He is in.
    pub(super) is_in: bool,
    folder: usize,
    pub(super) messages: Vec<Message>,
    pub(super) at: usize,
    /// The menu of a folder whose messages were not heard yet.
    pub(super) starting: bool,
    pub(super) deleted: BTreeSet<String>,
    pub(super) heard: BTreeSet<String>,
    /// Recordings of greetings so far: each has a name of its own.
    pub(super) recordings: u32,
    pub(super) hung_up: bool,
}

/// Where he is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stage {
    Mailbox(String),
    Password(String),
    Wrong,
    Opening,
    /// Another folder is read; whether it is played at once.
    OpeningFolder(bool),
    /// The menu was said so often.
    Menu(u32),
    /// The place of a message is asked for.
    Finding,
    Playing,
    /// Its envelope.
    Envelope,
    /// A folder is chosen, to be heard or to keep the message in.
    Folder {
        saves: bool,
        asked: u32,
    },
    /// An extension to forward to.
    Forward(String, u32),
    /// A message is being copied.
    Copying {
        saved: bool,
    },
    Options(super::options::Stage),
    Leaving,
    Gone,
}

impl Listen {
    /// A call of somebody who wants to hear his messages.
    pub fn new(call: ListenCall) -> Listen {
        Listen {
            call,
            stage: Stage::Wrong,
            attempt: 0,
            mailbox: None,
            opened: None,
            greetings: Greetings::default(),
            counts: (0, 0),
            is_in: false,
            folder: 0,
            messages: Vec::new(),
            at: 0,
            starting: true,
            deleted: BTreeSet::new(),
            heard: BTreeSet::new(),
            recordings: 0,
            hung_up: false,
        }
    }

    pub(super) fn start(&mut self) -> Vec<Do> {
        let mut steps = vec![Do::Answer];
        steps.extend(self.begin_login());
        steps
    }

    pub(super) fn waits_for_answer(&self) -> bool {
        match &self.stage {
            Stage::Opening | Stage::OpeningFolder(_) | Stage::Finding | Stage::Copying { .. } => true,
            Stage::Options(stage) => stage.waits_for_answer(),
            _ => false,
        }
    }

    pub(super) fn hear(&mut self, _now: Moment, input: Input) -> Vec<Do> {
        match input {
            Input::HungUp => self.hang_up(),
            _ if self.hung_up => self.after_hangup(&input),
            Input::Digit(digit) => self.digit(digit),
            Input::Answer(answer) => self.answered(answer),
            Input::Played => self.played(),
            Input::TimedOut => self.timed_out(),
            Input::Recorded(end) => self.greeting_recorded(end),
        }
    }

    /// The password is right.
    pub(super) fn come_in(&mut self) -> Vec<Do> {
        self.is_in = true;
        let opened = self.opened.take().unwrap_or_default();
        self.counts = opened.counts;
        if let Some(folder) = self.call.plays {
            return self.open_folder(folder, true);
        }
        if opened.messages.is_empty() && opened.counts.1 > 0 {
            self.messages = Vec::new();
            return self.open_folder(1, false);
        }
        self.messages = opened.messages;
        self.introduce()
    }

    /// How many messages there are, then the menu.
    fn introduce(&mut self) -> Vec<Do> {
        let warns = self.mailbox.as_ref().is_some_and(|mailbox| mailbox.options.warns_temporary);
        let mut prompts = Vec::new();
        if self.greetings.temp && warns {
            prompts.push(file("vm-tempgreetactive"));
        }
        let (new, old) = self.counts;
        let messages = |count: usize| file(if count == 1 { "vm-message" } else { "vm-messages" });
        prompts.push(file("vm-youhave"));
        if new > 0 {
            prompts.extend([Prompt::Number(new as u64), file("vm-INBOX")]);
            prompts.push(if old > 0 { file("vm-and") } else { messages(new) });
        }
        if old > 0 {
            prompts.extend([Prompt::Number(old as u64), file("vm-Old"), messages(old)]);
        }
        if new + old == 0 {
            prompts.extend([file("vm-no"), file("vm-messages")]);
        }
        self.stage = Stage::Menu(0);
        prompts.extend(self.instructions());
        vec![Do::Play(prompts)]
    }

    pub(super) fn open_folder(&mut self, folder: usize, plays: bool) -> Vec<Do> {
        let Some(mailbox) = self.mailbox.clone() else { return self.leave() };
        (self.folder, self.stage) = (folder, Stage::OpeningFolder(plays));
        let zone = self.call.zones.get(&mailbox.options.zone).cloned();
        vec![Do::Order(Order::Open { mailbox, folder, zone })]
    }

    fn answered(&mut self, answer: Answer) -> Vec<Do> {
        match (self.stage.clone(), answer) {
            (Stage::Opening, Answer::Opened(opened)) => self.opened_first(*opened),
            (Stage::OpeningFolder(plays), Answer::Opened(opened)) => self.folder_opened(*opened, plays),
            (Stage::Opening | Stage::OpeningFolder(_), _) => self.leave(),
            (Stage::Finding, Answer::At(place)) => self.found(place),
            (Stage::Copying { saved }, Answer::Kept(copies)) => self.copied(saved, copies),
            (Stage::Finding | Stage::Copying { .. }, _) => self.say_and_go_on(vec![file("vm-sorry")]),
            (Stage::Options(stage), answer) => self.options_answered(stage, answer),
            _ => Vec::new(),
        }
    }

    fn folder_opened(&mut self, opened: Opened, plays: bool) -> Vec<Do> {
        let first = self.starting && self.messages.is_empty() && !plays && self.folder == 1;
        (self.messages, self.at, self.starting) = (opened.messages, 0, true);
        if plays && !self.messages.is_empty() {
            return self.find();
        }
        if first && self.deleted.is_empty() && self.heard.is_empty() {
            return self.introduce();
        }
        let mut prompts = self.folder_name(self.folder);
        prompts.extend(self.instructions());
        self.stage = Stage::Menu(0);
        vec![Do::Play(prompts)]
    }

    pub(super) fn folder_name(&self, folder: usize) -> Vec<Prompt> {
        vec![Prompt::File(format!("vm-{}", FOLDERS[folder.min(FOLDERS.len() - 1)])), file("vm-messages")]
    }

    /// What can be pressed now.
    pub(super) fn instructions(&self) -> Vec<Prompt> {
        let mut prompts = Vec::new();
        if self.starting {
            if !self.messages.is_empty() {
                prompts.push(file("vm-onefor"));
                prompts.extend(self.folder_name(self.folder));
            }
            prompts.push(file("vm-opts"));
        } else if let Some(message) = self.messages.get(self.at) {
            if self.at > 0 || self.wraps() {
                prompts.push(file("vm-prev"));
            }
            prompts.extend([file("vm-advopts"), file("vm-repeat")]);
            if self.at + 1 < self.messages.len() || self.wraps() {
                prompts.push(file("vm-next"));
            }
            let deleted = self.deleted.contains(&message.key);
            prompts.push(file(if deleted { "vm-undelete" } else { "vm-delete" }));
            prompts.extend([file("vm-toforward"), file("vm-savemessage")]);
        }
        prompts.push(file("vm-helpexit"));
        prompts
    }

    pub(super) fn wraps(&self) -> bool {
        self.mailbox.as_ref().is_some_and(|mailbox| mailbox.options.wrap) && self.messages.len() > 1
    }

    /// Says something, then what can be done.
    pub(super) fn say_and_go_on(&mut self, mut prompts: Vec<Prompt>) -> Vec<Do> {
        self.stage = Stage::Menu(0);
        prompts.extend(self.instructions());
        vec![Do::Play(prompts)]
    }

    fn played(&mut self) -> Vec<Do> {
        match self.stage.clone() {
            Stage::Wrong => self.login_again(),
            Stage::Mailbox(digits) | Stage::Password(digits) | Stage::Forward(digits, _) => {
                vec![Listen::digits_wait(&digits)]
            }
            Stage::Menu(_) | Stage::Folder { .. } => vec![Do::Wait(MENU_WAIT)],
            Stage::Playing | Stage::Envelope => self.say_and_go_on(Vec::new()),
            Stage::Options(stage) => self.options_played(stage),
            Stage::Leaving => self.gone(),
            _ => Vec::new(),
        }
    }

    fn timed_out(&mut self) -> Vec<Do> {
        match self.stage.clone() {
            Stage::Mailbox(digits) => self.mailbox_digit(digits, None),
            Stage::Password(digits) => self.password_digit(digits, None),
            Stage::Forward(digits, asked) => self.forward_to(&digits, asked),
            Stage::Menu(repeats) if repeats + 1 < REPEATS => {
                let prompts = self.instructions();
                self.stage = Stage::Menu(repeats + 1);
                vec![Do::Play(prompts)]
            }
            Stage::Menu(_) => self.leave(),
            Stage::Folder { saves, asked } if asked + 1 < REPEATS => self.ask_folder(saves, asked + 1),
            Stage::Folder { .. } => self.say_and_go_on(Vec::new()),
            Stage::Options(stage) => self.options_timed_out(stage),
            _ => Vec::new(),
        }
    }

    fn digit(&mut self, digit: char) -> Vec<Do> {
        let steps = match self.stage.clone() {
            Stage::Mailbox(digits) => return self.mailbox_digit(digits, Some(digit)),
            Stage::Password(digits) => return self.password_digit(digits, Some(digit)),
            Stage::Menu(_) | Stage::Playing | Stage::Envelope => self.command(digit),
            Stage::Folder { saves, .. } => self.folder_digit(saves, digit),
            Stage::Forward(digits, asked) => self.forward_digit(digits, asked, digit),
            Stage::Options(stage) => return self.options_digit(stage, digit),
            _ => return Vec::new(),
        };
        let mut all = vec![Do::Stop];
        all.extend(steps);
        all
    }

    /// What was heard and deleted in the open folder.
    pub(super) fn close(&mut self) -> Vec<Do> {
        let Some(mailbox) = self.mailbox.clone().filter(|_| self.is_in) else { return Vec::new() };
        let moves = mailbox.options.moveheard;
        let mut changes: Vec<Changes> = Vec::new();
        for message in &self.messages {
            let deleted = self.deleted.contains(&message.key);
            let is_new = matches!(message.folder, "INBOX" | "Urgent");
            let heard = self.heard.contains(&message.key) && moves && is_new;
            if !deleted && !heard {
                continue;
            }
            let at = changes.iter().position(|known| known.folder == message.folder).unwrap_or_else(|| {
                changes.push(Changes { folder: message.folder, ..Changes::default() });
                changes.len() - 1
            });
            let list = if deleted { &mut changes[at].deleted } else { &mut changes[at].heard };
            list.push(message.key.clone());
        }
        self.deleted.clear();
        self.heard.clear();
        self.messages.clear();
        if changes.is_empty() {
            return Vec::new();
        }
        vec![Do::Order(Order::Close { mailbox, changes, settings: self.call.settings.clone() })]
    }

    pub(super) fn leave(&mut self) -> Vec<Do> {
        let mut steps = self.close();
        self.stage = Stage::Leaving;
        steps.push(Do::Play(vec![file("vm-goodbye")]));
        steps
    }

    pub(super) fn gone(&mut self) -> Vec<Do> {
        self.stage = Stage::Gone;
        vec![Do::End(End::Status("SUCCESS"))]
    }

    fn hang_up(&mut self) -> Vec<Do> {
        self.hung_up = true;
        let mut steps = self.close();
        match &self.stage {
            Stage::Options(stage) if stage.is_recording() => steps.push(Do::Stop),
            Stage::Options(stage) => {
                let unwanted = stage.unwanted().map(|file| Do::Order(Order::Discard { file }));
                steps.extend(unwanted);
                steps.extend(self.gone());
            }
            _ => steps.extend(self.gone()),
        }
        steps
    }

    /// Only a greeting that was being recorded is waited for, to be thrown away.
    fn after_hangup(&mut self, input: &Input) -> Vec<Do> {
        let Input::Recorded(_) = input else { return Vec::new() };
        let mut steps: Vec<Do> = match &self.stage {
            Stage::Options(stage) => stage.unwanted().map(|file| Do::Order(Order::Discard { file })),
            _ => None,
        }
        .into_iter()
        .collect();
        steps.extend(self.gone());
        steps
    }
}

#[cfg(test)]
mod tests;
