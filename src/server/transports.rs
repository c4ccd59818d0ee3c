//! From `type=transport` to open sockets, at start and at every reload. Sockets that say the same stay open; numbers
//! of transports never change.
//!
//! | changed | what happens |
//! |---|---|
//! | nothing that a socket knows (`local_net`, `external_*`, `domain`) | the switch obeys it at once |
//! | certificates and everything else of TLS | new connections get it; nothing is closed |
//! | `tos`, `cos` of UDP | set on the open socket |
//! | `bind`, `protocol`, the rest | `allow_reload=yes`: the new socket is opened, then the old one closed; else it stays |

use super::interface::{advertised, networks};
use crate::base::ids::{Name, TransportId};
use crate::config::Objects;
use crate::config::model::Transport;
use crate::config::model::transport::Protocol as Spoken;
use crate::config::value::words::Word as _;
use crate::net::fault::OpenFault;
use crate::net::resolve::Route;
use crate::net::stream::{Dialer, Keepalive, Listener, StreamOptions};
use crate::net::tls::{Tls, TlsFault, TlsOptions, Versions};
use crate::net::udp::{Udp, UdpOptions};
use crate::sip::flow::Protocol;
use crate::switch::io::BoundTransport;
use ipnet::IpNet;
use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Open transports.
#[derive(Debug)]
pub struct Transports {
    /// Certificate files are relative to it.
    config_dir: PathBuf,
    ids: HashMap<Name, TransportId>,
    open: BTreeMap<Name, Open>,
}

#[derive(Debug)]
struct Open {
    id: TransportId,
    config: Arc<Transport>,
    only_v6: bool,
    bound: SocketAddr,
    kind: OpenKind,
}

#[derive(Debug)]
enum OpenKind {
    Udp(Udp),
    Stream(StreamOptions),
}

/// What changed with one [`Transports::apply`].
#[derive(Debug, Default)]
pub struct Outcome {
    /// Listeners to serve.
    pub listeners: Vec<Listener>,
    /// Transports whose listener is to be closed; their connections stay.
    pub closed: Vec<TransportId>,
    /// What could not be done, each a sentence that names the object.
    pub faults: Vec<TransportFault>,
    /// What is worth a NOTICE.
    pub notices: Vec<String>,
}

/// A transport that is not open, or not as it is written.
#[derive(Debug)]
pub struct TransportFault {
    /// Its name.
    pub name: Name,
    /// A sentence that names it.
    pub text: String,
}

/// What is open, for everyone who uses it.
#[derive(Debug, Default)]
pub struct InUse {
    /// UDP sockets.
    pub udp: Vec<Udp>,
    /// What opens connections.
    pub dialers: Vec<Dialer>,
    /// For the switch.
    pub bound: Vec<BoundTransport>,
    /// For RFC 3263.
    pub routes: Vec<Route>,
}

impl Transports {
    /// None open yet.
    pub fn new(config_dir: &Path) -> Transports {
        Transports { config_dir: config_dir.to_owned(), ids: HashMap::new(), open: BTreeMap::new() }
    }

    /// Opens, keeps, replaces and closes until what is open is what is configured, as far as that can be done.
    pub fn apply(&mut self, objects: &Objects) -> Outcome {
        let mut outcome = Outcome::default();
        for transport in objects.transports.values() {
            let only_v6 = shares_port(transport, objects);
            let result = match self.open.get(&transport.name) {
                None => self.start(transport, only_v6, &mut outcome),
                Some(_) => self.change(transport, only_v6, &mut outcome),
            };
            if let Err(text) = result {
                outcome.faults.push(TransportFault { name: transport.name.clone(), text });
            }
        }
        let gone: Vec<Name> =
            self.open.keys().filter(|name| !objects.transports.contains_key(*name)).cloned().collect();
        for name in gone {
            let allowed = self.open.get(&name).is_some_and(|open| open.config.allow_reload);
            if !allowed {
                outcome.notices.push(format!(
                    "Transport '{name}' is gone from the configuration but not reloadable, it stays open until a restart"
                ));
            } else if let Some(open) = self.open.remove(&name) {
                outcome.notices.push(format!("Transport '{name}' is closed"));
                close(open, &mut outcome);
            }
        }
        outcome
    }

