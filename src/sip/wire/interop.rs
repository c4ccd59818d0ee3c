//! Messages as the types of the crate `rsip`, and back, for programs that embed the library and speak those (feature
//! `rsip`). They are built from our reading, field by field, never by that crate's own parser, and printed by our
//! writer: a binary body stays binary and an IPv6 host keeps its brackets.
//!
//! What its types cannot hold is an error, not a loss: methods it does not know, values that are no UTF-8, request URIs
//! of other schemes or with headers. A reason phrase that differs from its own is kept only for codes it does not know.

use super::header::Header;
use super::message::{Message, Start};
use super::print::Writer;
use super::scan::{Fault, Index};
use super::text::{self, List};
use super::uri::{Host, Scheme, Uri};
use crate::sip::method::Method;
use rsip::headers::{UntypedHeader, untyped};
use std::fmt;

/// Why a message cannot be said in `rsip`'s types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsayable {
    /// Its list of methods is closed, and this one is not on it.
    Method,
    /// It holds `sip:` and `sips:` URIs without headers.
    RequestUri,
    /// Its values are text, and this one is not UTF-8.
    Text(Header),
}

impl fmt::Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsayable::Method => f.write_str("rsip does not know this method"),
            Unsayable::RequestUri => f.write_str("rsip cannot hold this request URI"),
            Unsayable::Text(Header::Other) => f.write_str("a header value is not UTF-8"),
            Unsayable::Text(header) => write!(f, "the value of {} is not UTF-8", header.name()),
        }
    }
}

impl std::error::Error for Unsayable {}

impl<'m> Message<'m> {
    /// The message in `rsip`'s types. Compact names are written out, folds are gone, and each Via, Contact, Route and
    /// Record-Route value is a header of its own, because that crate reads only the first of a list.
    ///
    /// # Errors
    /// When those types cannot hold it.
    pub fn to_rsip(&self) -> Result<rsip::SipMessage, Unsayable> {
        let mut headers = rsip::Headers::default();
        for ((name, value), (header, _)) in self.lines().zip(self.fields()) {
            let lists = matches!(header, Header::Via | Header::Contact | Header::Route | Header::RecordRoute);
            if lists {
                for item in List::unbounded(value) {
                    headers.push(to_header(name, header, item)?);
                }
            } else {
                headers.push(to_header(name, header, value)?);
            }
        }
        let (version, body) = (rsip::Version::V2, self.body().to_vec());
        Ok(match self.start() {
            Start::Request { method, .. } => {
                let uri = self.uri().ok().and_then(|uri| to_uri(&uri)).ok_or(Unsayable::RequestUri)?;
                let method = to_method(method).ok_or(Unsayable::Method)?;
                rsip::Request { method, uri, version, headers, body }.into()
            }
            Start::Response { code, reason } => {
                let status_code = match rsip::StatusCode::from(code) {
                    rsip::StatusCode::Other(code, _) => {
                        rsip::StatusCode::Other(code, String::from_utf8_lossy(reason).into_owned())
                    }
                    known => known,
                };
                rsip::Response { status_code, version, headers, body }.into()
            }
        })
    }

    /// Prints `message` into `bytes`, which is cleared, and reads it there. Its Content-Length is left out and counted
    /// anew; no value in it can add a line.
    ///
    /// # Errors
    /// When what it holds is no message by our reading.
    pub fn from_rsip(
        message: &rsip::SipMessage,
        bytes: &'m mut Vec<u8>,
        index: &'m mut Index,
    ) -> Result<Message<'m>, Fault> {
        bytes.clear();
        let (mut writer, headers, body) = match message {
            rsip::SipMessage::Request(request) => {
                let method = request.method.to_string();
                let writer = Writer::request(bytes, method.as_bytes(), from_uri(&request.uri).as_bytes());
                (writer, &request.headers, &request.body)
            }
            rsip::SipMessage::Response(response) => {
                let text = response.status_code.to_string();
                let reason = text.split_once(' ').map_or("", |(_, reason)| reason);
                let code = response.status_code.code();
                // Its own phrases are variant names (`BusyHere`); ours are the RFCs'.
                let known = !matches!(response.status_code, rsip::StatusCode::Other(..));
                let writer = Writer::bare_response(bytes, code, if known { "" } else { reason });
                (writer, &response.headers, &response.body)
            }
        };
        let mut content_type = None;
        for header in headers.iter() {
            let line = header.to_string();
            let Some((name, value)) = line.split_once(": ") else { continue };
            match Header::from_name(name.as_bytes()) {
                Header::ContentLength => {}
                Header::ContentType => content_type = Some(value.to_owned()),
                _ => drop(writer.named(name, value.as_bytes())),
            }
        }
        match content_type {
            Some(content_type) => writer.finish_with_body(&content_type, body),
            None => writer.finish_untyped(body),
        }
        index.scan(bytes)
    }
}

