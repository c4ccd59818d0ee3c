//! Cutting a byte stream into messages (RFC 3261 18.3, RFC 5626 3.5.1), right however the bytes are split.

use super::header::Header;
use super::scan::{logical_line, split_line};
use super::text;
use crate::base::limits;

/// What stands at the front of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Not yet whole; read more.
    Partial,
    /// CRLF CRLF: answer with one CRLF (RFC 5626 3.5.1). Consume that many bytes.
    Ping(usize),
    /// A lone CRLF: the answer to our ping, or padding. Consume that many bytes.
    Pong(usize),
    /// A message of that many bytes, leading CRLFs already consumed.
    Message(usize),
    /// The stream cannot be cut any more; close it.
    Broken(StreamFault),
}

/// Why a stream cannot be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFault {
    /// What stands where a message should start cannot start one: TLS on a plain port, a body longer than its length.
    NotSip,
    /// The message is longer than [`limits::MESSAGE_BYTES`].
    TooLong,
    /// No Content-Length, several that differ, or none that is a number (RFC 3261 18.3 demands one on streams).
    Length,
}

/// Cuts one connection's bytes. It remembers what it has seen of the message at the front, so that a peer that sends
/// byte by byte costs no repeated work.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// How far the end of the headers was looked for.
    searched: usize,
    /// Length of the message at the front, once its headers are whole.
    whole: Option<usize>,
    /// Whether the last thing consumed was one CRLF, so that another makes it a ping.
    half_ping: bool,
}

impl Stream {
    /// Looks at the bytes received and not yet consumed; they start where the last frame ended.
    ///
    /// A ping whose second CRLF arrives apart is told as [`Frame::Pong`] and then [`Frame::Ping`], because a lone CRLF
    /// may also be a whole pong, which nobody should wait for.
    pub fn next(&mut self, buffer: &[u8]) -> Frame {
        let Some(first) = buffer.first() else { return Frame::Partial };
        if matches!(first, b'\r' | b'\n') {
            return self.blank(buffer);
        }
        self.half_ping = false;
        if !text::is_token_byte(*first) {
            return Frame::Broken(StreamFault::NotSip);
        }
        let whole = match self.whole {
            Some(whole) => whole,
            None => {
                let Some(head) = self.head_end(buffer) else {
                    return if buffer.len() >= limits::MESSAGE_BYTES {
                        Frame::Broken(StreamFault::TooLong)
                    } else {
                        Frame::Partial
                    };
                };
                let Some(length) = content_length(&buffer[..head]) else {
                    return Frame::Broken(StreamFault::Length);
                };
                let whole = head.saturating_add(length);
                if whole > limits::MESSAGE_BYTES {
                    return Frame::Broken(StreamFault::TooLong);
                }
                *self.whole.insert(whole)
            }
        };
        if buffer.len() < whole {
            return Frame::Partial;
        }
        *self = Stream::default();
        Frame::Message(whole)
    }

    /// How many bytes of the message at the front are still to come, when its headers told.
    pub fn missing(&self, buffer: &[u8]) -> Option<usize> {
        self.whole.map(|whole| whole.saturating_sub(buffer.len()))
    }

    /// Keep-alives and padding before a message.
    fn blank(&mut self, buffer: &[u8]) -> Frame {
        match buffer {
            [b'\r', b'\n', ..] if self.half_ping => {
                self.half_ping = false;
                Frame::Ping(2)
            }
            [b'\r', b'\n', b'\r', b'\n', ..] => Frame::Ping(4),
            [b'\r'] | [b'\r', b'\n', b'\r'] => Frame::Partial,
            [b'\r', b'\n', ..] => {
                self.half_ping = true;
                Frame::Pong(2)
            }
            _ => {
                self.half_ping = false;
                Frame::Pong(1)
            }
        }
    }

    /// Where the header section ends, its empty line included.
    fn head_end(&mut self, buffer: &[u8]) -> Option<usize> {
        let mut from = self.searched;
        while let Some(newline) = memchr::memchr(b'\n', &buffer[from..]) {
            let after = from + newline + 1;
            match buffer.get(after..) {
                Some([b'\n', ..]) => return Some(after + 1),
                Some([b'\r', b'\n', ..]) => return Some(after + 2),
                // Not enough bytes to tell: look at this line end again.
                Some([] | [b'\r']) => {
                    self.searched = from + newline;
                    return None;
                }
                _ => from = after,
            }
        }
        self.searched = buffer.len();
        None
    }
}

/// The one Content-Length of a header section, read as [`super::Index::scan`] reads it: were there two ways, a message
/// could be cut by one and understood by the other.
fn content_length(head: &[u8]) -> Option<usize> {
    let mut at = memchr::memchr(b'\n', head)? + 1;
    let mut found = None;
    while let Some(line) = logical_line(head, at).filter(|line| line.end > at) {
        if matches!(head[at], b'C' | b'c' | b'L' | b'l')
            && let Some((name, value)) = split_line(&head[at..line.end])
            && Header::from_name(&head[at..at + name]) == Header::ContentLength
        {
            let length = text::number(&head[at + value.start..at + value.end])?;
            if found.is_some_and(|before| before != length) {
                return None;
            }
            found = Some(length);
        }
        at = line.next;
    }
    found.map(|length| length as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = b"\r\n\r\nOPTIONS sip:h SIP/2.0\r\nContent-Length : 5\r\nX: y\r\n\r\nhello\r\nSIP/2.0 200 OK\r\nl:0\r\n\r\n";

    fn cut(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut stream, mut buffer, mut out) = (Stream::default(), Vec::new(), Vec::new());
        for part in parts {
            buffer.extend_from_slice(part);
            loop {
                match stream.next(&buffer) {
                    Frame::Partial => break,
                    Frame::Ping(n) | Frame::Pong(n) => drop(buffer.drain(..n)),
                    Frame::Message(n) => out.push(buffer.drain(..n).collect()),
                    Frame::Broken(fault) => panic!("{fault:?}"),
                }
                if buffer.is_empty() {
                    break;
                }
            }
        }
        out
    }

    #[test]
    fn every_split_reads_the_same() {
        let whole = cut(&[TWO]);
        assert_eq!(whole.len(), 2);
        assert!(whole[0].ends_with(b"hello"));
        for at in 0..TWO.len() {
            assert_eq!(cut(&[&TWO[..at], &TWO[at..]]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = TWO.chunks(1).collect();
        assert_eq!(cut(&bytes), whole);
    }

    #[test]
    fn a_stream_without_a_length_or_with_two_is_broken() {
        let mut s = Stream::default();
        assert_eq!(s.next(b"OPTIONS sip:h SIP/2.0\r\nX: y\r\n\r\n"), Frame::Broken(StreamFault::Length));
        let mut s = Stream::default();
        assert_eq!(
            s.next(b"OPTIONS sip:h SIP/2.0\r\nl: 3\r\nContent-Length: 4\r\n\r\nabcd"),
            Frame::Broken(StreamFault::Length)
        );
        let mut s = Stream::default();
        assert_eq!(s.next(&vec![b'a'; limits::MESSAGE_BYTES + 1]), Frame::Broken(StreamFault::TooLong));
    }
}
