//! Prometheus text of the views. Names and labels are a contract: `docs/metrics.md` lists them.
//!
//! Cardinality is bounded: nothing carries a call, a contact or a source address; an endpoint has series of its own
//! only when the administrator names it ([`Scrape::watched`]).

use crate::base::limits::{METRIC_LABEL_CHARS, METRIC_SERIES};
use crate::switch::view::{EndpointView, RegistrationView, StatusView, TransportView};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;

/// The media type of [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What one scrape prints.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    /// The server.
    pub status: StatusView,
    /// Seconds since the last reload.
    pub last_reload_secs: u64,
    /// Outbound registrations.
    pub registrations: Vec<RegistrationView>,
    /// Transports.
    pub transports: Vec<TransportView>,
    /// How many endpoints are in which state.
    pub endpoint_states: Vec<(&'static str, usize)>,
    /// Channels alive.
    pub channels: usize,
    /// Calls alive.
    pub calls: usize,
    /// Bridges alive.
    pub bridges: usize,
    /// Endpoints that shall have series of their own.
    pub watched: Vec<EndpointView>,
    /// Counters of the edges, by stable name: datagrams, connections, packets relayed, commits.
    pub edges: Vec<(&'static str, u64)>,
}

/// The text of one scrape, in the OpenMetrics format that Prometheus asks for.
pub fn render(scrape: Scrape) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(scrape));
    let mut out = String::with_capacity(16 * 1024);
    match text::encode(&mut out, &registry) {
        Ok(()) => out,
        // Writing to a String fails only if a view's own text fails to format, which none does.
        Err(fmt::Error) => String::from("# EOF\n"),
    }
}

type Written = Result<(), fmt::Error>;

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Written {
        let out = &mut encoder;
        self.server(out)?;
        self.objects(out)?;
        self.endpoints(out)?;
        self.asterisk(out)
    }
}

impl Scrape {
    fn server(&self, out: &mut DescriptorEncoder<'_>) -> Written {
        let status = &self.status;
        labelled(out, "jackfield_build_info", "Version of the program", [(("version", status.version), 1)])?;
        gauge(out, "jackfield_uptime_seconds", "Seconds since start", status.uptime_secs)?;
        gauge(out, "jackfield_last_reload_seconds", "Seconds since the last reload", self.last_reload_secs)?;
        gauge(out, "jackfield_contacts", "Registered contacts", count(status.contacts))?;
        gauge(out, "jackfield_transactions", "SIP transactions alive", count(status.transactions))?;
        gauge(out, "jackfield_dialogs", "SIP dialogs alive", count(status.dialogs))?;
        let held = "REGISTERs waiting for their commit to the store";
        gauge(out, "jackfield_held_registers", held, count(status.held_registers))?;
        gauge(out, "jackfield_channels", "Channels alive", count(self.channels))?;
        gauge(out, "jackfield_calls", "Calls alive", count(self.calls))?;
        gauge(out, "jackfield_bridges", "Bridges alive", count(self.bridges))?;
        let findings = "Findings of the configuration check that stand";
        gauge(out, "jackfield_config_findings", findings, count(status.findings.len()))?;
        let counters = status.counters.iter().chain(&self.edges);
        counted(out, "jackfield_events", "What happened since start, by name", "event", counters)
    }

    fn objects(&self, out: &mut DescriptorEncoder<'_>) -> Written {
        let status = &self.status;
        let kinds = status.objects.iter().map(|(kind, n)| (("kind", *kind), count(*n)));
        labelled(out, "jackfield_objects", "Objects loaded, by kind", kinds)?;
        let stores = status
            .stores
            .iter()
            .map(|(name, state)| (("store", name.as_str()), u64::from(state.starts_with("Ok"))));
        labelled(out, "jackfield_store_up", "Whether a store or realtime source answers", stores)?;
        let transports =
            self.transports.iter().map(|t| (("transport", &*t.name), u64::from(t.fault.is_none())));
        labelled(out, "jackfield_transport_up", "Whether a transport's socket is open", transports)?;
        let registered = self
            .registrations
            .iter()
            .map(|r| (("registration", &*r.name), u64::from(r.status == "Registered")));
        labelled(
            out,
            "jackfield_outbound_registration_up",
            "Whether an outbound registration stands",
            registered,
        )?;
        let longest = self.transports.len().max(self.registrations.len()).max(self.watched.len());
        let left_out = "Series not printed because a name had too many";
        gauge(out, "jackfield_series_left_out", left_out, count(longest.saturating_sub(METRIC_SERIES)))
    }