    /// What is open now.
    pub fn in_use(&self) -> InUse {
        let mut all = InUse::default();
        let everywhere: Arc<[IpNet]> = networks().into();
        for open in self.open.values() {
            let (id, name, bound) = (open.id, open.config.name.clone(), open.bound);
            let dual = bound.is_ipv6() && bound.ip().is_unspecified() && !open.only_v6;
            let interface_v4 = dual.then(|| advertised((Ipv4Addr::UNSPECIFIED, bound.port()).into()));
            let interface = advertised(bound);
            let networks = Arc::clone(&everywhere);
            all.bound.push(BoundTransport { id, name, bound, interface, interface_v4, networks });
            let protocol = protocol(open.config.protocol).unwrap_or(Protocol::Udp);
            all.routes.push(Route {
                transport: id,
                protocol,
                v4: bound.is_ipv4() || dual,
                v6: bound.is_ipv6(),
            });
            match &open.kind {
                OpenKind::Udp(udp) => all.udp.push(udp.clone()),
                OpenKind::Stream(options) => all.dialers.push(Dialer::new(options)),
            }
        }
        all
    }

    /// TLS of each transport that has it, by name.
    pub fn tls(&self) -> Vec<(Name, Arc<Tls>)> {
        let tls = |open: &Open| match &open.kind {
            OpenKind::Stream(options) => Some((open.config.name.clone(), Arc::clone(options.tls.as_ref()?))),
            OpenKind::Udp(_) => None,
        };
        self.open.values().filter_map(tls).collect()
    }

    fn id(&mut self, name: &Name) -> Result<TransportId, String> {
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        let next =
            u16::try_from(self.ids.len()).map_err(|_| format!("Transport '{name}': too many transports"))?;
        self.ids.insert(name.clone(), TransportId(next));
        Ok(TransportId(next))
    }

    fn start(&mut self, config: &Arc<Transport>, only_v6: bool, outcome: &mut Outcome) -> Result<(), String> {
        let name = &config.name;
        let id = self.id(name)?;
        let Some(bind) = config.bind else {
            return Err(format!(
                "Transport '{name}' could not be started: protocol={} is not served",
                word(config)
            ));
        };
        let (kind, bound, shortfall) = match protocol(config.protocol) {
            Some(Protocol::Udp) => {
                let UdpParts { udp, bound, shortfall } = open_udp(id, config, bind, only_v6).map_err(told)?;
                (OpenKind::Udp(udp), bound, shortfall)
            }
            Some(protocol) => {
                let options = self.stream_options(id, config, protocol, bind, only_v6)?;
                let listener = Listener::open(&options).map_err(told)?;
                let (bound, shortfall) = (listener.bound(), listener.shortfall().map(str::to_owned));
                if let Some(tls) = &options.tls {
                    outcome
                        .notices
                        .extend(tls.notes().into_iter().map(|note| format!("Transport '{name}': {note}")));
                }
                outcome.listeners.push(listener);
                (OpenKind::Stream(options), bound, shortfall)
            }
            None => {
                return Err(format!(
                    "Transport '{name}' could not be started: protocol={} is not served",
                    word(config)
                ));
            }
        };
        outcome.notices.extend(shortfall.map(|text| format!("Transport '{name}': {text}")));
        self.open.insert(name.clone(), Open { id, config: Arc::clone(config), only_v6, bound, kind });
        Ok(())
    }

