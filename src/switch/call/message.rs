//! MESSAGE (RFC 3428). One that comes in outside a dialog is accepted and runs a dialplan of its own, on a channel
//! without media; `MESSAGE()` and `MESSAGE_DATA()` read it, `MessageSend` sends one on. Inside a call text goes from leg
//! to leg, and `SendText` and `ReceiveText` take part.
//!
//! ```text
//! MESSAGE ─ 415, 404, 503 or 202 ─► Channel "Message/ast_msg_queue" ─ dialplan ─ MessageSend ─► trunks::sending
//! ```

use super::Work;
use super::channel::{Channel, ChannelId, Doing, Side, State, Way};
use super::functions::{Answer, failed};
use super::host::ChannelHost;
use crate::base::limits;
use crate::base::time::{Moment, Now};
use crate::dialplan::host::Unavailable;
use crate::dialplan::{Match, Outcome, Place, Program, Query};
use crate::session::Own;
use crate::sip::method::Method;
use crate::sip::wire::multipart::is_media_type;
use crate::sip::wire::{Header, NameAddr, text};
use crate::switch::Switch;
use crate::switch::inbound::Admitted;
use crate::switch::io::Actions;
use crate::switch::trunks::{Letter, Notice};
use crate::switch::view::{Level, Reply};
use std::time::Duration;

const MESSAGING: &str = "res_pjsip_messaging.c";

/// The message that a channel's dialplan reads and writes.
#[derive(Clone, Debug, Default)]
pub(super) struct TextMessage {
    to: String,
    from: String,
    body: String,
    /// Name, value, and whether it goes out with `MessageSend`: what the dialplan has set does.
    data: Vec<(String, String, bool)>,
}

impl TextMessage {
    fn datum(&self, name: &str) -> Option<&str> {
        let found = self.data.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value, _)| value.as_str())
    }

    fn set_datum(&mut self, name: &str, value: &str) -> Result<(), Unavailable> {
        let full = self.data.len() >= limits::MESSAGE_DATA;
        match self.data.iter_mut().find(|(known, ..)| known.eq_ignore_ascii_case(name)) {
            Some(datum) => (datum.1, datum.2) = (value.to_owned(), true),
            None if full => {
                return Err(failed("the message has too many data already"));
            }
            None => self.data.push((name.to_owned(), value.to_owned(), true)),
        }
        Ok(())
    }
}

impl Switch {
    /// A MESSAGE outside any dialog.
    pub(in crate::switch) fn message(&mut self, now: Now, admitted: &Admitted<'_, '_>, out: &mut Actions) {
        let mut inbound = *admitted.request();
        if !self.begin(now, &mut inbound, out) {
            return;
        }
        let endpoint = admitted.endpoint();
        let kind = inbound.message.header(Header::ContentType).unwrap_or_default();
        if !is_media_type(kind, "text/plain") {
            return self.answer(&inbound, (415, ""), out, |_, writer| {
                writer.header(Header::Accept, b"text/plain");
            });
        }
        let Ok(uri) = inbound.message.uri() else { return self.refuse(&inbound, (416, ""), out) };
        let exten = self.dialled_user(&uri);
        let context = endpoint.message_context().clone();
        let query = Query { context: &context, exten: &exten, caller: "", now: now.wall };
        if self.calls.plan.find(query) != Match::Found {
            self.ears.log(out, Level::Notice, MESSAGING, || {
                let name = &endpoint.name;
                format!("MESSAGE of endpoint '{name}' refused: extension '{exten}' not found in context '{context}'")
            });
            return self.refuse(&inbound, (404, ""), out);
        }
        if self.calls.channels.len() >= limits::CHANNELS {
            return self.overloaded(&inbound, out);
        }
        self.refuse(&inbound, (202, ""), out);
        let way = Way {
            transport: inbound.arrival.transport,
            flow: inbound.arrival.flow,
            remote: inbound.arrival.source,
            local: self.own_address(&inbound.arrival),
        };
        let message = message_of(&inbound);
        let id = self.new_channel(now, endpoint.clone(), way, Side::Caller);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.name = QUEUE.into();
        channel.state = State::Up;
        channel.answered = Some(now.at);
        channel.dialled = exten.as_str().into();
        channel.text = Some(Box::new(message));
        channel.program = Some(Program::new(Place::new(&context, &exten, 1)));
        let set = endpoint.extra().set_var.iter().map(|(name, value)| (&**name, &**value));
        self.set_variables(id, set, out);
        self.calls.work.push_back(Work::Run(id));
        self.calls.touched.insert(id);
        self.settle(now, out);
    }

