//! One dialog: what RFC 3261 12.1 says each side must remember, and what 12.2 says it is for.

use super::id::{DialogId, DialogKey};
use crate::base::digits::push_decimal;
use crate::sip::method::Method;
use crate::sip::wire::{Contact, Envelope, Fault, Header, Message, NameAddr, Uri, Writer};

/// Which side made the request that made the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// We sent it.
    Uac,
    /// We received it.
    Uas,
}

/// How far a dialog is. One that has ended is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// By a provisional response.
    Early,
    /// By a 2xx.
    Confirmed,
}

/// What to make of a request inside a dialog (RFC 3261 12.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// Its turn.
    InOrder,
    /// Its CSeq is not above the last one's: answer 500.
    OutOfOrder,
}

/// A dialog. All texts are the peer's or ours as they stood on the wire.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    role: Role,
    phase: Phase,
    /// Our From, the peer's To: whole values, tags included.
    local: Box<[u8]>,
    remote: Box<[u8]>,
    /// The peer's Contact URI.
    target: Box<[u8]>,
    /// Route values in the order we send them.
    routes: Vec<Box<[u8]>>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    secure: bool,
}

impl Dialog {
    /// The dialog that a response of ours with `local_tag` makes (RFC 3261 12.1.1). `over_tls` says how the request
    /// came. `first_cseq` is the number our first request inside it will carry.
    ///
    /// # Errors
    /// When the request's Contact is missing or unusable.
    pub fn from_request(
        request: &Message<'_>,
        envelope: &Envelope<'_>,
        local_tag: &[u8],
        over_tls: bool,
        first_cseq: u32,
    ) -> Result<Dialog, Fault> {
        let id = DialogId::new(DialogKey {
            call_id: envelope.call_id,
            local_tag,
            remote_tag: envelope.from.tag().unwrap_or_default(),
        });
        let to = request.header(Header::To).ok_or(Fault::Missing(Header::To))?;
        let mut local = one_line(to);
        if envelope.to.tag().is_none() {
            local.extend_from_slice(b";tag=");
            local.extend_from_slice(local_tag);
        }
        let from = request.header(Header::From).ok_or(Fault::Missing(Header::From))?;
        Ok(Dialog {
            id,
            role: Role::Uas,
            phase: Phase::Early,
            local: local.into(),
            remote: one_line(from).into(),
            target: contact_uri(request)?.ok_or(Fault::Missing(Header::Contact))?.into(),
            routes: request.values(Header::RecordRoute).map(|value| one_line(value).into()).collect(),
            local_cseq: first_cseq.wrapping_sub(1) & CSEQ_MAX,
            remote_cseq: Some(envelope.cseq.number),
            secure: over_tls && is_sips(request.uri_text()),
        })
    }

    /// The dialog that a response to our request makes (RFC 3261 12.1.2). `request_uri` is what we sent it to: the
    /// target, when a careless peer leaves out its Contact. `None` when the response has no To tag.
    ///
    /// # Errors
    /// When its Contact is unusable.
    pub fn from_response(
        response: &Message<'_>,
        envelope: &Envelope<'_>,
        request_uri: &[u8],
        over_tls: bool,
    ) -> Result<Option<Dialog>, Fault> {
        let Some(key) = DialogKey::of_response(envelope) else { return Ok(None) };
        let mut routes = record_routes(response);
        routes.reverse();
        Ok(Some(Dialog {
            id: DialogId::new(key),
            role: Role::Uac,
            phase: if response.status().is_some_and(|code| code >= 200) {
                Phase::Confirmed
            } else {
                Phase::Early
            },
            local: response.header(Header::From).map(one_line).unwrap_or_default().into(),
            remote: response.header(Header::To).map(one_line).unwrap_or_default().into(),
            target: contact_uri(response)?.unwrap_or(request_uri).into(),
            routes,
            local_cseq: envelope.cseq.number,
            remote_cseq: None,
            secure: over_tls && is_sips(request_uri),
        }))
    }

