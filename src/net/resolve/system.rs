//! The system's DNS: `/etc/resolv.conf` and `/etc/hosts`, through hickory-resolver.

use super::source::{Answer, DnsFault, Kind, Record, Source, Srv};
use crate::base::limits;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Seconds that "there is no such record" holds when the answer does not say.
const NEGATIVE_SECS: u64 = 30;

/// Files that say how names are resolved; a change of one makes a new resolver.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

type Stamps = [Option<SystemTime>; FILES.len()];

/// The system's resolver.
pub struct SystemDns {
    servers: Vec<SocketAddr>,
    current: Mutex<(Arc<TokioResolver>, Stamps)>,
}

impl SystemDns {
    /// As `/etc/resolv.conf` says; with `servers`, those instead of its own.
    pub fn new(servers: Vec<SocketAddr>) -> Result<SystemDns, DnsFault> {
        let current = (Arc::new(build(&servers)?), stamps());
        Ok(SystemDns { servers, current: Mutex::new(current) })
    }

    /// Takes changed files into account. Reads files: not for a runtime's own threads.
    pub fn refresh(&self) -> Result<bool, DnsFault> {
        let now = stamps();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.1 == now {
            return Ok(false);
        }
        // Remembered even when it cannot be used, so that it is told once.
        current.1 = now;
        current.0 = Arc::new(build(&self.servers)?);
        Ok(true)
    }

    fn resolver(&self) -> Arc<TokioResolver> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner).0)
    }

    async fn ask(&self, name: &str, kind: Kind) -> Result<Answer, DnsFault> {
        let broken = |error: &dyn std::fmt::Display| DnsFault(format!("{name}: {error}"));
        let mut full = Name::from_utf8(name).map_err(|error| broken(&error))?;
        full.set_fqdn(true);
        let short = full.num_labels() == 1;
        let resolver = self.resolver();
        let types = record_type(kind);
        let answer = read(resolver.lookup(full, types).await, name)?;
        if !answer.records.is_empty() || !short || !matches!(kind, Kind::A | Kind::Aaaa) {
            return Ok(answer);
        }
        // A name of one label may be meant below the search domains, as in containers.
        let relative = Name::from_utf8(name).map_err(|error| broken(&error))?;
        read(resolver.lookup(relative, types).await, name)
    }
}

impl std::fmt::Debug for SystemDns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SystemDns").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl Source for SystemDns {
    fn lookup<'a>(
        &'a self,
        name: &'a str,
        kind: Kind,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, DnsFault>> + Send + 'a>> {
        Box::pin(self.ask(name, kind))
    }
}

fn stamps() -> Stamps {
    FILES.map(|path| std::fs::metadata(Path::new(path)).and_then(|meta| meta.modified()).ok())
}

fn build(servers: &[SocketAddr]) -> Result<TokioResolver, DnsFault> {
    let broken = |error: NetError| DnsFault(format!("/etc/resolv.conf: {error}"));
    let mut builder = if servers.is_empty() {
        // Without the file, names resolve only by /etc/hosts, but the server runs.
        TokioResolver::builder_tokio().unwrap_or_else(|_| {
            TokioResolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
        })
    } else {
        let mut config = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
        for server in servers {
            config.add_name_server(name_server(*server));
        }
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    // Our own cache keeps answers, by their real times to live.
    options.cache_size = 0;
    options.timeout = Duration::from_secs(limits::DNS_TOTAL_SECS / 4);
    options.attempts = 2;
    builder.build().map_err(broken)
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn record_type(kind: Kind) -> RecordType {
    match kind {
        Kind::Naptr => RecordType::NAPTR,
        Kind::Srv => RecordType::SRV,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    }
}

fn read(result: Result<Lookup, NetError>, name: &str) -> Result<Answer, DnsFault> {
    let lookup = match result {
        Ok(lookup) => lookup,
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
            let ttl_secs = none.negative_ttl.map_or(NEGATIVE_SECS, u64::from);
            return Ok(Answer { records: Vec::new(), ttl_secs });
        }
        Err(error) => return Err(DnsFault(format!("{name}: {error}"))),
    };
    let mut answer = Answer { records: Vec::new(), ttl_secs: *limits::DNS_TTL_SECS.end() };
    for record in lookup.answers() {
        answer.ttl_secs = answer.ttl_secs.min(u64::from(record.ttl));
        match &record.data {
            RData::A(a) => answer.records.push(Record::Address(IpAddr::V4(a.0))),
            RData::AAAA(aaaa) => answer.records.push(Record::Address(IpAddr::V6(aaaa.0))),
            RData::SRV(srv) => answer.records.push(Record::Srv(Srv {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: written(&srv.target),
            })),
            RData::NAPTR(naptr) => answer.records.push(Record::Naptr {
                order: naptr.order,
                preference: naptr.preference,
                flags: String::from_utf8_lossy(&naptr.flags).into_owned(),
                service: String::from_utf8_lossy(&naptr.services).into_owned(),
                replacement: written(&naptr.replacement),
            }),
            // An alias on the way to the answer.
            _ => {}
        }
    }
    Ok(answer)
}

/// A name without its final dot; empty for the root.
fn written(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}
