use super::*;
use crate::base::rng::Rng;
use crate::sip::flow::Destination;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

/// Records by name and kind, written as in a zone file; counts the questions.
#[derive(Default)]
pub(super) struct Zone {
    pub(super) records: Mutex<HashMap<(String, Kind), Result<Answer, DnsFault>>>,
    pub(super) asked: Mutex<Vec<String>>,
}

impl Zone {
    pub(super) fn new(lines: &[&str]) -> Zone {
        let zone = Zone::default();
        for line in lines {
            zone.add(line);
        }
        zone
    }

    pub(super) fn add(&self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |i: usize| words[i].parse().expect("a number");
        let (kind, record) = match words[1] {
            "A" => (Kind::A, Record::Address(words[2].parse().expect("an address"))),
            "AAAA" => (Kind::Aaaa, Record::Address(words[2].parse().expect("an address"))),
            "SRV" => (
                Kind::Srv,
                Record::Srv(Srv {
                    priority: number(2),
                    weight: number(3),
                    port: number(4),
                    target: words[5].trim_end_matches('.').to_owned(),
                }),
            ),
            "NAPTR" => (
                Kind::Naptr,
                Record::Naptr {
                    order: number(2),
                    preference: number(3),
                    flags: words[4].to_owned(),
                    service: words[5].to_owned(),
                    replacement: words[6].to_owned(),
                },
            ),
            other => panic!("{other}"),
        };
        let mut records = self.records.lock().expect("lock");
        let answer = records.entry((words[0].to_owned(), kind)).or_insert(Ok(Answer::default()));
        let answer = answer.as_mut().expect("not failing");
        answer.records.push(record);
        answer.ttl_secs = 100;
    }

    pub(super) fn fail(&self, name: &str, kind: Kind) {
        let fault = Err(DnsFault(format!("{name}: SERVFAIL")));
        self.records.lock().expect("lock").insert((name.to_owned(), kind), fault);
    }
}

impl Source for Zone {
    fn lookup<'a>(
        &'a self,
        name: &'a str,
        kind: Kind,
    ) -> Pin<Box<dyn Future<Output = Result<Answer, DnsFault>> + Send + 'a>> {
        self.asked.lock().expect("lock").push(format!("{name} {kind:?}"));
        let records = self.records.lock().expect("lock");
        let none = Ok(Answer { records: Vec::new(), ttl_secs: 60 });
        let answer = records.get(&(name.to_owned(), kind)).cloned().unwrap_or(none);
        Box::pin(std::future::ready(answer))
    }
}

pub(super) fn routes(list: &str) -> Vec<Route> {
    let route = |(i, word): (usize, &str)| {
        let (protocol, families) = word.split_once('/').unwrap_or((word, "46"));
        Route {
            transport: TransportId(i as u16),
            protocol: Protocol::from_token(protocol.as_bytes()).expect("a protocol"),
            v4: families.contains('4'),
            v6: families.contains('6'),
        }
    };
    list.split(' ').enumerate().map(route).collect()
}

pub(super) fn question(uri: &str) -> Resolve {
    let (scheme, rest) = uri.split_once(':').expect("a scheme");
    let (rest, protocol) = match rest.split_once(";transport=") {
        Some((rest, protocol)) => (rest, Protocol::from_token(protocol.as_bytes())),
        None => (rest, None),
    };
    let port = rest.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let (host, port) = port.map_or((rest, None), |(host, port)| (host, port.parse().ok()));
    Resolve {
        host: host.to_owned(),
        port,
        protocol,
        secure: scheme == "sips",
        transport: None,
        preferred: None,
    }
}

/// Runs what is ready at once; the runtime is there for its clock.
pub(super) fn now<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime").block_on(future)
}

