//! Which codecs a stream gets, and in which order: Asterisk's `incoming_call_offer_pref`, `outgoing_call_offer_pref`,
//! `preferred_codec_only` and `codec_prefs_*` as functions of two lists.

use super::codec::{Fit, Format};

/// `incoming_call_offer_pref` and `outgoing_call_offer_pref`. "Local" is what the endpoint allows, "remote" what the
/// caller offered (an offer we receive) or what the calling leg wants (an offer we make).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfferPreference {
    /// What both have, in local order.
    Local,
    /// The first local one that both have.
    LocalFirst,
    /// All local ones in local order, then what is left of remote.
    LocalMerge,
    /// What both have, in remote order.
    Remote,
    /// The first remote one that both have; without any, the first local one.
    RemoteFirst,
    /// What both have, in remote order, then the rest of local.
    RemoteMerge,
}

impl OfferPreference {
    /// Default of `incoming_call_offer_pref`.
    pub const INCOMING: OfferPreference = OfferPreference::Local;
    /// Default of `outgoing_call_offer_pref`.
    pub const OUTGOING: OfferPreference = OfferPreference::RemoteMerge;

    /// The option's word. Values are case-sensitive, as in Asterisk.
    pub fn as_str(self) -> &'static str {
        match self {
            OfferPreference::Local => "local",
            OfferPreference::LocalFirst => "local_first",
            OfferPreference::LocalMerge => "local_merge",
            OfferPreference::Remote => "remote",
            OfferPreference::RemoteFirst => "remote_first",
            OfferPreference::RemoteMerge => "remote_merge",
        }
    }

    /// Reads a word of either option; whether a merge is allowed there is the option's business.
    pub fn from_name(word: &str) -> Option<OfferPreference> {
        use OfferPreference::*;
        [Local, LocalFirst, LocalMerge, Remote, RemoteFirst, RemoteMerge]
            .into_iter()
            .find(|p| p.as_str() == word)
    }

    /// The stream's codecs. Remote ones that local has not are never among them.
    pub fn choose(self, local: &[Format], remote: &[Format]) -> Vec<Format> {
        match self {
            OfferPreference::Local => common(local, remote),
            OfferPreference::LocalFirst => first(common(local, remote)),
            OfferPreference::LocalMerge => merged(local.to_vec(), &common(remote, local)),
            OfferPreference::Remote => common(remote, local),
            OfferPreference::RemoteFirst => first(merged(common(remote, local), local)),
            OfferPreference::RemoteMerge => merged(common(remote, local), local),
        }
    }
}

/// One of the `codec_prefs_*` options: `prefer: pending, operation: intersect, keep: all, transcode: allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamPreference {
    /// `prefer`: whose order counts; pending is what came from the other side, configured what the endpoint allows.
    pub prefer_configured: bool,
    /// `operation`.
    pub operation: Operation,
    /// `keep: first`.
    pub keep_first: bool,
    /// `transcode: prevent`: what only the endpoint has is never added.
    pub prevent_transcode: bool,
}

/// How the two lists of a [`StreamPreference`] are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Preferred, then what is left of the other.
    Union,
    /// Preferred ones that the other has too.
    Intersect,
    /// Preferred only.
    OnlyPreferred,
    /// The other only.
    OnlyNonpreferred,
}

impl StreamPreference {
    /// The stream's codecs.
    pub fn choose(self, configured: &[Format], pending: &[Format]) -> Vec<Format> {
        let (preferred, other) =
            if self.prefer_configured { (configured, pending) } else { (pending, configured) };
        let mut result = match self.operation {
            Operation::Union => merged(preferred.to_vec(), other),
            Operation::Intersect => common(preferred, other),
            Operation::OnlyPreferred => preferred.to_vec(),
            Operation::OnlyNonpreferred => other.to_vec(),
        };
        if self.prevent_transcode {
            result.retain(|format| find(pending, format).is_some());
        }
        if self.keep_first { first(result) } else { result }
    }
}

