//! Reading the configuration again: all of it is read and judged before anything is touched, then applied between two
//! messages. What is bad keeps its last good version; what did not change is not touched.

use super::log::wanted_level;
use super::logger_conf::LoggerConf;
use super::names::hosts_of;
use super::realtime::{self, Read};
use super::runtime::{InForce, Served, Server};
use super::shard::{NewConfig, Order};
use super::transports::Outcome;
use crate::base::limits;
use crate::config::load::Loaded;
use crate::config::{Finding, Objects, Severity, Sources};
use crate::net::stream::{Listener, Pace, serve};
use crate::net::tls::Refresh;
use crate::store::files::ConfigDir;
use crate::switch::view::{Level, Reply};
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Log lines for findings: Asterisk's words where it has some, then ours.
pub(super) fn finding_lines(findings: &[Finding], sources: &Sources) -> Vec<(Level, &'static str, String)> {
    let level = |severity| match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Note => Level::Verbose,
    };
    let asterisk = crate::config::finding::log_lines(findings).into_iter();
    let theirs = asterisk.map(|text| (Level::Error, "res_sorcery_config.c", text));
    let ours = findings
        .iter()
        .map(|f| (level(f.severity), "config", f.text(sources).to_string().replace('\n', ";")));
    let later =
        findings.iter().filter(|f| f.code == "not-yet-obeyed" && f.severity == Severity::Note).count();
    let later = (later > 0).then(|| {
        let text =
            format!("{later} settings are not done by this version; jackfield check --notes names them");
        (Level::Notice, "config", text)
    });
    theirs.chain(ours).chain(later).collect()
}

/// How connections behave under this configuration.
pub(super) fn pace(objects: &Objects) -> Pace {
    let ping = u64::from(objects.global.keep_alive_interval_secs);
    Pace { ping: (ping > 0).then(|| Duration::from_secs(ping)), ..Pace::default() }
}

impl Server {
    /// Reads files and tables again and applies what changed; a bad object keeps its last good version. With
    /// `only_plan` nothing is applied. `said` is the sentence that begins the answer.
    pub async fn reload(self: &Arc<Server>, only_plan: bool, said: &str) -> Reply {
        let mut served = self.served.lock().await;
        let (dir, last_good) = (self.layout.config_dir.clone(), self.in_force().objects);
        let reading = tokio::task::spawn_blocking(move || realtime::read(&dir, Some(&last_good)));
        let Ok(mut read) = reading.await else {
            return Reply::Refused(
                "The configuration could not be read: this is a fault of the program.".into(),
            );
        };
        let mut again = false;
        if !only_plan {
            // Rows that changed while we read are in force by now; they shall be in what we read, too.
            tokio::task::block_in_place(|| {
                self.stop_watching();
                again = self.catch_up(&mut read);
            });
        }
        let Read { loaded, watches, contacts } = read;
        let plan = self.in_force().objects.plan(&loaded.objects);
        let mut text = plan.to_string();
        for finding in loaded.findings.iter().filter(|finding| finding.severity != Severity::Note) {
            text.push_str(&format!("{}\n", finding.text(&loaded.objects.sources)));
        }
        if only_plan {
            return Reply::Done(text);
        }
        // Outside systemd nobody listens.
        let since = NotifyState::monotonic_usec_now();
        let _ = since.and_then(|since| sd_notify::notify(&[NotifyState::Reloading, since]));
        let reply = self.put_in_force(&mut served, loaded, plan.changes).await;
        self.watch_tables(watches);
        self.serve_metrics().await;
        self.reload_services().await;
        if contacts != self.realtime.contacts.wanted {
            let text =
                "Contacts stay where they are until the next start, whatever sorcery.conf says of them now";
            self.say(Level::Warning, "loader.c", text);
        }
        if again {
            self.want_reload("they changed while they were read");
        }
        let _ = sd_notify::notify(&[NotifyState::Ready]);
        match reply {
            Ok(notices) => {
                self.say(Level::Notice, "loader.c", "Configuration reloaded");
                Reply::Done(format!("{said}\n{text}{notices}"))
            }
            Err(why) => Reply::Refused(why),
        }
    }

