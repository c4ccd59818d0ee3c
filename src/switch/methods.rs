//! Admitted requests, by method.

use super::Switch;
use super::inbound::Admitted;
use super::io::Actions;
use crate::base::time::Now;
use crate::sip::method::Method;
use crate::sip::wire::Header;

/// What we answer to, in pjproject's order.
pub(super) const ALLOW: &[u8] = b"OPTIONS, REGISTER";

impl Switch {
    /// Hands an admitted request to its room.
    pub(super) fn dispatch(&mut self, now: Now, admitted: &Admitted<'_, '_>, out: &mut Actions) {
        match admitted.request().method {
            Method::Register => self.register(now, admitted, out),
            Method::Options => self.options(admitted, out),
            _ => self.answer(admitted.request(), (501, ""), out, |_, writer| {
                writer.header(Header::Allow, ALLOW);
            }),
        }
    }

    /// OPTIONS outside a dialog: what we can do (RFC 3261 11.2).
    fn options(&mut self, admitted: &Admitted<'_, '_>, out: &mut Actions) {
        self.answer(admitted.request(), (200, ""), out, |_, writer| {
            writer
                .header(Header::Accept, b"application/sdp")
                .header(Header::Allow, ALLOW)
                .header(Header::Supported, b"path")
                .header(Header::AcceptEncoding, b"identity")
                .header(Header::AcceptLanguage, b"en");
        });
    }
}
