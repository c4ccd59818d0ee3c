//! Numbers that only rise, by stable name: what metrics and `show status` print.

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Something counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Counter { $($(#[doc = $doc])+ $variant,)+ }

        const NAMES: &[&str] = &[$($name,)+];
    };
}

counters! {
    /// Messages received, of any kind.
    Received = "messages_received",
    /// Requests received.
    Requests = "requests_received",
    /// Responses received.
    Responses = "responses_received",
    /// Bytes that are no SIP.
    Junk = "junk_received",
    /// Messages with a fault that was answered or dropped.
    Malformed = "malformed_received",
    /// Requests that came again while their transaction lived.
    Retransmissions = "retransmissions_received",
    /// REGISTERs granted.
    Registered = "registers_granted",
    /// REGISTERs refused.
    RegisterRefused = "registers_refused",
    /// 401s sent, the first of a registration included.
    Challenged = "challenges_sent",
    /// Challenges to names that are nobody's.
    DummyChallenged = "dummy_challenges_sent",
    /// Requests whose credentials were good.
    Authenticated = "authentications_good",
    /// Requests whose credentials were not.
    AuthenticationFailed = "authentications_failed",
    /// Nonce counts used twice.
    Replays = "digest_replays",
    /// Requests refused by an acl.
    AclRefused = "acl_refused",
    /// Requests that matched no endpoint.
    Unidentified = "unidentified_requests",
    /// Requests refused because a table was full or the store behind.
    Overloaded = "overload_refused",
    /// Packets dropped because their source is barred.
    Barred = "barred_dropped",
    /// Sources barred.
    Bans = "bans",
    /// Requests refused because the server is about to end.
    DrainRefused = "drain_refused",
    /// OPTIONS sent to qualify.
    QualifySent = "qualify_sent",
    /// REGISTERs of our own sent, repetitions not counted.
    RegisterSent = "outbound_registers_sent",
    /// Contacts that expired.
    Expired = "contacts_expired",
    /// Messages that could not be sent.
    SendFailed = "send_failures",
    /// Commits that failed.
    CommitFailed = "commit_failures",
}

/// All counters.
#[derive(Clone, Debug)]
pub struct Counters([u64; NAMES.len()]);

impl Default for Counters {
    fn default() -> Counters {
        Counters([0; NAMES.len()])
    }
}

impl Counters {
    /// One more.
    pub fn count(&mut self, counter: Counter) {
        self.0[counter as usize] += 1;
    }

    /// How many.
    pub fn of(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Names and numbers.
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        NAMES.iter().copied().zip(self.0).collect()
    }
}
