//! The dialogs of one INVITE we sent: a proxy may fork it, and each branch answers with a To tag of its own
//! (RFC 3261 12.1.2, 13.2.2.4).

use super::repeat::SentAck;
use super::state::{Dialog, Phase};
use crate::base::limits;
use crate::sip::outbox::Outbox;
use crate::sip::wire::{Envelope, Fault, Message};

/// What a response to the INVITE means for its dialogs.
#[derive(Debug)]
pub enum Fork<'f> {
    /// None is concerned: a 100, a response without To tag, a failure.
    None,
    /// A provisional response of this early dialog, new or known.
    Early {
        /// The dialog.
        dialog: &'f mut Dialog,
        /// Whether this response made it.
        new: bool,
    },
    /// The first 2xx: this dialog is the call's. The caller sends its ACK and says so with [`Forks::acknowledged`].
    Won(&'f mut Dialog),
    /// A 2xx of another branch: the caller acknowledges it, says so, and ends it with BYE (RFC 3261 13.2.2.4).
    Lost(&'f mut Dialog),
    /// A 2xx seen before; its ACK, when one was sent, went out again.
    Repeated,
    /// More branches answer than [`limits::FORKS`]: this one is ignored, and times out by itself.
    TooMany,
    /// The response cannot make a dialog.
    Unusable(Fault),
}

#[derive(Debug)]
struct Branch {
    dialog: Dialog,
    ack: Option<SentAck>,
}

/// The dialogs of one INVITE.
#[derive(Debug)]
pub struct Forks {
    request_uri: Box<[u8]>,
    over_tls: bool,
    branches: Vec<Branch>,
    /// The branch whose 2xx came first.
    winner: Option<usize>,
}

impl Forks {
    /// For an INVITE sent to `request_uri`.
    pub fn new(request_uri: &[u8], over_tls: bool) -> Forks {
        Forks { request_uri: request_uri.into(), over_tls, branches: Vec::new(), winner: None }
    }

    /// Sorts a response to the INVITE.
    pub fn hear(&mut self, response: &Message<'_>, envelope: &Envelope<'_>, out: &mut Outbox) -> Fork<'_> {
        let code = response.status().unwrap_or(0);
        if !(101..300).contains(&code) {
            return Fork::None;
        }
        let Some(tag) = envelope.to.tag() else { return Fork::None };
        let known = self.branches.iter().position(|b| b.dialog.id().key().remote_tag == tag);
        let at = match known {
            Some(at) => at,
            None if self.branches.len() >= limits::FORKS => return Fork::TooMany,
            None => match Dialog::from_response(response, envelope, &self.request_uri, self.over_tls) {
                Ok(Some(dialog)) => {
                    self.branches.push(Branch { dialog, ack: None });
                    self.branches.len() - 1
                }
                Ok(None) => return Fork::None,
                Err(fault) => return Fork::Unusable(fault),
            },
        };
        let branch = &mut self.branches[at];
        if code < 200 {
            return Fork::Early { dialog: &mut branch.dialog, new: known.is_none() };
        }
        if known.is_some() && branch.dialog.phase() == Phase::Confirmed {
            if let Some(ack) = &branch.ack {
                ack.repeat(out);
            }
            return Fork::Repeated;
        }
        branch.dialog.confirm(Some(response));
        if self.winner.is_some() {
            return Fork::Lost(&mut branch.dialog);
        }
        self.winner = Some(at);
        Fork::Won(&mut branch.dialog)
    }

    /// Remembers the ACK sent to the branch with that To tag, to send it again when the 2xx comes again.
    pub fn acknowledged(&mut self, remote_tag: &[u8], ack: SentAck) {
        if let Some(branch) = self.branches.iter_mut().find(|b| b.dialog.id().key().remote_tag == remote_tag)
        {
            branch.ack = Some(ack);
        }
    }

    /// The dialog of a To tag: a request arrived inside it.
    pub fn dialog_mut(&mut self, remote_tag: &[u8]) -> Option<&mut Dialog> {
        self.branches.iter_mut().map(|b| &mut b.dialog).find(|d| d.id().key().remote_tag == remote_tag)
    }

    /// All of them, in the order they appeared.
    pub fn dialogs(&self) -> impl Iterator<Item = &Dialog> {
        self.branches.iter().map(|b| &b.dialog)
    }

    /// The one whose 2xx came first.
    pub fn winner(&self) -> Option<&Dialog> {
        self.winner.map(|at| &self.branches[at].dialog)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{FlowId, TransportId};
    use crate::sip::flow::{Destination, Protocol};
    use crate::sip::wire::Index;

    fn response(code: u16, tag: &str, contact: &str) -> String {
        let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        format!(
            "SIP/2.0 {code} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:us@h>;tag=u\r\n\
             To: <sip:b@h>{tag}\r\nCall-ID: c\r\nCSeq: 5 INVITE\r\n{contact}\r\n"
        )
    }

    /// Which case it is, and the dialog's target.
    fn hear(forks: &mut Forks, text: &str, out: &mut Outbox) -> String {
        let mut index = Index::default();
        let message = index.scan(text.as_bytes()).expect("sound");
        let envelope = message.envelope().expect("whole");
        let target = |d: &Dialog| String::from_utf8_lossy(d.target()).into_owned();
        match forks.hear(&message, &envelope, out) {
            Fork::None => "none".into(),
            Fork::Early { dialog, new } => format!("early {} {new}", target(dialog)),
            Fork::Won(dialog) => format!("won {}", target(dialog)),
            Fork::Lost(dialog) => format!("lost {}", target(dialog)),
            Fork::Repeated => "repeated".into(),
            Fork::TooMany => "too many".into(),
            Fork::Unusable(fault) => fault.to_string(),
        }
    }

    #[test]
    fn each_branch_has_its_dialog_and_the_first_2xx_wins() {
        let (mut forks, mut out) = (Forks::new(b"sip:b@h", false), Outbox::default());
        let x1 = "Contact: <sip:x1>\r\n";
        assert_eq!(hear(&mut forks, &response(100, "", ""), &mut out), "none");
        assert_eq!(hear(&mut forks, &response(180, "", x1), &mut out), "none");
        assert_eq!(hear(&mut forks, &response(180, "x", x1), &mut out), "early sip:x1 true");
        assert_eq!(hear(&mut forks, &response(183, "x", x1), &mut out), "early sip:x1 false");
        // Without Contact the request URI stays the target.
        assert_eq!(hear(&mut forks, &response(180, "y", ""), &mut out), "early sip:b@h true");
        assert_eq!(hear(&mut forks, &response(404, "z", ""), &mut out), "none");
        let bad = hear(&mut forks, &response(180, "q", "Contact: *\r\n"), &mut out);
        assert_eq!(bad, "Bad Contact header");
        // The 2xx brings the target that counts.
        let y = response(200, "y", "Contact: <sip:y2>\r\n");
        assert_eq!(hear(&mut forks, &y, &mut out), "won sip:y2");
        assert_eq!(hear(&mut forks, &y, &mut out), "repeated");
        assert!(out.is_empty(), "no ACK was sent yet");
        let to = Destination {
            transport: TransportId(0),
            protocol: Protocol::Udp,
            flow: FlowId::DATAGRAM,
            remote: ([127, 0, 0, 1], 5060).into(),
            local: None,
        };
        forks.acknowledged(b"y", SentAck::new(to, b"ACK y"));
        assert_eq!(hear(&mut forks, &y, &mut out), "repeated");
        assert_eq!(out.last_bytes(), b"ACK y");
        let x = response(200, "x", "Contact: <sip:x2>\r\n");
        assert_eq!(hear(&mut forks, &x, &mut out), "lost sip:x2");
        assert_eq!(hear(&mut forks, &x, &mut out), "repeated");
        assert_eq!(hear(&mut forks, &response(200, "w", x1), &mut out), "lost sip:x1");
        assert_eq!(forks.winner().map(Dialog::target), Some(&b"sip:y2"[..]));
        assert_eq!(forks.dialogs().count(), 3);
        assert!(forks.dialog_mut(b"x").is_some() && forks.dialog_mut(b"q").is_none());
    }

    #[test]
    fn a_flood_of_branches_is_bounded() {
        let (mut forks, mut out) = (Forks::new(b"sip:b@h", false), Outbox::default());
        for n in 0..limits::FORKS {
            let text = response(180, &format!("t{n}"), "");
            assert_eq!(hear(&mut forks, &text, &mut out), "early sip:b@h true");
        }
        assert_eq!(hear(&mut forks, &response(200, "one-more", ""), &mut out), "too many");
        assert_eq!(hear(&mut forks, &response(200, "t3", ""), &mut out), "won sip:b@h");
    }
}
