//! Option tables as `pjsip show` prints them, compared with what Asterisk printed for the same configuration.

use jackfield::config::Object;

use super::check_conf;

/// The objects of the recorded server that are compared.
const PROBE: &str = "\
[global]\ntype=global\nuser_agent=Asterisk PBX GIT-master-f0c1c1a7b7\n\
[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:6065\n\
[ep](!)\ntype=endpoint\ncontext=probe\ndisallow=all\nallow=ulaw,alaw\ndirect_media=no\n\
[acct](!)\ntype=auth\nauth_type=userpass\n\
[alice](ep)\nauth=alice\naors=alice\ncallerid=\"Alice\" <100>\n\
[alice](acct)\nusername=alice\npassword=alicepw\n\
[alice]\ntype=aor\nmax_contacts=1\n\
[trunk](ep)\naors=trunk\n\
[trunk]\ntype=aor\ncontact=sip:127.0.0.1:6070\nqualify_frequency=3\n\
[trunk]\ntype=identify\nendpoint=trunk\nmatch=127.0.0.2\n\
[reg-out]\ntype=registration\ntransport=transport-udp\nserver_uri=sip:127.0.0.1:6074\nclient_uri=sip:me@127.0.0.1\n\
retry_interval=60\noutbound_auth=reg-out\n\
[reg-out](acct)\nusername=me\npassword=mepw\n";

/// The recorded tables: `## object` and then `name : value` lines.
const RECORDED: &str = include_str!("show_tables.txt");

fn recorded(title: &str) -> Vec<(String, String)> {
    let table =
        RECORDED.split("## ").find(|part| part.lines().next() == Some(title)).expect("a recorded table");
    table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

#[track_caller]
fn prints<T: Object>(object: &T, title: &str) {
    let ours: Vec<(String, String)> =
        object.options().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for pair in recorded(title).iter() {
        assert!(
            ours.contains(pair),
            "{title}: Asterisk prints {pair:?}, we print {:?}",
            object.option(&pair.0)
        );
    }
    let theirs = recorded(title);
    let only_ours: Vec<_> = ours.iter().filter(|pair| !theirs.contains(pair)).collect();
    assert!(only_ours.is_empty(), "{title}: Asterisk does not print {only_ours:?}");
    assert!(ours == theirs, "{title}: the order differs");
}

#[test]
fn option_tables_are_those_of_asterisk() {
    let objects = check_conf(PROBE).objects;
    prints(&*objects.endpoints["alice"], "endpoint alice");
    prints(&*objects.endpoints["trunk"], "endpoint trunk");
    prints(&*objects.aors["trunk"], "aor trunk");
    prints(&*objects.auths["alice"], "auth alice");
    prints(&*objects.identifies["trunk"], "identify trunk");
    prints(&*objects.transports["transport-udp"], "transport transport-udp");
    prints(&*objects.registrations["reg-out"], "registration reg-out");
    prints(&*objects.global, "global");
    prints(&*objects.system, "system");
}

#[test]
fn every_option_says_where_it_comes_from() {
    let objects = check_conf(PROBE).objects;
    let alice = &objects.endpoints["alice"];
    let line = |option| alice.origin_of(option).map(|at| at.line);
    assert_eq!(line("context"), Some(10), "from the template");
    assert_eq!(line("callerid"), Some(20), "its own");
    assert_eq!(line("rtp_symmetric"), None, "a default");
    assert_eq!(objects.sources.place(alice.at()).to_string(), "pjsip.conf:17:1");
}
