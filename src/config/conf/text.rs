//! A file's text, piece by piece and line by line.

use super::comments::Comments;
use super::line::Place;
use super::parse::Reader;
use super::tree::Full;
use crate::base::limits;
use crate::config::files::{self, FileFault};
use crate::config::finding::Finding;
use crate::config::origin::{Origin, SourceId};

/// How far a file has been read.
struct Text {
    source: SourceId,
    comments: Comments,
    number: u32,
    foreign: bool,
}

impl Text {
    fn new(source: SourceId) -> Text {
        Text { source, comments: Comments::default(), number: 0, foreign: false }
    }
}

impl Reader<'_> {
    /// Reads a file, and what it includes.
    pub(super) fn text(&mut self, path: &str) -> Result<(), FileFault> {
        let (files, mut text) = (self.files, None);
        let read = files.pieces(path, &mut |piece, length| {
            let text = text.get_or_insert_with(|| {
                self.open.push(path.to_owned());
                Text::new(self.sources.intern(path))
            });
            self.piece(piece, length, text);
        });
        if let Some(text) = text {
            self.open.pop();
            self.end(&text);
        }
        read
    }

    fn piece(&mut self, bytes: Vec<u8>, length: usize, text: &mut Text) {
        if self.full {
            return;
        }
        let (piece, foreign) = files::decode(bytes);
        if foreign && !text.foreign {
            text.foreign = true;
            let at = Origin::new(text.source, 0, 0);
            let finding = Finding::note("not-utf8", at, "not all of it is UTF-8; read as Latin-1");
            self.findings.push(finding);
        }
        if text.number == 0 {
            // The whole will be like its beginning.
            let lines = memchr::memchr_iter(b'=', piece.as_bytes()).count();
            let pieces = (length / piece.len().max(1)).max(1);
            self.tree.reserve(lines * pieces + lines / 4 * (pieces - 1), piece.len() / 3);
        }
        self.lines(&piece, text);
    }

    fn lines(&mut self, piece: &str, text: &mut Text) {
        for line in piece.strip_suffix('\n').unwrap_or(piece).split('\n') {
            text.number = text.number.saturating_add(1);
            let (source, number) = (text.source, text.number);
            if line.len() > limits::CONF_LINE_BYTES {
                let message = format!("line of {} bytes is not read", line.len());
                self.broken("line-too-long", Origin::new(source, number, 1), message, None);
                continue;
            }
            let left = text.comments.strip(line, number);
            let trimmed = left.trim();
            if trimmed.is_empty() {
                continue;
            }
            let place = Place { line: &left, source, number };
            if let Err(Full) = self.line(trimmed, place) {
                self.tree_is_full(place.at(trimmed));
                return;
            }
        }
    }

    fn end(&mut self, text: &Text) {
        if let Some(line) = text.comments.open_since().filter(|_| !self.full) {
            let message =
                "this block comment is never closed with '--;': all that follows is comment".to_owned();
            self.broken("open-comment", Origin::new(text.source, line, 1), message, None);
        }
    }
}