    fn stream_options(
        &self,
        id: TransportId,
        config: &Transport,
        protocol: Protocol,
        bind: SocketAddr,
        only_v6: bool,
    ) -> Result<StreamOptions, String> {
        let tls = if protocol == Protocol::Tls {
            let tls = tls_options(&self.config_dir, config).and_then(Tls::load);
            Some(Arc::new(tls.map_err(|fault| cannot_start(config, &fault))?))
        } else {
            None
        };
        let keepalive = config.tcp_keepalive_enable.then(|| Keepalive {
            idle: Duration::from_secs(config.tcp_keepalive_idle_time_secs.into()),
            interval: Duration::from_secs(config.tcp_keepalive_interval_time_secs.into()),
            probes: config.tcp_keepalive_probe_count,
        });
        let (name, tos, cos) = (config.name.clone(), config.tos, config.cos);
        Ok(StreamOptions { id, name, protocol, bind, tos, cos, only_v6, keepalive, tls })
    }

    /// A transport that is open is written differently, or not.
    fn change(&mut self, new: &Arc<Transport>, only_v6: bool, outcome: &mut Outcome) -> Result<(), String> {
        let Some(open) = self.open.get_mut(&new.name) else { return Ok(()) };
        if !needs_new_socket(&open.config, new) {
            let result = adjust(open, new, &self.config_dir, outcome);
            if result.is_ok() {
                open.config = Arc::clone(new);
            }
            return result;
        }
        if !new.allow_reload {
            // Asterisk's words.
            let text = format!("Transport '{}' is not reloadable, maintaining previous values", new.name);
            outcome.notices.push(text);
            return Ok(());
        }
        let Some(old) = self.open.remove(&new.name) else { return Ok(()) };
        match self.start(new, only_v6, outcome) {
            Ok(()) => {
                outcome.notices.push(format!("Transport '{}' is open anew", new.name));
                close(old, outcome);
                Ok(())
            }
            Err(text) => {
                self.open.insert(new.name.clone(), old);
                Err(format!("{text}; the old socket stays open"))
            }
        }
    }
}

/// What a listener's task is told.
fn close(open: Open, outcome: &mut Outcome) {
    if matches!(open.kind, OpenKind::Stream(_)) {
        outcome.closed.push(open.id);
    }
}

/// Whether an open socket cannot be made to say what is written now.
fn needs_new_socket(old: &Transport, new: &Transport) -> bool {
    let marks_differ = (old.tos, old.cos) != (new.tos, new.cos);
    let keepalive = |t: &Transport| {
        t.tcp_keepalive_enable.then_some((
            t.tcp_keepalive_idle_time_secs,
            t.tcp_keepalive_interval_time_secs,
            t.tcp_keepalive_probe_count,
        ))
    };
    old.bind != new.bind
        || old.protocol != new.protocol
        || new.protocol.is_stream() && (marks_differ || keepalive(old) != keepalive(new))
}

/// Makes an open socket say what is written now.
fn adjust(open: &mut Open, new: &Transport, config_dir: &Path, outcome: &mut Outcome) -> Result<(), String> {
    match &open.kind {
        OpenKind::Udp(udp) => {
            if (open.config.tos, open.config.cos) != (new.tos, new.cos) {
                let shortfall = udp.mark(new.tos, new.cos);
                outcome.notices.extend(shortfall.map(|text| format!("Transport '{}': {text}", new.name)));
            }
        }
        OpenKind::Stream(options) => {
            if let Some(tls) = &options.tls {
                let kept =
                    |fault: TlsFault| format!("Transport '{}' keeps its certificate: {fault}", new.name);
                let wanted = tls_options(config_dir, new).map_err(kept)?;
                if tls.reconfigure(wanted).map_err(kept)? {
                    outcome
                        .notices
                        .push(format!("Transport '{}': new connections get the new TLS settings", new.name));
                }
            }
        }
    }
    Ok(())
}

struct UdpParts {
    udp: Udp,
    bound: SocketAddr,
    shortfall: Option<String>,
}

fn open_udp(
    id: TransportId,
    config: &Transport,
    bind: SocketAddr,
    only_v6: bool,
) -> Result<UdpParts, OpenFault> {
    let (name, tos, cos) = (config.name.clone(), config.tos, config.cos);
    let udp = Udp::open(&UdpOptions { id, name, bind, tos, cos, only_v6 })?;
    let (bound, shortfall) = (udp.bound(), udp.shortfall().map(str::to_owned));
    Ok(UdpParts { udp, bound, shortfall })
}

