//! Bodies and their parts: `multipart/*` split in place (RFC 2046 5.1, RFC 5621), binary parts untouched.

use super::header::Header;
use super::message::Message;
use super::params::Params;
use super::scan::{logical_line, split_line};
use super::text;
use crate::base::limits;

/// A body or one part of it.
#[derive(Clone, Copy, Debug)]
pub struct Part<'m> {
    /// As written, parameters included; empty when there is none.
    pub content_type: &'m [u8],
    /// Header lines of the part; empty for a body that is no multipart.
    pub headers: &'m [u8],
    /// The bytes, exactly.
    pub body: &'m [u8],
}

impl<'m> Part<'m> {
    /// Whether it is of that type (`application/sdp`), parameters ignored.
    pub fn is(&self, media_type: &str) -> bool {
        is_media_type(self.content_type, media_type)
    }

    /// The first header of the part with that name, without regard to case.
    pub fn header(&self, name: &str) -> Option<&'m [u8]> {
        let mut at = 0;
        while let Some(line) = logical_line(self.headers, at).filter(|line| line.end > at) {
            let bytes = &self.headers[at..line.end];
            if let Some((end, value)) = split_line(bytes)
                && text::same(&bytes[..end], name.as_bytes())
            {
                return Some(&bytes[value]);
            }
            at = line.next;
        }
        None
    }

    /// Whether whoever does not understand it may pass over it (`handling=optional`, RFC 5621 3).
    pub fn is_optional(&self) -> bool {
        let disposition = self.header("Content-Disposition").unwrap_or_default();
        let (_, params) = split_type(disposition);
        params.value(b"handling").is_some_and(|handling| text::same(handling, b"optional"))
    }
}

/// Whether a Content-Type names that type, parameters ignored, blanks around the slash allowed.
pub fn is_media_type(content_type: &[u8], media_type: &str) -> bool {
    let (kind, _) = split_type(content_type);
    if text::same(kind, media_type.as_bytes()) {
        return true;
    }
    let Some((top, sub)) = media_type.split_once('/') else { return false };
    memchr::memchr(b'/', kind).is_some_and(|slash| {
        text::same(text::trim(&kind[..slash]), top.as_bytes())
            && text::same(text::trim(&kind[slash + 1..]), sub.as_bytes())
    })
}

fn split_type(content_type: &[u8]) -> (&[u8], Params<'_>) {
    let end = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
    (text::trim(&content_type[..end]), Params(&content_type[end..]))
}

/// The boundary of a `multipart/*` type: 1 to 70 bytes (RFC 2046 5.1.1).
fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let (kind, params) = split_type(content_type);
    if !kind.get(..10).is_some_and(|top| text::same(top, b"multipart/")) {
        return None;
    }
    let value = params.value(b"boundary")?;
    let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
    ((1..=70).contains(&value.len()) && memchr::memchr(b'\\', value).is_none()).then_some(value)
}

/// The parts of one `multipart/*` body, in order. One that is not closed ends with the body.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'m> {
    boundary: &'m [u8],
    /// From the start of a part's headers on; `None` after the closing delimiter.
    rest: Option<&'m [u8]>,
    left: usize,
}

impl<'m> Parts<'m> {
    /// Splits `body`; `None` when `content_type` is no multipart with a boundary.
    pub fn new(content_type: &'m [u8], body: &'m [u8]) -> Option<Parts<'m>> {
        let boundary = boundary(content_type)?;
        // What stands before the first delimiter is for readers that know no multipart.
        let rest = Delimiter::find(body, boundary).and_then(|first| first.after);
        Some(Parts { boundary, rest, left: limits::BODY_PARTS })
    }
}

impl<'m> Iterator for Parts<'m> {
    type Item = Part<'m>;

    fn next(&mut self) -> Option<Part<'m>> {
        self.left = self.left.checked_sub(1)?;
        let rest = self.rest.take()?;
        let whole = match Delimiter::find(rest, self.boundary) {
            Some(delimiter) => {
                self.rest = delimiter.after;
                &rest[..delimiter.start]
            }
            None => rest,
        };
        let mut at = 0;
        while let Some(line) = logical_line(whole, at) {
            let empty = line.end == at;
            at = line.next;
            if empty {
                let mut part = Part { content_type: b"", headers: &whole[..at], body: &whole[at..] };
                part.content_type = part.header("Content-Type").or(part.header("c")).unwrap_or(b"text/plain");
                return Some(part);
            }
        }
        // Headers without an empty line, so no body: an empty part.
        Some(Part { content_type: b"text/plain", headers: whole, body: b"" })
    }
}

/// A line `--boundary` or `--boundary--`.
struct Delimiter<'m> {
    /// Where the line end before it starts, which belongs to it.
    start: usize,
    /// What follows the line; `None` for the closing one.
    after: Option<&'m [u8]>,
}

impl<'m> Delimiter<'m> {
    /// The first one. Line by line, so that a boundary that is everywhere costs no more than one that is nowhere.
    fn find(s: &'m [u8], boundary: &[u8]) -> Option<Delimiter<'m>> {
        let mut line = 0;
        loop {
            if let Some(after) = s[line..].strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary))
                && let Some(after) = Delimiter::line_end(after)
            {
                let start = match &s[..line] {
                    [before @ .., b'\r', b'\n'] | [before @ .., b'\n'] => before.len(),
                    before => before.len(),
                };
                return Some(Delimiter { start, after });
            }
            line += memchr::memchr(b'\n', &s[line..])? + 1;
        }
    }

    /// What follows a delimiter's line, given what follows its boundary; the outer `None` when more than blanks stand
    /// there, which makes it another, longer boundary.
    fn line_end(after: &'m [u8]) -> Option<Option<&'m [u8]>> {
        if after.starts_with(b"--") {
            return Some(None);
        }
        let blanks = after.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let rest = &after[blanks..];
        rest.strip_prefix(b"\r\n").or(rest.strip_prefix(b"\n")).map(Some)
    }
}

impl<'m> Message<'m> {
    /// The body as one part; `None` when it is empty.
    pub fn whole_body(&self) -> Option<Part<'m>> {
        let content_type = self.header(Header::ContentType).unwrap_or_default();
        (!self.body().is_empty()).then(|| Part { content_type, headers: b"", body: self.body() })
    }

    /// The first part of that type (`application/sdp`): the body itself, or a part of it, or a part of a part
    /// (RFC 5621 4 allows nesting; we follow it [`limits::BODY_DEPTH`] deep).
    pub fn part(&self, media_type: &str) -> Option<Part<'m>> {
        search(self.whole_body()?, media_type, limits::BODY_DEPTH)
    }
}

fn search<'m>(part: Part<'m>, media_type: &str, depth: usize) -> Option<Part<'m>> {
    if part.is(media_type) {
        return Some(part);
    }
    let depth = depth.checked_sub(1)?;
    Parts::new(part.content_type, part.body)?.find_map(|part| search(part, media_type, depth))
}
