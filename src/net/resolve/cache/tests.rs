use super::super::tests::{Zone, now, question, routes};
use super::*;
use crate::net::resolve::Kind;

fn resolver(zone: &Arc<Zone>) -> Resolver {
    Resolver::new(Arc::clone(zone) as Arc<dyn Source>, 1)
}

fn key() -> Key {
    Key::Sip(Wanted::new(&question("sip:a.example.org:5060"), &routes("udp/4")).expect("a route"))
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn asked(zone: &Zone) -> usize {
    zone.asked.lock().expect("lock").len()
}

#[test]
fn an_answer_is_fetched_once_for_its_time_to_live() {
    let zone = Arc::new(Zone::new(&["a.example.org A 192.0.2.1"]));
    let (resolver, start) = (resolver(&zone), Instant::now());
    for at in [0, 50, 99] {
        now(resolver.found(key(), start + secs(at))).expect("found");
        assert_eq!(asked(&zone), 1, "at {at}");
    }
    let (_, fresh_for, stale) = now(resolver.found(key(), start + secs(100))).expect("found");
    assert_eq!((asked(&zone), fresh_for, stale), (2, secs(100), None));
}

#[test]
fn the_last_good_answer_serves_while_dns_fails_and_for_a_day() {
    let zone = Arc::new(Zone::new(&["a.example.org A 192.0.2.1"]));
    let (resolver, start) = (resolver(&zone), Instant::now());
    now(resolver.found(key(), start)).expect("found");
    zone.fail("a.example.org", Kind::A);
    let late = start + secs(200);
    let (found, _, stale) = now(resolver.found(key(), late)).expect("the old answer");
    assert_eq!(found.addresses["a.example.org"].len(), 1);
    assert!(stale.is_some());
    assert_eq!(asked(&zone), 2);
    now(resolver.found(key(), late + secs(20))).expect("the old answer, without waiting for DNS");
    assert_eq!(asked(&zone), 2, "retries are the background's");
    let slot = resolver.inner.slot(&key(), late);
    slot.take(Err(DnsFault("still".to_owned())), start + secs(limits::DNS_STALE_SECS + 1));
    assert!(now(resolver.found(key(), start + secs(limits::DNS_STALE_SECS + 2))).is_err());
}

#[test]
fn a_failure_is_not_asked_again_at_once() {
    let zone = Arc::new(Zone::default());
    zone.fail("a.example.org", Kind::A);
    let (resolver, start) = (resolver(&zone), Instant::now());
    for at in [0, 1, 4] {
        assert_eq!(
            now(resolver.found(key(), start + secs(at))).expect_err("fails").0,
            "a.example.org: SERVFAIL"
        );
    }
    assert_eq!(asked(&zone), 1);
    assert!(now(resolver.found(key(), start + secs(5))).is_err());
    assert_eq!(asked(&zone), 2);
}

#[test]
fn names_in_use_are_refreshed_before_they_end_and_others_are_forgotten() {
    let zone = Arc::new(Zone::new(&["a.example.org A 192.0.2.1"]));
    let (resolver, start) = (resolver(&zone), Instant::now());
    now(resolver.found(key(), start)).expect("found");
    assert!(resolver.inner.due(start + secs(80)).is_empty());
    let due = resolver.inner.due(start + secs(95));
    assert_eq!(due.len(), 1);
    now(resolver.inner.fetch(&due[0].0, &due[0].1, start + secs(95)));
    assert!(resolver.inner.due(start + secs(101)).is_empty());
    now(resolver.found(key(), start + secs(150))).expect("found");
    assert_eq!(asked(&zone), 2);
    let unused = start + secs(150 + limits::DNS_UNUSED_SECS);
    assert!(resolver.inner.due(unused).is_empty());
    assert!(resolver.is_empty());
}

/// `identify` with `srv_lookups`: the addresses of the host and of its SIP servers; a part that fails keeps the rest.
#[test]
fn the_addresses_of_a_host_include_those_of_its_servers_when_asked_for() {
    let zone = Arc::new(Zone::new(&[
        "trunk.example.org A 192.0.2.1",
        "_sip._udp.trunk.example.org SRV 0 0 5060 sip1.example.org",
        "_sips._tcp.trunk.example.org SRV 0 0 5061 sip2.example.org",
        "sip1.example.org A 192.0.2.2",
        "sip2.example.org AAAA 2001:db8::2",
    ]));
    let resolver = resolver(&zone);
    let text =
        |host: &HostAddresses| host.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let plain = now(resolver.addresses("Trunk.Example.Org.", false)).expect("found");
    assert_eq!(text(&plain), "192.0.2.1");
    let with_srv = now(resolver.addresses("trunk.example.org", true)).expect("found");
    assert_eq!(text(&with_srv), "192.0.2.1 192.0.2.2 2001:db8::2");
    assert!(with_srv.fresh_for > secs(50) && with_srv.stale.is_none());
}

#[test]
fn a_full_table_forgets_the_name_unused_longest() {
    let zone = Arc::new(Zone::default());
    let (resolver, start) = (resolver(&zone), Instant::now());
    let key = |n: usize| Key::Host { host: format!("h{n}.example.org"), srv: false };
    for n in 0..limits::DNS_NAMES {
        resolver.inner.slot(&key(n), start + Duration::from_micros(n as u64));
    }
    let now = start + secs(1);
    let _ = resolver.inner.slot(&key(0), now).answer(now);
    resolver.inner.slot(&key(limits::DNS_NAMES), now);
    assert_eq!(resolver.len(), limits::DNS_NAMES);
    let slots = lock(&resolver.inner.slots);
    assert!(slots.contains_key(&key(0)) && !slots.contains_key(&key(1)));
}
