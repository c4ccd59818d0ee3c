//! Another parser's reading of every message, written by other people from the same RFCs: where the two differ, the
//! difference is known and explained.

use super::corpus;
use jackfield::sip::wire::{self, Contact, Fault, Header, Index, Start, Uri};
use sipx_sip::headers::ContactValue;
use sipx_sip::{CSeq, CallId, Finding, Host, Limits, Message, Scheme, Via, headers};

/// What both must see alike.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    start: String,
    request_uri: Parts,
    branch: String,
    sent_by: (String, Option<u16>),
    transport: String,
    vias: usize,
    from: Parts,
    from_tag: Option<String>,
    to: Parts,
    to_tag: Option<String>,
    call_id: String,
    cseq: (u32, String),
    contacts: Vec<Parts>,
    body: Vec<u8>,
}

/// Parts of a URI; for one that is not SIP, its scheme alone.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    scheme: String,
    user: Option<String>,
    host: String,
    port: Option<u16>,
    params: Vec<(String, Option<String>)>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn our_parts(uri: &Uri<'_>) -> Parts {
    let scheme = text(uri.raw).split(':').next().unwrap_or_default().to_ascii_lowercase();
    if !uri.is_sip() {
        return Parts { scheme, ..Parts::default() };
    }
    Parts {
        scheme,
        user: uri.user.map(text),
        host: uri.host.to_string().to_ascii_lowercase(),
        port: uri.port,
        params: uri.params.iter().map(|(name, value)| (text(name), value.map(text))).collect(),
    }
}

fn ours(bytes: &[u8]) -> Result<Reading, Fault> {
    let mut index = Index::default();
    let message = index.scan(bytes)?;
    let (envelope, start, request_uri) = match message.start() {
        Start::Request { method_text, .. } => {
            (wire::check_request(&message)?, text(method_text), our_parts(&message.uri().expect("checked")))
        }
        Start::Response { code, reason } => {
            (message.envelope()?, format!("{code} {}", text(reason)), Parts::default())
        }
    };
    let mut contacts = Vec::new();
    for contact in message.contacts() {
        contacts.push(match contact? {
            Contact::Star => Parts { scheme: "*".into(), ..Parts::default() },
            Contact::Address(a) => our_parts(&a.uri().map_err(|_| Fault::Value(Header::Contact))?),
        });
    }
    Ok(Reading {
        start,
        request_uri,
        branch: text(envelope.via.branch().unwrap_or_default()),
        sent_by: (envelope.via.host.to_string().to_ascii_lowercase(), envelope.via.port),
        transport: text(envelope.via.protocol_text),
        vias: message.values(Header::Via).count(),
        from: our_parts(&envelope.from_uri),
        from_tag: envelope.from.tag().map(text),
        to: our_parts(&envelope.to_uri),
        to_tag: envelope.to.tag().map(text),
        call_id: text(envelope.call_id),
        cseq: (envelope.cseq.number, text(envelope.cseq.method_text)),
        contacts,
        body: message.body().to_vec(),
    })
}

fn host(host: &Host) -> String {
    match host {
        Host::Name(name) => text(name.as_bytes()).to_ascii_lowercase(),
        Host::Ip(std::net::IpAddr::V6(ip)) => format!("[{ip}]"),
        Host::Ip(ip) => ip.to_string(),
    }
}

fn their_parts(uri: &sipx_sip::Uri) -> Parts {
    let scheme = text(uri.scheme().as_bytes()).to_ascii_lowercase();
    if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
        return Parts { scheme, ..Parts::default() };
    }
    let params = uri
        .params()
        .map(|params| params.iter().map(|p| (text(p.name()), p.value().map(text))).collect::<Vec<_>>());
    Parts {
        scheme,
        user: uri.user().map(text),
        host: uri.host().map(host).unwrap_or_default(),
        port: uri.port(),
        params: params.unwrap_or_default(),
    }
}

