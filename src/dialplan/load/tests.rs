use super::*;
use crate::config::conf;
use crate::config::files::MemoryFiles;
use crate::dialplan::line::sections;

/// Loads a text, with what its reader found.
pub(crate) fn load_with_findings(text: &str) -> (Dialplan, Vec<String>) {
    let files = MemoryFiles::new().with("extensions.conf", text);
    let mut sources = Sources::new();
    let mut findings = Vec::new();
    let tree = conf::read(&files, "extensions.conf", &mut sources, &mut findings);
    let environment = |name: &str| (name == "HOME").then(|| "/root".to_owned());
    let around = Surroundings {
        sources: &sources,
        zones: Arc::default(),
        environment: &environment,
        done: &|name| !["CURL", "StreamEcho(streams)"].contains(&name) && apps::find(name).is_none(),
        now: Now::default(),
    };
    let loaded = super::load(&sections(&tree), &around);
    findings.extend(loaded.findings);
    let told = findings.iter().map(|finding| finding.text(&sources).to_string()).collect();
    (loaded.dialplan, told)
}

/// Loads a text that is without fault.
pub(crate) fn load_clean(text: &str) -> Dialplan {
    let (plan, findings) = load_with_findings(text);
    assert_eq!(findings, Vec::<String>::new());
    plan
}

pub(crate) use load_clean as load;

/// `exten,number[label]: application(arguments)` of each line, in matching order.
fn listed(plan: &Dialplan, context: &str) -> Vec<String> {
    let context = plan.context(context).expect("the context");
    let lines = context.extensions.iter().flat_map(|e| e.priorities.iter().map(move |p| (e, p)));
    lines
        .map(|(e, p)| {
            let caller = e.caller.as_ref().map_or_else(String::new, |caller| format!("/{}", caller.text()));
            let label = p.label.as_ref().map_or_else(String::new, |label| format!("[{label}]"));
            format!("{}{caller},{}{label}: {}({})", e.exten.text(), p.number, p.application, p.arguments)
        })
        .collect()
}

#[test]
fn priorities_count_on_from_line_to_line() {
    let (plan, _) = load_with_findings(
        "[a]\nexten => 100,1,Answer\n same => n,Wait(1)\n same => n(ring),NoOp()\n same => n+10(far),NoOp(a,b)\n\
         same => ring,NoOp(again)\n same => ring+20,NoOp(x)\nexten = 200,1,NoOp\nexten = 200,hint,PJSIP/200\n",
    );
    assert_eq!(
        listed(&plan, "a"),
        [
            "100,1: Answer()",
            "100,2: Wait(1)",
            "100,3[ring]: NoOp()",
            "100,14[far]: NoOp(a,b)",
            "100,23: NoOp(x)",
            "200,-1: PJSIP/200()",
            "200,1: NoOp()",
        ]
    );
}

/// "Last used" is the context's, not the extension's: the second extension has no priority 1.
#[test]
fn n_counts_on_over_a_new_extension_but_not_over_a_header() {
    let (plan, findings) = load_with_findings(
        "[a]\nexten => 1,1,NoOp()\nexten => 2,n,NoOp()\n[a]\nexten => 3,n,NoOp()\n same => 1,NoOp(x)\n",
    );
    assert_eq!(listed(&plan, "a"), ["1,1: NoOp()", "2,2: NoOp()", "3,1: NoOp(x)"]);
    assert_eq!(
        findings,
        [
            "extensions.conf:3:1: warning[no-priority-1]: extension '2' of context 'a' begins at priority 2: without \
             a priority 1 nobody can dial it",
            "extensions.conf:5:12: error[n-first]: 'n' is the first entry of its context; the line is ignored",
        ]
    );
}