fn to_method(method: Method) -> Option<rsip::Method> {
    Some(match method {
        Method::Invite => rsip::Method::Invite,
        Method::Ack => rsip::Method::Ack,
        Method::Bye => rsip::Method::Bye,
        Method::Cancel => rsip::Method::Cancel,
        Method::Register => rsip::Method::Register,
        Method::Options => rsip::Method::Options,
        Method::Info => rsip::Method::Info,
        Method::Prack => rsip::Method::PRack,
        Method::Update => rsip::Method::Update,
        Method::Subscribe => rsip::Method::Subscribe,
        Method::Notify => rsip::Method::Notify,
        Method::Refer => rsip::Method::Refer,
        Method::Message => rsip::Method::Message,
        Method::Publish => rsip::Method::Publish,
        Method::Other => return None,
    })
}

fn to_uri(uri: &Uri<'_>) -> Option<rsip::Uri> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let scheme = match uri.scheme {
        Scheme::Sip => rsip::Scheme::Sip,
        Scheme::Sips => rsip::Scheme::Sips,
        Scheme::Tel | Scheme::Other => return None,
    };
    if !uri.headers.is_empty() {
        return None;
    }
    let password = match uri.password {
        Some(password) => Some(text(password)?),
        None => None,
    };
    let auth = match uri.user {
        Some(user) => Some(rsip::Auth { user: text(user)?, password }),
        None => None,
    };
    let host = match uri.host {
        Host::V4(ip) => rsip::Host::IpAddr(ip.into()),
        // As a name, with its brackets: that crate prints addresses without them.
        Host::V6(ip) => rsip::Host::Domain(format!("[{ip}]").into()),
        Host::Name(name) => rsip::Host::Domain(text(name)?.into()),
    };
    let params = uri.params.iter().map(|(name, value)| to_param(name, value)).collect::<Option<_>>()?;
    let host_with_port = rsip::HostWithPort { host, port: uri.port.map(Into::into) };
    Some(rsip::Uri { scheme: Some(scheme), auth, host_with_port, params, headers: Vec::new() })
}

fn to_param(name: &[u8], value: Option<&[u8]>) -> Option<rsip::Param> {
    use rsip::param::{Branch, Expires, Maddr, OtherParam, OtherParamValue, Q, Received, Tag, Ttl, User};
    let name = std::str::from_utf8(name).ok()?;
    let value = match value {
        Some(value) => Some(std::str::from_utf8(value).ok()?.to_owned()),
        None => None,
    };
    let other = |value| Some(rsip::Param::Other(OtherParam::new(name), value));
    let Some(value) = value else {
        return if name.eq_ignore_ascii_case("lr") { Some(rsip::Param::Lr) } else { other(None) };
    };
    Some(match name.to_ascii_lowercase().as_str() {
        "transport" => match to_transport(&value) {
            Some(transport) => rsip::Param::Transport(transport),
            None => return other(Some(OtherParamValue::new(value))),
        },
        "method" => match to_method(Method::from_token(value.as_bytes())) {
            Some(method) => rsip::Param::Method(method),
            None => return other(Some(OtherParamValue::new(value))),
        },
        "user" => rsip::Param::User(User::new(value)),
        "ttl" => rsip::Param::Ttl(Ttl::new(value)),
        "maddr" => rsip::Param::Maddr(Maddr::new(value)),
        "branch" => rsip::Param::Branch(Branch::new(value)),
        "received" => rsip::Param::Received(Received::new(value)),
        "tag" => rsip::Param::Tag(Tag::new(value)),
        "expires" => rsip::Param::Expires(Expires::new(value)),
        "q" => rsip::Param::Q(Q::new(value)),
        _ => return other(Some(OtherParamValue::new(value))),
    })
}

