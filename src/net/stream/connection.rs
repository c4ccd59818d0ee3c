//! One connection: bytes in, messages out of them; bytes out as they wait. Nothing is kept for an idle connection but
//! its task: reading goes through a buffer of the thread.

use super::gate::Place;
use super::writer::{Taken, Writer};
use super::{Shared, StreamEvent, words};
use crate::base::limits;
use crate::sip::flow::Arrival;
use crate::sip::wire::frame::{Frame, Stream, StreamFault};
use std::borrow::Cow;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

thread_local! {
    /// Where every connection of this thread reads to. Messages are copied out of it, and what is not yet whole.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; limits::MESSAGE_BYTES + 1]);
}

/// The state of a running connection.
pub(super) struct Connection<S> {
    io: S,
    arrival: Arrival,
    writer: Arc<Writer>,
    shared: Shared,
    place: Place,
    frames: Stream,
    /// Received and not yet a whole message.
    partial: Vec<u8>,
    /// Whole messages, to be told.
    messages: Vec<Vec<u8>>,
    out: Vec<u8>,
    written: usize,
    unflushed: bool,
    timer: Pin<Box<Sleep>>,
    times: Times,
}

/// When what happened last.
struct Times {
    opened: Instant,
    heard_message: bool,
    /// When the message began that is not yet whole.
    begun: Option<Instant>,
    active: Instant,
    pinged: Instant,
    progress: Instant,
}

enum Step {
    Messages,
    Ended(Cow<'static, str>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection that is up. `opened` is when it was accepted or asked for; `trusted` when we opened it, so that
    /// it need not prove itself by a first message.
    pub(super) fn new(
        io: S,
        arrival: Arrival,
        writer: Arc<Writer>,
        shared: Shared,
        place: Place,
        opened: Instant,
        trusted: bool,
    ) -> Self {
        let now = Instant::now();
        let times =
            Times { opened, heard_message: trusted, begun: None, active: now, pinged: now, progress: now };
        let timer = Box::pin(sleep_until(now));
        Connection {
            io,
            arrival,
            writer,
            shared,
            place,
            frames: Stream::default(),
            partial: Vec::new(),
            messages: Vec::new(),
            out: Vec::new(),
            written: 0,
            unflushed: false,
            timer,
            times,
        }
    }

    /// Runs until the connection ends; says why it did.
    pub(super) async fn run(&mut self) -> Cow<'static, str> {
        loop {
            let step = poll_fn(|cx| self.poll_step(cx)).await;
            for bytes in self.messages.drain(..) {
                self.shared.tell(StreamEvent::Message { arrival: self.arrival, bytes }).await;
            }
            self.messages.shrink_to(8);
            if let Step::Ended(why) = step {
                // Says goodbye in TLS. The peer may be gone, or not read: it gets a second.
                let _ = tokio::time::timeout(Duration::from_secs(1), self.io.shutdown()).await;
                return why;
            }
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Err(why) = self.write(cx) {
            return Poll::Ready(Step::Ended(why));
        }
        let ended = self.read(cx).err();
        // Answers to pings.
        if !self.out.is_empty()
            && let Err(why) = self.write(cx)
        {
            return Poll::Ready(Step::Ended(why));
        }
        match ended {
            Some(why) => Poll::Ready(Step::Ended(why)),
            None if !self.messages.is_empty() => Poll::Ready(Step::Messages),
            None => match self.check_times(cx) {
                Poll::Ready(why) => Poll::Ready(Step::Ended(why)),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    /// Writes as much as the socket takes.
    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), Cow<'static, str>> {
        loop {
            if self.written == self.out.len() {
                self.out.clear();
                self.out.shrink_to(4_096);
                self.written = 0;
                match self.writer.take(&mut self.out, cx.waker()) {
                    Taken::Bytes => self.times.progress = Instant::now(),
                    Taken::Nothing => return self.flush(cx),
                    Taken::Close(why) => {
                        self.flush(cx)?;
                        // Until TLS has let go of the last bytes, the close waits.
                        return if self.unflushed { Ok(()) } else { Err(why.into()) };
                    }
                }
            }
            match Pin::new(&mut self.io).poll_write(cx, &self.out[self.written..]) {
                Poll::Ready(Ok(0)) => return Err("closed by peer".into()),
                Poll::Ready(Ok(n)) => {
                    self.written += n;
                    self.unflushed = true;
                    let now = Instant::now();
                    (self.times.progress, self.times.active) = (now, now);
                }
                Poll::Ready(Err(error)) => return Err(words(&error)),
                Poll::Pending => {
                    self.watch_progress();
                    return Ok(());
                }
            }
        }
    }

    /// Bytes wait for the peer: look at the clock no later than when it is too slow.
    fn watch_progress(&mut self) {
        let due = self.times.progress + self.shared.pace().stall;
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), Cow<'static, str>> {
        if self.unflushed {
            match Pin::new(&mut self.io).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Err(words(&error)),
                Poll::Pending => self.watch_progress(),
            }
        }
        Ok(())
    }

