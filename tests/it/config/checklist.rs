//! The linter's lines of the acceptance checklist, one small broken configuration each.

use jackfield::config::check::{Report, check};
use jackfield::config::files::MemoryFiles;
use jackfield::config::finding::log_lines;

use super::{SOUND, check_calmly, check_conf, found};

/// Checks `text` beside a sound phone.
fn beside(text: &str) -> Report {
    check_conf(&format!("{SOUND}{text}"))
}

/// Asserts that exactly one finding of that code says all of `words`.
#[track_caller]
fn says(report: &Report, code: &str, words: &[&str]) {
    let found = found(report, code);
    let fits = |text: &String| words.iter().all(|word| text.contains(word));
    assert!(
        found.iter().filter(|text| fits(text)).count() == 1,
        "{code} {words:?} in {:?}",
        report.text(jackfield::config::Severity::Note)
    );
}

#[test]
fn the_sound_phone_is_silent() {
    let report = check_conf(SOUND);
    assert_eq!(report.findings, [], "{}", report.text(jackfield::config::Severity::Note));
    assert_eq!(report.exit_status(true), 0);
}

const PHONE: &str =
    "[300]\ntype=endpoint\ncontext=internal\ndisallow=all\nallow=ulaw\ndirect_media=no\nauth=200\naors=200\n";

#[test]
fn s1_14_reinvite_is_no_option() {
    says(&beside(&format!("{PHONE}reinvite=no\n")), "unknown-option", &["'reinvite'", "'direct_media'"]);
    says(
        &beside(&format!("{PHONE}canreinvite=no\n")),
        "unknown-option",
        &["'canreinvite'", "'direct_media'"],
    );
}

#[test]
fn s1_25_direct_media_behind_nat() {
    let text = PHONE.replace("direct_media=no", "direct_media=yes\nrewrite_contact=yes");
    says(&beside(&text), "direct-media-behind-nat", &["no audio", "disable_direct_media_on_nat=yes"]);
}

#[test]
fn s2_10_glare_mitigation_differs_from_asterisk() {
    let text = format!("{PHONE}direct_media_glare_mitigation=outgoing\n");
    says(
        &beside(&text),
        "differs-from-asterisk",
        &["legs that call us refrain once", "Asterisk does the reverse"],
    );
}

#[test]
fn s3_25_fax_without_t38() {
    says(&beside(&format!("{PHONE}fax_detect=yes\n")), "fax-without-t38", &["488", "t38_udptl=yes"]);
}

#[test]
fn s4_16_the_nearest_endpoint_of_a_from_user() {
    let report = beside("[breakfast]\ntype=endpoint\nauth=200\naors=200\nallow=ulaw\n");
    assert_eq!(report.objects.nearest_endpoint("brekfast").map(|name| &**name), Some("breakfast"));
    assert_eq!(report.objects.nearest_endpoint("eggowaffles"), None);
}

#[test]
fn s4_17_19_20_22_an_unknown_option_takes_the_endpoint_down_and_says_so() {
    let report = beside(&format!("{PHONE}setvar=A=1\n"));
    says(&report, "unknown-option", &["'setvar'", "did you mean 'set_var'?"]);
    assert!(!report.objects.endpoints.contains_key("300"), "S4-17");
    let line = 2 + SOUND.lines().count() + 6;
    assert_eq!(
        log_lines(&report.findings)[..2],
        [
            format!("Could not find option suitable for category '300' named 'setvar' at line {} of pjsip.conf", line + 1),
            "Could not create an object of type 'endpoint' with id '300' from configuration file 'pjsip.conf'".to_owned(),
        ]
    );
    assert_eq!(report.exit_status(false), 2);
}

#[test]
fn s4_23_36_99_153_a_section_without_type_is_told_with_a_guess() {
    for (options, kind) in [
        ("context=internal\nallow=ulaw\naors=200\n", "type=endpoint"),
        ("endpoint=200\nmatch=10.0.0.1\n", "type=identify"),
        ("max_contacts=1\nqualify_frequency=30\n", "type=aor"),
        ("username=a\npassword=b\n", "type=auth"),
        ("server_uri=sip:a\nclient_uri=sip:b\nretry_interval=60\n", "type=registration"),
    ] {
        let report = beside(&format!("[x]\n{options}"));
        says(&report, "no-type", &["[x] has no type", "passed over", &format!("look like {kind}")]);
    }
}

#[test]
fn s4_26_37_identify_needs_an_endpoint_that_exists() {
    says(&beside("[i]\ntype=identify\nmatch=10.0.0.1\n"), "missing-option", &["it names no endpoint"]);
    let report = beside(
        "[trunk]\ntype=endpoint\nallow=ulaw\naors=200\nauth=200\n[i]\ntype=identify\nendpoint=trnk\nmatch=10.0.0.1\n",
    );
    says(&report, "dangling-reference", &["names 'trnk'", "did you mean 'trunk'?"]);
}

