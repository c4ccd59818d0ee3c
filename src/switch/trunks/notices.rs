//! `pjsip send notify` and the application `PJSIPNotify`: NOTIFYs that no subscription asked for, as
//! `pjsip_notify.conf` describes them.

use super::letters::Notice;
use crate::base::limits;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::config::notify::NotifyKind;
use crate::switch::Switch;
use crate::switch::call::Located;
use crate::switch::io::Actions;
use crate::switch::view::{Level, NotifyTarget, Reply};
use std::sync::Arc;

const NOTIFY: &str = "res_pjsip_notify.c";

impl Switch {
    /// `pjsip send notify KIND endpoint|uri|channel NAME …`.
    pub(in crate::switch) fn order_notify(
        &mut self,
        now: Now,
        (kind, to): (&str, &NotifyTarget),
        out: &mut Actions,
    ) -> Reply {
        let Some(notice) = self.trunks.notify.kind(kind).map(Notice::of) else {
            let known: Vec<&str> = self.trunks.notify.names().collect();
            let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
            return Reply::Refused(format!(
                "Unable to find notify type '{kind}' in pjsip_notify.conf ({known})"
            ));
        };
        let (mut text, mut sent) = (String::new(), 0);
        let names = match to {
            NotifyTarget::Endpoints(names) | NotifyTarget::Uris(names) | NotifyTarget::Channels(names) => {
                names
            }
        };
        for name in names.iter().take(limits::NOTIFIED) {
            let result = match to {
                NotifyTarget::Endpoints(_) => self.notify_endpoint(now, (name, &notice), out),
                NotifyTarget::Uris(_) => self.notify_uri(now, (name, &notice), out),
                NotifyTarget::Channels(_) => self.notify_channel(now, (name, &notice), out),
            };
            match result {
                Ok(()) => {
                    sent += 1;
                    text.push_str(&format!("Sending NOTIFY of type '{kind}' to '{name}'\n"));
                }
                Err(why) => text.push_str(&format!("{why}\n")),
            }
        }
        let text = text.trim_end().to_owned();
        if sent > 0 { Reply::Done(text) } else { Reply::Refused(text) }
    }

    /// `PJSIPNotify([to],kind)` or `PJSIPNotify([to],header=value&header=value)`.
    pub(in crate::switch) fn notify_application(
        &mut self,
        now: Now,
        (channel, arguments): (&str, &str),
        out: &mut Actions,
    ) {
        let (to, what) = arguments.split_once(',').unwrap_or(("", arguments));
        let (to, what) = (to.trim(), what.trim());
        let mut ignored = Vec::new();
        let notice = match self.trunks.notify.kind(what) {
            Some(kind) => Notice::of(kind),
            None => {
                let mut kind = NotifyKind::default();
                for pair in what.split('&') {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    ignored.extend(kind.add(name.trim(), value.trim()).err());
                }
                Notice::of(&kind)
            }
        };
        let sent = match to {
            "" => self.notify_channel(now, (channel, &notice), out),
            uri => self.notify_uri(now, (uri, &notice), out),
        };
        for why in sent.err().into_iter().chain(ignored) {
            self.ears.log(out, Level::Warning, NOTIFY, || format!("PJSIPNotify({arguments}): {why}"));
        }
    }

    fn notify_endpoint(
        &mut self,
        now: Now,
        (name, notice): (&str, &Notice),
        out: &mut Actions,
    ) -> Result<(), String> {
        let endpoint = self.directory.endpoint(name).cloned();
        let endpoint = endpoint.ok_or_else(|| format!("Unable to retrieve endpoint {name}"))?;
        let all = self.everywhere(&endpoint);
        if all.is_empty() {
            return Err(format!("Endpoint {name} has no contact to send a NOTIFY to"));
        }
        for located in all.iter().take(limits::NOTIFIED) {
            self.send_notice(now, (located, notice), out)?;
        }
        Ok(())
    }

    fn notify_uri(
        &mut self,
        now: Now,
        (uri, notice): (&str, &Notice),
        out: &mut Actions,
    ) -> Result<(), String> {
        let located = self.addressee(uri)?;
        self.send_notice(now, (&located, notice), out)
    }

    /// Every contact of every aor of an endpoint.
    fn everywhere(&self, endpoint: &Arc<Endpoint>) -> Vec<Located> {
        let mut all = Vec::new();
        for aor in endpoint.aors.iter().filter_map(|name| self.directory.aor(name)) {
            let at = |uri: String, path: String, known| Located {
                endpoint: Arc::clone(endpoint),
                uri,
                path,
                known,
                proxy: endpoint.options.outbound_proxy.to_string(),
                user: None,
                contact: None,
            };
            all.extend(aor.contact.iter().map(|uri| at(uri.to_string(), String::new(), None)));
            let bindings = self.registrar.contacts(&aor.name);
            all.extend(
                bindings.map(|binding| {
                    at(binding.uri.to_string(), binding.path.to_string(), self.known(binding))
                }),
            );
        }
        all
    }
}

impl Notice {
    /// As a section describes it.
    fn of(kind: &NotifyKind) -> Notice {
        Notice { lines: kind.lines(), body: kind.body() }
    }

    /// Its headers.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Its body, with its type.
    pub fn body(&self) -> Option<(&str, &[u8])> {
        self.body.as_ref().map(|(kind, body)| (kind.as_str(), &body[..]))
    }
}
