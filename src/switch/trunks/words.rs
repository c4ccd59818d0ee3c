//! What is said of outbound registrations: Asterisk's log lines, and why each is as it is.

use super::registrations::Trunk;
use crate::authenticate::outbound::Stop;
use crate::base::time::Moment;
use crate::config::{Object, Sources};
use crate::outbound::registration::{Failure, Outcome, Rule, Send};
use crate::sip::status;
use crate::sip::wire::{Contact, Message, Start};
use crate::switch::view::Level;

/// The log line of an outcome, in Asterisk's words where it has some.
pub(super) fn line(trunk: &Trunk, outcome: &Outcome) -> (Level, String) {
    let (server, client) = (&trunk.config.server_uri, &trunk.config.client_uri);
    let name = &trunk.config.name;
    match outcome {
        Outcome::Registered { granted_secs, anew } => {
            let level = if *anew { Level::Notice } else { Level::Debug };
            let text = format!(
                "Outbound registration to '{server}' with client '{client}' successful (registration '{name}', {granted_secs} s)"
            );
            (level, text)
        }
        Outcome::Unregistered => {
            let text = format!("Outbound registration '{name}': '{server}' has forgotten '{client}'");
            (Level::Notice, text)
        }
        Outcome::NotUnregistered(failure) => {
            let text = format!("Outbound registration '{name}' was not taken back at '{server}': {failure}");
            (Level::Warning, text)
        }
        Outcome::Longer { expires_secs } => {
            let text = format!(
                "Outbound registration '{name}': '{server}' wants at least {expires_secs} s, asking for them"
            );
            (Level::Notice, text)
        }
        Outcome::Retry { failure, rule, secs } => (Level::Warning, retry(trunk, failure, *rule, *secs)),
        Outcome::GaveUp { rule: Rule::Temporal, .. } => {
            let text = format!(
                "Maximum retries reached when attempting outbound registration to '{server}' with client '{client}', \
                 stopping registration attempt"
            );
            (Level::Warning, text)
        }
        Outcome::GaveUp { failure, .. } => {
            let text = match failure.status {
                Some(code) => format!(
                    "Fatal response '{code}' received from '{server}' on registration attempt to '{client}', stopping \
                     outbound registration"
                ),
                None => format!(
                    "Fatal registration attempt to '{server}' with client '{client}' ({failure}), stopping outbound \
                     registration"
                ),
            };
            (Level::Warning, text)
        }
    }
}

fn retry(trunk: &Trunk, failure: &Failure, rule: Rule, secs: u32) -> String {
    let (server, client) = (&trunk.config.server_uri, &trunk.config.client_uri);
    match (failure.status, rule) {
        (None, _) => format!(
            "No response received from '{server}' on registration attempt to '{client}', retrying in '{secs}' ({failure})"
        ),
        (Some(403), Rule::Forbidden) => format!(
            "403 Forbidden fatal response received from '{server}' on registration attempt to '{client}', retrying in \
             '{secs}' seconds"
        ),
        (Some(code), Rule::Forbidden | Rule::Fatal) => format!(
            "'{code}' fatal response received from '{server}' on registration attempt to '{client}', retrying in '{secs}' \
             seconds"
        ),
        (Some(code), Rule::RetryAfter | Rule::Temporal) => format!(
            "Temporal response '{code}' received from '{server}' on registration attempt to '{client}', retrying in '{secs}'"
        ),
    }
}

/// The reason phrase of an answer, and what its challenge or its redirection adds.
pub(super) fn note(message: &Message<'_>, stop: Option<&Stop>) -> String {
    let code = message.status().unwrap_or_default();
    let Start::Response { reason, .. } = message.start() else { return String::new() };
    let phrase = if reason.is_empty() {
        status::reason_phrase(code).to_owned()
    } else {
        String::from_utf8_lossy(reason).into_owned()
    };
    if let Some(stop) = stop {
        return format!("{phrase}: {stop}");
    }
    let moved = (300..400).contains(&code).then(|| message.contacts().find_map(Result::ok)).flatten();
    match moved {
        Some(Contact::Address(address)) => {
            let to = String::from_utf8_lossy(address.uri_text);
            format!("{phrase} to {to}: name it in server_uri")
        }
        _ => phrase,
    }
}

/// Why it is as it is, with the option behind it.
pub(super) fn why(trunk: &Trunk, now: Moment, sources: &Sources) -> String {
    let machine = &trunk.machine;
    let max_retries = trunk.config.max_retries;
    let to = trunk.sent_to.or(trunk.server).map_or_else(String::new, |server| format!(" to {server}"));
    let under_way = match machine.asking() {
        Some(Send::Register { .. }) => format!("; a REGISTER{to} is out, unanswered yet"),
        Some(Send::Unregister) => format!("; an un-REGISTER{to} is out, unanswered yet"),
        None => String::new(),
    };
    let option = |name: &str| {
        let value = trunk.config.option(name).unwrap_or_default();
        match trunk.config.origin_of(name) {
            Some(at) => format!("{name}={value}, {}", sources.place(at)),
            None => format!("{name}={value}, the default"),
        }
    };
    let last = match machine.last() {
        None => "No REGISTER was answered yet".to_owned(),
        Some(Outcome::Registered { granted_secs, .. }) => {
            let at = trunk.server.map_or_else(String::new, |server| format!(" by {server}"));
            let over = if machine.has_lapsed(now) { ", which are over" } else { "" };
            format!("Granted for {granted_secs} s{at}{over}")
        }
        Some(Outcome::Unregistered) => "Taken back; nothing is sent until 'pjsip send register'".into(),
        Some(Outcome::NotUnregistered(failure)) => {
            format!("Not taken back: {failure}; nothing is sent until 'pjsip send register'")
        }
        Some(Outcome::Longer { expires_secs }) => {
            format!("The registrar wants at least {expires_secs} s")
        }
        Some(Outcome::Retry { failure, rule: Rule::RetryAfter, secs }) => {
            format!("{failure}; the registrar said to come back after {secs} s")
        }
        Some(Outcome::Retry { failure, rule, secs }) => {
            let option = rule.option().map(option).unwrap_or_default();
            let retries = machine.retries();
            format!("{failure}; again {secs} s after it ({option}), retry {retries} of {max_retries}")
        }
        Some(Outcome::GaveUp { failure, rule: Rule::Temporal }) => {
            format!("{failure}; given up after {} retries ({})", machine.retries(), option("max_retries"))
        }
        Some(Outcome::GaveUp { failure, rule }) => {
            let spent = machine.retries() >= max_retries && max_retries > 0;
            let blamed = if spent { "max_retries" } else { rule.option().unwrap_or("fatal_retry_interval") };
            format!("{failure}; given up ({}); 'pjsip send register' begins anew", option(blamed))
        }
    };
    format!("{last}{under_way}")
}