    /// Reads until there is a message or nothing more.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), Cow<'static, str>> {
        while self.messages.is_empty() {
            let done = SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
                    Poll::Pending => Ok(true),
                    Poll::Ready(Err(error)) => Err(words(&error)),
                    Poll::Ready(Ok(())) if buffer.filled().is_empty() => Err("closed by peer".into()),
                    Poll::Ready(Ok(())) => self.cut(buffer.filled()).map(|()| false),
                }
            })?;
            if done {
                break;
            }
        }
        Ok(())
    }

    /// Cuts received bytes into messages and keep-alives; keeps what is not yet whole.
    fn cut(&mut self, fresh: &[u8]) -> Result<(), Cow<'static, str>> {
        self.times.active = Instant::now();
        let mut joined = std::mem::take(&mut self.partial);
        let bytes = if joined.is_empty() {
            fresh
        } else {
            joined.extend_from_slice(fresh);
            &joined
        };
        let mut at = 0;
        while at < bytes.len() {
            match self.frames.next(&bytes[at..]) {
                Frame::Partial => break,
                Frame::Pong(n) => at += n,
                Frame::Ping(n) => {
                    at += n;
                    if self.out.len() > limits::CONNECTION_QUEUE_BYTES {
                        return Err("reads too slowly".into());
                    }
                    self.out.extend_from_slice(b"\r\n");
                }
                Frame::Message(n) => {
                    self.messages.push(bytes[at..at + n].to_vec());
                    at += n;
                }
                Frame::Broken(StreamFault::NotSip) => return Err("it does not speak SIP".into()),
                Frame::Broken(StreamFault::TooLong) => return Err("a message is too long".into()),
                Frame::Broken(StreamFault::Length) => {
                    return Err("a message has no valid Content-Length".into());
                }
            }
        }
        if !self.messages.is_empty() && !self.times.heard_message {
            self.times.heard_message = true;
            self.place.spoke();
        }
        if at < bytes.len() {
            if joined.is_empty() {
                joined.extend_from_slice(&fresh[at..]);
            } else {
                joined.drain(..at);
            }
            self.partial = joined;
        }
        self.watch_message(at > 0);
        Ok(())
    }

    /// A message that is not yet whole: look at the clock no later than when it takes too long. `fresh`: it is another
    /// one than before.
    fn watch_message(&mut self, fresh: bool) {
        if self.partial.is_empty() {
            self.times.begun = None;
        } else if fresh || self.times.begun.is_none() {
            self.times.begun = Some(self.times.active);
            let due = self.times.active + self.shared.pace().message;
            if due < self.timer.deadline() {
                self.timer.as_mut().reset(due);
            }
        }
    }

    /// Ends the connection when one of its times is over; sends a keep-alive when one is due.
    fn check_times(&mut self, cx: &mut Context<'_>) -> Poll<Cow<'static, str>> {
        loop {
            // The timer may be early by what happened since it was set; each firing looks again.
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            let (times, pace) = (&mut self.times, self.shared.pace());
            let mut next = times.active + pace.idle;
            if now >= next {
                return Poll::Ready("idle".into());
            }
            if !times.heard_message {
                let due = times.opened + pace.first_message;
                if now >= due {
                    return Poll::Ready("no message came".into());
                }
                next = next.min(due);
            }
            if let Some(begun) = times.begun {
                let due = begun + pace.message;
                if now >= due {
                    return Poll::Ready("a message is not finished".into());
                }
                next = next.min(due);
            }
            if self.written < self.out.len() || self.unflushed {
                let due = times.progress + pace.stall;
                if now >= due {
                    return Poll::Ready("reads too slowly".into());
                }
                next = next.min(due);
            }
            if let Some(ping) = pace.ping {
                if now >= times.pinged + ping {
                    times.pinged = now;
                    if self.out.is_empty() {
                        self.out.extend_from_slice(b"\r\n\r\n");
                        let active = times.active;
                        if let Err(why) = self.write(cx) {
                            return Poll::Ready(why);
                        }
                        self.times.active = active;
                    }
                }
                next = next.min(self.times.pinged + ping);
            }
            self.timer.as_mut().reset(next);
        }
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.writer.gone();
    }
}

/// Connects the pieces of a connection that is up: tells it, runs it, tells its end.
pub(super) async fn drive<S: AsyncRead + AsyncWrite + Unpin>(
    io: S,
    arrival: Arrival,
    writer: Arc<Writer>,
    shared: Shared,
    place: Place,
    opened: Instant,
    inbound: bool,
) {
    shared.tell(StreamEvent::Opened { arrival, inbound, writer: Arc::clone(&writer) }).await;
    let mut connection = Connection::new(io, arrival, writer, shared.clone(), place, opened, !inbound);
    let why = connection.run().await;
    drop(connection);
    shared.tell(StreamEvent::Closed { flow: arrival.flow, why }).await;
}

/// Both addresses of a connection, IPv4 written as IPv4.
pub(super) fn addresses(
    io: &tokio::net::TcpStream,
) -> io::Result<(std::net::SocketAddr, std::net::SocketAddr)> {
    use crate::net::address::normalised;
    Ok((normalised(io.local_addr()?), normalised(io.peer_addr()?)))
}