    /// Confirms an early dialog of ours by its 2xx, whose Record-Route and Contact replace those of the provisional
    /// response (RFC 3261 13.2.2.4). A dialog of the other role is confirmed by the 2xx we send: `response` is `None`.
    pub fn confirm(&mut self, response: Option<&Message<'_>>) {
        if let (Some(response), Phase::Early, Role::Uac) = (response, self.phase, self.role) {
            self.routes = record_routes(response);
            self.routes.reverse();
        }
        if let Some(response) = response {
            self.refresh_target(response);
        }
        self.phase = Phase::Confirmed;
    }

    /// Takes the Contact of a target refresh (INVITE, UPDATE, SUBSCRIBE, NOTIFY, and their 2xx) as new target. `false`
    /// when it has none or an unusable one: the old target stays.
    pub fn refresh_target(&mut self, message: &Message<'_>) -> bool {
        let Ok(Some(uri)) = contact_uri(message) else { return false };
        if uri != &*self.target {
            self.target = uri.into();
        }
        true
    }

    /// Replaces the target: the Contact was rewritten to the packet's source.
    pub fn set_target(&mut self, uri: &[u8]) {
        self.target = uri.into();
    }

    /// Replaces the URI of the first hop, whose Record-Route was rewritten to the packet's source. `false` when there
    /// is no route, or the text would not read as one.
    pub fn set_first_route(&mut self, uri: &[u8]) -> bool {
        let Some(first) = self.routes.first_mut() else { return false };
        if Uri::parse(uri).is_err() {
            return false;
        }
        *first = [b"<", uri, b">"].concat().into();
        true
    }

    /// Judges a request inside this dialog by its CSeq and takes note of it. ACK and CANCEL carry the number of what
    /// they belong to and change nothing.
    pub fn receive(&mut self, envelope: &Envelope<'_>) -> Incoming {
        if matches!(envelope.cseq.method, Method::Ack | Method::Cancel) {
            return Incoming::InOrder;
        }
        if self.remote_cseq.is_some_and(|last| envelope.cseq.number <= last) {
            return Incoming::OutOfOrder;
        }
        self.remote_cseq = Some(envelope.cseq.number);
        Incoming::InOrder
    }