    /// Text inside a call: to the dialplan that waits for it, else to the other leg.
    pub(super) fn text_heard(
        &mut self,
        now: Now,
        id: ChannelId,
        (content_type, body): (&[u8], &[u8]),
        out: &mut Actions,
    ) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if matches!(channel.doing, Doing::Text(_)) {
            if let Some(program) = &mut channel.program {
                // Without room for it the application's status says so.
                let kept = program.set_variable("RECEIVETEXTMESSAGE", &String::from_utf8_lossy(body));
                let status = if kept.is_ok() { "SUCCESS" } else { "FAILURE" };
                self.resume(id, Outcome::Status(status.into()));
            }
            return;
        }
        if let Some(partner) = self.partner(id) {
            self.send_text(now, partner, (content_type, body), out);
        }
    }

    fn send_text(
        &mut self,
        now: Now,
        id: ChannelId,
        (content_type, body): (&[u8], &[u8]),
        out: &mut Actions,
    ) -> bool {
        let content_type = String::from_utf8_lossy(content_type);
        let own = Own { method: Method::Message, content_type: &content_type, body, extra: b"" };
        self.with_session(now, id, out, |session, cx| session.send(cx, &own)).is_some_and(|sent| sent.is_ok())
    }

    /// `MessageSend`, `SendText`, `ReceiveText`; `None` for another application.
    pub(super) fn text_application(
        &mut self,
        now: Now,
        id: ChannelId,
        (application, arguments): (&str, &str),
        out: &mut Actions,
    ) -> Option<Option<Outcome>> {
        let status = |word: &str| Some(Some(Outcome::Status(word.to_owned())));
        match application {
            "MessageSend" => {
                let word = self.message_send(now, id, arguments, out);
                status(word)
            }
            "SendText" => {
                let (kind, body) = self.text_to_send(id, arguments)?;
                let up = self.calls.channels.get(&id).is_some_and(Channel::is_up);
                let sent = up && self.send_text(now, id, (kind.as_bytes(), body.as_bytes()), out);
                status(if sent { "SUCCESS" } else { "FAILURE" })
            }
            "ReceiveText" => {
                let secs = arguments.trim().parse::<u64>().ok().filter(|secs| *secs > 0);
                let until = secs.map(|secs| now.at + Duration::from_secs(secs.min(86_400)));
                Some(self.wait(id, Doing::Text(until)))
            }
            "PJSIPNotify" => {
                let name = self.calls.channels.get(&id)?.name.clone();
                self.notify_application(now, (&name, arguments), out);
                Some(Some(Outcome::Done))
            }
            _ => None,
        }
    }

    /// A NOTIFY in a call's dialog.
    pub(in crate::switch) fn notify_channel(
        &mut self,
        now: Now,
        (name, notice): (&str, &Notice),
        out: &mut Actions,
    ) -> Result<(), String> {
        let id = self.channel_named(name).ok_or_else(|| format!("There is no channel {name}"))?;
        let (content_type, body) = notice.body().unwrap_or_default();
        let own = Own { method: Method::Notify, content_type, body, extra: notice.lines() };
        let sent = self.with_session(now, id, out, |session, cx| session.send(cx, &own).map(drop));
        let result = match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(format!("{name}: {why}")),
            None => Err(format!("{name} has no SIP session")),
        };
        self.settle(now, out);
        result
    }

    /// Type and text of `SendText`: its argument, else `SENDTEXT_BODY`.
    fn text_to_send(&self, id: ChannelId, arguments: &str) -> Option<(String, String)> {
        let variables = self.calls.channels.get(&id)?.program.as_ref()?.variables();
        let variable = |name: &str| variables.value(name).unwrap_or_default().to_owned();
        let body = if arguments.is_empty() { variable("SENDTEXT_BODY") } else { arguments.to_owned() };
        let kind = variable("SENDTEXT_TYPE");
        Some((if kind.is_empty() { "text/plain".to_owned() } else { kind }, body))
    }

    fn message_send(&mut self, now: Now, id: ChannelId, arguments: &str, out: &mut Actions) -> &'static str {
        let mut parts = arguments.splitn(3, ',').map(str::trim);
        let (to, from, header) = (
            parts.next().unwrap_or_default().to_owned(),
            parts.next().unwrap_or_default().to_owned(),
            parts.next().unwrap_or_default().to_owned(),
        );
        let Some(channel) = self.calls.channels.get(&id) else { return "FAILURE" };
        let Some(message) = channel.text.as_deref() else {
            self.ears.log(out, Level::Warning, "message.c", || {
                "MessageSend: the channel has no message; set MESSAGE(body) first".to_owned()
            });
            return "FAILURE";
        };
        let Some(resource) = to.strip_prefix("pjsip:") else {
            self.ears.log(out, Level::Error, "message.c", || {
                format!("MessageSend: '{to}' is not of the form pjsip:destination")
            });
            return "INVALID_PROTOCOL";
        };
        let letter = message.letter(resource, &from, &header);
        match self.send_letter(now, letter, out) {
            Ok(()) => "SUCCESS",
            Err(why) => {
                self.ears.log(out, Level::Warning, MESSAGING, || format!("MessageSend to '{to}': {why}"));
                "INVALID_URI"
            }
        }
    }

    /// `message send`: an administrator's own words.
    pub(in crate::switch) fn order_message(
        &mut self,
        now: Now,
        (to, from, body): (&str, &str, &str),
        out: &mut Actions,
    ) -> Reply {
        let resource = to.strip_prefix("pjsip:").unwrap_or(to);
        let message = TextMessage { body: body.to_owned(), ..TextMessage::default() };
        match self.send_letter(now, message.letter(resource, from, ""), out) {
            Ok(()) => {
                Reply::Done(format!("MESSAGE to '{resource}' is on its way; the log tells if it fails"))
            }
            Err(why) => Reply::Refused(why),
        }
    }
}

