//! Any bytes whatever: the readers end, and never panic.

use jackfield::base::rng::Rng;
use jackfield::config::check::check;
use jackfield::config::files::MemoryFiles;
use jackfield::config::{Severity, load};

use super::SOUND;

const SEEDS: &[(&str, &str)] = &[
    ("pjsip.conf", SOUND),
    (
        "pjsip.conf",
        "[t](!)\ntype=endpoint\nallow=!all,ulaw:20,g722\n[a](t)\ncallerid=\"A\" <1>\nset_var=X=1\ncall_group=1-3\n\
         codec_prefs_incoming_offer=prefer: pending, operation: intersect\ntos_audio=ef\npermit=10.0.0.0/8\n\
         [i]\ntype=identify\nendpoint=a\nmatch=10.0.0.0/255.0.0.0,!10.1.1.1:5060,h.example:70\nmatch_header=X: /a+/\n\
         [a]\ntype=aor\ncontact=sip:a@[::1]:5060;x=y,sip:b\nqualify_timeout=1.5\n\
         [a](+type=aor)\nmailboxes+=1@d\n;-- c --;\n[l]\ntype=resource_list\nevent=presence\nlist_item=a\n\
         [tls]\ntype=transport\nprotocol=tls\nbind=[::]:5061\nlocal_net=10.0.0.0/8\ncos=3\n",
    ),
    (
        "pjsip_wizard.conf",
        "[w]\ntype=wizard\nsends_auth=yes\nsends_registrations=yes\nremote_hosts=a.example,b.example:5080\n\
         outbound_auth/username=u\noutbound_auth/password=p\nendpoint/allow=ulaw\nhas_hint=yes\nhint_exten=1\n",
    ),
    (
        "pjsip.toml",
        "[global]\nmax_forwards=70\n[template.p]\nallow=[\"ulaw\"]\n[endpoint.1]\ntemplate=\"p\"\nset_var={A=1}\n\
         [aor.1]\nmax_contacts=1\n[auth.1]\nusername=\"1\"\npassword=\"x\"\n",
    ),
    ("acl.conf", "[lan]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8,::1\n"),
    ("sorcery.conf", "[res_pjsip]\nendpoint=realtime,ps_endpoints\naor=config,pjsip.conf\n"),
    ("extconfig.conf", "[settings]\nps_endpoints => sqlite3,\"x\",t\n"),
    ("modules.conf", "[modules]\nautoload=no\nload => res_pjsip.so\n"),
    (
        "extensions.conf",
        "[a]\nexten => _1X.,1,Dial(PJSIP/${EXTEN}&SIP/x@y,20)\n same => n(l),Hangup()\ninclude => b\nexten => 1,hint,PJSIP/1\n",
    ),
];

const BITS: &[&str] = &[
    "[",
    "]",
    "(",
    ")",
    "!",
    "+",
    ",",
    "=",
    ";",
    ";--",
    "--;",
    "\\",
    "\n",
    "#include ",
    "\u{e9}",
    "\0",
    "type=",
    "/",
    ":",
    "<",
    ">",
    "\"",
    "999999999999",
    "-1",
    "%",
    "@",
];

fn mutate(rng: &mut Rng, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=rng.below(6) {
        let at = rng.below(bytes.len() as u64 + 1) as usize;
        match rng.below(5) {
            0 if at < bytes.len() => bytes[at] = rng.below(256) as u8,
            1 => {
                let bit = BITS[rng.below(BITS.len() as u64) as usize];
                bytes.splice(at..at, bit.bytes());
            }
            2 => {
                let end = (at + rng.below(12) as usize).min(bytes.len());
                bytes.drain(at..end);
            }
            3 => {
                let from = rng.below(bytes.len() as u64 + 1) as usize;
                let end = (from + rng.below(60) as usize).min(bytes.len());
                let piece = bytes[from..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

#[test]
fn mutated_directories_never_panic() {
    let seed = 20_260_806;
    let mut rng = Rng::seeded(seed);
    let mut loaded = 0;
    let good = load(&MemoryFiles::new().with("pjsip.conf", SOUND), None).objects;
    for round in 0..1_500 {
        let (path, text) = SEEDS[round % SEEDS.len()];
        let mut files = MemoryFiles::new();
        for (other, text) in SEEDS.iter().filter(|(other, _)| *other != path) {
            if rng.below(3) == 0 {
                files = files.with(other, *text);
            }
        }
        let files = files.with(path, mutate(&mut rng, text));
        let report = check(&files);
        loaded += report.objects.endpoints.len();
        let _ = (report.text(Severity::Note), report.json());
        let plan = good.plan(&load(&files, Some(&good)).objects);
        let _ = plan.to_string();
    }
    assert!(loaded > 0, "seed {seed}: some mutants still load");
}