#[test]
fn s4_35_overlapping_networks_name_both_and_the_winner() {
    let text = format!(
        "{SOUND}{}[carol-ident]\ntype=identify\nendpoint=200\nmatch=10.0.0.0/8\n[david-ident]\ntype=identify\nendpoint=david\nmatch=10.24.16.36\n",
        PHONE.replace("[300]", "[david]")
    );
    let report = check_conf(&text);
    says(
        &report,
        "overlapping-identify",
        &[
            "10.24.16.36/32",
            "'david'",
            "within 10.0.0.0/8 of 'carol-ident'",
            "'david-ident' wins, because it is more specific",
            "in Asterisk 'carol-ident' would",
        ],
    );
    let same = text.replace("10.0.0.0/8", "10.24.16.36/32");
    says(&check_conf(&same), "overlapping-identify", &["'carol-ident' wins, because its name comes first"]);
    let excluded = text.replace("10.0.0.0/8", "10.0.0.0/8,!10.24.16.36");
    assert_eq!(found(&check_conf(&excluded), "overlapping-identify"), Vec::<String>::new());
}

#[test]
fn s4_38_host_names_are_taken_and_said_to_be_resolved() {
    let report = beside("[i]\ntype=identify\nendpoint=200\nmatch=sip.example.com\n");
    says(&report, "host-name", &["'sip.example.com' is resolved in the background"]);
    assert_eq!(report.exit_status(true), 0);
}

#[test]
fn s4_39_40_bad_masks() {
    let report = beside("[i]\ntype=identify\nendpoint=200\nmatch=10.9.3.4/255.255.255.300\n");
    says(&report, "bad-mask", &["'255.255.255.300' is not a netmask", "'300' is not a number from 0 to 255"]);
    let report = beside("[i]\ntype=identify\nendpoint=200\nmatch=10.0.0.1, 127.0.0.1/33\n");
    says(&report, "bad-mask", &[":17 ", "prefix length /33 is too long: this address has 32 bits"]);
}

#[test]
fn s4_41_masks_that_hardly_are_meant() {
    let report = beside("[i]\ntype=identify\nendpoint=200\nmatch=10.9.3.4/0\n");
    says(&report, "matches-everything", &["0.0.0.0/0 is every address", "/32"]);
    let report = beside("[i]\ntype=identify\nendpoint=200\nmatch=10.9.3.0/32\n");
    says(&report, "looks-like-network", &["one address only", "10.9.3.0/24"]);
    let report = beside("[i]\ntype=identify\nendpoint=200\nmatch=10.9.3.4/24\n");
    says(&report, "host-bits", &["it means 10.9.3.0/24", "10.9.3.4 for that host alone"]);
}

#[test]
fn s4_43_identify_mapped_in_the_wrong_section() {
    let files = MemoryFiles::new()
        .with("pjsip.conf", SOUND)
        .with("sorcery.conf", "[res_pjsip]\nidentify = realtime,ps_endpoint_id_ips\n")
        .with("extconfig.conf", "[settings]\nps_endpoint_id_ips => odbc\n");
    says(
        &check(&files),
        "wrong-module",
        &["'identify' cannot be mapped in [res_pjsip]", "[res_pjsip_endpoint_identifier_ip]"],
    );
}

#[test]
fn s4_47_anonymous_without_its_module() {
    let anonymous = "[anonymous]\ntype=endpoint\ncontext=public\nallow=ulaw\ndirect_media=no\n";
    let files = MemoryFiles::new().with("pjsip.conf", format!("{SOUND}{anonymous}")).with(
        "modules.conf",
        "[modules]\nautoload=yes\nnoload => res_pjsip_endpoint_identifier_anonymous.so\n",
    );
    says(
        &check(&files),
        "module-not-loaded",
        &["res_pjsip_endpoint_identifier_anonymous.so", "the endpoint 'anonymous'"],
    );
    let report =
        beside(&format!("{anonymous}[global]\ntype=global\nendpoint_identifier_order=ip,username\n"));
    says(&report, "never-identified", &["lacks anonymous"]);
}

#[test]
fn s4_61_user_names_that_differ_in_case() {
    let report = beside(
        "[Alice]\ntype=endpoint\nallow=ulaw\ndirect_media=no\nauth=Alice\naors=200\n[Alice]\ntype=auth\nusername=alice\npassword=x1\n",
    );
    says(&report, "case-differs", &["'alice'", "'Alice'", "upper and lower case"]);
}

