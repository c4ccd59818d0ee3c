//! `rtp.conf`: what holds for all media.

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::objects::Objects;
use crate::config::value::Fault;
use crate::config::value::access::{Access, Deny, NamedLists, Permit};
use crate::config::value::scalar::{Between, Text, Truth, Uint};
use crate::config::value::spec::options;
use crate::config::value::words::{OneOf, words};

words! {
    /// `strictrtp`: whether a stream is held to the source it began with.
    StrictRtp {
        /// It is, after a probation in time and packets.
        Yes = "yes" | "true" | "y" | "t" | "1" | "on",
        /// Any source is taken.
        No = "no" | "false" | "n" | "f" | "0" | "off",
        /// It is, after a probation in packets only.
        Seqno = "seqno",
    }
}

options! {
    struct
    /// What holds for all media.
    #[derive(Clone, Debug, PartialEq)]
    Rtp {
        /// Its name.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
        /// Local addresses usable as ICE host candidates.
        ice: Access = Access::default();
        /// Local addresses for which STUN is done.
        stun: Access = Access::default();
    }
    OPTIONS: Rtp, Rtp::this, Rtp::this_mut;

    /// DTLS fragment size.
    Missed "dtls_mtu" dtls_mtu: u32 = 1200, Between<256, 65535>;
    /// Samples of silence that end a digit whose end was lost.
    Obeyed "dtmftimeout" dtmf_timeout_samples: u32 = 1200, Uint;
    /// ICE at all; needed beside the endpoint's ice_support.
    Later "icesupport" ice_support: bool = true, Truth;
    /// Sequential packets from one source needed to accept it.
    Obeyed "probation" probation_packets: u32 = 4, Between<2, 1000>;
    /// Milliseconds between RTCP reports; 0 sends none.
    Obeyed "rtcpinterval" rtcp_interval_ms: u32 = 5000, Between<0, 60000>;
    /// UDP checksums; the system decides.
    Moot "rtpchecksums" rtp_checksums: bool = true, Truth;
    /// Last RTP port.
    Obeyed "rtpend" rtp_end: u16 = 31_000, Between<1024, 65535>;
    /// First RTP port.
    Obeyed "rtpstart" rtp_start: u16 = 5000, Between<1024, 65535>;
    /// SRTP replay window.
    Missed "srtpreplayprotection" srtp_replay_protection: bool = true, Truth;
    /// Source locking.
    Obeyed "strictrtp" strict_rtp: StrictRtp = StrictRtp::Yes, OneOf;
    /// SOFTWARE attribute in STUN messages.
    Later "stun_software_attribute" stun_software_attribute: bool = true, Truth;
    /// STUN server: host or host:port.
    Later "stunaddr" stunaddr: Name = Name::default(), Text;
    /// Resolve again at each use when the TTL is 0.
    Later "stunaddr_reresolve_ttl_0" stunaddr_reresolve_ttl_0: bool = false, Truth;
    /// TURN server: host or host:port.
    Later "turnaddr" turnaddr: Name = Name::default(), Text;
    /// TURN secret.
    Later "turnpassword" turnpassword: Name = Name::default(), Text;
    /// TURN user.
    Later "turnusername" turnusername: Name = Name::default(), Text;
}

options! {
    own
    /// Lists of local addresses.
    LISTS: Rtp, Rtp::this, Rtp::this_mut;

    /// Named lists for ICE candidates.
    Later "ice_acl" ice, NamedLists;
    /// Addresses refused as ICE candidates.
    Later "ice_deny" ice, Deny;
    /// Addresses allowed as ICE candidates.
    Later "ice_permit" ice, Permit;
    /// Named lists for STUN.
    Later "stun_acl" stun, NamedLists;
    /// Addresses for which no STUN is done.
    Later "stun_deny" stun, Deny;
    /// Addresses for which STUN is done.
    Later "stun_permit" stun, Permit;
}

flat_object!(Rtp, Rtp, [OPTIONS, LISTS], {
    /// As in Asterisk: a bad line is passed over, and the others count.
    fn lenient() -> bool {
        true
    }

    fn settle(&mut self, faults: &mut Vec<(&'static str, Fault)>) {
        if self.rtp_start >= self.rtp_end {
            let message = format!("rtpend={} does not lie above rtpstart={}", self.rtp_end, self.rtp_start);
            faults.push(("rtpend", Fault::new("out-of-range", message)));
            let Rtp { rtp_start, rtp_end, .. } = Rtp::default();
            (self.rtp_start, self.rtp_end) = (rtp_start, rtp_end);
        }
        if (1..500).contains(&self.rtcp_interval_ms) {
            let message = format!("{} is neither 0 nor between 500 and 60000", self.rtcp_interval_ms);
            faults.push(("rtcpinterval", Fault::new("out-of-range", message)));
            self.rtcp_interval_ms = Rtp::default().rtcp_interval_ms;
        }
        // RTP takes an even port, RTCP the odd one above it.
        self.rtp_start = self.rtp_start.next_multiple_of(2).min(65_534);
    }

    fn resolved(&self, objects: &Objects) -> Option<Self> {
        let ice = self.ice.resolved(&objects.named_acls);
        let stun = self.stun.resolved(&objects.named_acls);
        if ice.is_none() && stun.is_none() {
            return None;
        }
        Some(Rtp {
            ice: ice.unwrap_or_else(|| self.ice.clone()),
            stun: stun.unwrap_or_else(|| self.stun.clone()),
            ..self.clone()
        })
    }
});