fn tls_options(config_dir: &Path, config: &Transport) -> Result<TlsOptions, TlsFault> {
    let path = |text: &Name| (!text.is_empty()).then(|| config_dir.join(&**text));
    if !config.password.is_empty() {
        return Err(TlsFault::new(
            "password: encrypted keys cannot be read; decrypt the key (openssl pkey -in FILE -out PLAIN) and remove it",
        ));
    }
    Ok(TlsOptions {
        name: config.name.clone(),
        cert_file: path(&config.cert_file),
        priv_key_file: path(&config.priv_key_file),
        ca_list_file: path(&config.ca_list_file),
        ca_list_path: path(&config.ca_list_path),
        verify_server: config.verify_server,
        allow_wildcard_certs: config.allow_wildcard_certs,
        verify_client: config.verify_client,
        require_client_cert: config.require_client_cert,
        versions: Versions::from_method(config.method.word())?,
        ciphers: config.cipher.iter().map(ToString::to_string).collect(),
    })
}

/// Whether a transport bound to all of IPv6 must leave IPv4 alone: another one has the same port there.
fn shares_port(transport: &Transport, objects: &Objects) -> bool {
    let wildcard = |bind: SocketAddr| bind.is_ipv6() && bind.ip().is_unspecified();
    let Some(bind) = transport.bind.filter(|bind| wildcard(*bind)) else { return false };
    let udp = |t: &Transport| t.protocol == Spoken::Udp;
    objects.transports.values().any(|other| {
        udp(other) == udp(transport)
            && other.bind.is_some_and(|theirs| theirs.is_ipv4() && theirs.port() == bind.port())
    })
}

fn protocol(word: Spoken) -> Option<Protocol> {
    match word {
        Spoken::Udp => Some(Protocol::Udp),
        Spoken::Tcp => Some(Protocol::Tcp),
        Spoken::Tls => Some(Protocol::Tls),
        Spoken::Ws | Spoken::Wss | Spoken::Flow => None,
    }
}

fn word(config: &Transport) -> &'static str {
    config.protocol.word()
}

fn told(fault: OpenFault) -> String {
    fault.to_string()
}