fn text(targets: &[Destination]) -> String {
    let one = |to: &Destination| format!("{}/{}@{}", to.protocol.name(), to.remote, to.transport.0);
    targets.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn resolve(zone: &Zone, question: &Resolve, available: &str) -> String {
    let routes = routes(available);
    let wanted = match Wanted::new(question, &routes) {
        Ok(wanted) => wanted,
        Err(why) => return why.to_owned(),
    };
    match now(walk(zone, &wanted)) {
        Ok(found) => text(&order(&found, &routes, (question.transport, None), &mut Rng::seeded(1))),
        Err(fault) => fault.to_string(),
    }
}

fn full_zone() -> Zone {
    // The example of RFC 3263 4.1, and servers for it.
    Zone::new(&[
        "example.com NAPTR 50 50 s SIPS+D2T _sips._tcp.example.com",
        "example.com NAPTR 90 50 s SIP+D2T _sip._tcp.example.com",
        "example.com NAPTR 100 50 s SIP+D2U _sip._udp.example.com",
        "example.com NAPTR 10 50 u E2U+sip example.net",
        "_sips._tcp.example.com SRV 0 1 5061 server1.example.com",
        "_sip._tcp.example.com SRV 0 1 5060 server1.example.com",
        "_sip._tcp.example.com SRV 1 1 5070 server2.example.com",
        "_sip._udp.example.com SRV 0 1 5062 server2.example.com",
        "server1.example.com A 192.0.2.1",
        "server1.example.com AAAA 2001:db8::1",
        "server2.example.com A 192.0.2.2",
        "example.com A 192.0.2.9",
    ])
}

#[test]
fn targets_are_those_of_rfc_3263() {
    let zone = full_zone();
    let all = "udp tcp tls";
    let table: &[(&str, &str, &str)] = &[
        // NAPTR, all protocols: TLS first, then TCP with its second server, then UDP.
        (
            "sip:example.com",
            all,
            "tls/[2001:db8::1]:5061@2 tls/192.0.2.1:5061@2 tcp/[2001:db8::1]:5060@1 tcp/192.0.2.1:5060@1 \
             tcp/192.0.2.2:5070@1 udp/192.0.2.2:5062@0",
        ),
        ("sip:EXAMPLE.com.", "udp", "udp/192.0.2.2:5062@0"),
        ("sips:example.com", all, "tls/[2001:db8::1]:5061@2 tls/192.0.2.1:5061@2"),
        ("sips:example.com;transport=tcp", "tcp/4 tls/4", "tls/192.0.2.1:5061@1"),
        ("sips:example.com;transport=udp", all, "sips: cannot go over UDP"),
        ("sips:example.com", "udp tcp", "no open transport speaks the protocol that is needed"),
        // transport written: its SRV only.
        ("sip:example.com;transport=tcp", "udp/4 tcp/4", "tcp/192.0.2.1:5060@1 tcp/192.0.2.2:5070@1"),
        // port written: no SRV, UDP.
        ("sip:example.com:5080", all, "udp/192.0.2.9:5080@0"),
        ("sips:example.com:5080", all, "tls/192.0.2.9:5080@2"),
        ("sip:server1.example.com", "tcp/4 tls", "tcp/192.0.2.1:5060@0"),
        ("sip:server1.example.com", "tls/6", "tls/[2001:db8::1]:5061@0"),
        // addresses: no DNS.
        ("sip:192.0.2.77", all, "udp/192.0.2.77:5060@0"),
        ("sip:[2001:db8::7]:5099;transport=tls", all, "tls/[2001:db8::7]:5099@2"),
        ("sip:[2001:db8::7]", "udp/4 udp/6", "udp/[2001:db8::7]:5060@1"),
        ("sip:nowhere.example.com", all, ""),
    ];
    for (uri, available, targets) in table {
        assert_eq!(resolve(&zone, &question(uri), available), *targets, "{uri} with {available}");
    }
    let asked = zone.asked.lock().expect("lock");
    assert!(!asked.iter().any(|question| question.starts_with("192.0.2.77")));
}

#[test]
fn without_naptr_the_srv_of_each_protocol_is_asked() {
    let zone = Zone::new(&[
        "_sip._udp.example.org SRV 0 0 5060 a.example.org",
        "_sip._tcp.example.org SRV 0 0 5060 b.example.org",
        "_sips._tcp.example.org SRV 0 0 5061 c.example.org",
        "a.example.org A 192.0.2.1",
        "b.example.org A 192.0.2.2",
        "c.example.org A 192.0.2.3",
    ]);
    let get = |uri, available| resolve(&zone, &question(uri), available);
    assert_eq!(get("sip:example.org", "udp tcp tls"), "udp/192.0.2.1:5060@0 tcp/192.0.2.2:5060@1");
    assert_eq!(get("sip:example.org", "tls"), "tls/192.0.2.3:5061@0", "we have nothing else");
    let pinned = Resolve { transport: Some(TransportId(1)), ..question("sip:example.org") };
    assert_eq!(resolve(&zone, &pinned, "udp tcp tls"), "tcp/192.0.2.2:5060@1");
}

#[test]
fn a_service_that_is_decidedly_not_offered_has_no_fallback() {
    let zone = Zone::new(&["_sip._udp.example.org SRV 0 0 0 .", "example.org A 192.0.2.1"]);
    assert_eq!(resolve(&zone, &question("sip:example.org"), "udp"), "");
}

#[test]
fn parts_that_fail_are_left_out_and_all_that_fail_are_told() {
    let zone = full_zone();
    zone.fail("example.com", Kind::Naptr);
    zone.fail("server1.example.com", Kind::A);
    let got = resolve(&zone, &question("sip:example.com"), "udp/4 tcp/4");
    assert_eq!(got, "udp/192.0.2.2:5062@0 tcp/192.0.2.2:5070@1");
    zone.fail("server2.example.com", Kind::A);
    assert_eq!(resolve(&zone, &question("sip:example.com"), "udp/4"), "server2.example.com: SERVFAIL");
}

#[test]
fn weights_share_the_load_and_priorities_do_not_mix() {
    let mut zone_lines: Vec<String> = vec![
        "_sip._udp.example.org SRV 1 0 5060 backup.example.org".into(),
        "backup.example.org A 192.0.2.100".into(),
    ];
    for (n, weight) in [(1, 60), (2, 30), (3, 10), (4, 0)] {
        zone_lines.push(format!("_sip._udp.example.org SRV 0 {weight} 5060 s{n}.example.org"));
        zone_lines.push(format!("s{n}.example.org A 192.0.2.{n}"));
    }
    let zone = Zone::new(&zone_lines.iter().map(String::as_str).collect::<Vec<_>>());
    let routes = routes("udp");
    let wanted = Wanted::new(&question("sip:example.org"), &routes).expect("routes");
    let found = now(walk(&zone, &wanted)).expect("found");
    let mut rng = Rng::seeded(11);
    let mut first = [0u32; 5];
    for _ in 0..10_000 {
        let targets = order(&found, &routes, (None, None), &mut rng);
        assert_eq!(targets.len(), 5);
        assert_eq!(targets[4].remote.ip(), IpAddr::from([192, 0, 2, 100]), "the backup is last");
        let IpAddr::V4(ip) = targets[0].remote.ip() else { panic!() };
        first[usize::from(ip.octets()[3])] += 1;
    }
    for (n, expected) in [(1, 5_900), (2, 2_970), (3, 990), (4, 99)] {
        let got = f64::from(first[n]);
        assert!((got - f64::from(expected)).abs() < f64::from(expected) * 0.15 + 40.0, "{first:?}");
    }
}

#[test]
fn a_hostile_zone_costs_no_more_than_its_limit() {
    let lines: Vec<String> =
        (0..500).map(|n| format!("_sip._udp.example.org SRV 0 {n} 5060 s{n}.example.org")).collect();
    let zone = Zone::new(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    for n in 0..500 {
        zone.add(&format!("s{n}.example.org A 192.0.2.{}", n % 250));
    }
    let targets = resolve(&zone, &question("sip:example.org"), "udp");
    assert_eq!(targets.split(' ').count(), crate::base::limits::DNS_TARGETS);
    assert!(zone.asked.lock().expect("lock").len() <= 2 + 2 * crate::base::limits::DNS_TARGETS);
}

/// A DNS server of one datagram per answer: what stands in `records` by question, as type and data.
fn dns_server(records: &'static [(&str, u16, &[u8])]) -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let address = socket.local_addr().expect("bound");
    socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("timeout");
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let query = &query[..length];
            let mut at = 12;
            let mut name = String::new();
            while query[at] != 0 {
                let label = usize::from(query[at]);
                name += &String::from_utf8_lossy(&query[at + 1..at + 1 + label]).to_ascii_lowercase();
                name.push('.');
                at += 1 + label;
            }
            let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
            let answers: Vec<_> = records.iter().filter(|(n, k, _)| *n == name && *k == kind).collect();
            let mut out = vec![query[0], query[1], 0x85, 0x80, 0, 1, 0, answers.len() as u8, 0, 0, 0, 0];
            out.extend_from_slice(&query[12..at + 5]);
            for (_, kind, data) in answers {
                out.extend_from_slice(&[0xc0, 12]);
                out.extend_from_slice(&kind.to_be_bytes());
                out.extend_from_slice(&[0, 1, 0, 0, 0, 77, 0, data.len() as u8]);
                out.extend_from_slice(data);
            }
            if socket.send_to(&out, from).is_err() {
                return;
            }
        }
    });
    address
}

