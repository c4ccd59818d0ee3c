//! Q.850 causes and SIP status codes, as Asterisk maps them, and the Reason header (RFC 3326).

use crate::base::digits::push_decimal;
use crate::sip::wire::params::Params;
use crate::sip::wire::text;
use crate::sip::wire::{Header, Message};

/// A Q.850 cause (ITU-T Q.850 2.2.7), as `HANGUPCAUSE` shows it. 0 when nobody set one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cause(pub u8);

impl Cause {
    /// Unallocated number.
    pub const UNALLOCATED: Cause = Cause(1);
    /// No route to destination.
    pub const NO_ROUTE: Cause = Cause(3);
    /// Normal clearing.
    pub const NORMAL: Cause = Cause(16);
    /// User busy.
    pub const BUSY: Cause = Cause(17);
    /// No user responding.
    pub const NO_RESPONSE: Cause = Cause(18);
    /// No answer.
    pub const NO_ANSWER: Cause = Cause(19);
    /// Call rejected.
    pub const REJECTED: Cause = Cause(21);
    /// Answered elsewhere.
    pub const ELSEWHERE: Cause = Cause(26);
    /// Congestion.
    pub const CONGESTION: Cause = Cause(34);
    /// Bearer capability not available.
    pub const NO_MEDIA: Cause = Cause(58);
    /// Recovery on timer expiry.
    pub const TIMER: Cause = Cause(102);
    /// Interworking.
    pub const INTERWORKING: Cause = Cause(127);

    /// The final response that a call which came in and was not answered is refused with.
    pub fn status(self) -> u16 {
        match self.0 {
            1..=3 => 404,
            17 => 486,
            18 => 408,
            19 | 20 | 31 => 480,
            21 => 403,
            22 => 410,
            23 => 302,
            27 => 502,
            28 => 484,
            29 => 501,
            34 | 42 | 66 => 503,
            38 | 127 => 500,
            58 => 488,
            _ => 603,
        }
    }

    /// The cause of a final response.
    pub fn of_status(code: u16) -> Cause {
        Cause(match code {
            302 => 23,
            401 | 403 | 407 | 603 => 21,
            404 | 485 | 604 => 1,
            408 => 18,
            409 => 41,
            410 => 22,
            420 => 3,
            480 | 483 => 19,
            484 => 28,
            486 | 600 => 17,
            488 | 606 => 58,
            500 => 38,
            501 => 29,
            502 => 27,
            504 => 102,
            500..600 if code != 505 => 34,
            400..700 => 127,
            _ => 16,
        })
    }

    /// What a Reason header says: Q.850 first, else a SIP status by its cause. `None` without one that is either.
    pub fn of_reason(message: &Message<'_>) -> Option<Cause> {
        let mut sip = None;
        for value in message.values(Header::Reason) {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            let (protocol, params) = (text::trim(&value[..end]), Params(&value[end..]));
            let Some(cause) = params.value(b"cause").and_then(text::number) else { continue };
            if protocol.eq_ignore_ascii_case(b"Q.850") {
                return Some(Cause((cause & 127) as u8));
            }
            if protocol.eq_ignore_ascii_case(b"SIP") && sip.is_none() {
                sip = Some(match cause {
                    // What a proxy says to those that were too late (RFC 3326 2).
                    200 => Cause::ELSEWHERE,
                    code => Cause::of_status(u16::try_from(code).unwrap_or(0)),
                });
            }
        }
        sip
    }

    /// Appends our Reason lines. `q850` is off with `suppress_q850_reason_headers`.
    pub(super) fn write_reason(self, q850: bool, lines: &mut Vec<u8>) {
        if self == Cause::ELSEWHERE {
            lines.extend_from_slice(b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
        }
        if q850 {
            lines.extend_from_slice(b"Reason: Q.850;cause=");
            push_decimal(lines, self.0.into());
            lines.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;

    fn reason(lines: &str) -> Option<Cause> {
        let text = format!("BYE sip:x SIP/2.0\r\n{lines}\r\n");
        let mut index = Index::default();
        Cause::of_reason(&index.scan(text.as_bytes()).expect("sound"))
    }

    /// S3-15: a Reason of somebody's own is passed over.
    #[test]
    fn reasons_are_read_as_asterisk_reads_them() {
        assert_eq!(reason("Reason: Q.850;cause=17;text=\"x\"\r\n"), Some(Cause::BUSY));
        assert_eq!(reason("Reason: SIP;cause=486\r\nReason: Q.850 ; cause=21\r\n"), Some(Cause::REJECTED));
        assert_eq!(reason("Reason: SIP;cause=404, FOO;cause=1\r\n"), Some(Cause::UNALLOCATED));
        assert_eq!(reason("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"), Some(Cause(26)));
        assert_eq!(reason("Reason: avaya-cm-reason;cause=hold\r\nReason: Q.850\r\n"), None);
        assert_eq!(reason(""), None);
    }

    #[test]
    fn causes_and_statuses_follow_the_tables() {
        for (cause, status) in
            [(0, 603), (1, 404), (3, 404), (16, 603), (17, 486), (19, 480), (23, 302), (58, 488), (127, 500)]
        {
            assert_eq!(Cause(cause).status(), status, "{cause}");
        }
        for (status, cause) in
            [(302, 23), (486, 17), (487, 127), (503, 34), (505, 127), (580, 34), (699, 127), (606, 58)]
        {
            assert_eq!(Cause::of_status(status).0, cause, "{status}");
        }
        let mut lines = Vec::new();
        Cause::ELSEWHERE.write_reason(true, &mut lines);
        assert_eq!(
            lines,
            b"Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\nReason: Q.850;cause=26\r\n"
        );
    }
}
