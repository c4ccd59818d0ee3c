//! Rank 3: extensions. What `extensions.conf` says, which extension a number is, and what happens on the channel then.
//!
//! ```text
//! conf::Tree → line::Section ─┐
//! TOML (toml_file) ───────────┼→ load ──▶ Dialplan (immutable) + findings
//! rows (realtime::Table) ─────┘              │ find: Found | CouldMatchMore | NotFound
//!                                            ▼
//!                    Program::step(now, &Dialplan, &mut dyn Host) → Do(Action) | Yield | Finished(End)
//!                    Program::resume(Outcome)
//! ```
//! Deliberately absent: channels, media, databases. Applications that need them become [`action::Action`]s for the
//! switch; functions that need them are asked of [`host::Host`].

pub mod action;
pub mod apps;
pub mod arguments;
mod check;
pub mod database;
pub mod end;
pub mod expr;
pub mod functions;
pub mod globals;
pub mod hints;
pub mod host;
pub mod line;
pub mod load;
pub mod number;
pub mod pattern;
pub mod plan;
pub mod program;
pub mod realtime;
mod scope;
pub mod show;
pub mod sound;
pub mod timing;
pub mod toml_file;
pub mod variables;
pub mod zone;

pub use action::{Action, After, DialStatus, Dialled, Outcome};
pub use end::End;
pub use globals::Globals;
pub use host::Host;
pub use load::{Loaded, Surroundings, load};
pub use plan::{Dialplan, Match, Query};
pub use program::{Program, Step};
pub use scope::Place;

#[cfg(test)]
mod mutation {
    //! Any bytes in a file, an expression or a number dialled: no panic, and an end.

    use super::host::tests::TestHost;
    use super::load::tests::load_with_findings;
    use super::*;
    use crate::base::rng::Rng;
    use crate::base::time::{Moment, Now, WallTime};
    use std::time::Duration;