    /// Starts the next request, numbered one above the last: request line, Route, Max-Forwards, From, To, Call-ID,
    /// CSeq. Via and Contact are the transaction's. The caller adds what the method needs and finishes.
    pub fn request<'b>(&mut self, out: &'b mut Vec<u8>, method: &str, max_forwards: u32) -> Writer<'b> {
        // Past 2^31 - 1 there is no number left; a dialog would have to send for 68 years at one per second.
        self.local_cseq = (self.local_cseq + 1) & CSEQ_MAX;
        self.numbered(out, (method, self.local_cseq), max_forwards)
    }

    /// Starts the ACK of a 2xx to the INVITE with that number (RFC 3261 13.2.2.4).
    pub fn ack<'b>(&self, out: &'b mut Vec<u8>, invite_cseq: u32, max_forwards: u32) -> Writer<'b> {
        self.numbered(out, ("ACK", invite_cseq), max_forwards)
    }

    fn numbered<'b>(
        &self,
        out: &'b mut Vec<u8>,
        (method, cseq): (&str, u32),
        max_forwards: u32,
    ) -> Writer<'b> {
        let (uri, strict) = self.request_uri();
        let mut writer = Writer::request(out, method.as_bytes(), uri);
        // A strict router takes its place in the request line, and the target goes to the end (RFC 3261 12.2.1.1).
        for route in self.routes.iter().skip(usize::from(strict)) {
            writer.header(Header::Route, route);
        }
        if strict {
            writer.pieces(Header::Route, &[b"<", &self.target, b">"]);
        }
        writer
            .number(Header::MaxForwards, max_forwards.into())
            .header(Header::From, &self.local)
            .header(Header::To, &self.remote)
            .header(Header::CallId, self.id.key().call_id);
        writer.begin(Header::CSeq.name());
        push_decimal(writer.raw(), cseq.into());
        writer.raw().push(b' ');
        writer.raw().extend_from_slice(method.as_bytes());
        writer.end();
        writer
    }

    /// The request URI, and whether it is a strict router's.
    fn request_uri(&self) -> (&[u8], bool) {
        match self.routes.first().and_then(|route| route_uri(route)) {
            Some(first) if !first.params.has(b"lr") => (without_headers(&first), true),
            _ => (&self.target, false),
        }
    }

    /// The URI that the line of the next request names: the target, or a strict router.
    pub fn line_uri(&self) -> &[u8] {
        self.request_uri().0
    }

    /// The URI whose address the next request goes to (RFC 3261 8.1.2): the first route, else the target.
    pub fn next_hop(&self) -> &[u8] {
        self.routes.first().and_then(|route| route_uri(route)).map_or(&self.target, |uri| uri.raw)
    }

    /// Its name.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Which side made it.
    pub fn role(&self) -> Role {
        self.role
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The peer's Contact URI.
    pub fn target(&self) -> &[u8] {
        &self.target
    }

    /// Route values in the order we send them.
    pub fn routes(&self) -> impl Iterator<Item = &[u8]> {
        self.routes.iter().map(|route| &**route)
    }

    /// Our From value, tag included.
    pub fn local(&self) -> &[u8] {
        &self.local
    }

    /// The peer's To value, tag included.
    pub fn remote(&self) -> &[u8] {
        &self.remote
    }

    /// The number of the last request we sent.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The number of the last request we received; `None` before the first.
    pub fn remote_cseq(&self) -> Option<u32> {
        self.remote_cseq
    }

    /// Whether it was made over TLS to a `sips:` URI.
    pub fn is_secure(&self) -> bool {
        self.secure
    }
}

/// RFC 3261 8.1.1.5.
const CSEQ_MAX: u32 = (1 << 31) - 1;

fn is_sips(uri: &[u8]) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"))
}

fn record_routes(message: &Message<'_>) -> Vec<Box<[u8]>> {
    message.values(Header::RecordRoute).map(|value| one_line(value).into()).collect()
}

/// The first Contact's URI, which must be one that a request can be sent to; `None` without a Contact.
fn contact_uri<'m>(message: &Message<'m>) -> Result<Option<&'m [u8]>, Fault> {
    match message.contacts().next() {
        None => Ok(None),
        Some(Ok(Contact::Address(address))) if address.uri().is_ok_and(|uri| uri.is_sip()) => {
            Ok(Some(address.uri_text))
        }
        Some(_) => Err(Fault::Value(Header::Contact)),
    }
}

/// The URI of a Route value; `None` when it does not read.
fn route_uri(route: &[u8]) -> Option<Uri<'_>> {
    NameAddr::parse(route).ok()?.uri().ok()
}

/// A URI as it may stand in a request line: without `?` headers.
fn without_headers<'u>(uri: &Uri<'u>) -> &'u [u8] {
    match uri.headers.len() {
        0 => uri.raw,
        headers => &uri.raw[..uri.raw.len() - headers - 1],
    }
}

