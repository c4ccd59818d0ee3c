//! What `trace` shows of a request before it became a call: who sent it, by which rule, and what its credentials were.
//!
//! Only of INVITEs: they are what calls begin with. Nothing is formatted that the configuration does not hold already.

use super::Switch;
use super::inbound::Inbound;
use crate::authenticate::Why;
use crate::config::model::Endpoint;
use crate::identify::Found;
use crate::sip::method::Method;

impl Switch {
    /// Who sent it, if anybody is known.
    pub(super) fn judge_sender(&mut self, inbound: &Inbound<'_>, found: Option<&Found>) {
        let Some(found) = found else {
            return self.judge(inbound, &[b"no endpoint sent this: challenged as a stranger"]);
        };
        let (rule, name, end) = match &found.section {
            Some(section) => (b": identify '" as &[u8], section.as_bytes(), b"'" as &[u8]),
            None => (b"" as &[u8], b"" as &[u8], b"" as &[u8]),
        };
        let endpoint = found.endpoint.as_bytes();
        let free = self.directory.endpoint(&found.endpoint).is_some_and(|endpoint| endpoint.auth.is_empty());
        self.judge(
            inbound,
            &[
                b"endpoint '",
                endpoint,
                b"', identified by ",
                found.by.name().as_bytes(),
                rule,
                name,
                end,
                if free { b"; it names no auth: not challenged" } else { b"" },
            ],
        );
    }

    /// The auth whose credentials it carries.
    pub(super) fn judge_admitted(&mut self, inbound: &Inbound<'_>, endpoint: &Endpoint, account: usize) {
        // The accounts are the endpoint's auths, in their order.
        if let Some(auth) = endpoint.auth.get(account) {
            self.judge(inbound, &[b"authenticated by auth '", auth.as_bytes(), b"'"]);
        }
    }

    /// Why it is challenged.
    pub(super) fn judge_challenged(&mut self, inbound: &Inbound<'_>, why: &Why) {
        if inbound.method == Method::Invite {
            self.judge(inbound, &[b"challenged: ", why.to_string().as_bytes()]);
        }
    }

    /// Something was decided about an INVITE.
    pub(super) fn judge(&mut self, inbound: &Inbound<'_>, words: &[&[u8]]) {
        if inbound.method == Method::Invite {
            self.trace.judged(self.now.wall, inbound.envelope.call_id, words);
        }
    }
}
