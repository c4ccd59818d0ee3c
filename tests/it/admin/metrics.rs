//! Metrics: bounded, named as documented, served over loopback.

use super::probe;
use jackfield::admin::metrics::{Scrape, render};
use jackfield::admin::metrics_http::{Source, serve, serve_within};
use jackfield::switch::view::StatusView;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

fn scrape() -> Scrape {
    Scrape {
        status: StatusView {
            version: "0.1.0",
            uptime_secs: 12,
            objects: vec![("endpoint", 12), ("aor", 10)],
            contacts: 4,
            counters: vec![("register_ok", 3), ("calls", 1)],
            stores: vec![
                ("contacts".into(), "Ok".into()),
                ("realtime".into(), "no answer since 20:44:16".into()),
            ],
            findings: vec!["pjsip.conf:3: x".into()],
            ..StatusView::default()
        },
        last_reload_secs: 3,
        registrations: vec![probe::registration()],
        transports: probe::transports(),
        endpoint_states: vec![("Not in use", 4), ("Unavailable", 8)],
        channels: 2,
        calls: 1,
        bridges: 1,
        watched: vec![probe::endpoint("trunk"), probe::endpoint("lost")],
        edges: vec![("udp_datagrams_in", 99)],
    }
}

#[test]
fn every_name_of_the_documentation_is_printed_and_no_other() {
    let text = render(scrape());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let documented = std::fs::read_to_string(path).expect("docs/metrics.md");
    let mut names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    names.sort_unstable();
    for name in &names {
        assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/metrics.md");
    }
    for name in
        documented.split('`').filter(|part| part.starts_with("jackfield_") || part.starts_with("asterisk_"))
    {
        assert!(names.contains(&name), "{name} is documented but not printed:\n{text}");
    }
}

#[test]
fn samples_read_as_prometheus_wants_them() {
    let text = render(scrape());
    for line in [
        "jackfield_build_info{version=\"0.1.0\"} 1",
        "jackfield_contacts 4",
        "jackfield_events_total{event=\"register_ok\"} 3",
        "jackfield_events_total{event=\"udp_datagrams_in\"} 99",
        "jackfield_store_up{store=\"contacts\"} 1",
        "jackfield_store_up{store=\"realtime\"} 0",
        "jackfield_transport_up{transport=\"transport-udp\"} 1",
        "jackfield_outbound_registration_up{registration=\"reg-out\"} 0",
        "jackfield_endpoints{state=\"Not in use\"} 4",
        "jackfield_endpoint_up{endpoint=\"lost\"} 0",
        "jackfield_endpoint_round_trip_seconds{endpoint=\"trunk\"} 0.000378",
        "asterisk_core_uptime_seconds 12",
        "asterisk_calls_sum 1",
        "asterisk_endpoints_count 12",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    let empty = render(Scrape::default());
    assert!(
        empty.contains("jackfield_uptime_seconds 0\n") && !empty.contains("jackfield_endpoint_up"),
        "{empty}"
    );
}

#[test]
fn names_of_objects_cannot_flood_or_break_the_text() {
    let mut many = scrape();
    many.registrations = (0..5_000)
        .map(|number| {
            let mut one = probe::registration();
            one.name = format!("r{number}\"\n{}", "x".repeat(500)).into();
            one
        })
        .collect();
    let text = render(many);
    let series = text.lines().filter(|line| line.starts_with("jackfield_outbound_registration_up{")).count();
    assert_eq!(series, 1_000);
    assert!(text.contains("jackfield_series_left_out 4000\n"));
    assert!(text.contains("{registration=\"r0\\\"\\nxxx"), "quotes and line ends are escaped");
    assert!(text.lines().all(|line| line.len() < 300));
}

async fn asked(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("reads");
    text
}

#[test]
fn scrapes_are_answered_over_loopback() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (source, mut questions): (Source, _) = mpsc::channel(4);
        tokio::spawn(serve(listener, source));
        tokio::spawn(async move {
            // Two answers, then the server has no more time for us.
            for _ in 0..2 {
                let sender = questions.recv().await.expect("a question");
                sender.send(scrape()).expect("still waiting");
            }
        });
        let good = asked(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(good.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text"), "{good}");
        assert!(good.ends_with("# EOF\n"));
        let head = asked(address, "HEAD /metrics HTTP/1.0\r\n\r\n").await;
        assert!(head.ends_with("Connection: close\r\n\r\n"), "{head}");
        for (request, status) in [
            ("GET /metrics HTTP/1.1\r\n\r\n", "503"),
            ("GET /etc/passwd HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("hello\r\n\r\n", "400"),
            ("\u{1}\r\n\r\n", "400"),
        ] {
            let text = asked(address, request).await;
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {text}");
        }
    });
}

#[test]
fn silent_and_endless_clients_keep_nobody_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (source, _questions): (Source, _) = mpsc::channel(1);
        tokio::spawn(serve_within(listener, source, Duration::from_secs(1)));
        let mut silent = Vec::new();
        for _ in 0..10 {
            silent.push(TcpStream::connect(address).await.expect("connects"));
        }
        let late =
            tokio::time::timeout(Duration::from_secs(30), asked(address, "GET / HTTP/1.1\r\n\r\n")).await;
        assert!(late.expect("a place came free").starts_with("HTTP/1.1 200 OK"));
        let endless = asked(address, &"a".repeat(8_500)).await;
        assert!(endless.starts_with("HTTP/1.1 400"), "{endless}");
    });
}

#[test]
fn alert_rules_name_metrics_that_are_printed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/prometheus/jackfield.rules.yml");
    let rules = std::fs::read_to_string(path).expect("the rules");
    let text = render(scrape());
    let mut seen = 0;
    for expression in rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")) {
        for name in expression
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|w| w.starts_with("jackfield_"))
        {
            assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 6);
}
