//! The word before each option (`Obeyed`, `Later`, `Missed`, `Moot`) is the truth: an obeyed option is read by a room
//! that the server reaches, and no other one is. A word that is wrong fails here, so it cannot rot.

use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Files that print, copy or convert options, which is not obeying them.
const PRINTERS: &[&str] = &[
    "admin/",
    "server/check.rs",
    "server/convert/",
    "server/realtime.rs",
    "store/ps_columns.rs",
    "switch/explain.rs",
    "switch/show.rs",
    "switch/view",
];

/// Where a field's bare name would be found for another reason: what to look for instead. `""`: it is obeyed while
/// values are read, so that nothing outside need look at it.
const INSTEAD: &[(&str, &str, &str)] = &[
    ("acl", "acl", r"acl\.source"),
    ("acl", "contact_acl", r"acl\.contact"),
    ("acl", "contact_deny", r"acl\.contact"),
    ("acl", "contact_permit", r"acl\.contact"),
    ("acl", "deny", r"acl\.source"),
    ("acl", "permit", r"acl\.source"),
    ("named_acl", "deny", ""),
    ("named_acl", "permit", ""),
    ("aor", "qualify_2xx_only", r"config\.options\.qualify_2xx_only\b"),
    ("aor", "qualify_frequency", r"config\.options\.qualify_frequency_secs\b"),
    ("aor", "qualify_timeout", r"config\.options\.qualify_timeout\b"),
    ("aor", "support_path", r"aor\.options\.support_path\b"),
    ("auth", "password", ""),
    ("domain_alias", "domain", r"alias\.domain\b"),
    ("endpoint", "accept_multiple_sdp_answers", r"options\.accept_multiple_sdp_answers\b"),
    ("endpoint", "contact_user", r"extra(\(\))?\.contact_user\b"),
    ("endpoint", "follow_early_media_fork", r"options\.follow_early_media_fork\b"),
    ("endpoint", "outbound_auth", r"extra\(\)\.outbound_auth\b"),
    ("endpoint", "voicemail_extension", r"endpoint\.options\.voicemail_extension\b"),
    ("identify", "endpoint", r"identify\.endpoint\b"),
    ("registration", "contact_user", r"config\.contact_user\b"),
    ("registration", "endpoint", r"(config|registration)\.endpoint\b"),
    ("registration", "outbound_auth", r"config\.outbound_auth\b"),
    ("registration", "outbound_proxy", r"config\.outbound_proxy\b"),
    ("registration", "support_path", r"config\.support_path\b"),
    ("registration", "transport", r"config\.transport\b"),
    ("registration", "user_agent", r"config\.user_agent\b"),
    ("system", "accept_multiple_sdp_answers", r"system\.accept_multiple_sdp_answers\b"),
    ("system", "follow_early_media_fork", r"system\.follow_early_media_fork\b"),
    ("aor", "contact", r"aor\.contact\b"),
    ("aor", "mailboxes", r"aor\.mailboxes\b"),
    ("aor", "outbound_proxy", r"aor\.options\.outbound_proxy"),
    ("aor", "voicemail_extension", r"aor\.options\.voicemail_extension"),
    // Decides which of the secrets count, when the object is made.
    ("asterisk", "entityid", r"asterisk\.entityid\b"),
    ("auth", "auth_type", ""),
    ("endpoint", "allow", r"options\.codecs\b"),
    ("endpoint", "directmedia_acl", r"options\.direct_media_access\b"),
    ("endpoint", "directmedia_deny", r"options\.direct_media_access\b"),
    ("endpoint", "directmedia_permit", r"options\.direct_media_access\b"),
    ("endpoint", "callerid", r"(endpoint|config)\.callerid\b"),
    ("endpoint", "context", r"options\.context\b"),
    ("endpoint", "disallow", r"options\.codecs\b"),
    ("endpoint", "mailboxes", r"endpoint\.mailboxes\b"),
    ("endpoint", "outbound_proxy", r"endpoint\.options\.outbound_proxy"),
    ("endpoint", "timers", r"options\.timers\b"),
    ("endpoint", "transport", r"options\.transport\b"),
    ("global", "debug", r"global\.debug\b"),
    ("global", "user_agent", r"global\.user_agent\b"),
    ("transport", "domain", r"transport\.domain\b"),
];