fn theirs(bytes: &[u8]) -> Result<Reading, String> {
    let say = |what: &str, error: &dyn std::fmt::Debug| format!("{what}: {error:?}");
    let message =
        sipx_sip::parse_datagram(bytes.to_vec().into(), &Limits::datagram()).map_err(|e| say("parse", &e))?;
    let findings: Vec<Finding> =
        sipx_sip::validate(&message).into_iter().filter(|f| !f.is_repairable()).collect();
    if !findings.is_empty() {
        return Err(say("validate", &findings));
    }
    let (start, request_uri) = match &message {
        Message::Request(r) => (text(r.method.as_bytes()), their_parts(&r.uri)),
        Message::Response(r) => (format!("{} {}", r.status.code(), text(&r.reason)), Parts::default()),
    };
    let all = message.headers();
    let vias: Vec<Via> = all.typed_all::<Via>().collect::<Result<_, _>>().map_err(|e| say("Via", &e))?;
    let via = vias.first().ok_or("no Via")?;
    let from = all.typed::<headers::From>().ok_or("no From")?.map_err(|e| say("From", &e))?;
    let to = all.typed::<headers::To>().ok_or("no To")?.map_err(|e| say("To", &e))?;
    let call_id = all.typed::<CallId>().ok_or("no Call-ID")?.map_err(|e| say("Call-ID", &e))?;
    let cseq = all.typed::<CSeq>().ok_or("no CSeq")?.map_err(|e| say("CSeq", &e))?;
    let mut contacts = Vec::new();
    for contact in all.typed_all::<ContactValue>() {
        contacts.push(match contact.map_err(|e| say("Contact", &e))? {
            ContactValue::Wildcard => Parts { scheme: "*".into(), ..Parts::default() },
            ContactValue::Address(a) => their_parts(&a.uri),
        });
    }
    Ok(Reading {
        start,
        request_uri,
        branch: text(via.branch().unwrap_or_default()),
        sent_by: (host(&via.host), via.port),
        transport: text(&via.transport),
        vias: vias.len(),
        from: their_parts(&from.uri),
        from_tag: from.tag().map(text),
        to: their_parts(&to.uri),
        to_tag: to.tag().map(text),
        call_id: text(&call_id.0),
        cseq: (cseq.sequence, text(cseq.method.as_bytes())),
        contacts,
        body: message.body().to_vec(),
    })
}

/// Messages the two read differently, and why.
const KNOWN: &[(&str, &str)] = &[
    ("messages/leading_crlf", "RFC 3261 7.5: empty lines before the start line are ignored"),
    ("messages/lf_only", "bare line feeds: no RFC's, and read by everyone in the field"),
    ("messages/uri_hash_user", "`*98#1` is what phones send when it is dialled"),
    ("messages/via_ws_slashes", "RFC 3261 25.1: blanks may stand around the slashes and the colon of a Via"),
    ("rfc4475/badaspec.dat", "RFC 4475 3.1.2.14: reading the URI without the blanks around it is allowed"),
    ("rfc4475/escruri.dat", "RFC 4475 3.1.2.11: the headers in the request URI may be passed over"),
    ("rfc4475/lwsstart.dat", "RFC 4475 3.1.2.9: more than one blank in a request line may be forgiven"),
    ("rfc4475/trws.dat", "RFC 4475 3.1.2.10: so may blanks at its end"),
    ("rfc4475/regbadct.dat", "RFC 4475 3.1.2.13: the missing brackets may be supplied"),
];

#[test]
fn another_parser_reads_the_same() {
    let (mut faults, mut same, mut stale) = (Vec::new(), 0, Vec::new());
    for sample in corpus::all() {
        let known = KNOWN.iter().any(|(name, _)| *name == sample.name);
        let difference = match (ours(&sample.bytes), theirs(&sample.bytes)) {
            (Ok(ours), Ok(theirs)) if ours == theirs => None,
            (Ok(ours), Ok(theirs)) => Some(format!("read differently:\n    {ours:?}\n    {theirs:?}")),
            (Err(_), Err(_)) => None,
            (Ok(_), Err(theirs)) => Some(format!("only they refuse: {theirs}")),
            (Err(ours), Ok(_)) => Some(format!("only we refuse: {ours}")),
        };
        match difference {
            Some(difference) if !known => faults.push(format!("{}: {difference}", sample.name)),
            None if known => stale.push(sample.name),
            None => same += 1,
            Some(_) => {}
        }
    }
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
    assert!(stale.is_empty(), "no longer different: {stale:?}");
    assert!(same >= 60, "only {same} messages compared");
}
