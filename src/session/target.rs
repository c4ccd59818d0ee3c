//! Who the peer is and where it is reached: Allow, Supported, Contact and its rewriting.

use super::events::ConnectedLine;
use crate::config::model::Endpoint;
use crate::sip::dialog::Dialog;
use crate::sip::flow::Arrival;
use crate::sip::method::Method;
use crate::sip::nat::{self, Rewrite};
use crate::sip::wire::{Header, Message};

/// What the peer said about itself.
#[derive(Debug, Default)]
pub(super) struct Peer {
    allows: u32,
    supports: Vec<u8>,
    line: ConnectedLine,
}

impl Peer {
    /// Takes note of Allow and Supported, when they are there.
    pub fn note(&mut self, message: &Message<'_>) {
        if message.header(Header::Allow).is_some() {
            let bit = |token: &[u8]| 1 << Method::from_token(token) as u32;
            self.allows = message.values(Header::Allow).map(bit).fold(0, |all, bit| all | bit);
        }
        if message.header(Header::Supported).is_some() {
            self.supports.clear();
            for tag in message.values(Header::Supported) {
                self.supports.extend_from_slice(tag);
                self.supports.push(b',');
            }
        }
    }

    pub fn allows(&self, method: Method) -> bool {
        self.allows & 1 << method as u32 != 0
    }

    /// It says so and refuses all the same.
    pub fn forbid(&mut self, method: Method) {
        self.allows &= !(1 << method as u32);
    }

    pub fn supports(&self, extension: &str) -> bool {
        self.supports.split(|b| *b == b',').any(|tag| tag.eq_ignore_ascii_case(extension.as_bytes()))
    }

    /// The identity a message brings, when it is to be believed and is another than before.
    pub fn identity(&mut self, message: &Message<'_>, endpoint: &Endpoint) -> Option<ConnectedLine> {
        let options = &endpoint.options;
        if !options.trust_connected_line || !options.trust_id_inbound {
            return None;
        }
        let values = |header| message.values(header).map(Into::into).collect();
        let line = ConnectedLine {
            asserted: values(Header::PAssertedIdentity),
            remote_party: values(Header::RemotePartyId),
            privacy: message.header(Header::Privacy).map(Into::into),
        };
        if (line.asserted.is_empty() && line.remote_party.is_empty()) || line == self.line {
            return None;
        }
        self.line = line.clone();
        Some(line)
    }
}

/// With `rewrite_contact`: the way to the peer goes to where its packet came from.
pub(super) fn rewrite(dialog: &mut Dialog, message: &Message<'_>, arrival: &Arrival, endpoint: &Endpoint) {
    let rule = nat::rewrite_rule(message, arrival.protocol, endpoint.options.rewrite_contact);
    let (Rewrite::RecordRoute(address) | Rewrite::Contact(address)) = rule else { return };
    let Ok(uri) = address.uri() else { return };
    let mut text = Vec::with_capacity(128);
    nat::write_rewritten(&mut text, &uri, arrival.source, arrival.protocol, false);
    match rule {
        Rewrite::RecordRoute(_) => {
            dialog.set_first_route(&text);
        }
        _ => dialog.set_target(&text),
    }
}
