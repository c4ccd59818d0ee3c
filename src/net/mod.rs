//! Rank 5: sockets. Bytes come in with where they came from; bytes go out to where they shall go.
//!
//! ```text
//! udp::Datagrams ── recvmmsg ──► (Arrival, bytes)            on the switch's own thread, no copy, no allocation
//!                ◄─ sendmmsg ─── Outbox
//! wait::Poller      sleeps until a datagram, a Waker or a deadline
//! ```

pub mod address;
pub mod fault;
pub mod resolve;
pub mod stream;
pub mod tls;
pub mod udp;
pub mod wait;
