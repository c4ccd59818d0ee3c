//! `GET /metrics`: on unless `jackfield.conf` says otherwise, and never a reason not to run.

use super::runtime::Server;
use crate::admin::metrics::Scrape;
use crate::admin::metrics_http;
use crate::base::ids::Name;
use crate::base::limits;
use crate::config::model::jackfield::METRICS_BIND;
use crate::switch::view::{Command, Kind, Level, Reply};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Where metrics are served, and by which tasks; they end with it.
#[derive(Debug, Default)]
pub struct Metrics {
    bound: Option<SocketAddr>,
    tasks: JoinSet<()>,
}

impl Server {
    /// Serves metrics where the configuration in force wants them: after start and after each reload.
    pub(super) async fn serve_metrics(self: &Arc<Server>) {
        let config = self.in_force().objects.jackfield.clone();
        let wanted = config.metrics.then_some(config.metrics_bind).flatten();
        let mut metrics = self.metrics.lock().await;
        if metrics.bound == wanted {
            return;
        }
        *metrics = Metrics::default();
        let Some(bind) = wanted else { return };
        let listener = match TcpListener::bind(bind).await {
            Ok(listener) => listener,
            Err(error) => {
                // Nobody asked for the default address in so many words.
                let level = if bind == METRICS_BIND { Level::Notice } else { Level::Warning };
                let text =
                    format!("No metrics: {bind}: {error}; set metrics_bind or metrics=no in jackfield.conf");
                return self.say(level, "jackfield.conf", &text);
            }
        };
        metrics.bound = Some(bind);
        let (source, scrapes) = mpsc::channel(limits::METRIC_CONNECTIONS);
        metrics.tasks.spawn(async move {
            // It ends when it is dropped.
            let _ = metrics_http::serve(listener, source).await;
        });
        metrics.tasks.spawn(Arc::clone(self).answer_scrapes(scrapes));
    }

    async fn answer_scrapes(self: Arc<Server>, mut scrapes: mpsc::Receiver<oneshot::Sender<Scrape>>) {
        while let Some(to) = scrapes.recv().await {
            let Some(scrape) = self.scrape().await else { return };
            // Who asked may be gone.
            let _ = to.send(scrape);
        }
    }

    /// The numbers of this moment; `None` when the switch is gone.
    async fn scrape(&self) -> Option<Scrape> {
        let current = self.in_force();
        let show = |kind, name: Option<&Name>| Command::Show { kind, name: name.map(ToString::to_string) };
        let mut commands = vec![
            Command::Status,
            Command::EndpointStates,
            show(Kind::Transport, None),
            show(Kind::Registration, None),
            show(Kind::Channel, None),
            Command::Bridges,
        ];
        let watched = current.objects.jackfield.metrics_endpoints.iter().take(limits::METRIC_SERIES);
        commands.extend(watched.map(|name| show(Kind::Endpoint, Some(name))));
        let mut replies = self.ask(commands).await?;
        self.complete(&mut replies).await;
        let now = self.clock.now().at;
        let mut scrape = Scrape { last_reload_secs: now.since(current.at).as_secs(), ..Scrape::default() };
        for reply in replies {
            match reply {
                Reply::Status(status) => scrape.status = *status,
                Reply::EndpointStates(states) => scrape.endpoint_states = states,
                Reply::Transports(transports) => scrape.transports = transports,
                Reply::Registrations(registrations) => scrape.registrations = registrations,
                Reply::Channels(channels) => {
                    scrape.channels = channels.len();
                    // As `core show channels` counts them.
                    scrape.calls = channels.iter().filter(|channel| channel.application != "AppDial").count();
                }
                Reply::Bridges(bridges) => scrape.bridges = bridges.len(),
                Reply::Endpoints(endpoints) => scrape.watched.extend(endpoints),
                _ => {}
            }
        }
        Some(scrape)
    }
}
