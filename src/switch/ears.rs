//! Who is listening: which events are worth making at all. Formatting a line nobody reads would cost more than the
//! request it is about.

use super::guard::thin::Thin;
use super::io::{Action, Actions};
use super::view::{Event, HistoryOrder, HistoryView, Level, Logger};
use crate::base::ids::Name;
use crate::base::limits;
use crate::base::time::WallTime;
use crate::config::value::scalar::{is_false, is_true};
use crate::sip::flow::Protocol;
use ipnet::IpNet;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// What is listened to.
#[derive(Debug)]
pub struct Ears {
    /// The least grave log line wanted.
    pub level: Level,
    /// Whether security events are wanted.
    pub security: bool,
    /// Which lines that strangers cause are worth making.
    pub thin: Thin,
    /// Whether `pjsip set logger` is on, and for whom.
    logger: Option<Filter>,
    /// What the global section said last.
    debug: Name,
    history: Option<VecDeque<HistoryView>>,
    kept: VecDeque<HistoryView>,
    numbered: usize,
}

#[derive(Clone, Debug, Default)]
struct Filter {
    hosts: Vec<IpNet>,
    methods: Vec<String>,
}

impl Default for Ears {
    fn default() -> Ears {
        Ears {
            level: Level::Notice,
            security: false,
            thin: Thin::default(),
            logger: None,
            debug: Name::default(),
            history: None,
            kept: VecDeque::new(),
            numbered: 0,
        }
    }
}

impl Ears {
    /// A log line, made only if wanted.
    pub fn log(&self, out: &mut Actions, level: Level, origin: &'static str, text: impl FnOnce() -> String) {
        if level >= self.level {
            out.queue.push(Action::Event(Box::new(Event::Log { level, origin, text: text() })));
        }
    }

    /// Whether anybody wants to see messages.
    pub fn messages(&self) -> bool {
        self.logger.is_some() || self.history.is_some()
    }

    /// A message came or goes.
    pub fn message(
        &mut self,
        out: &mut Actions,
        at: WallTime,
        (sent, protocol, address): (bool, Protocol, SocketAddr),
        bytes: &[u8],
    ) {
        if self.logger.as_ref().is_some_and(|filter| filter.wants(address, bytes)) {
            let protocol = protocol.via_token();
            let event = Event::Message { sent, protocol, address, bytes: bytes.to_vec() };
            out.queue.push(Action::Event(Box::new(event)));
        }
        if let Some(history) = &mut self.history {
            if history.len() >= limits::HISTORY_MESSAGES {
                history.pop_front();
            }
            let (number, protocol) = (self.numbered, protocol.via_token());
            self.numbered += 1;
            history.push_back(HistoryView { number, at, sent, address, protocol, message: bytes.to_vec() });
        }
    }

    /// `pjsip set logger`. The sentence to print.
    ///
    /// # Errors
    /// A sentence about what is wrong with the host.
    pub fn set_logger(&mut self, order: &Logger) -> Result<String, String> {
        match order {
            Logger::Off => {
                self.logger = None;
                Ok("PJSIP Logging disabled".into())
            }
            Logger::On => {
                self.logger = Some(Filter::default());
                Ok("PJSIP Logging enabled".into())
            }
            Logger::Host { host, add } => {
                let net = host.parse::<IpNet>().ok().or_else(|| host.parse::<IpAddr>().ok().map(IpNet::from));
                let net = net.ok_or_else(|| format!("'{host}' is no address or network"))?;
                let filter = self.logger.get_or_insert_default();
                if !add {
                    filter.hosts.clear();
                }
                filter.hosts.push(net);
                Ok(format!("PJSIP Logging Enabled for host: {host}"))
            }
            Logger::Method { method, add } => {
                let filter = self.logger.get_or_insert_default();
                if !add {
                    filter.methods.clear();
                }
                filter.methods.push(method.to_ascii_uppercase());
                Ok(format!("PJSIP Logging Enabled for SIP Method: {method}"))
            }
        }
    }

    /// `debug` of the global section: as `pjsip set logger`, each time the file says something else than before. What was
    /// set by hand meanwhile survives a reload.
    ///
    /// # Errors
    /// A sentence about a host that cannot be read.
    pub fn set_debug(&mut self, said: &str) -> Result<(), String> {
        if *self.debug == *said || self.debug.is_empty() && is_false(said) {
            return Ok(());
        }
        self.debug = said.into();
        let order = match () {
            () if is_false(said) => Logger::Off,
            () if is_true(said) => Logger::On,
            () => Logger::Host { host: said.to_owned(), add: false },
        };
        self.set_logger(&order).map(drop)
    }

