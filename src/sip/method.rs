//! Request methods.

use std::fmt;

/// The methods we know by name. Any other token is a legal method too: [`Method::Other`], with its text in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// RFC 3261 13.
    Invite,
    /// RFC 3261 17.1.1.3.
    Ack,
    /// RFC 3261 15.
    Bye,
    /// RFC 3261 9.
    Cancel,
    /// RFC 3261 10.
    Register,
    /// RFC 3261 11.
    Options,
    /// RFC 6086.
    Info,
    /// RFC 3262.
    Prack,
    /// RFC 3311.
    Update,
    /// RFC 6665.
    Subscribe,
    /// RFC 6665.
    Notify,
    /// RFC 3515.
    Refer,
    /// RFC 3428.
    Message,
    /// RFC 3903.
    Publish,
    /// A method we do not know; the message keeps its text.
    Other,
}

const NAMES: [(Method, &str); 14] = [
    (Method::Invite, "INVITE"),
    (Method::Ack, "ACK"),
    (Method::Bye, "BYE"),
    (Method::Cancel, "CANCEL"),
    (Method::Register, "REGISTER"),
    (Method::Options, "OPTIONS"),
    (Method::Info, "INFO"),
    (Method::Prack, "PRACK"),
    (Method::Update, "UPDATE"),
    (Method::Subscribe, "SUBSCRIBE"),
    (Method::Notify, "NOTIFY"),
    (Method::Refer, "REFER"),
    (Method::Message, "MESSAGE"),
    (Method::Publish, "PUBLISH"),
];

impl Method {
    /// Reads a method token. Methods are case-sensitive (RFC 3261 7.1): `invite` is another method.
    pub fn from_token(token: &[u8]) -> Method {
        NAMES.iter().find(|(_, name)| name.as_bytes() == token).map_or(Method::Other, |(method, _)| *method)
    }

    /// The token as written in a request line; `""` for [`Method::Other`], whose text only the message knows.
    pub fn token(self) -> &'static str {
        NAMES.iter().find(|(method, _)| *method == self).map_or("", |(_, name)| *name)
    }

    /// Whether this request asks to create a dialog when sent outside one, and so must carry a Contact.
    pub fn creates_dialog(self) -> bool {
        matches!(self, Method::Invite | Method::Subscribe | Method::Refer)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}