fn to_transport(value: &str) -> Option<rsip::Transport> {
    Some(match value.to_ascii_lowercase().as_str() {
        "udp" => rsip::Transport::Udp,
        "tcp" => rsip::Transport::Tcp,
        "tls" => rsip::Transport::Tls,
        "sctp" => rsip::Transport::Sctp,
        "tls-sctp" => rsip::Transport::TlsSctp,
        "ws" => rsip::Transport::Ws,
        "wss" => rsip::Transport::Wss,
        _ => return None,
    })
}

fn from_uri(uri: &rsip::Uri) -> String {
    let mut text = match &uri.scheme {
        Some(rsip::Scheme::Sips) => "sips:".to_owned(),
        Some(rsip::Scheme::Other(scheme)) => format!("{scheme}:"),
        Some(rsip::Scheme::Sip) | None => "sip:".to_owned(),
    };
    if let Some(auth) = &uri.auth {
        text += &format!("{auth}@");
    }
    match &uri.host_with_port.host {
        rsip::Host::IpAddr(std::net::IpAddr::V6(ip)) => text += &format!("[{ip}]"),
        host => text += &host.to_string(),
    }
    if let Some(port) = &uri.host_with_port.port {
        text += &format!(":{port}");
    }
    for param in &uri.params {
        text += &param.to_string();
    }
    text
}

/// The variant of that name, or `Other`.
macro_rules! header_by_name {
    ($name:expr, $value:expr, $($text:literal => $variant:ident,)*) => {
        match $name {
            $(name if name.eq_ignore_ascii_case($text) => {
                rsip::Header::$variant(untyped::$variant::new($value))
            })*
            name => rsip::Header::Other(name.to_owned(), $value),
        }
    };
}

fn to_header(name: &[u8], header: Header, value: &[u8]) -> Result<rsip::Header, Unsayable> {
    let value = text::unfolded(value);
    let value = String::from_utf8(value.into_owned()).map_err(|_| Unsayable::Text(header))?;
    let long = header.name();
    let name = if long.is_empty() { std::str::from_utf8(name).unwrap_or_default() } else { long };
    Ok(header_by_name!(
        name, value,
        "Accept" => Accept,
        "Accept-Encoding" => AcceptEncoding,
        "Accept-Language" => AcceptLanguage,
        "Alert-Info" => AlertInfo,
        "Allow" => Allow,
        "Authentication-Info" => AuthenticationInfo,
        "Authorization" => Authorization,
        "CSeq" => CSeq,
        "Call-ID" => CallId,
        "Call-Info" => CallInfo,
        "Contact" => Contact,
        "Content-Disposition" => ContentDisposition,
        "Content-Encoding" => ContentEncoding,
        "Content-Language" => ContentLanguage,
        "Content-Length" => ContentLength,
        "Content-Type" => ContentType,
        "Date" => Date,
        "Error-Info" => ErrorInfo,
        "Event" => Event,
        "Expires" => Expires,
        "From" => From,
        "In-Reply-To" => InReplyTo,
        "Max-Forwards" => MaxForwards,
        "MIME-Version" => MimeVersion,
        "Min-Expires" => MinExpires,
        "Organization" => Organization,
        "Priority" => Priority,
        "Proxy-Authenticate" => ProxyAuthenticate,
        "Proxy-Authorization" => ProxyAuthorization,
        "Proxy-Require" => ProxyRequire,
        "Record-Route" => RecordRoute,
        "Reply-To" => ReplyTo,
        "Require" => Require,
        "Retry-After" => RetryAfter,
        "Route" => Route,
        "Server" => Server,
        "Subject" => Subject,
        "Subscription-State" => SubscriptionState,
        "Supported" => Supported,
        "Timestamp" => Timestamp,
        "To" => To,
        "Unsupported" => Unsupported,
        "User-Agent" => UserAgent,
        "Via" => Via,
        "Warning" => Warning,
        "WWW-Authenticate" => WwwAuthenticate,
    ))
}