    const DIALPLAN: &str = r#"
[general]
autofallthrough=no
overrideswitch=Realtime/@x
[globals]
T=PJSIP/gw&PJSIP/${B}
B=${LEN(${ENV(HOME)})}
[in]
include => more,09:00-17:00&20:00,mon-fri,1-31,jan&feb,Europe/Berlin
include => in
eswitch => Realtime/${EXTEN}@fam/p
ignorepat => 9
exten => 100,1(go),Answer(100,i)
 same => n,Set(__x=$["${CALLERID(num):1:-2}" =~ "([0-9]+)"]?1::0)
 same => n,Set(HASH(a,${x})=$[1.5 / 3 + -2 % 7 ~~ ABS(3)])
 same => n,While($[${i:0} < 3])
 same => n,Set(i=${INC(i)})
 same => n,ExecIf($[${i} & !0 | 1]?Gosub(sub,s,1(a,"b",${CUT(T,&,1-)}))):NoOp(${SPRINTF(%05.2f %x %-3s|,3.7,255,a)}))
 same => n,EndWhile()
 same => n,GotoIf($[${RAND(1,9)} > 5]?in,_X.,1:end)
 same => n,Dial(${T},30^5,gtTkKxXwWm(a)L(60000:1:2)U(sub^a)b(s^1(x))D(1:2:3)G(in^100^go)F()A(a:b)S(5.5)Q(NONE)r()z)
 same => n(end),GotoIfTime(22:00-06:00,sat&sun,*,*?+1:-2)
 same => n,WaitExten(1.5,m(x)d)
 same => n,MSet(a=1,b="2",LOCAL(c)=3,TIMEOUT(absolute)=60,ARRAY(d,e)=4\,5)
 same => n,UserEvent(E,A: ${FILTER(a-z\-,${STRFTIME(${EPOCH},,%c %q %V)})},B:${REPLACE(T,/&,_)})
 same => n,Verbose(3,${EVAL(${x})}${IF($[0]?a:b)}${IFTIME(*,*,*,*?a:b)}${SORT(a:1,b:0)}${MATH(3*4,hex)})
 same => n,SendDTMF(12w#,100,50,,a)
 same => n,Hangup(USER_BUSY)
exten => _[2-5]XX/_[0-9].,1,Incomplete(n)
exten => _X.,1,TryExec(Playback(${STRREPLACE(T,P,QQ)}))
 same => n,Goto(${EXTEN:1},1)
exten => 100,hint,PJSIP/100&Custom:${EXTEN},CustomPresence:a
exten => _2XX,hint,PJSIP/${EXTEN:-2}
exten => h,1,Set(CHANNEL(hangup_handler_push)=sub,s,1(bye))
exten => i,1,Busy(1)
exten => t,1,Congestion()
exten => T,1,Return(${STACK_PEEK(1,l)})
exten => e,1,NoOp(${EXCEPTION(reason)}${JSON_DECODE(x,a.b)}${BASE64_DECODE(${BASE64_ENCODE(abc)})})
[sub]
exten => s,1,Set(LOCAL(y)=${ARG1}${ARGC}${LOCAL_PEEK(1,ARG1)})
 same => n,Return(${SHIFT(y)}${URIDECODE(%41)}${STRPTIME(2026-01-01,,%F)})
"#;

    const TOKENS: &[&str] = &[
        "${",
        "}",
        "$[",
        "]",
        "[",
        "(",
        ")",
        ",",
        "=>",
        "exten => ",
        " same => n,",
        "_",
        ".",
        "!",
        "\"",
        "\\",
        "?",
        ":",
        "::",
        "%",
        "999999999999999999999",
        "-1",
        "\n",
        ";--",
        "--;",
        "${EVAL(${x})}",
        "Goto(in,100,1)",
        "ä",
        "\u{0}",
        "&",
        "+",
        "#include",
        "n+",
        "hint",
        "L(",
        "~~",
        "=~",
        "(((((((((",
        "[[[[",
        "$[${a} * ${a}]",
        "${x:-1:",
        "include => ",
        "n(end)",
        "%99999d",
        "{1,9999}",
    ];

    fn mutated(text: &str, rng: &mut Rng) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=rng.below(12) {
            let at = rng.below(bytes.len() as u64 + 1) as usize;
            let end = (at + rng.below(40) as usize).min(bytes.len());
            match rng.below(6) {
                0 => drop(bytes.drain(at..end)),
                1 => {
                    let piece = bytes[at..end].to_vec();
                    let to = rng.below(bytes.len() as u64 + 1) as usize;
                    bytes.splice(to..to, piece);
                }
                2 if at < bytes.len() => bytes[at] = rng.next_u64() as u8,
                3 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
                _ => {
                    let token = TOKENS[rng.below(TOKENS.len() as u64) as usize];
                    bytes.splice(at..at, token.bytes());
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn outcome(action: &Action, rng: &mut Rng) -> Outcome {
        if rng.below(40) == 0 {
            return Outcome::HungUp;
        }
        match (action, rng.below(4)) {
            (Action::Dial(_), choice) => {
                let status =
                    [DialStatus::Answer, DialStatus::Busy, DialStatus::NoAnswer, DialStatus::ChanUnavail]
                        [choice as usize];
                let mut dialled = Dialled::unanswered(status);
                dialled.after = if rng.below(4) == 0 { After::Digit('1') } else { After::GoOn };
                Outcome::Dialled(Box::new(dialled))
            }
            (Action::WaitDigit { .. }, 0) => Outcome::TimedOut,
            (Action::WaitDigit { .. }, _) => {
                Outcome::Digit(char::from(b"0123456789*#"[rng.below(12) as usize]))
            }
            (_, 0) => Outcome::Unsupported,
            (_, 1) => Outcome::Status("X".into()),
            _ => Outcome::Done,
        }
    }

    /// Runs a call for at most this many steps, then hangs up and runs it to its end.
    fn run(plan: &Dialplan, exten: &str, seed: u64, rng: &mut Rng) {
        let mut host = TestHost { seed: rng.next_u64(), caller: "4930123".into(), ..TestHost::default() };
        let mut now = Now { at: Moment(0), wall: WallTime::from_secs(1_770_026_400) };
        let mut program = Program::new(Place::new("in", exten, 1));
        for step in 0..3_000 {
            now = now.later(Duration::from_millis(rng.below(3_000)));
            if step == 60 {
                program.hung_up();
            }
            host.said.clear();
            match program.step(now, plan, &mut host) {
                Step::Do(action) => program.resume(outcome(&action, rng)),
                Step::Finished(_) => return,
                Step::Yield => {}
                Step::Waiting => panic!("the outcome was told"),
            }
        }
        panic!("seed {seed}: after the hangup a dialplan comes to its end");
    }

    #[test]
    fn any_dialplan_loads_and_every_call_ends() {
        for seed in 0..200 {
            let mut rng = Rng::seeded(seed);
            let text = mutated(DIALPLAN, &mut rng);
            let (plan, _) = load_with_findings(&text);
            for exten in ["100", "234", "1", "", "_X.", "91\u{e4}-"] {
                let query = Query { context: "in", exten, caller: "1", now: WallTime(0) };
                let _ = plan.find(query);
                let _ = plan.hint("in", exten, WallTime(0));
                let _ = show::text(&plan, show::Shown { context: Some("in"), exten: Some(exten) });
                run(&plan, exten, seed, &mut rng);
            }
            let _ = show::json(&plan, show::Shown::default());
        }
    }

    #[test]
    fn any_text_is_evaluated_expanded_and_parsed() {
        let seeds: Vec<&str> = DIALPLAN.lines().collect();
        for seed in 0..3_000 {
            let mut rng = Rng::seeded(seed);
            let text = mutated(seeds[rng.below(seeds.len() as u64) as usize], &mut rng);
            let _ = expr::evaluate(&text, &mut |_, arguments| Some(arguments.to_owned()));
            let _ = apps::dial::Dial::parse(&text);
            let _ = pattern::Exten::parse(&text).map(|exten| exten.reach(&text, pattern::Mode::CanMatch));
            let _ = timing::Timing::parse(&text, &mut Vec::new());
            let _ = zone::Zone::from_rule(&text);
            let _ = toml_file::sections(&text, crate::config::origin::SourceId(0), &mut Vec::new());
        }
    }
}
