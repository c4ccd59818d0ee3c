//! A peer, user or friend of `sip.conf`: endpoint, aor, auth and identify.

use super::table::{self, To};
use super::{Import, draft, setting};
use crate::config::conf::{Entry, Section};
use crate::config::draft::Setting;
use crate::config::kind::Kind;
use crate::config::model::endpoint_words::Presentation;
use crate::config::suggest;
use crate::config::value::words::Word;
use crate::config::value::{lists, network, scalar};

/// The objects one section becomes.
#[derive(Default)]
struct Objects {
    endpoint: Vec<Setting<'static>>,
    aor: Vec<Setting<'static>>,
}

/// The lines that hold for a peer: those of `[general]` that it does not repeat, then its own.
struct Lines<'a> {
    section: Section<'a>,
    entries: Vec<Entry<'a>>,
}

impl<'a> Lines<'a> {
    fn of(section: Section<'a>, general: Option<Section<'a>>) -> Lines<'a> {
        let own: Vec<Entry<'a>> = section.entries().collect();
        let inherited = general.into_iter().flat_map(|general| general.entries()).filter(|entry| {
            table::of(entry.name).is_some()
                && !own.iter().any(|other| other.name.eq_ignore_ascii_case(entry.name))
        });
        let mut entries: Vec<Entry<'a>> = inherited.collect();
        entries.extend(own);
        Lines { section, entries }
    }

    fn last(&self, name: &str) -> Option<Entry<'a>> {
        self.entries.iter().rev().find(|entry| entry.name.eq_ignore_ascii_case(name)).copied()
    }

    fn value(&self, name: &str) -> &'a str {
        self.last(name).map_or("", |entry| entry.value)
    }

    fn has_word(&self, name: &str, word: &str) -> bool {
        lists::parts(self.value(name)).any(|(_, part)| part.eq_ignore_ascii_case(word))
    }
}

impl Import {
    pub(super) fn peer(&mut self, section: Section<'_>, general: Option<Section<'_>>) {
        let lines = Lines::of(section, general);
        if lines.last("type").is_none() {
            let finding = crate::config::Finding::warning(
                "no-type",
                section.at(),
                format!("[{}] has no type: chan_sip passes it over, and so does this import", section.name()),
            );
            self.findings.push(finding);
            return;
        }
        let mut objects = Objects::default();
        for entry in &lines.entries {
            self.line(&lines, *entry, &mut objects);
        }
        self.finish(&lines, objects);
    }

    fn line(&mut self, lines: &Lines<'_>, entry: Entry<'_>, objects: &mut Objects) {
        let section = lines.section;
        match table::of(entry.name) {
            Some(To::Endpoint(option)) => {
                self.taken(section, entry, option);
                objects.endpoint.push(setting(entry, option, entry.value));
            }
            Some(To::Aor(option)) => {
                self.taken(section, entry, &format!("{option} of the aor"));
                objects.aor.push(setting(entry, option, entry.value));
            }
            Some(To::Nothing(why)) => self.taken(section, entry, &format!("nothing: {why}")),
            Some(To::Dropped(why)) => self.dropped(section, entry, why),
            Some(To::Worked) => self.worked(lines, entry, objects),
            None => {
                let why = match suggest::nearest(entry.name, table::PEER.iter().map(|(name, _)| *name)) {
                    Some(near) => format!("chan_sip has no such option; did you mean '{near}'?"),
                    None => "there is nothing of its kind here".to_owned(),
                };
                self.dropped(section, entry, &why);
            }
        }
    }

