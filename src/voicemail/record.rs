//! Recording a greeting: what to say, beep, recording, and what the owner thinks of it.

use super::listen::{Listen, Stage as Place};
use super::options::{Greeting, Stage};
use super::{Do, Order, RecordEnd, file};

impl Listen {
    pub(super) fn ask_greeting(&mut self, name: &'static str, asks: &'static str) -> Vec<Do> {
        self.recordings += 1;
        let base = format!("{}/tmp/{}-{}", self.greetings.dir, self.call.unique, self.recordings);
        let with = format!("{base}.{}", self.call.settings.extension);
        let greeting = Greeting { name, asks, base, file: with };
        let prompts = vec![file(greeting.asks), file("beep")];
        self.stage = Place::Options(Stage::Prompt(greeting));
        vec![Do::Play(prompts)]
    }

    pub(super) fn record_greeting(&mut self, greeting: Greeting) -> Vec<Do> {
        let file = greeting.file.clone();
        self.stage = Place::Options(Stage::Recording(greeting));
        let settings = &self.call.settings;
        vec![Do::Record { file, most: settings.longest_greeting, silence: settings.silence }]
    }

    pub(super) fn greeting_recorded(&mut self, end: RecordEnd) -> Vec<Do> {
        let Place::Options(Stage::Recording(greeting)) = self.stage.clone() else { return Vec::new() };
        match end {
            RecordEnd::Failed => self.say_options(vec![file("vm-sorry")], 0),
            RecordEnd::Done | RecordEnd::Silence => self.review_greeting(greeting, 0),
        }
    }

    pub(super) fn review_greeting(&mut self, greeting: Greeting, asked: u32) -> Vec<Do> {
        self.stage = Place::Options(Stage::Review(greeting, asked, false));
        vec![Do::Play(vec![file("vm-review")])]
    }

    /// The same once more, after another beep.
    pub(super) fn greeting_again(&mut self, greeting: Greeting) -> Vec<Do> {
        self.stage = Place::Options(Stage::Prompt(greeting));
        vec![Do::Play(vec![file("beep")])]
    }

    pub(super) fn accept_greeting(&mut self, greeting: &Greeting) -> Vec<Do> {
        let Some(mailbox) = self.mailbox.clone() else { return self.leave() };
        self.greetings.temp |= greeting.name == "temp";
        self.stage = Place::Options(Stage::Working("vm-msgsaved"));
        vec![Do::Order(Order::Install { mailbox, file: Some(greeting.file.clone()), name: greeting.name })]
    }

    pub(super) fn drop_greeting(&mut self, greeting: &Greeting) -> Vec<Do> {
        let mut steps = vec![Do::Order(Order::Discard { file: greeting.file.clone() })];
        steps.extend(self.options_menu(0));
        steps
    }
}
