//! `type=identify`: which requests come from an endpoint.

use regex::Regex;

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::value::Fault;
use crate::config::value::network::{Match, MatchList};
use crate::config::value::scalar::{Text, Truth};
use crate::config::value::spec::{Codec, Cx, options};

/// How a header's value or a request URI is compared.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Equal, byte for byte.
    Exact(Name),
    /// Found by an expression written between slashes.
    Regex(Box<Regex>),
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        match (self, other) {
            (Pattern::Exact(a), Pattern::Exact(b)) => a == b,
            (Pattern::Regex(a), Pattern::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

impl Pattern {
    fn read(text: &str, cx: &mut Cx) -> Result<Pattern, Fault> {
        let between = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        match between {
            // "//" is the empty text.
            Some("") => Ok(Pattern::Exact(Name::default())),
            Some(expression) => {
                Regex::new(expression).map(|regex| Pattern::Regex(Box::new(regex))).map_err(|fault| {
                    Fault::new("bad-regex", format!("'{expression}' is no expression: {}", why(&fault)))
                })
            }
            None => Ok(Pattern::Exact(cx.name(text))),
        }
    }

    /// Whether a value fits.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Pattern::Exact(text) => **text == *value,
            Pattern::Regex(regex) => regex.is_match(value),
        }
    }

    fn print(&self) -> String {
        match self {
            Pattern::Exact(text) if text.is_empty() => "//".to_owned(),
            Pattern::Exact(text) => text.to_string(),
            Pattern::Regex(regex) => format!("/{}/", regex.as_str()),
        }
    }
}

/// The last line of a regex error: the reason without the drawing.
fn why(fault: &regex::Error) -> String {
    let text = fault.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// `match_header`: `Name: value` or `Name: /expression/`.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderMatch {
    /// The header's name.
    pub header: Name,
    /// What its value must be.
    pub value: Pattern,
}

#[derive(Debug)]
struct HeaderCodec;

impl Codec<Option<HeaderMatch>> for HeaderCodec {
    fn apply(field: &mut Option<HeaderMatch>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        if text.is_empty() {
            *field = None;
            return Ok(());
        }
        let wrong = || Fault::new("bad-value", format!("'{text}' is not of the form 'Name: value'"));
        let (header, value) = text.split_once(':').ok_or_else(wrong)?;
        let header = header.trim();
        if header.is_empty() {
            return Err(wrong());
        }
        let header = cx.name(header);
        *field = Some(HeaderMatch { header, value: Pattern::read(value.trim(), cx)? });
        Ok(())
    }

    fn print(field: &Option<HeaderMatch>, lines: &mut Vec<String>) {
        let text = field.as_ref().map(|rule| format!("{}: {}", rule.header, rule.value.print()));
        lines.push(text.unwrap_or_default());
    }
}

#[derive(Debug)]
struct UriCodec;

impl Codec<Option<Pattern>> for UriCodec {
    fn apply(field: &mut Option<Pattern>, text: &str, cx: &mut Cx) -> Result<(), Fault> {
        *field = if text.is_empty() { None } else { Some(Pattern::read(text, cx)?) };
        Ok(())
    }

    fn print(field: &Option<Pattern>, lines: &mut Vec<String>) {
        lines.push(field.as_ref().map(Pattern::print).unwrap_or_default());
    }
}

options! {
    struct
    /// Which requests come from an endpoint.
    #[derive(Clone, Debug, PartialEq)]
    Identify {
        /// Its name.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
    }
    OPTIONS: Identify, Identify::this, Identify::this_mut;

    /// The endpoint that is found.
    Obeyed "endpoint" endpoint: Name = Name::default(), Text;
    /// Source addresses, in order; within one object the last entry that covers an address decides.
    Obeyed "match" matches: Vec<Match> = Vec::new(), MatchList;
    /// A header and its value.
    Obeyed "match_header" match_header: Option<HeaderMatch> = None, HeaderCodec;
    /// The request URI.
    Obeyed "match_request_uri" match_request_uri: Option<Pattern> = None, UriCodec;
    /// Resolve SRV for host names in match that have no port.
    Obeyed "srv_lookups" srv_lookups: bool = true, Truth;
}

flat_object!(Identify, Identify, [OPTIONS], {
    fn settle(&mut self, faults: &mut Vec<(&'static str, Fault)>) {
        if self.endpoint.is_empty() {
            faults.push((
                "endpoint",
                Fault::new("missing-option", "it names no endpoint").help("add endpoint=NAME"),
            ));
        }
        if self.matches.is_empty() && self.match_header.is_none() && self.match_request_uri.is_none() {
            let fault =
                Fault::new("missing-option", "it has none of match, match_header and match_request_uri");
            faults.push(("match", fault.help("add match=ADDRESS")));
        }
    }
});

impl Identify {
    /// The host names among the entries of `match`, with their ports.
    pub fn hosts(&self) -> impl Iterator<Item = (&Name, Option<u16>)> {
        self.matches.iter().filter_map(|entry| match entry {
            Match::Host { host, port } => Some((host, *port)),
            Match::Net { .. } => None,
        })
    }
}