    /// Options whose values are worked out.
    fn worked(&mut self, lines: &Lines<'_>, entry: Entry<'_>, objects: &mut Objects) {
        let mut set: Vec<(&str, String)> = Vec::new();
        let value = entry.value;
        let truth = scalar::is_true(value);
        let yes_no = |truth: bool| if truth { "yes" } else { "no" }.to_owned();
        match entry.name.to_ascii_lowercase().as_str() {
            "nat" => return self.nat(lines, entry, objects),
            "directmedia" | "canreinvite" => return self.direct_media(lines, entry, objects),
            "qualify" => return self.qualify(lines, entry, objects),
            "dtmfmode" => set.push(("dtmf_mode", dtmf(value).to_owned())),
            "transport" => {
                let first = lists::parts(value).next().map_or("udp", |(_, part)| part);
                set.push(("transport", format!("transport-{}", first.to_ascii_lowercase())));
            }
            "sendrpid" => match value.to_ascii_lowercase().as_str() {
                "pai" => set.push(("send_pai", "yes".to_owned())),
                "rpid" => set.push(("send_rpid", "yes".to_owned())),
                _ => set.push(("send_rpid", yes_no(truth))),
            },
            "encryption" => set.push(("media_encryption", if truth { "sdes" } else { "no" }.to_owned())),
            "dtlsenable" if truth => set.push(("media_encryption", "dtls".to_owned())),
            "encryption_taglen" => set.push(("srtp_tag_32", yes_no(value == "32"))),
            "session-timers" => {
                let timers = match value.to_ascii_lowercase().as_str() {
                    "originate" => "always",
                    "refuse" => "no",
                    _ => "yes",
                };
                set.push(("timers", timers.to_owned()));
            }
            "progressinband" => set.push(("inband_progress", yes_no(truth))),
            "t38pt_udptl" => {
                let first = lists::parts(value).next().map_or("", |(_, part)| part);
                set.push(("t38_udptl", yes_no(scalar::is_true(first))));
                let words = lists::parts(value).map(|(_, part)| part.to_ascii_lowercase());
                let ec = words.filter(|word| ["fec", "redundancy", "none"].contains(&word.as_str())).last();
                set.extend(ec.map(|ec| ("t38_udptl_ec", ec)));
            }
            "faxdetect" => set.push(("fax_detect", yes_no(truth || value.eq_ignore_ascii_case("cng")))),
            "mailbox" => set.push(("mailboxes", with_contexts(value))),
            "callingpres" => match Presentation::of(value) {
                Some(presentation) => set.push(("callerid_privacy", presentation.word().to_owned())),
                None => return self.dropped(lines.section, entry, "it is no presentation"),
            },
            "outboundproxy" => {
                let host = value.split(',').next().unwrap_or_default().trim();
                set.push(("outbound_proxy", format!("sip:{host};lr")));
            }
            "match_auth_username" if truth => set.push(("identify_by", "auth_username,username".to_owned())),
            "call-limit" => return self.call_limit(lines, entry, objects),
            "allowoverlap" => set.push(("allow_overlap", yes_no(truth))),
            "promiscredir" if truth => set.push(("redirect_method", "uri_pjsip".to_owned())),
            // These go into names and addresses, all together, in the end.
            _ => return,
        }
        let into: Vec<String> = set.iter().map(|(option, value)| format!("{option}={value}")).collect();
        if !into.is_empty() {
            self.taken(lines.section, entry, &into.join(", "));
        }
        objects.endpoint.extend(set.into_iter().map(|(option, value)| setting(entry, option, value)));
    }

    /// S5-9. `yes` was `force_rport,comedia`; the `auto_` forms, which look first, become the plain ones.
    fn nat(&mut self, lines: &Lines<'_>, entry: Entry<'_>, objects: &mut Objects) {
        let has = |word: &str| lines.has_word(entry.name, word);
        let yes = scalar::is_true(entry.value);
        let rport = yes || has("force_rport") || has("auto_force_rport") || has("route");
        let comedia = yes || has("comedia") || has("auto_comedia");
        let word = |truth: bool| if truth { "yes" } else { "no" };
        let into = format!(
            "force_rport={}, rewrite_contact={}, rtp_symmetric={}",
            word(rport),
            word(rport),
            word(comedia)
        );
        if has("auto_force_rport") || has("auto_comedia") {
            self.changed(lines.section, entry, &into, "it is always on, where chan_sip looked for NAT first");
        } else {
            self.taken(lines.section, entry, &into);
        }
        for (option, truth) in
            [("force_rport", rport), ("rewrite_contact", rport), ("rtp_symmetric", comedia)]
        {
            objects.endpoint.push(setting(entry, option, word(truth)));
        }
    }