#[test]
fn records_of_a_real_server_are_read() {
    let server = dns_server(&[
        ("example.test.", 35, b"\0\x0a\0\x14\x01s\x07SIP+D2T\0\x04_sip\x04_tcp\x07example\x04test\0"),
        ("_sip._tcp.example.test.", 33, b"\0\x01\0\x02\x13\xce\x04Sip1\x07example\x04test\0"),
        ("sip1.example.test.", 1, &[192, 0, 2, 5]),
        ("sip1.example.test.", 28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]),
    ]);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("rt");
    let dns = SystemDns::new(vec![server]).expect("a resolver");
    assert!(!dns.refresh().expect("nothing changed"));
    let resolver = Resolver::new(std::sync::Arc::new(dns), 1);
    let answer = runtime.block_on(resolver.resolve(&question("sip:example.test"), &routes("udp tcp")));
    assert_eq!(text(&answer.expect("found")), "tcp/[2001:db8::5]:5070@1 tcp/192.0.2.5:5070@1");
    let hosts = runtime.block_on(resolver.addresses("localhost", false)).expect("in /etc/hosts");
    assert!(hosts.addresses.contains(&IpAddr::from([127, 0, 0, 1])), "{hosts:?}");
    let none = runtime.block_on(resolver.addresses("none.example.test", false)).expect("an answer");
    assert!(none.addresses.is_empty());
}

#[test]
fn a_server_that_is_silent_is_a_fault_in_time() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("rt");
    let dns = SystemDns::new(vec![silent.local_addr().expect("bound")]).expect("a resolver");
    let patience = std::time::Duration::from_millis(50);
    let resolver = Resolver::with_patience(std::sync::Arc::new(dns), 1, patience);
    let fault = runtime.block_on(resolver.addresses("example.test", false)).expect_err("silent");
    assert_eq!(fault.to_string(), "example.test: DNS did not answer in time");
}