impl TextMessage {
    /// The request that sends it; of its data what the dialplan has set, but no header that we write.
    fn letter(&self, resource: &str, from: &str, to: &str) -> Letter {
        let mut lines = Vec::new();
        let own = |name: &str| OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name));
        for (name, value, _) in self.data.iter().filter(|(name, _, out)| *out && !own(name)) {
            if text::is_token(name.as_bytes()) {
                let value = value.replace(['\r', '\n'], " ");
                lines.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        let kind = self.data.iter().find(|(name, _, out)| *out && name.eq_ignore_ascii_case("Content-Type"));
        Letter {
            resource: resource.to_owned(),
            from: from.strip_prefix("pjsip:").unwrap_or(from).to_owned(),
            to: to.to_owned(),
            lines,
            content_type: kind.map_or_else(|| "text/plain".to_owned(), |(_, value, _)| value.clone()),
            body: self.body.clone().into_bytes(),
        }
    }
}

impl ChannelHost<'_> {
    /// `MESSAGE(field)` and `MESSAGE_DATA(name)`; `None` for another function.
    pub(super) fn read_message(&self, function: &str, argument: &str) -> Option<Answer> {
        if !matches!(function, "MESSAGE" | "MESSAGE_DATA") {
            return None;
        }
        let Some(message) = self.channel().and_then(|channel| channel.text.as_deref()) else {
            return Some(Err(failed("the channel has no message")));
        };
        Some(match (function, argument.trim()) {
            ("MESSAGE_DATA", name) => Ok(message.datum(name).unwrap_or_default().to_owned()),
            (_, "to") => Ok(message.to.clone()),
            (_, "from") => Ok(message.from.clone()),
            (_, "body") => Ok(message.body.clone()),
            (_, other) => Err(failed(format!("there is no field '{other}': to, from or body"))),
        })
    }

    /// The same for writing. A channel without a message gets one.
    pub(super) fn write_message(
        &mut self,
        function: &str,
        argument: &str,
        value: &str,
    ) -> Option<Result<(), Unavailable>> {
        if !matches!(function, "MESSAGE" | "MESSAGE_DATA") {
            return None;
        }
        let Some(channel) = self.channel_mut() else { return Some(Err(failed("the channel is gone"))) };
        let message = channel.text.get_or_insert_default();
        match (function, argument.trim()) {
            ("MESSAGE_DATA", name) => return Some(message.set_datum(name, value)),
            (_, "to") => value.clone_into(&mut message.to),
            (_, "from") => value.clone_into(&mut message.from),
            (_, "body") => value.clone_into(&mut message.body),
            (_, other) => return Some(Err(failed(format!("there is no field '{other}': to, from or body")))),
        }
        Some(Ok(()))
    }
}

/// Whether `ReceiveText` has waited long enough.
pub(super) fn receive_is_over(doing: &Doing, now: Moment) -> bool {
    matches!(doing, Doing::Text(Some(until)) if *until <= now)
}

fn message_of(inbound: &crate::switch::inbound::Inbound<'_>) -> TextMessage {
    let message = &inbound.message;
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let to = lossy(inbound.envelope.to.uri_text);
    let from = &inbound.envelope.from;
    let from = match from.display_text() {
        name if name.is_empty() => format!("<{}>", lossy(from.uri_text)),
        name => format!("\"{name}\" <{}>", lossy(from.uri_text)),
    };
    let mut data = vec![
        ("PJSIP_RECVADDR".to_owned(), inbound.arrival.source.to_string(), false),
        ("PJSIP_TRANSPORT".to_owned(), inbound.arrival.protocol.via_token().to_owned(), false),
    ];
    for (name, value) in message.lines().take(limits::MESSAGE_DATA) {
        data.push((lossy(name.trim_ascii()), lossy(value.trim_ascii()), false));
    }
    TextMessage { to: format!("pj{to}"), from, body: lossy(message.body()), data }
}

impl Letter {
    /// The URI of `from` with its display name, when it is one.
    pub(in crate::switch) fn sender(&self) -> Option<String> {
        let address = NameAddr::parse(self.from.as_bytes()).ok()?;
        address.uri().ok().filter(|uri| uri.is_sip())?;
        let uri = String::from_utf8_lossy(address.uri_text);
        Some(match address.display_text() {
            name if name.is_empty() => format!("<{uri}>"),
            name => format!("\"{}\" <{uri}>", name.replace(['"', '\\'], "")),
        })
    }
}

/// Asterisk's name of the channel that runs messages.
pub(super) const QUEUE: &str = "Message/ast_msg_queue";

/// Headers of a MESSAGE that we write ourselves.
const OWN_HEADERS: [&str; 13] = [
    "To",
    "From",
    "Via",
    "Route",
    "Contact",
    "Call-ID",
    "CSeq",
    "Allow",
    "Content-Length",
    "Content-Type",
    "Max-Forwards",
    "Record-Route",
    "Request-URI",
];
