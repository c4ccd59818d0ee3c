//! Jackfield: a SIP registrar, endpoint identifier and media-bridging B2BUA, configured like Asterisk's PJSIP.
//!
//! # The map
//! A room imports strictly lower ranks, never a sibling, never upward (`tests/layers.rs` holds it).
//! Ranks 0–4 decide: they take `(now, input)` and return actions, and name no socket, clock, file, lock or tokio.
//! Ranks 5–6 do the I/O.
//!
//! | rank | room | what lives there |
//! |---|---|---|
//! | 0 | [`base`] | time as a value, ids, limits with reasons, seeded randomness, timer wheel |
//! | 1 | [`sip`] | `wire` (parse, print), `transaction`, `dialog`, digest arithmetic, NAT address rules |
//! | 1 | [`sdp`] | descriptions, codecs, offer/answer as pure functions |
//! | 1 | [`rtp`] | packet and RTCP views, sequence and source learning, jitter, RFC 4733 |
//! | 1 | [`codec`] | sound as numbers: codecs, resampling, mixing, tones, loss concealment, sound files |
//! | 2 | [`config`] | `.conf`, TOML and rows → drafts with provenance → one immutable [`config::Snapshot`] |
//! | 3 | [`identify`] | which endpoint sent a request, and why |
//! | 3 | [`authenticate`] | digest challenges, verification, nonces |
//! | 3 | [`registrar`] | contacts of aors, `max_contacts`, expiry |
//! | 3 | [`outbound`] | qualify, outbound registration |
//! | 3 | [`session`], [`dialplan`], [`bridge`], [`pubsub`] | calls: offer/answer state, extensions, who talks to whom, lamps |
//! | 3 | [`voicemail`] | leaving a message, and hearing it: menus as state machines |
//! | 4 | [`switch`] | the whole machine: `handle(now, input)`, actions, views; where rooms meet |
//! | 5 | [`net`] | UDP, TCP, TLS, DNS |
//! | 5 | [`media`] | RTP ports and relays, the frame clock, sound files |
//! | 5 | [`store`] | SQLite: contacts, realtime tables |
//! | 5 | [`admin`] | CLI texts, JSON, metrics: printers of `switch::view` |
//! | 6 | [`server`] | build, run, reload, shut down |
//!
//! # Two data flows
//! ```text
//! a request:  net → wire → transaction → acl → identify → authenticate → method's room → reply → net
//!             (a REGISTER's 200 waits for store's commit)
//! a call:     session (offer) → dialplan → dial → session (answer) → bridge::choose → media plan / re-INVITE
//! ```
//!
//! Deliberately absent: a database query, a DNS look-up or a lock in the request path.

pub mod admin;
pub mod authenticate;
pub mod base;
pub mod bridge;
pub mod codec;
pub mod config;
pub mod dialplan;
pub mod identify;
pub mod media;
pub mod net;
pub mod outbound;
pub mod pubsub;
pub mod registrar;
pub mod rtp;
pub mod sdp;
pub mod server;
pub mod session;
pub mod sip;
pub mod store;
pub mod switch;
pub mod voicemail;
