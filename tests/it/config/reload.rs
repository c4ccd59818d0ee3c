//! Reload: what is bad keeps its last good version, what is the same is not touched, and the plan says the rest.

use std::sync::Arc;

use jackfield::config::files::MemoryFiles;
use jackfield::config::plan::{Deed, OptionChange};
use jackfield::config::{Change, Kind, Objects, Severity, load};

use super::SOUND;

fn conf(text: &str) -> MemoryFiles {
    MemoryFiles::new().with("pjsip.conf", text)
}

#[test]
fn the_same_files_change_nothing() {
    let old = load(&conf(SOUND), None).objects;
    let new = load(&conf(SOUND), Some(&old)).objects;
    assert!(Arc::ptr_eq(&old.endpoints["200"], &new.endpoints["200"]));
    let plan = old.plan(&new);
    assert!(plan.changes.is_empty());
    assert_eq!(plan.to_string(), "nothing changes\n");
}

#[test]
fn a_moved_object_says_the_same_at_another_place() {
    let old = load(&conf(SOUND), None).objects;
    let new = load(&conf(&format!("\n\n{SOUND}")), Some(&old)).objects;
    let plan = old.plan(&new);
    assert!(plan.is_empty());
    assert_eq!(plan.moved, 4);
    assert!(plan.changes.iter().all(|change| matches!(change, Change::Moved(_))));
    assert_eq!(new.endpoints["200"], old.endpoints["200"]);
}

#[test]
fn a_plan_names_what_changes_and_applying_it_gives_the_new_configuration() {
    let old = load(&conf(SOUND), None).objects;
    let text = SOUND.replace("allow=ulaw", "allow=alaw").replace("password=kai5Ohqu", "password=Aetei2sa")
        + "[201]\ntype=aor\nmax_contacts=2\n";
    let new = load(&conf(&text.replace("transport-udp", "udp")), Some(&old)).objects;
    let plan = old.plan(&new);
    let change = OptionChange { option: "allow", from: "(ulaw)".to_owned(), to: "(alaw)".to_owned() };
    assert!(plan.deeds.contains(&(Kind::Endpoint, "200".into(), Deed::Changed(vec![change]))));
    assert!(plan.deeds.contains(&(Kind::Aor, "201".into(), Deed::Added)));
    assert!(plan.deeds.contains(&(Kind::Transport, "transport-udp".into(), Deed::Removed)));
    let words = plan.to_string();
    assert!(words.contains("password: '(secret)' -> '(secret)'"), "{words}");
    assert!(!words.contains("Aetei2sa"));
    let mut applied = old.clone();
    plan.changes.iter().for_each(|change| applied.apply(change));
    assert!(applied.plan(&new).changes.is_empty());
}

#[test]
fn a_bad_object_keeps_its_last_good_version() {
    let old = load(&conf(SOUND), None).objects;
    let loaded = load(&conf(&SOUND.replace("direct_media=no", "direct_media=no\nbogus=1")), Some(&old));
    let new = loaded.objects;
    assert!(Arc::ptr_eq(&old.endpoints["200"], &new.endpoints["200"]));
    assert!(new.kept.contains(&(Kind::Endpoint, "200".into())));
    let plan = old.plan(&new);
    assert!(plan.deeds.contains(&(Kind::Endpoint, "200".into(), Deed::Kept)));
    let bad = loaded.findings.iter().find(|finding| finding.severity == Severity::Error).expect("a fault");
    let text = bad.text(&new.sources).to_string();
    assert!(text.contains("(last good version stays)"), "{text}");
    let log = jackfield::config::finding::log_lines(&loaded.findings);
    assert_eq!(log[2], "Retaining existing configuration for object of type 'endpoint' with id '200'");
}

#[test]
fn an_object_kept_once_is_kept_again_and_let_go_when_it_is_removed() {
    let old = load(&conf(SOUND), None).objects;
    let bad = SOUND.replace("direct_media=no", "direct_media=no\nbogus=1");
    let second = load(&conf(&bad), Some(&old)).objects;
    let third = load(&conf(&bad), Some(&second)).objects;
    assert!(third.endpoints.contains_key("200"));
    let gone = load(&conf("[transport-udp]\ntype=transport\nbind=0.0.0.0\n"), Some(&third)).objects;
    assert!(gone.endpoints.is_empty() && gone.kept.is_empty());
}

