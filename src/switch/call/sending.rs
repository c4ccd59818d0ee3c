//! Digits that are sent one after the other: `SendDTMF`, option `D` of `Dial`, digits of a bridge passed by INFO.

use super::channel::ChannelId;
use crate::base::limits::DIGITS_QUEUED;
use crate::base::time::{Moment, Now};
use crate::config::model::endpoint_words::DtmfMode;
use crate::rtp::Digit;
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use std::collections::VecDeque;
use std::time::Duration;

/// Digits of a channel that are still to be sent.
#[derive(Debug)]
pub(super) struct Sending {
    left: VecDeque<char>,
    /// When the next one goes.
    pub next: Moment,
    pause: Duration,
    length: Duration,
}

impl Sending {
    fn time_of(&self, c: char) -> Duration {
        match c {
            'w' => Duration::from_millis(500),
            'W' => Duration::from_secs(1),
            // A flash has no length of ours: the phone's INFO says it.
            'f' | 'F' => self.pause,
            _ => self.pause + self.length,
        }
    }

    fn end(&self) -> Moment {
        self.left.iter().fold(self.next, |at, c| at + self.time_of(*c))
    }
}

impl Switch {
    /// Sends digits to a channel's phone as its `dtmf_mode` says, after those that are being sent: `w` waits half a
    /// second, `W` one. When they will all be out.
    pub(super) fn send_digits(
        &mut self,
        now: Now,
        id: ChannelId,
        digits: &str,
        (pause, length): (Duration, Duration),
        out: &mut Actions,
    ) -> Moment {
        let Some(channel) = self.media_of(id).and_then(|id| self.calls.channels.get_mut(&id)) else {
            return now.at;
        };
        let id = channel.id;
        let fresh = Sending { left: VecDeque::new(), next: now.at, pause, length };
        let sending = channel.sending.get_or_insert_with(|| Box::new(fresh));
        (sending.pause, sending.length) = (pause, length);
        let room = DIGITS_QUEUED.saturating_sub(sending.left.len());
        let known =
            |c: &char| matches!(c, '0'..='9' | '*' | '#' | 'a'..='d' | 'A'..='D' | 'f' | 'F' | 'w' | 'W');
        sending.left.extend(digits.chars().filter(known).take(room));
        let end = sending.end();
        let name = channel.name.clone();
        if let Some(unknown) = digits.chars().find(|c| !known(c)) {
            self.ears.log(out, Level::Warning, "app_senddtmf.c", || {
                format!("{name}: '{unknown}' in '{digits}' is no digit; it is left out")
            });
        }
        if digits.chars().filter(known).count() > room {
            self.ears.log(out, Level::Warning, "app_senddtmf.c", || {
                format!("{name}: more than {DIGITS_QUEUED} digits wait to be sent; the rest of '{digits}' is not sent")
            });
        }
        self.sending_due(now, id, out);
        end
    }

    /// Sends the digits whose time has come.
    pub(super) fn sending_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        for _ in 0..=DIGITS_QUEUED {
            let Some(channel) = self.calls.channels.get_mut(&id) else { return };
            let Some(sending) = channel.sending.as_mut().filter(|sending| sending.next <= now.at) else {
                break;
            };
            let Some(c) = sending.left.pop_front() else {
                channel.sending = None;
                break;
            };
            sending.next += sending.time_of(c);
            let length = sending.length;
            match c {
                'w' | 'W' => {}
                'f' | 'F' => self.send_flash(now, id, out),
                _ => self.send_digit(now, id, c.to_ascii_uppercase(), length, out),
            }
        }
        self.calls.touched.insert(id);
    }

    /// Hook flash: an INFO whatever `dtmf_mode` says.
    pub(super) fn send_flash(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(id) = self.media_of(id) else { return };
        // A call that is ending sends no more.
        let _ = self.with_session(now, id, out, |session, cx| session.flash(cx));
    }

    /// One digit: an RFC 4733 event where they are agreed and wanted, else INFO or tones.
    pub(super) fn send_digit(
        &mut self,
        now: Now,
        id: ChannelId,
        c: char,
        length: Duration,
        out: &mut Actions,
    ) {
        let Some(channel) = self.media_of(id).and_then(|id| self.calls.channels.get(&id)) else { return };
        let id = channel.id;
        let mode = channel.dtmf_mode();
        let audio = channel.session.as_ref().and_then(|session| session.agreement()?.audio());
        let events = audio.is_some_and(|audio| !audio.events.is_empty());
        let in_media = matches!(mode, DtmfMode::Rfc4733 | DtmfMode::Auto | DtmfMode::AutoInfo) && events;
        let port =
            channel.slots.iter().find(|slot| matches!(slot.state, super::ports::SlotState::Open { .. }));
        if let (true, Some(digit), Some(slot)) = (in_media, Digit::from_char(c), port) {
            out.queue.push(Action::Media(crate::bridge::Plan::SendDigit {
                port: slot.port,
                digit,
                press: length,
            }));
        } else if matches!(mode, DtmfMode::Info | DtmfMode::AutoInfo) {
            let millis = u32::try_from(length.as_millis()).unwrap_or(u32::MAX);
            self.with_session(now, id, out, |session, cx| session.dtmf_info(cx, c, millis));
        } else if matches!(mode, DtmfMode::Inband | DtmfMode::Auto) {
            self.send_tones(id, c, length, out);
        }
    }
}
