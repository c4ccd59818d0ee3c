//! One configuration as `.conf`, TOML and rows gives the same objects.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jackfield::config::draft::{Draft, RowStyle};
use jackfield::config::files::MemoryFiles;
use jackfield::config::model::Other;
use jackfield::config::{Compiler, Kind, Objects, Sources, export, load};

/// Something of everything, with values that differ from the defaults.
const ALL: &str = "\
[global]\ntype=global\nmax_forwards=20\ndefault_auth_algorithms_uas=SHA-256,MD5\nendpoint_identifier_order=username,ip\ndebug=yes\n\
[system]\ntype=system\ntimer_t1=600\ncompact_headers=yes\n\
[udp]\ntype=transport\nbind=[::1]:5070\nlocal_net=10.0.0.0/8,192.168.0.0/255.255.0.0\nexternal_signaling_address=a.example\ntos=cs3\n\
[phone](!)\ntype=endpoint\ncontext=from \\;inside\ndisallow=all\nallow=ulaw:30,g722\n\
[100](phone)\nauth=100,other\naors=100\ncallerid=\"Z\u{fc}rich \\\"q\\\"\" <100>\nset_var=A=1\nset_var=B=x=y\ncall_group=1,3-5\n\
permit=10.0.0.0/8\ndeny=10.1.0.0/16\npermit=10.1.1.1\nacl=lan\ntimers=forced\n100rel=peer_supported\ndtls_verify=fingerprint\n\
codec_prefs_outgoing_offer=prefer: configured, operation: only_preferred, keep: first, transcode: prevent\n\
tos_audio=ef\ncallerid_privacy=prohib\nidentify_by=ip,auth_username\nmailboxes=1@a,2@b\nnamed_call_group=z,a\nsdp_session=x y\n\
[web](phone)\nwebrtc=yes\nauth=100\naors=100\n\
[100]\ntype=auth\nusername=100\npassword=a\\;b^c\nrealm=r\n\
[other]\ntype=auth\nusername=other\nmd5_cred=0123456789abcdef0123456789ABCDEF\nsupported_algorithms_uas=MD5\nsupported_algorithms_uac=MD5\n\
[100]\ntype=aor\ncontact=sip:a@[::1]:5060\\;transport=tcp\ncontact=sip:b@h\nmax_contacts=3\nqualify_timeout=1.5\n\
[100]\ntype=identify\nendpoint=100\nmatch=10.0.0.0/8,!10.1.0.0/16\nmatch=h.example:5070,[2001:db8::1]:5080,10.9.9.9:5060\nmatch_header=X-A: /^b+$/\n\
[gate]\ntype=acl\npermit=10.0.0.0/8\ndeny=10.2.0.0/16\n\
[alias.example]\ntype=domain_alias\ndomain=real.example\n\
[reg]\ntype=registration\nserver_uri=sip:itsp\nclient_uri=sip:me@itsp\noutbound_auth=other\nline=yes\nendpoint=100\n\
[list]\ntype=resource_list\nevent=presence\nlist_item=100\nlist_item=web\n";

const LISTS: &str = "[lan]\npermit=10.0.0.0/8\ndeny=10.3.0.0/16\n";

fn original() -> Objects {
    let loaded = load(&MemoryFiles::new().with("pjsip.conf", ALL).with("acl.conf", LISTS), None);
    let errors: Vec<_> = loaded
        .findings
        .iter()
        .filter(|finding| finding.severity == jackfield::config::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    loaded.objects
}

#[track_caller]
fn same(a: &Objects, b: &Objects) {
    let plan = a.plan(b);
    assert!(plan.is_empty(), "{plan}");
    assert_eq!(a.others.len(), b.others.len());
    for (key, other) in &a.others {
        assert_eq!(joined(other), joined(&b.others[key]));
    }
}

/// Several values of one option as a comma list, which is all that a column of SQLite can hold.
fn joined(other: &Other) -> BTreeMap<&str, String> {
    let mut options: BTreeMap<&str, String> = BTreeMap::new();
    for (option, value) in &other.settings {
        options
            .entry(option)
            .and_modify(|known| known.push_str(&format!(",{value}")))
            .or_insert(value.to_string());
    }
    options
}

#[test]
fn conf_to_conf() {
    let first = original();
    let drafts = export::drafts(&first);
    let (lists, objects): (Vec<_>, Vec<_>) = drafts.iter().partition(|draft| draft.kind == Kind::NamedAcl);
    let text = |drafts: &[&Draft<'_>]| drafts.iter().map(|draft| export::conf(draft)).collect::<String>();
    let files = MemoryFiles::new().with("pjsip.conf", text(&objects)).with("acl.conf", text(&lists));
    same(&first, &load(&files, None).objects);
}

#[test]
fn conf_to_toml_to_rows() {
    let first = original();
    let toml: String = export::drafts(&first).iter().map(export::toml).collect();
    let loaded = load(&MemoryFiles::new().with("pjsip.toml", toml.clone()), None);
    same(&first, &loaded.objects);

    for style in [RowStyle::Encoded, RowStyle::Verbatim] {
        let mut sources = Sources::new();
        let mut compiler = Compiler::new(None);
        for draft in export::drafts(&loaded.objects) {
            match export::row(&draft, style) {
                Some(row) => {
                    let source = sources.intern(row.table);
                    let columns = row.columns.iter().map(|(name, value)| {
                        (Cow::Borrowed(name.as_str()), Some(Cow::Borrowed(value.as_str())))
                    });
                    let draft = Draft::row(draft.kind, draft.id.clone(), source, 1, columns, style);
                    compiler.add(&draft, &sources);
                }
                // No table, or two variables in one column that cannot hold them.
                None => {
                    let two_vars =
                        draft.kind == Kind::Endpoint && style == RowStyle::Verbatim && draft.id == "100";
                    assert!(draft.kind.table().is_none() || two_vars, "{draft:?}");
                    compiler.add(&draft, &sources);
                }
            }
        }
        same(&first, &compiler.finish(sources).0);
    }
}