#[test]
fn a_missing_include_loses_nothing() {
    let files = conf("#include phones.conf\n").with("phones.conf", SOUND);
    let old = load(&files, None).objects;
    let loaded = load(&conf("#include phones.conf\n"), Some(&old));
    assert_eq!(loaded.findings[0].code, "missing-file");
    assert_eq!(loaded.objects.endpoints.len(), 1);
    assert_eq!(loaded.objects.transports.len(), 1);
    let loaded = load(&MemoryFiles::new(), Some(&old));
    assert_eq!(loaded.objects.endpoints.len(), 1, "no file at all");
    assert!(load(&MemoryFiles::new(), None).findings[0].message.contains("there is no pjsip.conf"));
}

#[test]
fn defaults_come_back_when_global_goes() {
    let old = load(&conf(&format!("{SOUND}[g]\ntype=global\nmax_forwards=20\n")), None).objects;
    assert_eq!(old.global.max_forwards, 20);
    let new = load(&conf(SOUND), Some(&old)).objects;
    assert_eq!(new.global.max_forwards, 70);
    let mut applied: Objects = old.clone();
    old.plan(&new).changes.iter().for_each(|change| applied.apply(change));
    assert_eq!(applied.global.max_forwards, 70);
}

#[test]
fn global_algorithms_reach_auths_that_name_none() {
    let global = "[g]\ntype=global\ndefault_auth_algorithms_uas=SHA-256,MD5\n";
    let old = load(&conf(SOUND), None).objects;
    let new = load(&conf(&format!("{SOUND}{global}")), Some(&old)).objects;
    assert_eq!(
        jackfield::config::Object::option(&*new.auths["200"], "supported_algorithms_uas").as_deref(),
        Some("SHA-256,MD5")
    );
    assert!(old.plan(&new).deeds.iter().any(|(kind, _, _)| *kind == Kind::Auth));
    let same = load(&conf(&format!("{SOUND}{global}")), Some(&new)).objects;
    assert!(Arc::ptr_eq(&same.auths["200"], &new.auths["200"]));
}

#[test]
fn named_lists_are_resolved_and_a_missing_one_refuses() {
    let text = SOUND.replace("direct_media=no", "direct_media=no\nacl=lan");
    let files = conf(&text).with("acl.conf", "[lan]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n");
    let loaded = load(&files, None);
    assert!(loaded.findings.iter().all(super::is_remark), "{:?}", loaded.findings);
    let access = &loaded.objects.endpoints["200"].options.access;
    assert!(access.permits("10.1.1.1".parse().expect("address")));
    assert!(!access.permits("192.0.2.1".parse().expect("address")));
    let missing = load(&conf(&text), None);
    assert!(missing.findings.iter().any(|finding| finding.code == "dangling-reference"));
    assert!(!missing.objects.endpoints["200"].options.access.permits("10.1.1.1".parse().expect("address")));
    let again = load(&files, Some(&loaded.objects)).objects;
    assert!(Arc::ptr_eq(&again.endpoints["200"], &loaded.objects.endpoints["200"]));
}

#[test]
fn a_bad_global_list_refuses_all_rather_than_none() {
    let address = "192.0.2.1".parse().expect("address");
    let bad = conf(&format!("{SOUND}[gate]\ntype=acl\ndeny=10.0.0.0/33\n"));
    let loaded = load(&bad, None);
    assert!(!loaded.objects.acls["gate"].source.permits(address));
    assert!(loaded.findings.iter().any(|finding| finding.code == "refuses-all"));
    let good = load(&conf(&format!("{SOUND}[gate]\ntype=acl\ndeny=10.0.0.0/8\n")), None).objects;
    let kept = load(&bad, Some(&good)).objects;
    assert!(kept.acls["gate"].source.permits(address), "the last good version stays");
}
