//! Faults as people and programs see them.

use jackfield::config::Severity;
use jackfield::config::check::check;
use jackfield::config::files::MemoryFiles;

use super::{SOUND, check_calmly, check_conf, found};

#[test]
fn all_faults_come_out_at_once_in_the_order_of_the_file() {
    let report = check_conf(
        "[100]\ntype=endpoint\nsetvar=A=1\nallow=pcmu\ntimers_min_se=20\nmax_contacts=1\nrtp_timeout=30s\n\
         [100]\ntype=aor\nqualify_frequency=90000\ncontact=10.0.0.1\n[101]\ntype=endpont\n",
    );
    let text = report.text(Severity::Error);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "pjsip.conf:3:1: error[unknown-option]: endpoint '100': type=endpoint has no option 'setvar' (object not loaded)",
            "    help: did you mean 'set_var'?",
            "pjsip.conf:4:7: error[unknown-codec]: endpoint '100': allow: cannot allow unknown codec 'pcmu' (object not loaded)",
            "    help: did you mean 'ulaw'?",
            "pjsip.conf:5:1: error[out-of-range]: endpoint '100': Min-SE must be 90 seconds or more (RFC 4028) (object not loaded)",
            "pjsip.conf:6:1: error[unknown-option]: endpoint '100': type=endpoint has no option 'max_contacts' (object not loaded)",
            "    help: 'max_contacts' is an option of type=aor",
            "pjsip.conf:7:13: error[bad-number]: endpoint '100': rtp_timeout: '30s' is not a whole number from 0 to 4294967295 (object not loaded)",
            "    help: write the number alone: 30",
            "pjsip.conf:10:19: error[out-of-range]: aor '100': qualify_frequency: '90000' is not between 0 and 86400 (object not loaded)",
            "pjsip.conf:11:9: error[bad-uri]: aor '100': contact: '10.0.0.1' is not a SIP URI: it must begin with 'sip:' or 'sips:' (object not loaded)",
            "    help: write sip:10.0.0.1",
            "pjsip.conf:13:6: error[unknown-type]: [101]: there is no type 'endpont'",
            "    help: did you mean 'endpoint'?",
            "8 errors, 0 warnings",
        ]
    );
    assert_eq!(report.exit_status(false), 2);
}

#[test]
fn json_has_the_same_and_the_counts() {
    let report = check_conf(&format!("{SOUND}[x]\ntype=aor\nbogus=1\n"));
    let json: serde_json::Value = serde_json::from_str(&report.json()).expect("JSON");
    assert_eq!(json["errors"], 1);
    assert_eq!(json["findings"][0]["file"], "pjsip.conf");
    assert_eq!(json["findings"][0]["line"], 23);
    assert_eq!(json["findings"][0]["code"], "unknown-option");
    assert_eq!(json["findings"][0]["kind"], "aor");
    assert_eq!(json["findings"][0]["effect"], "not-loaded");
}

#[test]
fn duplicates_two_types_and_overridden_lines() {
    let report = check_conf(&format!("{SOUND}[200]\ntype=aor\nmax_contacts=9\n[200](+)\ntype=aor\n"));
    let duplicate = found(&report, "duplicate-object");
    assert!(duplicate[0].contains("there is already one of that name, at pjsip.conf:18:1"), "{duplicate:?}");
    assert!(found(&report, "two-types")[0].contains("'endpoint' at pjsip.conf:6:1, and 'aor'"));
    let report = check_conf(&format!("{SOUND}[200](+)\ncontext=other\n"));
    assert_eq!(
        found(&report, "overridden"),
        ["7:1 context=internal is overridden by context=other at pjsip.conf:22:1 | -"]
    );
}