    /// `pjsip set history`. The sentence to print.
    pub fn set_history(&mut self, order: HistoryOrder) -> String {
        match order {
            HistoryOrder::On => {
                self.history = Some(std::mem::take(&mut self.kept));
                "PJSIP History enabled".into()
            }
            HistoryOrder::Off => {
                self.kept = self.history.take().unwrap_or_default();
                "PJSIP History disabled".into()
            }
            HistoryOrder::Clear => {
                self.kept.clear();
                if let Some(history) = &mut self.history {
                    history.clear();
                }
                self.numbered = 0;
                "PJSIP history cleared".into()
            }
        }
    }

    /// `pjsip show history`.
    pub fn history(&self) -> Vec<HistoryView> {
        self.history.as_ref().unwrap_or(&self.kept).iter().cloned().collect()
    }
}

impl Filter {
    fn wants(&self, address: SocketAddr, bytes: &[u8]) -> bool {
        let host = self.hosts.is_empty() || self.hosts.iter().any(|net| net.contains(&address.ip()));
        host && (self.methods.is_empty() || self.methods.iter().any(|method| is_about(bytes, method)))
    }
}

/// Whether a message is a request of that method or a response to one.
fn is_about(bytes: &[u8], method: &str) -> bool {
    let method = method.as_bytes();
    if !bytes.starts_with(b"SIP/") {
        return bytes.starts_with(method) && bytes.get(method.len()) == Some(&b' ');
    }
    let cseq = memchr::memmem::find(bytes, b"CSeq").map(|at| &bytes[at..]).unwrap_or_default();
    let line = &cseq[..memchr::memchr(b'\n', cseq).unwrap_or(cseq.len())];
    crate::sip::wire::text::trim(line).ends_with(method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logger_filters_by_host_and_method() {
        let (mut ears, mut out) = (Ears::default(), Actions::default());
        let peer: SocketAddr = "10.0.0.1:5060".parse().expect("an address");
        let say = |ears: &mut Ears, out: &mut Actions, bytes: &[u8]| {
            ears.message(out, WallTime(0), (false, Protocol::Udp, peer), bytes);
            std::mem::take(&mut out.queue).len()
        };
        assert_eq!(say(&mut ears, &mut out, b"OPTIONS sip:h SIP/2.0\r\n\r\n"), 0);
        let method = |m: &str| Logger::Method { method: m.into(), add: false };
        ears.set_logger(&method("register")).expect("reads");
        assert_eq!(say(&mut ears, &mut out, b"OPTIONS sip:h SIP/2.0\r\n\r\n"), 0);
        assert_eq!(say(&mut ears, &mut out, b"REGISTER sip:h SIP/2.0\r\n\r\n"), 1);
        assert_eq!(say(&mut ears, &mut out, b"SIP/2.0 200 OK\r\nCSeq: 1 REGISTER\r\n\r\n"), 1);
        let host = |h: &str| Logger::Host { host: h.into(), add: true };
        ears.set_logger(&host("192.0.2.0/24")).expect("reads");
        assert_eq!(say(&mut ears, &mut out, b"REGISTER sip:h SIP/2.0\r\n\r\n"), 0);
        ears.set_logger(&host("10.0.0.1")).expect("reads");
        assert_eq!(say(&mut ears, &mut out, b"REGISTER sip:h SIP/2.0\r\n\r\n"), 1);
        assert!(ears.set_logger(&host("nonsense")).is_err());
        ears.set_logger(&Logger::Off).expect("off");
        ears.set_debug("no").expect("off");
        ears.set_debug("yes").expect("on");
        assert_eq!(say(&mut ears, &mut out, b"OPTIONS sip:h SIP/2.0\r\n\r\n"), 1);
        ears.set_logger(&Logger::Off).expect("off");
        ears.set_debug("yes").expect("said before");
        assert_eq!(
            say(&mut ears, &mut out, b"OPTIONS sip:h SIP/2.0\r\n\r\n"),
            0,
            "by hand outlives a reload"
        );
        ears.set_debug("10.0.0.0/8").expect("a network");
        assert_eq!(say(&mut ears, &mut out, b"OPTIONS sip:h SIP/2.0\r\n\r\n"), 1);
        assert!(ears.set_debug("some.host").is_err());
    }
}