/// Read, but what they ask for is not done: a transport is not opened, or a session speaks of what media cannot do yet.
const UNFINISHED: &[(&str, &str)] = &[
    ("endpoint", "media_encryption"),
    ("endpoint", "media_encryption_optimistic"),
    ("transport", "password"),
];

struct Sources {
    files: Vec<(String, String)>,
}

impl Sources {
    fn read() -> Sources {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut todo, mut files): (Vec<PathBuf>, _) = (vec![root.clone()], Vec::new());
        while let Some(dir) = todo.pop() {
            for path in fs::read_dir(dir).expect("readable").map(|entry| entry.expect("entry").path()) {
                if path.is_dir() {
                    todo.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let name = path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
                    files.push((name, code(&fs::read_to_string(&path).expect("text"))));
                }
            }
        }
        let mut sources = Sources { files };
        let live = sources.live();
        sources
            .files
            .retain(|(name, _)| live.contains(room(name)) && !prints(name) && room(name) != "config");
        sources
    }

    /// The rooms that the server reaches through what others name.
    fn live(&self) -> BTreeSet<String> {
        let mut live: BTreeSet<String> = ["server".to_owned(), "main.rs".to_owned()].into();
        loop {
            let mut more = BTreeSet::new();
            for (name, text) in
                self.files.iter().filter(|(name, _)| live.contains(room(name)) && !prints(name))
            {
                let named = text.split("crate::").skip(1).map(|rest| {
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
                });
                // A room that is only spoken of by a room of printers is not reached.
                more.extend(named.filter(|target| target != room(name)));
            }
            let before = live.len();
            live.append(&mut more);
            if live.len() == before {
                return live;
            }
        }
    }

    fn find(&self, needle: &str) -> Option<&str> {
        let needle = Regex::new(needle).expect("a constant expression");
        self.files.iter().find(|(_, text)| needle.is_match(text)).map(|(name, _)| name.as_str())
    }

    /// Who reads the option.
    fn reader(&self, kind: &str, option: &str, field: &str) -> Option<&str> {
        let instead = INSTEAD.iter().find(|(k, o, _)| (*k, *o) == (kind, option));
        match (instead, kind) {
            (Some((.., "")), _) => Some("config"),
            (Some((.., needle)), _) => self.find(needle),
            // Read before anything else, by name.
            (None, "asterisk") => {
                let layout = self.files.iter().find(|(name, _)| name == "server/layout.rs");
                layout.filter(|(_, text)| text.contains(&format!("\"{option}\""))).map(|_| "server/layout.rs")
            }
            // Objects of these kinds are not looked at by anybody unless somebody looks at this.
            (None, "contact") => self.find(r"objects\.contacts\b"),
            (None, "registration") => {
                self.find(r"\.server_uri\b").and_then(|_| self.find(&format!(r"\.{field}\b")))
            }
            (None, _) => self.find(&format!(r"\.{field}\b")),
        }
    }
}

fn room(name: &str) -> &str {
    name.split('/').next().unwrap_or_default()
}

fn prints(name: &str) -> bool {
    PRINTERS.iter().any(|printer| name.starts_with(printer))
}