    async fn put_in_force(
        &self,
        served: &mut Served,
        loaded: Loaded,
        changes: Vec<crate::config::Change>,
    ) -> Result<String, String> {
        let Loaded { objects, findings, rows, .. } = loaded;
        for (level, origin, text) in finding_lines(&findings, &objects.sources) {
            self.say(level, origin, &text);
        }
        let mut outcome = tokio::task::block_in_place(|| served.transports.apply(&objects));
        let mut notices = String::new();
        for (level, text) in transport_lines(&outcome) {
            self.say(level, "config_transport.c", text);
            notices.push_str(&format!("{text}\n"));
        }
        self.streams.set_pace(pace(&objects));
        let new = NewConfig { changes, sources: objects.sources.clone(), in_use: served.transports.in_use() };
        let (done, applied) = oneshot::channel();
        let stopping = || "The server is stopping.".to_owned();
        if !self.order(Order::Config(Box::new(new), done)).await || applied.await.is_err() {
            return Err(stopping());
        }
        // The switch knows the new sockets; now the old ones may go.
        for id in &outcome.closed {
            if let Some(task) = served.listeners.remove(id) {
                task.abort();
            }
        }
        for listener in outcome.listeners.drain(..) {
            served.listeners.insert(listener.id(), self.serve(listener));
        }
        // It fails only when nobody resolves names any more.
        self.hosts.send_replace(hosts_of(&objects));
        self.set_rows(rows);
        *self.lock() = InForce {
            objects: Arc::new(objects),
            findings: findings.into(),
            transport_faults: outcome.faults.into(),
            at: self.clock.now().at,
        };
        self.refresh_certificates(served).await;
        self.reload_logger().await;
        Ok(notices)
    }

    /// Accepts connections, in a task of its own.
    pub(super) fn serve(&self, listener: Listener) -> tokio::task::JoinHandle<()> {
        let (shared, log, clock) = (self.streams.clone(), self.log.clone(), self.clock);
        tokio::spawn(async move {
            let bound = listener.bound();
            if let Err(error) = serve(listener, shared).await {
                let text = format!("{bound} stopped listening: {error}");
                log.line(clock.now(), Level::Error, "config_transport.c", &text);
            }
        })
    }

    /// Looks at certificate files; takes those that changed.
    pub(super) async fn refresh_certificates(&self, served: &Served) {
        for (name, tls) in served.transports.tls() {
            let looked = tokio::task::spawn_blocking(move || tls.refresh()).await;
            match looked {
                Ok(Refresh::Swapped) => {
                    let text = format!("Transport '{name}': new connections get the renewed certificate");
                    self.say(Level::Notice, "config_transport.c", &text);
                }
                Ok(Refresh::Kept(fault)) => {
                    let text = format!("Transport '{name}' keeps its certificate: {fault}");
                    self.say(Level::Error, "config_transport.c", &text);
                }
                Ok(Refresh::Unchanged) | Err(_) => {}
            }
        }
    }

    /// Looks at certificates from time to time, and speaks of those that end soon once a day.
    pub(super) async fn watch_certificates(self: Arc<Server>) {
        let mut looks = 0u64;
        loop {
            {
                let served = self.served.lock().await;
                self.refresh_certificates(&served).await;
                if looks.is_multiple_of(86_400 / limits::CERTIFICATE_LOOK_SECS) {
                    for sentence in self.certificates(&served.transports) {
                        self.say(Level::Warning, "config_transport.c", &sentence);
                    }
                }
            }
            looks += 1;
            tokio::time::sleep(Duration::from_secs(limits::CERTIFICATE_LOOK_SECS)).await;
        }
    }

    /// Takes what `logger.conf` says now; its files are opened again.
    async fn reload_logger(&self) {
        let mut sources = Sources::new();
        let read = self.logger_conf(&mut sources);
        for fault in &read.faults {
            self.say(Level::Warning, "logger.c", &fault.text(&sources).to_string());
        }
        self.log.replace(read.sinks);
        self.tell_ears().await;
    }

    fn logger_conf(&self, sources: &mut Sources) -> LoggerConf {
        let files = ConfigDir::new(&self.layout.config_dir);
        LoggerConf::read(&files, &self.layout.log_dir, self.log_form, sources)
    }

    /// Tells the switch which events anybody reads.
    pub(super) async fn tell_ears(&self) {
        let read = self.logger_conf(&mut Sources::new());
        let (level, security) = (wanted_level(&read.sinks, self.log.levels()), read.security());
        self.order(Order::Hear { level, security }).await;
    }
}

/// What to say of an outcome.
pub(super) fn transport_lines(outcome: &Outcome) -> impl Iterator<Item = (Level, &str)> {
    let faults = outcome.faults.iter().map(|fault| (Level::Error, fault.text.as_str()));
    faults.chain(outcome.notices.iter().map(|text| (Level::Notice, text.as_str())))
}