fn cannot_start(config: &Transport, fault: &TlsFault) -> String {
    format!("Transport '{}' could not be started: {fault}", config.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::files::MemoryFiles;

    fn objects(pjsip_conf: &str) -> Objects {
        let loaded = crate::config::load(&MemoryFiles::new().with("pjsip.conf", pjsip_conf), None);
        assert!(
            loaded.findings.iter().all(|f| f.severity < crate::config::Severity::Error),
            "{:?}",
            loaded.findings
        );
        loaded.objects
    }

    /// A port that was free a moment ago, for both kinds of socket.
    fn port() -> u16 {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        tcp.local_addr().expect("bound").port()
    }

    fn transports() -> Transports {
        Transports::new(Path::new("/nowhere"))
    }

    fn faults(outcome: &Outcome) -> Vec<&str> {
        outcome.faults.iter().map(|fault| fault.text.as_str()).collect()
    }

    #[test]
    fn every_transport_is_opened_and_every_failure_is_told_at_once() {
        let (a, b) = (port(), port());
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let c = taken.local_addr().expect("bound").port();
        let conf = format!(
            "[u]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{a}\n\
             [t]\ntype=transport\nprotocol=tcp\nbind=[::1]:{b}\n\
             [x]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{c}\n\
             [y]\ntype=transport\nprotocol=tls\nbind=127.0.0.1:{a}\ncert_file=/nowhere/cert.pem\n\
             [z]\ntype=transport\nprotocol=tls\nbind=127.0.0.1:{b}\nmethod=tlsv1\n\
             [w]\ntype=transport\nprotocol=wss\n"
        );
        let (mut transports, objects) = (transports(), objects(&conf));
        let outcome = transports.apply(&objects);
        let faults = faults(&outcome);
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert_eq!(faults[0], "Transport 'w' could not be started: protocol=wss is not served");
        assert!(
            faults[1].starts_with(&format!("Transport 'x' could not be started: bind UDP 127.0.0.1:{c}: "))
        );
        assert!(faults[2].starts_with("Transport 'y' could not be started: cert_file=/nowhere/cert.pem: "));
        assert!(faults[3].starts_with("Transport 'z' could not be started: method=tlsv1 cannot be had"));
        assert_eq!(outcome.listeners.len(), 1);
        let in_use = transports.in_use();
        assert_eq!((in_use.udp.len(), in_use.dialers.len(), in_use.bound.len()), (1, 1, 2));
        assert_eq!(in_use.routes[0].protocol, Protocol::Tcp);
        assert!(in_use.routes[0].v6 && !in_use.routes[0].v4);
        drop(taken);
        let outcome = transports.apply(&objects);
        assert_eq!(outcome.faults.len(), 3, "what was free meanwhile is opened by the next reload");
        assert_eq!(transports.in_use().udp.len(), 2);
    }

    /// Pain 4: a reload closes no socket that need not be closed, and none before its successor is open.
    #[test]
    fn a_reload_keeps_sockets_unless_it_may_replace_them() {
        let (a, b) = (port(), port());
        let conf = |port: u16, more: &str| {
            objects(&format!("[u]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{port}\n{more}\n"))
        };
        let mut transports = transports();
        assert!(transports.apply(&conf(a, "")).faults.is_empty());
        let first = transports.in_use().bound;
        assert_eq!(first[0].bound.port(), a);

        let outcome = transports.apply(&conf(b, ""));
        assert_eq!(outcome.notices, ["Transport 'u' is not reloadable, maintaining previous values"]);
        assert_eq!(transports.in_use().bound, first);

        let outcome = transports.apply(&conf(a, "local_net=10.0.0.0/8\ntos=cs3"));
        assert!(outcome.notices.is_empty() && outcome.faults.is_empty(), "{outcome:?}");
        assert_eq!(transports.in_use().bound, first);

        assert!(transports.apply(&conf(a, "allow_reload=yes")).faults.is_empty());
        let outcome = transports.apply(&conf(b, "allow_reload=yes"));
        assert_eq!(outcome.notices, ["Transport 'u' is open anew"]);
        let second = transports.in_use().bound;
        assert_eq!((second[0].id, second[0].bound.port()), (first[0].id, b), "the number stays");
        drop(std::net::UdpSocket::bind(("127.0.0.1", a)).expect("the old socket is closed"));

        let taken = std::net::UdpSocket::bind(("127.0.0.1", a)).expect("free");
        let outcome = transports.apply(&conf(a, "allow_reload=yes"));
        assert!(faults(&outcome)[0].ends_with("the old socket stays open"), "{outcome:?}");
        assert_eq!(transports.in_use().bound, second);
        drop(taken);

        let none = objects("[global]\ntype=global\n");
        transports.apply(&none);
        assert!(transports.in_use().bound.is_empty(), "allow_reload=yes: it may go");
    }

    #[test]
    fn a_wildcard_of_ipv6_takes_ipv4_unless_another_has_it() {
        let (a, b) = (port(), port());
        let conf = format!(
            "[a6]\ntype=transport\nprotocol=udp\nbind=[::]:{a}\n\
             [b4]\ntype=transport\nprotocol=udp\nbind=0.0.0.0:{b}\n\
             [b6]\ntype=transport\nprotocol=udp\nbind=[::]:{b}\n\
             [t6]\ntype=transport\nprotocol=tcp\nbind=[::]:{b}\n"
        );
        let mut transports = transports();
        let outcome = transports.apply(&objects(&conf));
        assert!(outcome.faults.is_empty(), "{outcome:?}");
        let families: Vec<(bool, bool)> = transports.in_use().routes.iter().map(|r| (r.v4, r.v6)).collect();
        assert_eq!(families, [(true, true), (true, false), (false, true), (true, true)]);
    }
}