/// Without unit tests and comments.
fn code(text: &str) -> String {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_word_before_each_option_is_true() {
    let sources = Sources::read();
    let line =
        Regex::new(r#"(?m)^\s+(Obeyed|Later|Missed|Moot) "([^"]+)" (\w+)"#).expect("a constant expression");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/model");
    let (mut wrong, mut count) = (Vec::new(), BTreeMap::<String, usize>::new());
    let mut kinds = BTreeMap::<String, BTreeSet<(String, String)>>::new();
    for entry in fs::read_dir(model).expect("readable") {
        let path = entry.expect("entry").path();
        let file = path.file_name().expect("a file").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("text");
        let named_acl = text.find("NamedAcl, NamedAcl").unwrap_or(usize::MAX);
        for found in line.captures_iter(&text) {
            let (status, option, field) = (&found[1], &found[2], &found[3]);
            let kind = match file.trim_end_matches(".rs") {
                "endpoint_options" => "endpoint",
                "acl" if field == "rules" || found.get(0).is_some_and(|m| m.start() > named_acl) => {
                    "named_acl"
                }
                kind => kind,
            };
            *count.entry(status.to_owned()).or_default() += 1;
            if status == "Obeyed" {
                kinds.entry(field.to_owned()).or_default().insert((kind.to_owned(), option.to_owned()));
            }
            let reader = sources.reader(kind, option, field);
            match (status, reader) {
                ("Obeyed", None) => {
                    wrong.push(format!("{file}: {option} is said to be obeyed, but nobody reads it: Later"))
                }
                ("Later" | "Missed", Some(reader)) if !UNFINISHED.contains(&(kind, option)) => {
                    wrong.push(format!(
                        "{file}: {option} is said not to be obeyed, but src/{reader} reads it: Obeyed"
                    ));
                }
                _ => {}
            }
        }
    }
    // A name that several kinds have says nothing: whoever reads one of them would stand for all.
    let several = |all: &&BTreeSet<(String, String)>| {
        all.iter().any(|(kind, _)| *kind != all.first().expect("one at least").0)
    };
    for ((kind, option), others) in
        kinds.values().filter(several).flat_map(|all| all.iter().map(move |one| (one, all)))
    {
        let named = INSTEAD.iter().any(|(its, name, _)| (*its, *name) == (kind.as_str(), option.as_str()));
        if !named && !["asterisk", "contact"].contains(&kind.as_str()) {
            wrong.push(format!("{kind}: INSTEAD must say how {option} is read: {others:?} are called alike"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count:?}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count.values().sum::<usize>() > 250, "the tables were found: {count:?}");
}

/// `max_forwards` stands in all requests: nobody writes a number of his own.
#[test]
fn no_request_has_a_max_forwards_of_its_own() {
    assert_eq!(Sources::read().find(r"Header::MaxForwards, [0-9]"), None);
}

/// What a module needs in order to do anything: a room that the server reaches, or something that is read.
const NEEDS: &[(&str, &str)] = &[
    ("app_dial.so", r"session::"),
    ("bridge_native_rtp.so", r"bridge::(choose|direct)"),
    ("bridge_simple.so", r"session::"),
    ("chan_pjsip.so", r"session::"),
    ("pbx_config.so", r"dialplan::(Dialplan|program|\{)"),
    ("res_pjsip_caller_id.so", r"\.trust_id_inbound\b"),
    ("res_pjsip_dialog_info_body_generator.so", r"pubsub::"),
    ("res_pjsip_dtmf_info.so", r"Event::Digit\b"),
    ("res_pjsip_exten_state.so", r"pubsub::"),
    ("res_pjsip_mwi.so", r"\.aggregate_mwi\b"),
    ("res_pjsip_mwi_body_generator.so", r"body::summary"),
    ("res_pjsip_notify.so", r"pjsip_notify\.conf"),
    ("res_pjsip_outbound_registration.so", r"\.server_uri\b"),
    ("res_pjsip_pidf_body_generator.so", r"body::pidf"),
    ("res_pjsip_pubsub.so", r"pubsub::"),
    ("res_pjsip_refer.so", r"Event::Refer\b"),
    ("res_pjsip_sdp_rtp.so", r"session::"),
    ("res_pjsip_session.so", r"session::"),
    ("res_rtp_asterisk.so", r"media::"),
];

/// S4-11, S4-25, S4-46, S4-47, S4-144, S4-163, S4-164, S4-170: `module show` says Running of what runs, and of nothing
/// else.
#[test]
fn modules_run_when_their_function_does() {
    let mut sources = Sources::read();
    // Calls and subscriptions meet in the switch; elsewhere their names say nothing.
    sources.files.retain(|(name, _)| ["switch", "server"].contains(&room(name)));
    let mut wrong = Vec::new();
    for module in jackfield::admin::cli::modules::MODULES {
        let needs = NEEDS.iter().find(|(name, _)| *name == module.name);
        let there = needs.is_none_or(|(_, needle)| sources.find(needle).is_some());
        if there != module.running {
            wrong.push(format!("{} is said to be running: {}, but is: {there}", module.name, module.running));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
