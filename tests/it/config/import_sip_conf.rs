//! `sip.conf` becomes objects, with a word on every line.

use jackfield::config::files::MemoryFiles;
use jackfield::config::import::{Imported, sip_conf};
use jackfield::config::{Kind, Object, Objects, Severity, Sources, compile, conf};

fn import(text: &str) -> (Objects, Vec<String>) {
    let mut sources = Sources::new();
    let mut findings = Vec::new();
    let tree =
        conf::read(&MemoryFiles::new().with("sip.conf", text), "sip.conf", &mut sources, &mut findings);
    assert_eq!(findings, []);
    let Imported { drafts, findings } = sip_conf(&tree);
    let (objects, faults) = compile(drafts, sources, None);
    let faults: Vec<String> = faults
        .iter()
        .filter(|fault| fault.severity == Severity::Error)
        .map(|fault| fault.text(&objects.sources).to_string())
        .collect();
    assert!(faults.is_empty(), "what is written must load: {faults:?}");
    (objects, findings.iter().map(|f| format!("{}: {}", f.code, f.message)).collect())
}

#[track_caller]
fn peer(lines: &str) -> (Objects, Vec<String>) {
    import(&format!("[general]\nallowguest=no\n[100]\ntype=friend\nhost=dynamic\nsecret=x1y2\n{lines}\n"))
}

#[track_caller]
fn becomes(lines: &str, options: &[(&str, &str)]) -> Vec<String> {
    let (objects, words) = peer(lines);
    let endpoint = &objects.endpoints["100"];
    for (option, value) in options {
        assert_eq!(endpoint.option(option).as_deref(), Some(*value), "{lines}: {option}");
    }
    words
}

/// S1-1, S1-3, S1-4, S1-9 to S1-13, S2-8.
#[test]
fn canreinvite_and_directmedia_in_every_value() {
    for name in ["canreinvite", "directmedia"] {
        becomes(
            &format!("{name}=yes"),
            &[("direct_media", "true"), ("disable_direct_media_on_nat", "false")],
        );
        becomes(&format!("{name}=no"), &[("direct_media", "false")]);
        becomes(
            &format!("{name}=nonat"),
            &[("direct_media", "true"), ("disable_direct_media_on_nat", "true")],
        );
        becomes(&format!("{name}=update"), &[("direct_media", "true"), ("direct_media_method", "update")]);
        becomes(
            &format!("{name}=update,nonat"),
            &[
                ("direct_media_method", "update"),
                ("disable_direct_media_on_nat", "true"),
                ("direct_media", "true"),
            ],
        );
        becomes(
            &format!("{name}=outgoing"),
            &[("direct_media_glare_mitigation", "outgoing"), ("direct_media", "true")],
        );
    }
}

/// S1-2.
#[test]
fn the_reading_of_yes_is_said() {
    let words = becomes("canreinvite=yes", &[]);
    assert!(
        words.iter().any(|word| word.starts_with(
            "import-changed: canreinvite=yes becomes direct_media=yes: read as since version 1.4"
        )),
        "{words:?}"
    );
}

/// S1-5, S1-6.
#[test]
fn lists_and_early_direct_media_come_along() {
    becomes(
        "directrtpsetup=yes\ndirectmediadeny=0.0.0.0/0\ndirectmediapermit=10.0.0.0/8",
        &[
            ("directrtpsetup", "true"),
            ("directmedia_deny", "0.0.0.0/0.0.0.0"),
            ("directmedia_permit", "10.0.0.0/255.0.0.0"),
        ],
    );
}

#[test]
fn what_has_no_counterpart_is_dropped_aloud() {
    let words = becomes("buggymwi=yes\nfrobnicate=1\ndirectmedai=no", &[]);
    for (option, why) in [
        ("buggymwi=yes", "RFC 3842"),
        ("frobnicate=1", "nothing of its kind"),
        ("directmedai=no", "did you mean 'directmedia'?"),
    ] {
        let said = words
            .iter()
            .filter(|word| word.starts_with("import-dropped") && word.contains(option) && word.contains(why));
        assert_eq!(said.count(), 1, "{option} in {words:?}");
    }
}