#[test]
fn s4_64_65_md5_cred_is_32_hexadecimal_characters() {
    for (cred, why) in [
        ("0123456789abcdef 123456789abcdef", "white space"),
        ("0123456789abcdef", "has 16 characters, it must have 32"),
        ("0123456789abcdef0123456789abcdeg", "'g' is not a hexadecimal character"),
    ] {
        let report = beside(&format!("[a]\ntype=auth\nauth_type=md5\nusername=a\nmd5_cred={cred}\n"));
        says(&report, "bad-digest", &[why, "username:realm:password"]);
    }
}

#[test]
fn s4_62_66_67_68_auth_needs_user_name_and_the_hashed_realm() {
    says(&beside("[a]\ntype=auth\npassword=x\n"), "missing-option", &["it has no username", "username=a"]);
    says(
        &beside("[a]\ntype=auth\nauth_type=md5\nusername=a\n"),
        "missing-option",
        &["auth_type is md5, but there is no md5_cred"],
    );
    let hash = "0123456789abcdef0123456789abcdef";
    let report = beside(&format!("[a]\ntype=auth\nauth_type=md5\nusername=a\nmd5_cred={hash}\n"));
    says(&report, "hashed-realm", &["made with realm 'asterisk'", "set realm"]);
}

#[test]
fn s4_72_an_endpoint_without_auth_line() {
    let report = check_conf(&SOUND.replace("auth=200\naors", "aors"));
    says(&report, "no-auth", &["it has no auth, though there is an auth '200'", "add auth=200"]);
}

#[test]
fn s4_73_74_auth_that_is_missing_or_has_no_type() {
    let report = check_conf(
        &SOUND
            .replace("auth=200\naors", "auth=phone-auht\naors")
            .replace("[200]\ntype=auth", "[phone-auth]\ntype=auth"),
    );
    says(&report, "dangling-reference", &["'phone-auht'", "did you mean 'phone-auth'?"]);
    let report =
        check_conf(&SOUND.replace("auth=200\naors", "auth=cred\naors").replace("[200]\ntype=auth", "[cred]"));
    says(&report, "dangling-reference", &["section [cred] is there, but has no type: add type=auth"]);
}

fn with_dialplan(pjsip: &str, dialplan: &str) -> Report {
    check_calmly(&MemoryFiles::new().with("pjsip.conf", pjsip).with("extensions.conf", dialplan))
}

#[test]
fn s4_77_contexts_are_looked_up_in_the_dialplan() {
    let report = with_dialplan(SOUND, "[internl]\nexten => 1,1,Answer()\n");
    says(&report, "no-such-context", &["context=internal", "did you mean 'internl'?"]);
    let report = with_dialplan(SOUND, "[internal]\nexten => 1,1,Answer()\n");
    assert_eq!(report.findings, []);
}

#[test]
fn s4_89_90_sip_devices_in_the_dialplan() {
    let report = with_dialplan(
        SOUND,
        "[internal]\nexten => 200,1,Dial(SIP/200&PJSIP/200,20)\nexten => 201,1,Dial(PJSIP/201)\n",
    );
    says(&report, "old-technology", &["2:1 ", "SIP/200 is chan_sip's name", "write PJSIP/200"]);
    says(&report, "no-such-endpoint", &["3:1 ", "PJSIP/201"]);
}

#[test]
fn s4_96_142_aors_not_aor() {
    let report = check_conf(&SOUND.replace("aors=200", "aor=200"));
    says(&report, "unknown-option", &["'aor'", "did you mean 'aors'?"]);
    let report = check_conf(&SOUND.replace("aors=200\n", ""));
    says(&report, "no-aors", &["it has no aors, though there is an aor '200'", "add aors=200"]);
}

#[test]
fn s4_97_aors_that_do_not_exist() {
    let report = check_conf(
        &SOUND.replace("aors=200", "aors=twohundred").replace("[200]\ntype=aor", "[two-hundred]\ntype=aor"),
    );
    says(&report, "dangling-reference", &["aors names 'twohundred'", "did you mean 'two-hundred'?"]);
}

#[test]
fn s4_100_an_unknown_option_on_an_aor() {
    let report = beside("[x]\ntype=aor\nmax_contacts=1\nawesomeness=yes\n");
    says(&report, "unknown-option", &["type=aor has no option 'awesomeness'"]);
    assert!(!report.objects.aors.contains_key("x"));
}

#[test]
fn s4_101_102_contacts_are_full_uris() {
    says(
        &beside("[x]\ntype=aor\ncontact=phone\n"),
        "bad-uri",
        &["'phone' is not a SIP URI", "write sip:phone"],
    );
    says(&beside("[x]\ntype=aor\ncontact=10.24.18.87:5060\n"), "bad-uri", &["write sip:10.24.18.87:5060"]);
}

