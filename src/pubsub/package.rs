//! Event packages and the bodies their NOTIFYs can have.

/// An event package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Package {
    /// RFC 3856.
    Presence,
    /// RFC 4235.
    Dialog,
    /// RFC 3842.
    MessageSummary,
}

/// Every package, as `Allow-Events` lists them.
pub const ALLOW_EVENTS: &[u8] = b"presence, dialog, message-summary, refer";

impl Package {
    /// By the name in Event, compared exactly as Asterisk does.
    pub fn named(name: &[u8]) -> Option<Package> {
        [Package::Presence, Package::Dialog, Package::MessageSummary]
            .into_iter()
            .find(|package| package.name().as_bytes() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Package::Presence => "presence",
            Package::Dialog => "dialog",
            Package::MessageSummary => "message-summary",
        }
    }

    /// What is sent to whoever names no type in Accept.
    pub fn default_body(self) -> BodyType {
        match self {
            Package::Presence => BodyType::Pidf,
            Package::Dialog => BodyType::DialogInfo,
            Package::MessageSummary => BodyType::Summary,
        }
    }

    /// The first type of Accept, in the subscriber's order, that there is for this package. `presence` and `dialog` tell
    /// of the same state, so each has all forms of both. The two types of RFC 4662 are passed over. `None`: nothing
    /// that was named will do.
    pub fn negotiate<'a>(self, accept: impl Iterator<Item = &'a [u8]>) -> Option<BodyType> {
        let mut named = false;
        for value in accept {
            let kind = value.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
            if kind.is_empty() || LISTS.contains(&kind) {
                continue;
            }
            named = true;
            let found = BodyType::ALL.iter().find(|body| body.name().as_bytes() == kind);
            if let Some(body) = found.filter(|body| body.suits(self)) {
                return Some(*body);
            }
        }
        (!named).then(|| self.default_body())
    }
}

/// Types of lists, which say nothing of the bodies inside.
const LISTS: [&[u8]; 2] = [b"multipart/related", b"application/rlmi+xml"];

/// A type of body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyType {
    /// RFC 3863.
    Pidf,
    /// The older form that MSN clients read.
    Xpidf,
    /// The same document under the name of RFC 3859's drafts.
    CpimPidf,
    /// RFC 4235.
    DialogInfo,
    /// RFC 3842.
    Summary,
}

impl BodyType {
    const ALL: [BodyType; 5] =
        [BodyType::Pidf, BodyType::Xpidf, BodyType::CpimPidf, BodyType::DialogInfo, BodyType::Summary];

    /// By what stands in Content-Type.
    pub fn named(name: &str) -> Option<BodyType> {
        BodyType::ALL.into_iter().find(|body| body.name() == name)
    }

    /// As in Content-Type.
    pub fn name(self) -> &'static str {
        match self {
            BodyType::Pidf => "application/pidf+xml",
            BodyType::Xpidf => "application/xpidf+xml",
            BodyType::CpimPidf => "application/cpim-pidf+xml",
            BodyType::DialogInfo => "application/dialog-info+xml",
            BodyType::Summary => "application/simple-message-summary",
        }
    }

    fn suits(self, package: Package) -> bool {
        (self == BodyType::Summary) == (package == Package::MessageSummary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S4-165, S4-166, S4-178
    #[test]
    fn the_first_known_type_of_accept_wins() {
        let table: &[(Package, &[&str], Option<BodyType>)] = &[
            (Package::Presence, &[], Some(BodyType::Pidf)),
            (Package::Dialog, &[], Some(BodyType::DialogInfo)),
            (Package::MessageSummary, &[], Some(BodyType::Summary)),
            (Package::Dialog, &["application/pidf+xml"], Some(BodyType::Pidf)),
            (Package::Presence, &["text/x", "application/xpidf+xml;q=1"], Some(BodyType::Xpidf)),
            (Package::Presence, &["multipart/related", "application/rlmi+xml"], Some(BodyType::Pidf)),
            (Package::Presence, &["application/simple-message-summary"], None),
            (Package::Presence, &["Application/pidf+xml"], None),
            (Package::MessageSummary, &["application/pidf+xml"], None),
        ];
        for (package, accept, body) in table {
            let values = accept.iter().map(|value| value.as_bytes());
            assert_eq!(package.negotiate(values), *body, "{package:?} {accept:?}");
        }
        assert_eq!(Package::named(b"Presence"), None);
        assert_eq!(Package::named(b"message-summary"), Some(Package::MessageSummary));
    }
}
