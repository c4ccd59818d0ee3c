//! `jackfield.conf`: what Asterisk has no option for.

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::objects::Objects;
use crate::config::value::Fault;
use crate::config::value::access::{Access, NamedLists, Permit};
use crate::config::value::lists::TextList;
use crate::config::value::network::Bind;
use crate::config::value::scalar::{Between, Truth};
use crate::config::value::spec::options;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where metrics are listened for unless told otherwise.
pub const METRICS_BIND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9360);

options! {
    struct
    /// Options of our own.
    #[derive(Clone, Debug, PartialEq)]
    Jackfield {
        /// Its name.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
        /// Who is never barred, besides every transport's `local_net` and the networks of `type=identify`.
        ban_exempt: Access = Access::default();
    }
    OPTIONS: Jackfield, Jackfield::this, Jackfield::this_mut;

    /// Bar sources that offend too often: their packets are dropped unread.
    Obeyed "ban" ban: bool = false, Truth;
    /// Seconds in which as many points as ban_threshold drain away.
    Obeyed "ban_period" ban_period_secs: u32 = 600, Between<1, 604_800>;
    /// Points at which a source is barred.
    Obeyed "ban_threshold" ban_threshold: u32 = 20, Between<1, 1_000_000>;
    /// Seconds a ban lasts.
    Obeyed "ban_time" ban_time_secs: u32 = 3_600, Between<1, 2_592_000>;
    /// Answer GET /metrics.
    Obeyed "metrics" metrics: bool = true, Truth;
    /// Where metrics are listened for; numbers tell a stranger much, so on loopback.
    Obeyed "metrics_bind" metrics_bind: Option<SocketAddr> = Some(METRICS_BIND), Bind;
    /// Endpoints that have series of their own.
    Obeyed "metrics_endpoints" metrics_endpoints: Box<[Name]> = Box::default(), TextList;
}

options! {
    own
    /// Who is exempt.
    EXEMPT: Jackfield, Jackfield::this, Jackfield::this_mut;

    /// Networks that are never barred.
    Obeyed "ban_exempt" ban_exempt, Permit;
    /// Lists of acl.conf: who is permitted by one is never barred.
    Obeyed "ban_exempt_acl" ban_exempt, NamedLists;
}

flat_object!(Jackfield, Jackfield, [OPTIONS, EXEMPT], {
    /// A bad line is passed over, and the others count.
    fn lenient() -> bool {
        true
    }

    fn settle(&mut self, _: &mut Vec<(&'static str, Fault)>) {
        if let Some(bind) = self.metrics_bind.as_mut().filter(|bind| bind.port() == 0) {
            bind.set_port(METRICS_BIND.port());
        }
    }

    fn resolved(&self, objects: &Objects) -> Option<Self> {
        let ban_exempt = self.ban_exempt.resolved(&objects.named_acls)?;
        Some(Jackfield { ban_exempt, ..self.clone() })
    }
});