/// S5-9, S5-15, S5-24.
#[test]
fn nat_qualify_and_outside_addresses() {
    becomes("nat=yes", &[("force_rport", "true"), ("rewrite_contact", "true"), ("rtp_symmetric", "true")]);
    becomes("nat=no", &[("force_rport", "false"), ("rtp_symmetric", "false")]);
    becomes("nat=force_rport,comedia", &[("rewrite_contact", "true"), ("rtp_symmetric", "true")]);
    let (objects, _) = peer("qualify=yes\nqualifyfreq=30");
    assert_eq!(objects.aors["100"].option("qualify_frequency").as_deref(), Some("30"));
    assert_eq!(objects.aors["100"].option("qualify_timeout").as_deref(), Some("2.000000"));
    let (objects, _) = import(
        "[general]\nallowguest=no\nexternip=203.0.113.5\nlocalnet=192.168.0.0/255.255.0.0\nbindport=5070\n",
    );
    let transport = &objects.transports["transport-udp"];
    assert_eq!(&*transport.external_media_address, "203.0.113.5");
    assert_eq!(&*transport.external_signaling_address, "203.0.113.5");
    assert_eq!(transport.local_net[0].to_string(), "192.168.0.0/16");
    assert_eq!(transport.bind.map(|bind| bind.port()), Some(5070));
}

#[test]
fn a_phone_becomes_endpoint_aor_and_auth() {
    let (objects, _) = peer(
        "dtmfmode=rfc2833\nmailbox=100\ncallgroup=1\ndisallow=all\nallow=ulaw\ncontext=inside\nsetvar=A=1",
    );
    let endpoint = &objects.endpoints["100"];
    assert_eq!(endpoint.option("dtmf_mode").as_deref(), Some("rfc4733"));
    assert_eq!(endpoint.option("mailboxes").as_deref(), Some("100@default"));
    assert_eq!((endpoint.auth.join(","), endpoint.aors.join(",")), ("100".to_owned(), "100".to_owned()));
    assert_eq!(&*objects.auths["100"].username, "100");
    assert_eq!(objects.aors["100"].options.max_contacts, 1);
    assert_eq!(
        objects.sources.place(endpoint.origin_of("context").expect("set")).to_string(),
        "sip.conf:12:1"
    );
}

#[test]
fn a_trunk_becomes_contact_identify_and_outbound_auth() {
    let (objects, words) = import(
        "[general]\nallowguest=no\nrealm=pbx\nregister => me:s3cret@sip.itsp.example/100\n[itsp]\ntype=peer\nhost=sip.itsp.example\n\
         defaultuser=me\nsecret=s3cret\ninsecure=port,invite\ncontext=from-itsp\n",
    );
    assert_eq!(objects.aors["itsp"].contact.join(","), "sip:me@sip.itsp.example");
    assert_eq!(&*objects.identifies["itsp"].endpoint, "itsp");
    let endpoint = &objects.endpoints["itsp"];
    assert!(endpoint.auth.is_empty(), "insecure=invite");
    assert_eq!(endpoint.option("outbound_auth").as_deref(), Some("itsp"));
    let registration = &objects.registrations["reg-0"];
    assert_eq!((&*registration.client_uri, &*registration.contact_user), ("sip:me@sip.itsp.example", "100"));
    assert!(words.iter().all(|word| !word.contains("s3cret")), "secrets are not repeated: {words:?}");
    assert!(
        objects.others.is_empty() && objects.named::<jackfield::config::model::Global>("global").is_some()
    );
    assert_eq!(objects.global.option("default_realm").as_deref(), Some("pbx"));
    assert_eq!(Kind::Global.type_name(), "global");
}

#[test]
fn guests_are_spoken_of() {
    let (_, words) = import("[general]\ncontext=public\n");
    assert!(words.iter().any(|word| word.contains("allowguest is on by default in chan_sip")));
    let (_, words) = import("[general]\n[x]\nhost=dynamic\n");
    assert!(words.iter().any(|word| word.starts_with("no-type: [x] has no type")));
}
