//! The way out of one connection: bytes wait here between the switch's thread, which puts them, and the connection's
//! task, which writes them.

use crate::base::limits;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// A bounded queue of bytes. The lock is held for a copy of one message, by one of two threads.
#[derive(Debug, Default)]
pub struct Writer {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    task: Option<Waker>,
    end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// Write what waits, then close.
    Closing(&'static str),
    /// The task is gone.
    Gone,
}

/// Why bytes were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushFault {
    /// [`limits::CONNECTION_QUEUE_BYTES`] wait already.
    Full,
    /// The connection is closed or closing.
    Closed,
}

/// What there is to do for the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing now; the task is woken when there is.
    Nothing,
    /// Bytes were put into its buffer.
    Bytes,
    /// Close, for this reason.
    Close(&'static str),
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before anything could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues one whole message.
    pub fn push(&self, bytes: &[u8]) -> Result<(), PushFault> {
        let mut state = self.lock();
        if state.end != End::Open {
            return Err(PushFault::Closed);
        }
        if state.waiting.len() + bytes.len() > limits::CONNECTION_QUEUE_BYTES {
            return Err(PushFault::Full);
        }
        state.waiting.extend_from_slice(bytes);
        let task = state.task.take();
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
        Ok(())
    }

    /// Closes the connection after what waits is written.
    pub fn close(&self, why: &'static str) {
        let mut state = self.lock();
        if state.end == End::Open {
            state.end = End::Closing(why);
        }
        if let Some(task) = state.task.take() {
            task.wake();
        }
    }

    /// Whether nothing can be queued any more.
    pub fn is_closed(&self) -> bool {
        self.lock().end != End::Open
    }

    /// The task's side: moves what waits into `into`, which is empty, or remembers whom to wake.
    pub(super) fn take(&self, into: &mut Vec<u8>, task: &Waker) -> Taken {
        let mut state = self.lock();
        if !state.waiting.is_empty() {
            std::mem::swap(&mut state.waiting, into);
            return Taken::Bytes;
        }
        if let End::Closing(why) = state.end {
            return Taken::Close(why);
        }
        // Idle connections are many; what a burst made large is given back.
        state.waiting.shrink_to(4_096);
        if !state.task.as_ref().is_some_and(|t| t.will_wake(task)) {
            state.task = Some(task.clone());
        }
        Taken::Nothing
    }

    /// The task's side: it ends, nothing will be written any more.
    pub(super) fn gone(&self) {
        let mut state = self.lock();
        *state = State { end: End::Gone, ..State::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_bounded_and_closes_after_its_bytes() {
        let writer = Writer::default();
        let big = vec![b'x'; limits::CONNECTION_QUEUE_BYTES - 1];
        assert_eq!(writer.push(&big), Ok(()));
        assert_eq!(writer.push(b"12"), Err(PushFault::Full));
        assert_eq!(writer.push(b"1"), Ok(()));
        writer.close("told to");
        assert_eq!(writer.push(b""), Err(PushFault::Closed));
        let mut out = Vec::new();
        assert_eq!(writer.take(&mut out, Waker::noop()), Taken::Bytes);
        assert_eq!(out.len(), limits::CONNECTION_QUEUE_BYTES);
        out.clear();
        assert_eq!(writer.take(&mut out, Waker::noop()), Taken::Close("told to"));
    }
}
