//! What a large configuration costs in memory and time. A process of its own, so that nothing else is measured.

use std::borrow::Cow;
use std::fmt::Write;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jackfield::config::files::MemoryFiles;
use jackfield::config::{Compiler, Draft, Kind, Object, RowStyle, Severity, Sources, load};
use jackfield::store::files::ConfigDir;

/// One measurement at a time: each would count the other's memory.
static ALONE: Mutex<()> = Mutex::new(());

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

/// The same phones as FreePBX writes them: no template, each option in full.
fn written_out(count: u32) -> String {
    const ENDPOINT: &str = "\
tos_audio=ef\ntos_video=af41\ncos_audio=5\ncos_video=4\nallow=ulaw,alaw,gsm,g726\ncontext=from-internal\n\
dtmf_mode=rfc4733\ndirect_media=yes\nmwi_subscribe_replaces_unsolicited=yes\naggregate_mwi=no\nuse_avpf=no\n\
rtcp_mux=no\nmax_audio_streams=1\nmax_video_streams=1\nbundle=no\nice_support=no\n\
media_use_received_transport=no\ntrust_id_inbound=yes\nuser_eq_phone=no\nsend_connected_line=yes\n\
media_encryption=no\ntimers=yes\ntimers_min_se=90\nmedia_encryption_optimistic=no\nrefer_blind_progress=yes\n\
rtp_timeout=30\nrtp_timeout_hold=300\nrtp_keepalive=0\nsend_pai=yes\nrtp_symmetric=yes\nrewrite_contact=yes\n\
force_rport=yes\nlanguage=en\none_touch_recording=on\nrecord_on_feature=apprecord\n\
record_off_feature=apprecord\n";
    let mut text = String::from("[udp]\ntype=transport\nbind=0.0.0.0\n");
    for n in 0..count {
        let id = 100_000 + n;
        write!(
            text,
            "\n[{id}]\ntype=endpoint\naors={id}\nauth={id}-auth\n{ENDPOINT}mailboxes={id}@default\n\
             callerid=Phone {n} <{id}>\n\n[{id}-auth]\ntype=auth\nauth_type=userpass\npassword=pw{n:08}\n\
             username={id}\n\n[{id}]\ntype=aor\nmailboxes={id}@default\nmax_contacts=1\nremove_existing=yes\n\
             maximum_expiration=7200\nminimum_expiration=60\nqualify_frequency=60\n"
        )
        .expect("memory");
    }
    text
}

/// 50,000 phones from `pjsip.conf`, each option written out: what reading them costs at most, the text of the file
/// included.
#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is time itself")]
fn phones_written_out_in_full_fit() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let scale = std::env::var("CONFIG_COST_WRITTEN").ok().and_then(|n| n.parse().ok()).unwrap_or(5_000u32);
    let dir = std::env::temp_dir().join(format!("jackfield-cost-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("the temporary folder is writable");
    fs::write(dir.join("pjsip.conf"), written_out(scale)).expect("written");
    let before = resident();
    let started = Instant::now();
    let loaded = load(&ConfigDir::new(&dir), None);
    let took = started.elapsed();
    let grown = resident() - before;
    eprintln!("{} phones written out: {took:?}, {} MB", loaded.objects.endpoints.len(), grown / 1_000_000);
    fs::remove_dir_all(&dir).expect("made above");
    assert_eq!(loaded.objects.endpoints.len(), scale as usize);
    assert_eq!(loaded.objects.aors.len(), scale as usize);
}

/// A million phones (endpoint, auth and aor) must fit into 2 GB together with everything else: 700 bytes each here.
#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is time itself")]
fn a_million_phones_fit() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
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
    let bad = loaded.findings.iter().find(|finding| finding.severity != Severity::Note);
    assert_eq!(bad, None);
    assert_eq!(loaded.objects.endpoints["100000"].option("mailboxes").as_deref(), Some(""));
}