    /// S1-1 to S1-13, S2-8.
    fn direct_media(&mut self, lines: &Lines<'_>, entry: Entry<'_>, objects: &mut Objects) {
        let has = |word: &str| lines.has_word(entry.name, word);
        let (update, nonat, outgoing) = (has("update"), has("nonat"), has("outgoing"));
        let on =
            update || nonat || outgoing || lists::parts(entry.value).any(|(_, part)| scalar::is_true(part));
        let mut set = vec![("direct_media", if on { "yes" } else { "no" })];
        if update {
            set.push(("direct_media_method", "update"));
        }
        if nonat {
            set.push(("disable_direct_media_on_nat", "yes"));
        }
        if outgoing {
            set.push(("direct_media_glare_mitigation", "outgoing"));
        }
        let into: Vec<String> = set.iter().map(|(option, value)| format!("{option}={value}")).collect();
        let into = into.join(", ");
        if on && !nonat {
            let how = "read as since version 1.4, where 'yes' holds for phones behind NAT too; before, it did not. \
                       Add disable_direct_media_on_nat=yes for the older meaning";
            self.changed(lines.section, entry, &into, how);
        } else {
            self.taken(lines.section, entry, &into);
        }
        objects.endpoint.extend(set.into_iter().map(|(option, value)| setting(entry, option, value)));
    }

    /// S5-15.
    fn qualify(&mut self, lines: &Lines<'_>, entry: Entry<'_>, objects: &mut Objects) {
        let millis = entry.value.parse::<u32>().ok();
        if !scalar::is_true(entry.value) && millis.is_none_or(|millis| millis == 0) {
            self.taken(lines.section, entry, "qualify_frequency=0 of the aor");
            return;
        }
        let secs = lines.value("qualifyfreq").parse::<u32>().unwrap_or(60);
        let timeout_ms = millis.filter(|millis| *millis > 1).unwrap_or(2_000);
        let timeout = format!("{:.1}", f64::from(timeout_ms) / 1_000.0);
        self.taken(
            lines.section,
            entry,
            &format!("qualify_frequency={secs} and qualify_timeout={timeout} of the aor"),
        );
        objects.aor.push(setting(entry, "qualify_frequency", secs.to_string()));
        objects.aor.push(setting(entry, "qualify_timeout", timeout));
    }

    fn call_limit(&mut self, lines: &Lines<'_>, entry: Entry<'_>, objects: &mut Objects) {
        let how = "the device counts as busy at that number, but calls are not refused; use GROUP_COUNT() to refuse them";
        self.changed(lines.section, entry, &format!("device_state_busy_at={}", entry.value), how);
        objects.endpoint.push(setting(entry, "device_state_busy_at", entry.value));
    }

    /// Names, addresses and credentials, which hang together.
    fn finish(&mut self, lines: &Lines<'_>, mut objects: Objects) {
        let section = lines.section;
        let (name, at) = (section.name(), section.at());
        let own = |option: &str, value: &str| Setting::new(option.to_owned(), value.to_owned(), at);
        let user = lines.value("type").eq_ignore_ascii_case("user");
        let host = lines.value("host");
        let dynamic = host.is_empty() || host.eq_ignore_ascii_case("dynamic");
        caller_id(lines, &mut objects);
        if !user {
            objects.endpoint.push(own("aors", name));
        }
        self.credentials(lines, dynamic, &mut objects);
        self.drafts.push(draft(Kind::Endpoint, name, at, objects.endpoint));
        if user {
            return;
        }
        if dynamic {
            objects.aor.push(own("max_contacts", "1"));
            objects.aor.push(own("remove_existing", "yes"));
        } else {
            let uri = static_contact(lines, host);
            objects.aor.push(own("contact", &uri));
            let identify = vec![own("endpoint", name), own("match", host)];
            self.drafts.push(draft(Kind::Identify, name, at, identify));
        }
        self.drafts.push(draft(Kind::Aor, name, at, objects.aor));
        for option in [
            "host",
            "port",
            "type",
            "secret",
            "md5secret",
            "remotesecret",
            "insecure",
            "defaultuser",
            "username",
        ] {
            let Some(entry) = section.entries().find(|entry| entry.name.eq_ignore_ascii_case(option)) else {
                continue;
            };
            let into = match option {
                "host" | "port" if dynamic => "max_contacts=1 and remove_existing=yes of the aor",
                "host" | "port" => "contact of the aor, and match of an identify section",
                "type" => "type=endpoint and type=aor",
                _ => "a type=auth section",
            };
            let shown = if option.contains("secret") { "…" } else { entry.value };
            self.taken(section, Entry { value: shown, ..entry }, into);
        }
    }

