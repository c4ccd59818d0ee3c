//! MESSAGE and NOTIFY outside dialogs: whom a destination names, and what goes there.

use super::registrations::route_of;
use super::request::{ContactForm, From, Purpose, Request};
use super::sending::Ended;
use super::words;
use crate::base::ids::Name;
use crate::base::time::Now;
use crate::config::model::Endpoint;
use crate::config::model::endpoint_words::RedirectedMethod;
use crate::sip::mint::{self, Shard};
use crate::sip::wire::{NameAddr, Uri};
use crate::switch::Switch;
use crate::switch::call::Located;
use crate::switch::io::Actions;
use crate::switch::qualify::{from_user, without_internal};
use crate::switch::view::Level;
use std::sync::Arc;

/// A MESSAGE to be sent.
#[derive(Clone, Debug)]
pub(in crate::switch) struct Letter {
    /// `endpoint`, `endpoint/aor`, `endpoint/uri`, `user@endpoint`, a SIP URI or `user@domain`.
    pub resource: String,
    /// A URI, perhaps with a display name, or a user name; empty for the endpoint's own.
    pub from: String,
    /// To, when it is another than the request URI.
    pub to: String,
    /// Further whole header lines.
    pub lines: Vec<u8>,
    /// Content-Type.
    pub content_type: String,
    /// The text.
    pub body: Vec<u8>,
}

/// A NOTIFY to be sent, wherever it goes.
#[derive(Clone, Debug)]
pub(in crate::switch) struct Notice {
    /// Further whole header lines.
    pub lines: Vec<u8>,
    /// Content-Type and body.
    pub body: Option<(String, Vec<u8>)>,
}

impl Switch {
    /// Sends a MESSAGE; how it ends is told in the log.
    ///
    /// # Errors
    /// Why there is nobody to send it to.
    pub(in crate::switch) fn send_letter(
        &mut self,
        now: Now,
        letter: Letter,
        out: &mut Actions,
    ) -> Result<(), String> {
        let located = self.addressee(&letter.resource)?;
        let mut request = self.outside(&located, "MESSAGE", &letter.resource)?;
        request.lines = letter.lines.clone();
        if let Some(sender) = letter.sender() {
            request.from = From::Whole(sender.into_bytes());
        } else if let (From::Own { user, .. }, false) = (&mut request.from, letter.from.is_empty()) {
            letter.from.clone_into(user);
        }
        let to =
            NameAddr::parse(letter.to.as_bytes()).ok().filter(|to| to.uri().is_ok_and(|uri| uri.is_sip()));
        if let Some(to) = to {
            request.to = [b"<", to.uri_text, b">"].concat();
        }
        request.body = Some((letter.content_type, letter.body));
        self.send_outside(now, request, out);
        Ok(())
    }

    /// Sends a NOTIFY that no subscription asked for to one place.
    pub(super) fn send_notice(
        &mut self,
        now: Now,
        (located, notice): (&Located, &Notice),
        out: &mut Actions,
    ) -> Result<(), String> {
        let mut request = self.outside(located, "NOTIFY", &located.uri)?;
        let secure =
            Uri::parse(located.uri.as_bytes()).is_ok_and(|uri| uri.scheme == crate::sip::wire::Scheme::Sips);
        let user = from_user(&located.endpoint).to_owned();
        request.contact = Some(ContactForm { user, secure, ..ContactForm::default() });
        request.lines.clone_from(&notice.lines);
        request.body.clone_from(&notice.body);
        self.send_outside(now, request, out);
        Ok(())
    }

    /// Whom a destination of MESSAGE or NOTIFY names. A URI is the endpoint's that has its host's name, else
    /// `default_outbound_endpoint`'s.
    pub(super) fn addressee(&self, resource: &str) -> Result<Located, String> {
        let named = self.locate(resource);
        let Err((_, why)) = named else { return named.map_err(|(_, why)| why) };
        let resource = resource.trim();
        let bare =
            NameAddr::parse(resource.as_bytes()).ok().map(|address| address.uri_text).unwrap_or_default();
        let uri = match Uri::parse(bare) {
            Ok(uri) if uri.is_sip() => String::from_utf8_lossy(bare).into_owned(),
            _ if resource.contains('@') && !resource.contains('/') => format!("sip:{resource}"),
            _ => return Err(why),
        };
        let host = Uri::parse(uri.as_bytes()).map_err(|fault| format!("{uri}: {fault}"))?.host.to_string();
        let default = &self.directory.objects.global.default_outbound_endpoint;
        let endpoint = self.directory.endpoint(&host).or_else(|| self.directory.endpoint(default)).cloned();
        let endpoint = endpoint.ok_or_else(|| {
            format!("'{resource}' is no endpoint, and default_outbound_endpoint '{default}' does not exist")
        })?;
        let proxy = endpoint.options.outbound_proxy.to_string();
        Ok(Located { endpoint, uri, path: String::new(), known: None, proxy, user: None, contact: None })
    }

    /// A request to somebody on behalf of his endpoint.
    fn outside(&mut self, located: &Located, method: &'static str, label: &str) -> Result<Request, String> {
        let endpoint: &Arc<Endpoint> = &located.endpoint;
        let uri = Uri::parse(located.uri.as_bytes()).map_err(|fault| format!("{}: {fault}", located.uri))?;
        let target = located.target(&without_internal(&uri))?;
        let mut tag = Vec::new();
        mint::tag(Shard(0), &mut self.rng, &mut tag);
        let mut call_id = Vec::new();
        mint::call_id(&mut self.rng, &mut call_id);
        let cseq = 1 + u32::try_from(self.rng.below(30_000)).unwrap_or(0);
        let own = &endpoint.extra().from_user;
        let user = if own.is_empty() { &self.directory.objects.global.default_from_user } else { own };
        let domain = endpoint.options.from_domain.to_string();
        let auths: Vec<Name> = endpoint.extra().outbound_auth.to_vec();
        let through_proxy = located.has_proxy();
        let follows = method == "MESSAGE"
            && endpoint.options.follow_redirect_methods.contains(&RedirectedMethod::Message);
        Ok(Request {
            purpose: Purpose::Told { what: method, to: label.into() },
            method,
            to: [b"<", &target[..], b">"].concat(),
            uri: target,
            route: if through_proxy { route_of(&located.proxy) } else { located.path.clone() },
            transport: endpoint.options.transport.clone(),
            known: located.known.filter(|_| !through_proxy),
            from: From::Own { user: user.to_string(), domain },
            tag,
            call_id,
            cseq,
            contact: None,
            lines: Vec::new(),
            user_agent: Name::default(),
            body: None,
            auths,
            avoid: Vec::new(),
            follows,
            been: Vec::new(),
        })
    }

    /// A MESSAGE or NOTIFY has ended; only what failed is worth a line.
    pub(super) fn letter_ended(&mut self, (what, to): (&str, &str), how: Ended<'_, '_>, out: &mut Actions) {
        let why = match how {
            Ended::Answer(message, _, stop) => {
                let code = message.status().unwrap_or_default();
                if (200..300).contains(&code) {
                    return;
                }
                format!("{code} {}", words::note(message, stop))
            }
            Ended::Silence => "no answer".to_owned(),
            Ended::Unreachable => "it cannot be reached".to_owned(),
            Ended::NoWay(why) => why.to_owned(),
        };
        self.ears.log(out, Level::Warning, "res_pjsip.c", || format!("{what} to '{to}' failed: {why}"));
    }
}