    fn endpoints(&self, out: &mut DescriptorEncoder<'_>) -> Written {
        let states = self.endpoint_states.iter().map(|(state, n)| (("state", *state), count(*n)));
        labelled(out, "jackfield_endpoints", "Endpoints, by device state", states)?;
        let all = || self.watched.iter();
        let reachable = all().map(|e| {
            (("endpoint", &*e.name), u64::from(!matches!(e.state, "Unavailable" | "Invalid" | "Unknown")))
        });
        labelled(out, "jackfield_endpoint_up", "Whether a watched endpoint can be called", reachable)?;
        let contacts =
            all().map(|e| (("endpoint", &*e.name), count(e.aors.iter().map(|a| a.contacts.len()).sum())));
        labelled(out, "jackfield_endpoint_contacts", "Contacts of a watched endpoint", contacts)?;
        let channels = all().map(|e| (("endpoint", &*e.name), count(e.active_channels)));
        labelled(out, "jackfield_endpoint_channels", "Channels of a watched endpoint", channels)?;
        let best =
            |e: &EndpointView| e.aors.iter().flat_map(|a| &a.contacts).filter_map(|c| c.rtt_micros).min();
        let round_trips =
            all().filter_map(|e| best(e).map(|micros| (("endpoint", &*e.name), micros as f64 / 1e6)));
        let help = "Shortest round trip of the last qualify of a watched endpoint";
        labelled(out, "jackfield_endpoint_round_trip_seconds", help, round_trips)
    }

    /// The names of Asterisk's own exporter, where one number says the same.
    fn asterisk(&self, out: &mut DescriptorEncoder<'_>) -> Written {
        let endpoints = self.endpoint_states.iter().map(|state| state.1).sum();
        let processed =
            self.status.counters.iter().find(|counter| counter.0 == "calls").map_or(0, |counter| counter.1);
        for (name, help, value) in [
            ("asterisk_core_uptime_seconds", "Seconds since start", self.status.uptime_secs),
            ("asterisk_core_last_reload_seconds", "Seconds since the last reload", self.last_reload_secs),
            ("asterisk_calls_count", "Calls alive", count(self.calls)),
            ("asterisk_calls_sum", "Calls since start", processed),
            ("asterisk_channels_count", "Channels alive", count(self.channels)),
            ("asterisk_bridges_count", "Bridges alive", count(self.bridges)),
            ("asterisk_endpoints_count", "Endpoints", count(endpoints)),
        ] {
            gauge(out, name, help, value)?;
        }
        Ok(())
    }
}

fn count(n: usize) -> u64 {
    n as u64
}

fn gauge(out: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> Written {
    // The library's integer gauges are signed.
    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    let encoder = out.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(encoder)
}

/// A number that a labelled gauge may hold.
trait Sample {
    fn write(self, encoder: MetricEncoder<'_>) -> Written;
}

impl Sample for u64 {
    fn write(self, encoder: MetricEncoder<'_>) -> Written {
        ConstGauge::new(i64::try_from(self).unwrap_or(i64::MAX)).encode(encoder)
    }
}

impl Sample for f64 {
    fn write(self, encoder: MetricEncoder<'_>) -> Written {
        ConstGauge::new(self).encode(encoder)
    }
}

/// A gauge with one label; nothing at all when it has no series.
fn labelled<'a, S: Sample>(
    out: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = ((&'static str, &'a str), S)>,
) -> Written {
    let mut series = series.into_iter().take(METRIC_SERIES).peekable();
    if series.peek().is_none() {
        return Ok(());
    }
    let kind = ConstGauge::new(0i64).metric_type();
    let mut encoder = out.encode_descriptor(name, help, None, kind)?;
    for ((label, value), sample) in series {
        let labels = [(label, short(value))];
        sample.write(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}

fn counted<'a>(
    out: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    label: &'static str,
    series: impl Iterator<Item = &'a (&'static str, u64)>,
) -> Written {
    let mut series = series.take(METRIC_SERIES).peekable();
    if series.peek().is_none() {
        return Ok(());
    }
    let mut encoder = out.encode_descriptor(name, help, None, ConstCounter::new(0u64).metric_type())?;
    for (value, n) in series {
        let labels = [(label, *value)];
        ConstCounter::new(*n).encode(encoder.encode_family(&labels)?)?;
    }
    Ok(())
}

/// A label's value, cut to its limit.
fn short(text: &str) -> String {
    text.chars().take(METRIC_LABEL_CHARS).collect()
}