    fn credentials(&mut self, lines: &Lines<'_>, dynamic: bool, objects: &mut Objects) {
        let section = lines.section;
        let (name, at) = (section.name(), section.at());
        let own = |option: &str, value: &str| Setting::new(option.to_owned(), value.to_owned(), at);
        let user =
            [lines.value("defaultuser"), lines.value("username"), name].into_iter().find(|u| !u.is_empty());
        let user = user.unwrap_or(name);
        // A phone that registers logs in under its section's name.
        let login = if dynamic { name } else { user };
        let (secret, md5) = (lines.value("secret"), lines.value("md5secret"));
        if !secret.is_empty() || !md5.is_empty() {
            let mut auth = vec![own("username", login)];
            if md5.is_empty() {
                auth.push(own("password", secret));
            } else {
                auth.push(own("auth_type", "md5"));
                auth.push(own("md5_cred", md5));
                auth.push(own("realm", self.realm.as_deref().unwrap_or("asterisk")));
            }
            self.drafts.push(draft(Kind::Auth, name, at, auth));
            if !lines.has_word("insecure", "invite") && !lines.has_word("insecure", "very") {
                objects.endpoint.push(own("auth", name));
            }
            if !dynamic && lines.value("remotesecret").is_empty() {
                objects.endpoint.push(own("outbound_auth", name));
            }
        }
        let remote = lines.value("remotesecret");
        if !remote.is_empty() {
            let out = format!("{name}-out");
            let auth = vec![own("username", user), own("password", remote)];
            self.drafts.push(draft(Kind::Auth, out.clone(), at, auth));
            objects.endpoint.push(own("outbound_auth", &out));
        }
    }
}

fn caller_id(lines: &Lines<'_>, objects: &mut Objects) {
    let (name, number) = (lines.value("fullname"), lines.value("cid_number"));
    let at = lines.last("fullname").or_else(|| lines.last("cid_number"));
    if let Some(entry) = at.filter(|_| lines.last("callerid").is_none()) {
        objects.endpoint.push(setting(entry, "callerid", format!("\"{name}\" <{number}>")));
    }
}

fn static_contact(lines: &Lines<'_>, host: &str) -> String {
    let user =
        [lines.value("defaultuser"), lines.value("username")].into_iter().find(|user| !user.is_empty());
    let at = user.map_or_else(String::new, |user| format!("{user}@"));
    let host = if host.contains(':') && network::split_port(host).1.is_none() {
        format!("[{}]", host.trim_matches(['[', ']']))
    } else {
        host.to_owned()
    };
    match lines.value("port") {
        "" => format!("sip:{at}{host}"),
        port => format!("sip:{at}{host}:{port}"),
    }
}

fn dtmf(mode: &str) -> &'static str {
    match mode.to_ascii_lowercase().as_str() {
        "inband" => "inband",
        "info" | "shortinfo" => "info",
        "auto" => "auto",
        _ => "rfc4733",
    }
}

/// Mailboxes with the context that voicemail takes when none is written.
fn with_contexts(mailboxes: &str) -> String {
    let boxes = lists::parts(mailboxes).map(|(_, mailbox)| match mailbox.contains('@') {
        true => mailbox.to_owned(),
        false => format!("{mailbox}@default"),
    });
    boxes.collect::<Vec<_>>().join(",")
}