#[test]
fn s4_107_an_aor_that_nothing_can_be_bound_to() {
    let report = check_conf(&SOUND.replace("max_contacts=1\n", ""));
    says(
        &report,
        "no-contacts",
        &["neither max_contacts nor a static contact", "max_contacts=1", "contact=sip:HOST"],
    );
}

#[test]
fn registrations_that_asterisk_rejects() {
    let with = |line: &str| {
        beside(&format!("[r]\ntype=registration\nserver_uri=sip:a\nclient_uri=sip:b@a\n{line}\n"))
    };
    let report = with("endpoint=200");
    says(&report, "contradiction", &["endpoint is set without line=yes", "add line=yes"]);
    let log = "Endpoint has been specified on outbound registration 'r' without enabling line support";
    assert!(log_lines(&report.findings).contains(&log.to_owned()));
    says(&with("expiration=0"), "bad-value", &["expiration=0 registers nothing"]);
    assert!(with("line=yes\nendpoint=200").objects.registrations.contains_key("r"));
}

#[test]
fn bounds_of_expiry_that_contradict_each_other() {
    says(
        &check_conf(&SOUND.replace("max_contacts=1\n", "max_contacts=1\nmaximum_expiration=30\n")),
        "expiration-contradiction",
        &["minimum_expiration=60 is more than maximum_expiration=30", "set minimum_expiration to 30 or less"],
    );
}

#[test]
fn s4_149_max_contacts_that_rewritten_contacts_fill() {
    let report = check_conf(&SOUND.replace("direct_media=no", "direct_media=no\nrewrite_contact=yes"));
    says(
        &report,
        "max-contacts-too-small",
        &["refused until its old contact expires", "remove_existing=yes"],
    );
}

#[test]
fn s4_154_155_156_157_registrations() {
    says(
        &beside("[r]\ntype=registration\nserver_uri=sip:a\nclient_uri=sip:b@a\nretries=3\n"),
        "unknown-option",
        &["'retries'"],
    );
    let report =
        beside("[r]\ntype=registration\nserver_uri=itsp.example.com\nclient_uri=sip:me@itsp.example.com\n");
    says(&report, "bad-uri", &["server_uri:", "write sip:itsp.example.com"]);
    assert!(log_lines(&report.findings).contains(
        &"Invalid server URI 'itsp.example.com' specified on outbound registration 'r'".to_owned()
    ));
    let report = beside("[r]\ntype=registration\nserver_uri=sip:a\nclient_uri=me@a\n");
    says(&report, "bad-uri", &["client_uri:", "write sip:me@a"]);
    assert!(log_lines(&report.findings)[0].starts_with("Invalid client URI 'me@a'"));
}

#[test]
fn s4_168_a_context_without_hints() {
    let report =
        with_dialplan(SOUND, "[internal]\nexten => 1,1,Answer()\n[lamps]\nexten => 200,hint,PJSIP/200\n");
    says(&report, "no-hints", &["'internal' reaches no hint", "hints are in lamps"]);
    let report = with_dialplan(SOUND, "[internal]\ninclude => lamps\n[lamps]\nexten => 200,hint,PJSIP/200\n");
    assert_eq!(report.findings, []);
}

#[test]
fn s4_172_mailboxes_not_mailbox() {
    let report = beside("[x]\ntype=aor\nmax_contacts=1\nmailbox=1@default\n");
    says(&report, "unknown-option", &["'mailbox'", "did you mean 'mailboxes'?"]);
}

#[test]
fn s4_175_177_mailboxes_twice_or_without_context() {
    let both = SOUND
        .replace("aors=200\n", "aors=200\nmailboxes=200@default\n")
        .replace("max_contacts=1\n", "max_contacts=1\nmailboxes=200@default\n");
    says(
        &check_conf(&both),
        "mailbox-twice",
        &["mailbox '200@default'", "SUBSCRIBE for it is denied", "mwi_subscribe_replaces_unsolicited=yes"],
    );
    let bare = SOUND.replace("aors=200\n", "aors=200\nmailboxes=200\n");
    says(&check_conf(&bare), "mailbox-without-context", &["mailbox '200' has no context", "200@default"]);
}

#[test]
fn s4_179_180_181_bind() {
    let report = check_conf(&SOUND.replace("bind=0.0.0.0", "bind=::"));
    assert_eq!(report.findings, [], "S4-181: IPv6 is always there");
    let report = check_conf(&SOUND.replace("bind=0.0.0.0", "bind=:::"));
    says(&report, "bad-address", &["':::' is not an address to listen on"]);
    let lines = log_lines(&report.findings);
    assert_eq!(lines[0], "Error parsing bind=::: at line 4 of pjsip.conf", "S4-180");
    assert_eq!(
        lines[1],
        "Could not create an object of type 'transport' with id 'transport-udp' from configuration file 'pjsip.conf'"
    );
}