#[test]
fn contexts_of_one_name_are_one_and_templates_are_none() {
    let plan = load_clean(
        "[t](!)\nexten => 9,1,NoOp()\n[a](t)\nexten => 1,1,NoOp()\n[b]\n[a]\nexten => 2,1,NoOp()\n[a](+)\nexten => 3,1,NoOp()\n",
    );
    assert_eq!(plan.contexts().map(|c| &*c.name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(listed(&plan, "a").len(), 4);
    assert!(plan.context("A").is_none(), "names are case-sensitive");
}

#[test]
fn arguments_end_at_the_last_parenthesis_and_hints_stay_whole() {
    let (plan, findings) = load_with_findings(
        "[a]\nexten => 1,1,NoOp(a(b)c) tail\n same => n,Set(x=$[(1 + 2)])\n same => n,NoOp(open\n\
         exten => 2,hint,PJSIP/${GLOBAL(X)}-1\nexten => 3,hint,PJSIP/3(Bob)\nexten => 4,1,\n",
    );
    assert_eq!(
        listed(&plan, "a"),
        [
            "1,1: NoOp(a(b)c)",
            "1,2: Set(x=$[(1 + 2)])",
            "1,3: NoOp(open)",
            "2,-1: PJSIP/${GLOBAL(X)}-1()",
            "3,-1: PJSIP/3(Bob)",
        ]
    );
    assert_eq!(
        findings,
        [
            "extensions.conf:2:25: warning[after-parenthesis]: 'tail' follows the last parenthesis and is ignored",
            "extensions.conf:4:12: error[parenthesis]: no closing parenthesis after 'NoOp('; all that follows is \
             taken as arguments",
            "extensions.conf:7:14: error[no-application]: the line names no application and is ignored",
        ]
    );
}

#[test]
fn patterns_sort_and_callers_come_first() {
    let (plan, findings) = load_with_findings(
        "[a]\nexten => _X.,1,NoOp()\nexten => _[1,2]XX,1,NoOp()\nexten => 100,1,NoOp()\nexten => 100/_(555) 12-X.,1,NoOp()\n\
         exten => 100/,1,NoOp()\nexten => _1-XX,1,NoOp()\nexten => _9[1,1,NoOp()\nexten => _8.1,1,NoOp()\nexten => _.,1,NoOp()\n",
    );
    assert_eq!(
        listed(&plan, "a"),
        [
            "100/,1: NoOp()",
            "100/_55512X.,1: NoOp()",
            "100,1: NoOp()",
            "_1-XX,1: NoOp()",
            "_8.1,1: NoOp()",
            "_[1,2]XX,1: NoOp()",
            "_X.,1: NoOp()",
            "_.,1: NoOp()",
        ]
    );
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert!(
        findings[0].starts_with("extensions.conf:8:10: error[pattern]: '_9[1,1,NoOp()': '[' without ']'")
    );
    assert!(findings[1].contains("8.1") || findings[1].contains("'1' is never compared"));
    assert!(findings[2].contains("write '_X.' for numbers"));
}

#[test]
fn globals_build_on_each_other_and_reach_every_directive() {
    let plan = load_clean(
        "[globals]\nA=1\nB=${A}2\nHOME=${ENV(HOME)}\nA=3\nSUM=$[${A} + 4]\n\
         [in${A}]\nexten => ${B},1,NoOp(${B})\ninclude => more-${A}\nignorepat => ${A}\nswitch => Realtime/x${A}@fam\nlswitch => Realtime/${A}@y\n\
         [more-3]\n",
    );
    let globals: Vec<_> = plan.globals.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(globals, ["B=12", "HOME=/root", "A=3", "SUM=7"]);
    let context = plan.contexts().next().expect("a context");
    assert_eq!(&*context.name, "in${A}", "names of contexts are as written");
    assert_eq!(listed(&plan, "in${A}"), ["12,1: NoOp(${B})"]);
    assert_eq!(&*context.includes[0].context, "more-3");
    assert_eq!(&*context.ignore_patterns[0].0, "3");
    assert_eq!((&*context.switches[0].data, &*context.switches[1].data), ("x3@fam", "${A}@y"));
    assert_eq!(plan.realtime_families(), ["fam", "y"]);
}

#[test]
fn general_is_read_and_its_strangers_are_named() {
    let (plan, findings) = load_with_findings(
        "[general]\nstatic=yes\nwriteprotect=no\nautofallthrough=0\nclearglobalvars=on\nextenpatternmatchnew=t\n\
         overrideswitch=Realtime/x\nautofalltrough=yes\nuserscontext=default\n",
    );
    let expected = General {
        auto_fall_through: false,
        clear_global_vars: true,
        new_pattern_match: true,
        override_switch: Some("Realtime/x".into()),
        is_static: true,
        write_protect: false,
    };
    assert_eq!(plan.general, expected);
    assert_eq!(findings.len(), 2);
    assert!(findings[0].contains(":8:1: error[unknown-option]: no option 'autofalltrough'"), "{findings:?}");
    assert!(findings[0].contains("did you mean 'autofallthrough'?"), "{findings:?}");
}

/// Each line is one mistake; each is found at its own line and column, with the right name where there is one.
#[test]
fn mistakes_are_told_with_place_and_nearest_name() {
    let table: &[(&str, &str, &str)] = &[
        ("extne => 1,1,NoOp()", ":5:1: error[unknown-directive]", "'exten'"),
        ("same => n,NoOp()", ":5:1: error[same-first]", ""),
        ("exten => 1,1,Dail(PJSIP/1)", ":5:14: error[unknown-application]", "'Dial'"),
        ("exten => 1,1,Set(x=${LENN(a)})", ":5:22: error[unknown-function]", "'LEN'"),
        ("exten => 1,1,Set(x=${CALLERID(nmu)})", ":5:31: error[function-item]", "'num'"),
        ("exten => 1,1,Set(CUT(a,b,1)=x)", ":5:18: error[function-use]", ""),
        ("exten => 1,1,NoOp(${ARRAY(a)})", ":5:21: error[function-use]", ""),
        ("exten => 1,1,NoOp(${x)", ":5:19: error[brace]", ""),
        ("exten => 1,1,Dial(PJSIP/1,20,tqT)", ":5:31: error[unknown-option]", ""),
        ("exten => 1,1,Dial(PJSIP/1,20,tL)", ":5:31: error[option-argument]", ""),
        ("exten => 1,1,Dial(PJSIP/1,20,tm(x)", ":5:31: error[option-argument]", ""),
        ("exten => 1,1,Dial(SIP/1&PJSIP/2)", ":5:19: error[technology]", "'PJSIP/1'"),
        ("exten => 1,1,Dial(PJSIP/2&bob)", ":5:27: error[technology]", "'PJSIP/bob'"),
        ("exten => 1,1,Dial(PJSIP/2,soon)", ":5:27: error[timeout]", ""),
        ("exten => 1,1,Dial()", ":5:19: error[arguments]", ""),
        ("exten => 1,1,Goto(ni,s,1)", ":5:1: error[unknown-context]", "'in'"),
        ("exten => 1,1,Goto(in,77,1)", ":5:1: warning[jump]", ""),
        ("exten => 1,1,GotoIf($[1?2:3]?nowhere)", ":5:1: error[jump]", ""),
        ("exten => 1,1,Gosub(sub,s,1(a))", ":5:1: error[unknown-context]", ""),
        ("exten => 1,1,Hangup(SEVENTEEN)", ":5:21: error[hangup-cause]", ""),
        ("exten => 1,1,Wait(a bit)", ":5:19: error[seconds]", ""),
        ("exten => 1,1,Set(a)", ":5:18: error[assignment]", ""),
        ("exten => 1,1,Set(a = b)", ":5:18: warning[assignment]", ""),
        ("exten => 1,1,GotoIfTime(9-17,mon-fri,*,*?1)", ":5:25: error[times]", ""),
        ("exten => 1,1,ExecIf($[1]?Hungup():NoOp())", ":5:26: error[unknown-application]", "'Hangup'"),
        ("exten => 1,1,ExecIf(1?NoOp():Dial(PJSIP/1,,q))", ":5:44: error[unknown-option]", ""),
        ("exten => 1,1,Ringing(now)", ":5:22: warning[arguments]", ""),
        ("exten => 1,1,Queue(q)", ":5:14: warning[later-application]", ""),
        ("exten => 1,1,StreamEcho(4)", ":5:25: warning[later-option]", ""),
        ("exten => 1,1,NoOp(${CURL(http://x/)})", ":5:21: warning[later-function]", ""),
        ("exten => 1,1,ExecIf(1?MinivmGreet(x))", ":5:23: warning[later-application]", ""),
        ("exten => 1,1(a,NoOp()", ":5:12: error[priority]", ""),
        ("exten => 1,one,NoOp()", ":5:12: error[priority]", ""),
        ("exten => 1,0,NoOp()", ":5:12: error[priority]", ""),
        ("exten => ,1,NoOp()", ":5:10: error[no-extension]", ""),
        ("exten => 1", ":5:", ""),
        ("include => ni", ":5:12: error[unknown-context]", "'in'"),
        ("include => in,25:00-26:00", ":5:12: error[include-times]", ""),
        ("include => in,*,*,*,*,Mars/Base", ":5:12: error[time-zone]", ""),
        ("switch => IAX2/x", ":5:11: error[unknown-switch]", ""),
    ];
    for (line, place, name) in table {
        let (_, findings) = load_with_findings(&format!("[in]\n;\n;\n;\n{line}\n"));
        assert_eq!(findings.len(), 1, "{line}: {findings:#?}");
        assert!(findings[0].contains(place), "{line}: {findings:#?}");
        assert!(findings[0].contains(name), "{line}: {findings:#?}");
    }
}

#[test]
fn the_first_of_two_stays() {
    let (plan, findings) = load_with_findings(
        "[a]\nexten => 1-0,1,NoOp(first)\nexten => 10,1,NoOp(second)\nexten => 10,2(x),NoOp()\nexten => 10,3(x),NoOp()\n\
         include => a\ninclude => a\nexten => 10,hint,PJSIP/a\n same => n,NoOp(dropped)\n",
    );
    assert_eq!(listed(&plan, "a"), ["1-0,-1: PJSIP/a()", "1-0,1: NoOp(first)", "1-0,2[x]: NoOp()"]);
    let codes: Vec<&str> = findings.iter().map(|f| f.split(['[', ']']).nth(1).unwrap_or("")).collect();
    assert_eq!(codes, ["duplicate-priority", "duplicate-label", "duplicate-include", "n-after-hint"]);
    assert!(findings[0].contains("stands at extensions.conf:2:1 already"), "{findings:?}");
}

/// What calls, and the checks, say about good dialplans: nothing.
#[test]
fn a_sound_dialplan_is_without_findings() {
    load_clean(
        "[globals]\nTRUNK=PJSIP/gw\n[in]\ninclude => local\ninclude => night,22:00-06:00,*,*,*\n\
         exten => _0X.,1,NoOp(${CALLERID(num)} ${CALLERID(all)} ${CHANNEL(state)} ${CHANNEL(pjsip,call-id)})\n\
         same => n,Set(CALLERID(name)=${IF($[${LEN(${x})} > 3]?${x:0:3}:none)})\n\
         same => n,Set(PJSIP_HEADER(add,X-A)=${HANGUPCAUSE(PJSIP/1,tech)})\n\
         same => n,ExecIf($[\"${a}\" = \"b\"]?Set(x=1):NoOp(a:b))\n\
         same => n,GotoIf($[\"${x}\" : \"(1?)\"]?done:again,s,1)\n\
         same => n,Dial(PJSIP/${EXTEN:1}@gw&${TRUNK}/1&Local/5@local/n,${T},tTb(hdr^s^1(a^b))U(sub^x)m(${MOH})L(1000:500))\n\
         same => n(done),Gosub(local,s,1(${EXTEN},\"a,b\"))\n same => n,Hangup(${HANGUPCAUSE})\n\
         [local]\nexten => s,1,Return(${ARG1})\n[night]\n[again]\nexten => s,1,While($[${i} < 3])\n same => n,EndWhile\n",
    );
}