/// The best fitting entry of a list.
pub fn find<'a>(list: &'a [Format], wanted: &Format) -> Option<&'a Format> {
    let fit = |format: &Format| match format.codec == wanted.codec {
        true => wanted.codec.compare_fmtp(wanted.fmtp.as_deref(), format.fmtp.as_deref()),
        false => Fit::Not,
    };
    // `max_by_key` takes the last of equals; the first is the one its owner likes better.
    list.iter().rev().max_by_key(|format| fit(format)).filter(|format| fit(format) != Fit::Not)
}

/// Entries of `order` that `other` has, with whichever side's parameters are given.
fn common(order: &[Format], other: &[Format]) -> Vec<Format> {
    let mut result: Vec<Format> = Vec::with_capacity(order.len());
    for format in order {
        if let Some(theirs) = find(other, format)
            && find(&result, format).is_none()
        {
            result.push(Format {
                codec: format.codec,
                fmtp: format.fmtp.clone().or_else(|| theirs.fmtp.clone()),
                ptime_ms: if format.ptime_ms == 0 { theirs.ptime_ms } else { format.ptime_ms },
            });
        }
    }
    result
}

fn merged(mut result: Vec<Format>, rest: &[Format]) -> Vec<Format> {
    for format in rest {
        if find(&result, format).is_none() {
            result.push(format.clone());
        }
    }
    result
}

fn first(mut list: Vec<Format>) -> Vec<Format> {
    list.truncate(1);
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Codec;

    fn list(names: &str) -> Vec<Format> {
        names.split_whitespace().map(|n| Format::of(Codec::from_name(n).expect("known"))).collect()
    }

    fn names(list: &[Format]) -> String {
        list.iter().map(|f| f.codec.name()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_six_preferences() {
        use OfferPreference::*;
        let (local, remote) = (list("alaw ulaw g722"), list("gsm ulaw alaw"));
        for (preference, expected) in [
            (Local, "alaw ulaw"),
            (LocalFirst, "alaw"),
            (LocalMerge, "alaw ulaw g722"),
            (Remote, "ulaw alaw"),
            (RemoteFirst, "ulaw"),
            (RemoteMerge, "ulaw alaw g722"),
        ] {
            assert_eq!(names(&preference.choose(&local, &remote)), expected, "{preference:?}");
            assert_eq!(OfferPreference::from_name(preference.as_str()), Some(preference));
        }
        assert_eq!(names(&Local.choose(&local, &list("gsm"))), "");
        assert_eq!(names(&RemoteFirst.choose(&local, &list("gsm"))), "alaw");
        assert_eq!(OfferPreference::from_name("Local"), None);
    }

    #[test]
    fn the_stream_preferences() {
        let (configured, pending) = (list("alaw ulaw g722"), list("gsm ulaw alaw"));
        let choose = |prefer_configured, operation, keep_first, prevent_transcode| {
            let p = StreamPreference { prefer_configured, operation, keep_first, prevent_transcode };
            names(&p.choose(&configured, &pending))
        };
        assert_eq!(choose(false, Operation::Intersect, false, false), "ulaw alaw");
        assert_eq!(choose(true, Operation::Intersect, true, false), "alaw");
        assert_eq!(choose(false, Operation::Union, false, false), "gsm ulaw alaw g722");
        assert_eq!(choose(true, Operation::Union, false, true), "alaw ulaw gsm");
        assert_eq!(choose(true, Operation::OnlyPreferred, false, false), "alaw ulaw g722");
        assert_eq!(choose(true, Operation::OnlyNonpreferred, false, false), "gsm ulaw alaw");
    }

    #[test]
    fn the_exact_parameters_win_over_the_first_that_would_do() {
        let h264 = Codec::from_name("h264").expect("known");
        let with = |fmtp: &str| Format { codec: h264, fmtp: Some(fmtp.into()), ptime_ms: 0 };
        let offered =
            [with("packetization-mode=0"), with("packetization-mode=1;x=1"), with("packetization-mode=1")];
        assert_eq!(find(&offered, &with("packetization-mode=1")), Some(&offered[2]));
        assert_eq!(find(&offered, &with("packetization-mode=1;y=2")), Some(&offered[1]));
        assert_eq!(find(&offered, &Format::of(h264)), Some(&offered[0]));
        assert_eq!(find(&offered, &Format::of(Codec::ULAW)), None);
    }
}