/// A header value without its folds (RFC 3261 7.3.1).
pub(super) fn one_line(value: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(value.len());
    for part in value.split(|b| matches!(b, b'\r' | b'\n')) {
        let part = if line.is_empty() { part } else { part.trim_ascii_start() };
        if !part.is_empty() {
            if !line.is_empty() {
                line.push(b' ');
            }
            line.extend_from_slice(part);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::wire::Index;

    const INVITE: &str = "INVITE sips:b@h SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\n\
        Record-Route: <sip:p2;lr>,\r\n <sip:p1;lr;x=\",\">\r\nRecord-Route: <sip:p0;lr>\r\n\
        From: \"A, a\"\r\n <sip:a@h>;tag=aa\r\nTo: sip:b@h\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n\
        Contact: \"A\" <sip:a@10.0.0.1;transport=tls?x=y>;q=1\r\n\r\n";

    fn read<T>(text: &str, then: impl FnOnce(&Message<'_>, &Envelope<'_>) -> T) -> T {
        let mut index = Index::default();
        let message = index.scan(text.as_bytes()).expect("sound");
        let envelope = message.envelope().expect("whole");
        then(&message, &envelope)
    }

    fn uas() -> Dialog {
        read(INVITE, |m, e| Dialog::from_request(m, e, b"bb", true, 100)).expect("a dialog")
    }

    fn uac(record_route: &str) -> Dialog {
        let text = format!(
            "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n{record_route}From: <sip:us@h>;tag=u\r\n\
             To: <sip:b@h>;tag=r\r\nCall-ID: c2\r\nCSeq: 5 INVITE\r\nContact: <sip:b@10.0.0.2>\r\n\r\n"
        );
        read(&text, |m, e| Dialog::from_response(m, e, b"sip:b@h", false)).expect("sound").expect("a dialog")
    }

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("text")
    }

    /// RFC 3261 12.1.1. S3-37, S3-38: each side numbers its own requests.
    #[test]
    fn the_answering_side() {
        let mut d = uas();
        assert_eq!((d.role(), d.phase(), d.is_secure()), (Role::Uas, Phase::Early, true));
        assert_eq!(d.next_hop(), b"sip:p2;lr");
        d.confirm(None);
        assert_eq!((d.phase(), d.routes().count()), (Phase::Confirmed, 3));
        let bye = text(|out| d.request(out, "BYE", 70).finish());
        assert_eq!(
            bye,
            "BYE sip:a@10.0.0.1;transport=tls?x=y SIP/2.0\r\nRoute: <sip:p2;lr>\r\n\
             Route: <sip:p1;lr;x=\",\">\r\nRoute: <sip:p0;lr>\r\nMax-Forwards: 70\r\nFrom: sip:b@h;tag=bb\r\n\
             To: \"A, a\" <sip:a@h>;tag=aa\r\nCall-ID: c\r\nCSeq: 100 BYE\r\nContent-Length:  0\r\n\r\n"
        );
        assert!(text(|out| d.request(out, "INFO", 70).finish()).contains("CSeq: 101 INFO"));
        assert_eq!((d.local_cseq(), d.remote_cseq()), (101, Some(7)));
        let without = INVITE.replace("Contact:", "X-Contact:");
        let missing = read(&without, |m, e| Dialog::from_request(m, e, b"bb", true, 1)).map(|_| ());
        assert_eq!(missing, Err(Fault::Missing(Header::Contact)));
        let tel = INVITE.replace("<sip:a@10.0.0.1;transport=tls?x=y>", "<tel:1>");
        let unusable = read(&tel, |m, e| Dialog::from_request(m, e, b"bb", true, 1)).map(|_| ());
        assert_eq!(unusable, Err(Fault::Value(Header::Contact)));
    }

    /// RFC 3261 12.1.2: the route set is turned round, and the 2xx may change it.
    #[test]
    fn the_calling_side() {
        let mut d = uac("Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\n");
        assert_eq!((d.role(), d.phase(), d.is_secure()), (Role::Uac, Phase::Early, false));
        assert_eq!(d.routes().collect::<Vec<_>>(), [&b"<sip:p2;lr>"[..], b"<sip:p1;lr>"]);
        let ok = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nRecord-Route: <sip:p3;lr>\r\n\
                  From: <sip:us@h>;tag=u\r\nTo: <sip:b@h>;tag=r\r\nCall-ID: c2\r\nCSeq: 5 INVITE\r\n\
                  Contact: <sip:b@10.0.0.3>\r\n\r\n";
        read(ok, |m, _| d.confirm(Some(m)));
        assert_eq!((d.phase(), d.target()), (Phase::Confirmed, &b"sip:b@10.0.0.3"[..]));
        let ack = text(|out| d.ack(out, 5, 70).finish());
        assert!(ack.starts_with("ACK sip:b@10.0.0.3 SIP/2.0\r\nRoute: <sip:p3;lr>\r\n"), "{ack}");
        assert!(ack.contains("CSeq: 5 ACK\r\n"));
        assert!(text(|out| d.request(out, "INVITE", 70).finish()).contains("CSeq: 6 INVITE"));
        // A route set once confirmed is frozen; the target is not.
        read(&ok.replace("p3", "p9").replace("10.0.0.3", "10.0.0.4"), |m, _| d.confirm(Some(m)));
        assert_eq!((d.next_hop(), d.target()), (&b"sip:p3;lr"[..], &b"sip:b@10.0.0.4"[..]));
        let none = read(&ok.replace(";tag=r", ""), |m, e| Dialog::from_response(m, e, b"sip:b", false));
        assert!(none.expect("sound").is_none());
    }

    /// RFC 3261 12.2.1.1, second half.
    #[test]
    fn a_strict_router_stands_in_the_request_line() {
        let mut d = uac("Record-Route: <sip:p1;lr>, <sip:strict?a=b>\r\n");
        let info = text(|out| d.request(out, "INFO", 70).finish());
        assert!(
            info.starts_with("INFO sip:strict SIP/2.0\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:b@10.0.0.2>\r\n"),
            "{info}"
        );
        assert_eq!(d.next_hop(), b"sip:strict?a=b");
    }

    #[test]
    fn requests_out_of_order_are_found() {
        let mut d = uas();
        let mut receive = |method: &str, cseq: u32| {
            let text = INVITE.replace("CSeq: 7 INVITE", &format!("CSeq: {cseq} {method}"));
            let text = text.replacen("INVITE ", &format!("{method} "), 1);
            read(&text, |_, e| d.receive(e))
        };
        assert_eq!(receive("ACK", 7), Incoming::InOrder);
        assert_eq!(receive("CANCEL", 7), Incoming::InOrder);
        assert_eq!(receive("INFO", 7), Incoming::OutOfOrder);
        assert_eq!(receive("INFO", 6), Incoming::OutOfOrder);
        assert_eq!(receive("INFO", 9), Incoming::InOrder);
        assert_eq!(receive("INVITE", 8), Incoming::OutOfOrder);
        assert_eq!(receive("INVITE", 10), Incoming::InOrder);
        let mut d = uac("");
        assert_eq!(d.remote_cseq(), None);
        read(&INVITE.replace("CSeq: 7", "CSeq: 0"), |_, e| assert_eq!(d.receive(e), Incoming::InOrder));
        assert_eq!(d.remote_cseq(), Some(0));
    }

    #[test]
    fn nat_rewriting_reaches_target_and_first_route() {
        let mut d = uac("Record-Route: <sip:p1;lr>, <sip:10.0.0.9;lr>\r\n");
        assert!(d.set_first_route(b"sip:192.0.2.1:4000;lr"));
        assert!(!d.set_first_route(b"nonsense"));
        d.set_target(b"sip:b@192.0.2.2:4001");
        assert_eq!((d.next_hop(), d.target()), (&b"sip:192.0.2.1:4000;lr"[..], &b"sip:b@192.0.2.2:4001"[..]));
        assert_eq!(d.routes().last(), Some(&b"<sip:p1;lr>"[..]));
        let mut bare = uac("");
        assert!(!bare.set_first_route(b"sip:x"));
        read(&INVITE.replace("Contact: ", "Contact: <tel:1>, "), |m, _| assert!(!bare.refresh_target(m)));
        assert_eq!(bare.next_hop(), b"sip:b@10.0.0.2");
    }

    #[test]
    fn folds_become_blanks() {
        assert_eq!(one_line(b"a\r\n b\n\t c"), b"a b c");
        assert_eq!(one_line(b" plain "), b" plain ");
    }
}
