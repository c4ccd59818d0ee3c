//! Every bound in one place, each with its reason and with who is refused when it is reached.
//! A full table is a counted, logged refusal, never growth without end.

/// Largest SIP message taken from a stream, and largest datagram (UDP's own maximum). A longer stream message closes
/// its connection with 513.
pub const MESSAGE_BYTES: usize = 65_535;
/// Header fields in one message. RFC 3261 names none; 64 Vias plus everything else in the field stays below 128.
pub const HEADERS: usize = 256;
/// Values walked in one comma-separated header, or entries in a parameter list: bounds the work of one lookup.
pub const LIST_ITEMS: usize = 128;
/// Parts read of one multipart body; an INVITE with description, location, ISUP and history has four.
pub const BODY_PARTS: usize = 16;
/// Multiparts inside multiparts that are followed: mixed, alternative and one more.
pub const BODY_DEPTH: usize = 3;
/// Contacts in one REGISTER. The largest legitimate request seen (a gateway with wildcard lines) had 20.
pub const CONTACTS_PER_REGISTER: usize = 64;
/// Contact URI length stored. Asterisk's column `ps_contacts.uri` is 511 characters wide.
pub const CONTACT_URI_BYTES: usize = 511;
/// Host length in a stored contact (pjproject's PJ_MAX_HOSTNAME minus its terminator).
pub const CONTACT_HOST_BYTES: usize = 254;
/// Server transactions alive at once, finished ones included. At 0.7 KiB each this is 700 MiB; new requests get 503.
pub const SERVER_TRANSACTIONS: usize = 1_000_000;
/// Finished REGISTER transactions among them. A REGISTER done twice does no harm, so the oldest are forgotten before
/// Timer J when there are more: 11 MiB, enough for 500 REGISTERs per second, and for the first retransmission at 20,000.
pub const FINISHED_REGISTERS: usize = 16_384;
/// Client transactions alive at once: every contact of a large installation qualified in one second. Our own request
/// is not sent and counts as unanswered.
pub const CLIENT_TRANSACTIONS: usize = 200_000;
/// Nonces whose counts are remembered (48 bytes each). Full: the oldest second's nonces become stale.
pub const NONCES: usize = 1_000_000;
/// REGISTERs waiting for their commit. Full: 503 with Retry-After, the phone tries again.
pub const HELD_REGISTERS: usize = 65_536;
/// Connections of all stream transports together. A new one is closed at accept when full.
pub const CONNECTIONS: usize = 100_000;
/// Connections from one source address that have not yet delivered a whole message (AST-2016-005).
pub const HALF_OPEN_PER_SOURCE: usize = 64;
/// Connections from one source address: room for a load balancer with a small provider's phones behind it, and four
/// others of the kind. A further one is closed at accept.
pub const CONNECTIONS_PER_SOURCE: usize = 20_000;
/// Seconds a message may take from its first byte to its last: 64 times T1, when its sender has given up. A slower
/// sender is closed: it would hold memory for nothing.
pub const MESSAGE_SECS: u64 = 32;
/// Seconds an accepted connection may take to deliver its first message.
pub const FIRST_MESSAGE_SECS: u64 = 15;
/// Seconds a connection without any bound contact or call may stay silent.
pub const IDLE_CONNECTION_SECS: u64 = 3_600;
/// Bytes waiting to be written to one connection; a peer that reads slower is closed.
pub const CONNECTION_QUEUE_BYTES: usize = 1 << 20;
/// Seconds to open a connection, TLS included, before the next target is tried. Three SYNs fit (0, 1 and 3 s).
pub const CONNECT_SECS: u64 = 7;
/// Seconds bytes may wait without the peer taking any of them: 64 times T1, when the transaction is over anyway.
pub const WRITE_STALL_SECS: u64 = 32;
/// Names of TLS peers remembered to verify certificates by. Full: the oldest is forgotten.
pub const DIAL_TARGETS: usize = 65_536;
/// Datagrams or frames handled in one wake-up before timers and other inputs get their turn.
pub const BATCH: usize = 64;
/// Sources remembered for unidentified requests and for scoring. Full: the oldest is forgotten.
pub const SOURCES: usize = 65_536;
/// Sources barred at once (48 bytes each). Full: the ban that ends first is lifted.
pub const BANS: usize = 65_536;
/// Log lines one source may cause per minute and kind: twice what ban tools need (fail2ban's `maxretry` is 10).
pub const SOURCE_LINES_PER_MIN: u32 = 20;
/// Log lines all strangers together may cause per minute: half a gigabyte of log in a day of attack. Further ones are
/// counted and summed up.
pub const STRANGER_LINES_PER_MIN: u32 = 1_200;
/// Sources named when a minute of left-out lines is summed up; the rest share one line.
pub const SUMMARY_LINES: usize = 20;
/// OPTIONS of qualify sent per second by one process: 50,000 contacts at 60 s need 833.
pub const QUALIFY_PER_SEC: u32 = 2_000;
/// Bytes of messages and decisions that `trace` remembers: some hundred calls.
pub const TRACE_BYTES: usize = 4 << 20;
/// Messages and decisions among them.
pub const TRACE_ENTRIES: usize = 32_768;
/// Characters of a response's reason phrase that are kept: a peer may send any number.
pub const REASON_CHARS: usize = 128;
/// Legs of a channel whose last words `HANGUPCAUSE()` keeps: a dialplan that dials in a loop must not grow for ever.
pub const HANGUP_CAUSES: usize = 64;
/// Priorities of one channel's dialplan that a trace keeps: a dialplan that loops must not push the other calls out.
pub const TRACE_STEPS: u16 = 64;
/// Bytes of a priority's arguments that a trace keeps.
pub const TRACE_ARGUMENTS: usize = 160;
/// Messages kept by `pjsip set history on`.
pub const HISTORY_MESSAGES: usize = 10_000;
/// Inputs queued towards the switch by one edge; full means that edge drops (datagrams) or waits (streams).
pub const SWITCH_QUEUE: usize = 4_096;
/// `#include` depth, against loops.
pub const INCLUDE_DEPTH: usize = 16;
/// Bytes in one line of a configuration file, joined continuation and all.
pub const CONF_LINE_BYTES: usize = 65_536;
/// Files read for one `.conf`, includes and all: room for a file per customer. Further ones are not read, and said so.
pub const CONF_FILES: usize = 20_000;
/// Lines of all sections of one `.conf` together, counting inherited ones again: bounds what templates that inherit
/// from each other can multiply. The rest of the file is not read.
pub const CONF_INHERITED_LINES: u64 = 100_000_000;
/// Settings of one object; `set_var`, `match` and `contact` may repeat. An object with more does not load.
pub const SETTINGS_PER_OBJECT: usize = 8_192;
/// Findings kept of one load. More are counted, not kept.
pub const FINDINGS: usize = 10_000;
/// Branches of one INVITE of ours that may answer with a dialog each; a proxy rings a few phones, a hostile one many.
pub const FORKS: usize = 16;
/// Reliable provisional responses of one call waiting for the PRACK of the one before.
pub const RELIABLE_WAITING: usize = 8;
/// Changes of one running session waiting for their turn: more than media, hold, fax and identity together ever ask.
pub const SESSION_REOFFERS: usize = 16;
/// Dialogs (calls and subscriptions) alive at once.
pub const DIALOGS: usize = 200_000;
/// Lines read of one session description. A browser's offer with video and candidates has about 300.
pub const SDP_LINES: usize = 2_048;
/// Media sections in one session description; an offer with more is refused with 488.
pub const SDP_MEDIA: usize = 64;
/// Oddities remembered of one session description, for the trace; further ones are not noted.
pub const SDP_ODDITIES: usize = 8;
/// Bytes in one administrator's line: room for a whole message in hexadecimal (`explain identify --packet-hex`).
pub const ADMIN_LINE_BYTES: usize = 2 * MESSAGE_BYTES + 4_096;
/// Words in one administrator's line.
pub const ADMIN_LINE_WORDS: usize = 4_096;
/// Depth of parentheses and negations in `pjsip show history where …`: bounds the recursion.
pub const FILTER_DEPTH: usize = 32;
/// Memory of one compiled `like` pattern: a short pattern with huge counts must not eat the machine.
pub const PATTERN_BYTES: usize = 1 << 20;
/// Endpoints whose states are counted for a scrape: counting is done between two messages, and 10,000 take a millisecond
/// or two. Where there are more, the series is left out.
pub const METRIC_ENDPOINTS: usize = 10_000;
/// Series of one metric name that carries an object's name (registrations, transports, endpoints asked for). What is
/// left out is counted in `jackfield_series_left_out`.
pub const METRIC_SERIES: usize = 1_000;
/// Characters of a metric's label value; the rest is cut.
pub const METRIC_LABEL_CHARS: usize = 128;
/// Scrapes answered at once. Further connections wait in the kernel's queue.
pub const METRIC_CONNECTIONS: usize = 8;
/// Bytes of a scrape's request head, and seconds it may take to arrive and to be answered. A slower client is closed.
pub const METRIC_REQUEST_BYTES: usize = 8_192;
/// See [`METRIC_REQUEST_BYTES`].
pub const METRIC_REQUEST_SECS: u64 = 5;
/// Names offered by the tab key at once.
pub const COMPLETIONS: usize = 2_000;
/// Lines kept in the console's history file.
pub const CONSOLE_HISTORY: usize = 2_000;
/// Contact changes handed to the store and not yet taken by it. Full: they stay with the shard, whose REGISTERs wait
/// and, beyond [`HELD_REGISTERS`], get 503.
pub const STORE_QUEUE: usize = 262_144;
/// Contact changes in one commit: bounds its latency (4 ms for the largest) and its memory.
pub const STORE_GROUP: usize = 8_192;
/// Contacts folded from the journal into their table between two commits: half a millisecond.
pub const STORE_FOLD_SLICE: usize = 256;
/// Bytes of journal before it is folded into the table: replaying as much takes 0.2 s at start. A table that is larger
/// than four times this lets the journal grow to a quarter of it, so that folding stays a small part of the work.
pub const STORE_JOURNAL_BYTES: u64 = 16 << 20;
/// Rows read per slice when a shared contact table is compared with what we know: about 5 ms between two commits.
pub const STORE_SCAN_SLICE: usize = 2_048;
/// Changed rows of realtime tables delivered one by one; with more, everything is read again.
pub const REALTIME_CHANGES: usize = 10_000;
/// Contexts visited in one look-up of an extension (Asterisk's AST_PBX_MAX_STACK); further includes are not searched.
pub const INCLUDED_CONTEXTS: usize = 128;
/// Priorities a channel runs in one wake-up before others get their turn.
pub const PRIORITIES_PER_WAKE: u32 = 256;
/// Priorities run without one action on the channel: a dialplan that loops on itself; the call is ended.
pub const PRIORITIES_WITHOUT_ACTION: u32 = 100_000;
/// Actions of a hangup extension and its handlers together; then the channel is let go.
pub const ACTIONS_AFTER_HANGUP: u32 = 1_000;
/// Bytes one expanded text may have (Asterisk's VAR_BUF_SIZE less its terminator); the rest is cut off.
pub const EXPANSION_BYTES: usize = 8_191;
/// `${}` in `${}` in `$[]` …, and EVAL of EVAL. Asterisk's own limit.
pub const EXPANSION_DEPTH: u32 = 15;
/// Variables, functions and expressions evaluated for one priority; the rest expand to nothing.
pub const EVALUATIONS: u32 = 2_000;
/// Compiled size of one regular expression of the dialplan; a larger one does not compile.
pub const REGEX_BYTES: usize = 1 << 20;
/// Variables of one channel, `ARG1` … of its subroutines included.
pub const CHANNEL_VARIABLES: usize = 2_048;
/// Global variables of the dialplan; the file may set more, calls may not.
pub const GLOBAL_VARIABLES: usize = 16_384;
/// `Gosub`s that have not returned, on one channel; the next one ends the call.
pub const GOSUB_FRAMES: usize = 512;
/// Digits collected for one extension.
pub const DIALLED_DIGITS: usize = 255;
/// Media ports (one stream of one leg) open at once: 30,000 calls of two legs. Full: the call gets 503.
pub const MEDIA_PORTS: usize = 60_000;
/// Orders queued towards one media thread. Full: a new port is refused; other orders wait with their sender.
pub const MEDIA_PLANS: usize = 8_192;
/// Events queued from one media thread towards signalling; more are held back by the thread, up to as many again.
pub const MEDIA_EVENTS: usize = 8_192;
/// Digits waiting to be sent on one port; more are refused. Asterisk's longest dialled string is 80.
pub const DIGITS_QUEUED: usize = 128;
/// Names whose DNS answers are kept. Full: the one unused longest is forgotten.
pub const DNS_NAMES: usize = 10_000;
/// Addresses tried for one name: failover must end before the caller does.
pub const DNS_TARGETS: usize = 32;
/// Seconds all look-ups for one name may take together before its last good answer, or none, is used.
pub const DNS_TOTAL_SECS: u64 = 8;
/// Shortest and longest time an answer is kept, whatever its TTL says: a TTL of 0 must not mean a query per call.
pub const DNS_TTL_SECS: std::ops::RangeInclusive<u64> = 5..=86_400;
/// Seconds the last good answer serves while DNS fails.
pub const DNS_STALE_SECS: u64 = 86_400;
/// Seconds after its last use until a name is no longer kept fresh.
pub const DNS_UNUSED_SECS: u64 = 3_600;
/// Requests of ours waiting for DNS: as many pings as [`QUALIFY_PER_SEC`] makes while it may answer. A further one fails.
pub const ROUTES_WAITING: usize = 16_384;
/// Names in Contacts that `contact_` lists look at and whose addresses are kept; the oldest goes.
pub const CONTACT_HOSTS: usize = 1_024;
/// Seconds a request of ours waits for DNS: longer than [`DNS_TOTAL_SECS`], after which an answer always comes.
pub const ROUTE_SECS: u64 = 10;
/// Challenges answered for one request of ours, as in Asterisk; then the 401 counts as the answer.
pub const CHALLENGES: usize = 10;
/// Log lines waiting to be written; further ones are counted and dropped, never waited for.
pub const LOG_LINES: usize = 8_192;
/// Bytes of log lines collected for one write.
pub const LOG_CHUNK_BYTES: usize = 1 << 16;
/// Seconds between two looks at certificate files, `/etc/resolv.conf` and `/etc/hosts`.
pub const CERTIFICATE_LOOK_SECS: u64 = 10;
/// Channels alive at once: as many legs as [`MEDIA_PORTS`] has ports. Full: a call gets 503.
pub const CHANNELS: usize = 60_000;
/// Things done for calls in one go; what is left is done in the next turn, so that no call keeps the others waiting.
pub const CALL_STEPS: usize = 4_096;
/// Digits pressed on a channel while its dialplan does not listen; further ones are lost.
pub const CHANNEL_DIGITS: usize = 128;
/// Groups of a channel (`GROUP()`), and variables it shares (`SHARED()`).
pub const CHANNEL_GROUPS: usize = 64;
/// Rows of a realtime table of extensions: all of them are in memory.
pub const EXTENSION_ROWS: usize = 1_000_000;
/// Entries of the dialplan's key store: all of it is in memory, 100 bytes each as a rule.
pub const DATABASE_ENTRIES: usize = 262_144;
/// Bytes of `/family/key`: the width of Asterisk's table.
pub const DATABASE_KEY_BYTES: usize = 256;
/// Bytes of a value: what an expansion can give.
pub const DATABASE_VALUE_BYTES: usize = 8_191;
/// Headers that `PJSIP_HEADER(add,…)` may put on one INVITE; a message has room for as many.
pub const ADDED_HEADERS: usize = 64;
/// Subscriptions alive at once; at 2 KiB each 200 MiB. Full: 503 with Retry-After.
pub const SUBSCRIPTIONS: usize = 100_000;
/// `Custom:` devices, and `CustomPresence:` providers. A further one is refused, and said so.
pub const CUSTOM_STATES: usize = 100_000;
/// Unsolicited NOTIFYs about mailboxes that wait for their turn. Further ones are counted, and told in the log.
pub const MWI_QUEUED: usize = 200_000;
/// How many of them (endpoints or contacts) are told in one turn, and how often there is a turn: 1,280 per second, so
/// that a start with 50,000 phones takes 40 seconds and no queue of theirs or ours overflows.
pub const MWI_PER_TURN: usize = 64;
/// See [`MWI_PER_TURN`].
pub const MWI_TURN_MILLIS: u64 = 50;
/// Bytes of a mailbox's name with its context.
pub const MAILBOX_NAME_BYTES: usize = 255;
/// Bytes of a SUBSCRIBE that is written down to outlive a restart (Asterisk keeps 2,048). A longer one's subscription ends
/// with the server.
pub const STORED_SUBSCRIBE_BYTES: usize = 8_192;
/// Files looked at in one folder of a mailbox: app_voicemail's own maximum is 9,999 messages of a few files each.
pub const MAILBOX_MESSAGES: usize = 65_536;
/// Endpoints and extensions whose last refused SUBSCRIBE is remembered for `explain subscription`. Full: all are forgotten.
pub const REFUSALS: usize = 1_024;
/// Bytes of a presence's subtype, and of its message: with all of them escaped, its document still fits a datagram.
pub const PRESENCE_TEXT_BYTES: usize = 4_096;
/// Subscriptions told in one turn, and how often there is a turn while more wait: one lamp that everybody watches is no
/// burst that drowns what else is to be done.
pub const LAMPS_PER_TURN: usize = 256;
/// See [`LAMPS_PER_TURN`].
pub const LAMP_TURN_MILLIS: u64 = 10;
/// Members of one resource list, those of lists in it included. Further ones are left out.
pub const LIST_MEMBERS: usize = 2_000;
/// Seconds a publication lasts at least: fewer get 423. A publisher that is an Asterisk refreshes no sooner.
pub const PUBLICATION_SECS: u32 = 5;
/// Devices, and hints of one section, whose states are published with other servers; of further ones nobody is told.
pub const PUBLISHED_DEVICES: usize = 200_000;
/// Publications of ours: one for each section, or for each extension of those with `multi_user`. Further ones are not made.
pub const PUBLISHERS: usize = 20_000;
/// Publications of other servers alive at once. Full: 503 with Retry-After.
pub const PUBLICATIONS: usize = 10_000;
/// Mailboxes whose counts are known. A further one is refused, and said so.
pub const MAILBOXES: usize = 200_000;
/// Seconds a server that ends waits for registrars elsewhere to forget it. Asterisk waits 35.
pub const LEAVE_SECS: u64 = 5;
/// Seconds during which a registrar's address that did not answer is tried after the others.
pub const AVOID_TARGET_SECS: u64 = 300;
/// Conferences at once, and holding bridges: each has a room with buffers of its own.
pub const CONFERENCES: usize = 10_000;
/// Parties of one conference: one thread mixes them all every 20 ms, with a system call for each. Administrators count.
pub const CONFERENCE_PARTIES: usize = 500;
/// Channels that listen in on others at once: each change of a bridge looks at all of them.
pub const SPIES: usize = 200;
/// Sounds that play to one port at once: music, an announcement, a whisper and a beep, and some more.
pub const PLAYERS_PER_PORT: usize = 8;
/// Recordings of one port at once.
pub const RECORDERS_PER_PORT: usize = 8;
/// Sound files waiting to be opened. Full: a sound fails at once.
pub const SOUND_JOBS: usize = 4_096;
/// Characters of what a screened caller is known by: part of the name of the file that has his introduction.
pub const SCREENED_KEY: usize = 60;
/// Files of one class of music; further ones are not played.
pub const MUSIC_FILES: usize = 1_024;
/// Headers and `MESSAGE_DATA()` of one MESSAGE that its dialplan can read or set.
pub const MESSAGE_DATA: usize = 128;
/// Contacts that one `pjsip send notify` may reach; a further one is refused, and said so.
pub const NOTIFIED: usize = 1_000;
/// Redirections that one request of ours follows (`follow_redirect_methods`), as in Asterisk.
pub const REDIRECTIONS: usize = 5;
/// Digits of a code of features.conf; Asterisk keeps eleven.
pub const FEATURE_CODE_DIGITS: usize = 11;
/// Digits of an extension dialled for a transfer by code; what follows is ignored.
pub const TRANSFER_DIGITS: usize = 80;
/// Names in `DYNAMIC_FEATURES` that are looked up for one side of a call.
pub const DYNAMIC_FEATURES: usize = 64;
/// Spaces of one parking lot.
pub const PARKING_SPACES: u32 = 10_000;
/// Digits of a channel's name that a spy is told.
pub const SPOKEN_DIGITS: usize = 16;
/// Mailboxes of `voicemail.conf`; further ones are left out, and said so.
pub const VOICEMAIL_BOXES: usize = 100_000;
/// People that one search of `Directory` finds; further ones are not said.
pub const DIRECTORY_FOUND: usize = 100;
/// Messages of one folder of a mailbox: four digits number them, as in app_voicemail.
pub const VOICEMAIL_MESSAGES: usize = 9_999;
/// Mailboxes that one `VoiceMail` leaves a message in.
pub const VOICEMAIL_COPIES: usize = 64;
/// Orders that wait for the voicemail thread. Full: the caller hears that it cannot be done.
pub const VOICEMAIL_JOBS: usize = 4_096;
/// Mails and `externnotify` programs that run at once, and that wait for their turn. Further ones are not run, and said so.
pub const VOICEMAIL_PROGRAMS: usize = 8;
/// See [`VOICEMAIL_PROGRAMS`].
pub const VOICEMAIL_PROGRAMS_WAITING: usize = 1_024;
/// Seconds such a program may run; then it is ended.
pub const VOICEMAIL_PROGRAM_SECS: u64 = 300;
/// Bytes of a sound file that is attached to a mail; a mail about a larger one is sent without it.
pub const VOICEMAIL_ATTACHED_BYTES: u64 = 64 << 20;
/// Bytes read of a message's text file.
pub const VOICEMAIL_TEXT_BYTES: u64 = 16_384;
