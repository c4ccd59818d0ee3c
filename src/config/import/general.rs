//! `[general]` of `sip.conf`: transports, global and system options, registrations.

use super::{Import, draft, setting, table};
use crate::config::conf::{Entry, Section};
use crate::config::draft::Setting;
use crate::config::finding::Finding;
use crate::config::kind::Kind;
use crate::config::model::uri_check;
use crate::config::suggest;
use crate::config::value::{network, scalar};

impl Import {
    /// Reads `[general]`. Options that peers inherit are left to them.
    pub(super) fn general(&mut self, section: Section<'_>) {
        self.general_at = section.at();
        self.realm = section.value("realm").map(str::to_owned);
        let mut global: Vec<Setting<'static>> = Vec::new();
        let mut system: Vec<Setting<'static>> = Vec::new();
        for entry in section.entries() {
            let name = entry.name.to_ascii_lowercase();
            let to_global = [
                ("useragent", "user_agent"),
                ("realm", "default_realm"),
                ("regcontext", "regcontext"),
                ("vmexten", "default_voicemail_extension"),
            ];
            if let Some((_, option)) = to_global.iter().find(|(old, _)| *old == name) {
                self.taken(section, entry, &format!("{option} of the global section"));
                global.push(setting(entry, option, entry.value));
                continue;
            }
            match name.as_str() {
                "timert1" => system.push(setting(entry, "timer_t1", entry.value)),
                "timerb" => system.push(setting(entry, "timer_b", entry.value)),
                "compactheaders" => system.push(setting(entry, "compact_headers", entry.value)),
                "register" => self.register(section, entry),
                "allowguest" => self.guests(section, entry),
                _ if self.transport_option(section, entry, &name) => {}
                _ => self.rest_of_general(section, entry, &name),
            }
        }
        if section.value("allowguest").is_none() {
            let text = "allowguest is on by default in chan_sip; here strangers are refused unless an endpoint 'anonymous' exists";
            self.findings.push(Finding::warning("import-changed", section.at(), text));
        }
        if !global.is_empty() {
            self.drafts.push(draft(Kind::Global, "global", section.at(), global));
        }
        if !system.is_empty() {
            self.drafts.push(draft(Kind::System, "system", section.at(), system));
        }
    }

    fn rest_of_general(&mut self, section: Section<'_>, entry: Entry<'_>, name: &str) {
        if table::of(name).is_some() {
            // A default of peers: each of them says what becomes of it.
            return;
        }
        match name {
            "alwaysauthreject"
            | "srvlookup"
            | "tcpauthtimeout"
            | "tcpauthlimit"
            | "allowexternaldomains"
            | "pedantic"
            | "relaxdtmf"
            | "limitonpeers"
            | "notifyringing"
            | "notifyhold"
            | "counteronpeer"
            | "dynamic_exclude_static"
            | "rtcachefriends"
            | "rtupdate"
            | "rtautoclear"
            | "rtsavesysname"
            | "ignoreregexpire" => {
                self.taken(section, entry, "nothing: it is so, or need not be said");
            }
            "domain" | "autodomain" => {
                self.changed(section, entry, "domain of a transport, or a domain_alias", "write it by hand");
            }
            _ => {
                let names = table::PEER.iter().map(|(name, _)| *name);
                let why = match suggest::nearest(name, names) {
                    Some(near) => format!("chan_sip has no such option; did you mean '{near}'?"),
                    None => "there is nothing of its kind here".to_owned(),
                };
                self.dropped(section, entry, &why);
            }
        }
    }

    fn guests(&mut self, section: Section<'_>, entry: Entry<'_>) {
        if scalar::is_true(entry.value) {
            let how = "add an endpoint 'anonymous' with the context guests may use, or leave it away, which is safer";
            self.changed(section, entry, "nothing", how);
        } else {
            self.taken(section, entry, "nothing: strangers are refused");
        }
    }