#[test]
fn what_is_legal_but_not_obeyed_is_said_once() {
    let phone = SOUND
        .replace("direct_media=no", "direct_media=no\nmedia_encryption=sdes\ncos_audio=5\nrtp_engine=other");
    let lists = "[l]\ntype=phoneprov\nendpoint=200\nMAC=a\nPROFILE=p\n[m]\ntype=phoneprov\nendpoint=200\nMAC=b\nPROFILE=p\n";
    let report = check(&MemoryFiles::new().with("pjsip.conf", format!("{phone}{lists}")));
    let warnings = report.text(Severity::Warning);
    assert!(warnings.contains("media_encryption=sdes is not yet obeyed"), "{warnings}");
    assert_eq!(warnings.matches("nothing is done with objects of this type yet").count(), 1);
    let notes = report.text(Severity::Note);
    assert!(
        notes.contains("cos_audio=5 is not yet obeyed") && notes.contains("rtp_engine has nothing to govern")
    );
    let defaults = SOUND.replace("direct_media=no", "direct_media=no\nmedia_encryption=no\ncos_audio=0");
    assert_eq!(check_conf(&defaults).findings, [], "a default is obeyed whatever it is");
}

#[test]
fn rtp_conf_takes_bad_lines_lightly() {
    let files = MemoryFiles::new().with("pjsip.conf", SOUND).with(
        "rtp.conf",
        "[general]\nrtpstart=10001\nrtpend=20000\nstrictrtp=sqno\nprobation=1\nbogus=1\nrtcpinterval=100\n",
    );
    let report = check(&files);
    assert_eq!(report.counts().errors, 0);
    assert_eq!(report.counts().warnings, 4, "{}", report.text(Severity::Note));
    let rtp = &report.objects.rtp;
    assert_eq!(
        (rtp.rtp_start, rtp.rtp_end, rtp.probation_packets, rtp.rtcp_interval_ms),
        (10_002, 20_000, 4, 5000)
    );
    assert!(report.text(Severity::Warning).contains("did you mean 'seqno'?"));
}

#[test]
fn jackfield_conf_holds_what_asterisk_has_no_option_for() {
    let read = |text: &str, toml: &str| {
        let files = MemoryFiles::new().with("pjsip.conf", SOUND).with("jackfield.conf", text);
        check_calmly(&files.with("acl.conf", "[office]\npermit=198.51.100.0/24\n").with("pjsip.toml", toml))
    };
    let report = read(
        "[general]\nban=yes\nban_threshold=5\nban_period=60\nban_time=30\nban_exempt=192.0.2.0/24\nban_exempt_acl=office\n",
        "",
    );
    assert_eq!(report.findings, []);
    let ours = &report.objects.jackfield;
    assert_eq!((ours.ban, ours.ban_threshold, ours.ban_period_secs, ours.ban_time_secs), (true, 5, 60, 30));
    assert!(ours.ban_exempt.named[0].1.is_some());
    let report = read("", "[jackfield]\nban = true\nban_exempt = [\"192.0.2.0/24\"]\n");
    assert_eq!((report.findings.len(), report.objects.jackfield.ban), (0, true));
    let report = read("[general]\nban=yes\nban_treshold=5\nban_time=0\n", "");
    assert_eq!(report.counts().warnings, 2, "{}", report.text(Severity::Note));
    assert!(report.text(Severity::Warning).contains("did you mean 'ban_threshold'?"));
    assert!(report.objects.jackfield.ban, "the good line counts");
}

#[test]
fn an_unknown_identifier_is_told_and_the_others_count() {
    let report =
        check_conf(&format!("{SOUND}[global]\ntype=global\nendpoint_identifier_order=ip, usrname\n"));
    assert_eq!(
        found(&report, "bad-value"),
        ["23:31 endpoint_identifier_order: there is no identifier 'usrname' | did you mean 'username'?"]
    );
    assert_eq!(report.objects.global.endpoint_identifier_order.len(), 2);
}

#[test]
fn values_that_count_as_no_are_told() {
    let report = check_conf(&SOUND.replace("direct_media=no", "direct_media=nein"));
    assert_eq!(
        found(&report, "not-a-truth-value"),
        ["12:14 direct_media: 'nein' is neither yes nor no; it counts as no | write yes or no"]
    );
}
