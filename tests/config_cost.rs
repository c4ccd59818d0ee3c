//! What a large configuration costs in memory and time. A process of its own, so that nothing else is measured.

use std::borrow::Cow;
use std::fmt::Write;
use std::fs;
use std::time::Instant;

use jackfield::config::files::MemoryFiles;
use jackfield::config::{Compiler, Draft, Kind, Object, RowStyle, Sources, load};

/// Memory of this process in bytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number") * 1024
}

fn columns<'a>(pairs: &[(&'static str, &'a str)]) -> Vec<(Cow<'static, str>, Option<Cow<'a, str>>)> {
    pairs.iter().map(|(name, value)| (Cow::Borrowed(*name), Some(Cow::Borrowed(*value)))).collect()
}

/// A plain phone as three rows: endpoint, auth and aor of one name.
fn rows(compiler: &mut Compiler<'_>, sources: &mut Sources, count: u32) {
    let tables = ["ps_endpoints", "ps_auths", "ps_aors"].map(|table| sources.intern(table));
    for n in 0..count {
        let id = (100_000 + n).to_string();
        let password = format!("pw{n:08}");
        let callerid = format!("Phone {n} <{id}>");
        let endpoint = columns(&[
            ("id", &id),
            ("transport", "udp"),
            ("aors", &id),
            ("auth", &id),
            ("context", "internal"),
            ("disallow", "all"),
            ("allow", "ulaw,alaw"),
            ("direct_media", "no"),
            ("callerid", &callerid),
        ]);
        let auth =
            columns(&[("id", &id), ("auth_type", "userpass"), ("password", &password), ("username", &id)]);
        let aor = columns(&[("id", &id), ("max_contacts", "1"), ("qualify_frequency", "60")]);
        let kinds = [Kind::Endpoint, Kind::Auth, Kind::Aor];
        for ((kind, table), columns) in kinds.into_iter().zip(tables).zip([endpoint, auth, aor]) {
            let draft = Draft::row(kind, id.clone(), table, n + 1, columns, RowStyle::Verbatim);
            compiler.add(&draft, sources);
        }
    }
}

fn pjsip_conf(count: u32) -> String {
    let mut text = String::from(
        "[udp]\ntype=transport\nbind=0.0.0.0\n[ep](!)\ntype=endpoint\ntransport=udp\ncontext=internal\n\
         disallow=all\nallow=ulaw,alaw\ndirect_media=no\nrtp_symmetric=yes\nforce_rport=yes\nrewrite_contact=yes\n\
         [acct](!)\ntype=auth\nauth_type=userpass\n[reg](!)\ntype=aor\nmax_contacts=1\nqualify_frequency=60\n",
    );
    for n in 0..count {
        let id = 100_000 + n;
        write!(
            text,
            "\n[{id}](ep)\nauth={id}\naors={id}\ncallerid=\"Phone {n}\" <{id}>\n[{id}](acct)\nusername={id}\n\
             password=pw{n:08}\n[{id}](reg)\nmailboxes={id}@default\n"
        )
        .expect("memory");
    }
    text
}

/// A million phones (endpoint, auth and aor) must fit into 2 GB together with everything else: 700 bytes each here.
#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is time itself")]
fn a_million_phones_fit() {
    let scale = std::env::var("CONFIG_COST_PHONES").ok().and_then(|n| n.parse().ok()).unwrap_or(40_000u32);
    let before = resident();
    let started = Instant::now();
    let mut sources = Sources::new();
    let mut compiler = Compiler::new(None);
    rows(&mut compiler, &mut sources, scale);
    let peak = resident() - before;
    let (objects, findings) = compiler.finish(sources);
    let took = started.elapsed();
    let held = resident() - before;
    eprintln!(
        "{scale} phones from rows: {took:?}, {} bytes each, {} at peak",
        held / scale as usize,
        peak / scale as usize
    );
    assert_eq!(objects.endpoints.len(), scale as usize);
    assert_eq!(findings.len(), 1, "only the transport is missing: {:?}", findings.first());
    assert!(held / (scale as usize) < 800, "{} bytes per phone", held / scale as usize);

    let text = pjsip_conf(scale / 20);
    let files = MemoryFiles::new().with("pjsip.conf", text);
    let before = resident();
    let started = Instant::now();
    let loaded = load(&files, None);
    let took = started.elapsed();
    let grown = resident() - before;
    let phones = loaded.objects.endpoints.len();
    eprintln!("{phones} phones from pjsip.conf: {took:?}, {} MB", grown / 1_000_000);
    assert_eq!(loaded.findings, []);
    assert_eq!(loaded.objects.endpoints["100000"].option("mailboxes").as_deref(), Some(""));
}