    /// Options of transports; `false` for any other.
    fn transport_option(&mut self, section: Section<'_>, entry: Entry<'_>, name: &str) -> bool {
        let value = entry.value;
        match name {
            "bindaddr" | "udpbindaddr" => self.udp.push(setting(entry, "bind", with_port(section, value))),
            "bindport" => {
                if section.value("bindaddr").is_none() && section.value("udpbindaddr").is_none() {
                    self.udp.push(setting(entry, "bind", format!("0.0.0.0:{value}")));
                }
            }
            "tcpenable" => self.tcp_enabled = scalar::is_true(value),
            "tcpbindaddr" => self.tcp.push(setting(entry, "bind", value)),
            "tlsenable" => self.tls_enabled = scalar::is_true(value),
            "tlsbindaddr" => self.tls.push(setting(entry, "bind", value)),
            "tlscertfile" => self.tls.push(setting(entry, "cert_file", value)),
            "tlsprivatekey" => self.tls.push(setting(entry, "priv_key_file", value)),
            "tlscafile" => self.tls.push(setting(entry, "ca_list_file", value)),
            "tlscadir" => self.tls.push(setting(entry, "ca_list_path", value)),
            "tlscipher" => self.tls.push(setting(entry, "cipher", value)),
            "tlsdontverifyserver" => {
                let verify = if scalar::is_true(value) { "no" } else { "yes" };
                self.tls.push(setting(entry, "verify_server", verify));
            }
            "externip" | "externaddr" | "externhost" => {
                let (host, port) = network::split_port(value);
                self.shared.push(setting(entry, "external_signaling_address", host));
                self.shared.push(setting(entry, "external_media_address", host));
                self.shared
                    .extend(port.map(|port| setting(entry, "external_signaling_port", port.to_string())));
            }
            "localnet" => self.shared.push(setting(entry, "local_net", value)),
            "tos_sip" => self.shared.push(setting(entry, "tos", value)),
            "cos_sip" => self.shared.push(setting(entry, "cos", value)),
            _ => return false,
        }
        self.taken(section, entry, "an option of the transports");
        true
    }

    /// The transports that `[general]` describes: UDP always, TCP and TLS where they are on.
    pub(super) fn transports(&mut self) {
        let at = self.general_at;
        let mut add = |name: &str, protocol: &str, own: &mut Vec<Setting<'static>>| {
            let mut settings = vec![Setting::new("protocol", protocol.to_owned(), at)];
            if !own.iter().any(|setting| setting.option == "bind") {
                settings.push(Setting::new("bind", "0.0.0.0", at));
            }
            settings.append(own);
            settings.extend(self.shared.iter().cloned());
            self.drafts.push(draft(Kind::Transport, name, at, settings));
        };
        add("transport-udp", "udp", &mut self.udp);
        if self.tcp_enabled {
            add("transport-tcp", "tcp", &mut self.tcp);
        }
        if self.tls_enabled {
            add("transport-tls", "tls", &mut self.tls);
        }
    }

    /// `register => [peer?][transport://]user[@domain][:secret[:authuser]]@host[:port][/extension][~expiry]`.
    fn register(&mut self, section: Section<'_>, entry: Entry<'_>) {
        let line = entry.value.split_once('?').map_or(entry.value, |(_, rest)| rest);
        let line = line.split_once("://").map_or(line, |(_, rest)| rest);
        let (line, expiry) = line.split_once('~').map_or((line, None), |(line, expiry)| (line, Some(expiry)));
        let Some((left, right)) = line.rsplit_once('@') else {
            return self.dropped(section, entry, "it is not of the form user:secret@host/extension");
        };
        let (host, exten) = right.split_once('/').map_or((right, None), |(host, exten)| (host, Some(exten)));
        let mut parts = left.splitn(3, ':');
        let user = parts.next().unwrap_or_default();
        let secret = parts.next();
        let auth_user = parts.next().unwrap_or_else(|| user.split('@').next().unwrap_or_default());
        let client = if user.contains('@') { format!("sip:{user}") } else { format!("sip:{user}@{host}") };
        if let Err(fault) = uri_check::check(&client) {
            return self.dropped(section, entry, &fault.message);
        }
        let name = format!("reg-{}", self.registrations);
        self.registrations += 1;
        let mut settings =
            vec![setting(entry, "server_uri", format!("sip:{host}")), setting(entry, "client_uri", client)];
        settings.extend(exten.map(|exten| setting(entry, "contact_user", exten)));
        settings.extend(expiry.map(|expiry| setting(entry, "expiration", expiry)));
        if let Some(secret) = secret {
            settings.push(setting(entry, "outbound_auth", name.clone()));
            let auth = vec![setting(entry, "username", auth_user), setting(entry, "password", secret)];
            self.drafts.push(draft(Kind::Auth, name.clone(), entry.at, auth));
        }
        let message = format!("register => {user}:…@{right} becomes type=registration '{name}'");
        self.findings.push(Finding::note("import-taken", entry.at, message).option("register"));
        self.drafts.push(draft(Kind::Registration, name, entry.at, settings));
    }
}

/// An address with the port of `bindport`, where it has none of its own.
fn with_port(section: Section<'_>, address: &str) -> String {
    match section.value("bindport") {
        Some(port) if network::split_port(address).1.is_none() && address.contains(':') => {
            format!("[{}]:{port}", address.trim_matches(['[', ']']))
        }
        Some(port) if network::split_port(address).1.is_none() => format!("{address}:{port}"),
        _ => address.to_owned(),
    }
}
