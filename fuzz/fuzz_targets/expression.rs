//! `$[…]`, and an extension's pattern with the digits dialled, parted by a line end.
#![no_main]

use jackfield::dialplan::expr;
use jackfield::dialplan::pattern::{Exten, Mode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (value, faults) = expr::evaluate(text, &mut |name, arguments| (name != "NONE").then(|| arguments.to_owned()));
    let _ = (value, faults.iter().map(ToString::to_string).collect::<Vec<_>>());
    if let Some((pattern, dialled)) = text.split_once('\n')
        && let Ok(exten) = Exten::parse(pattern)
    {
        for mode in [Mode::Match, Mode::CanMatch, Mode::MatchMore] {
            let _ = exten.reach(dialled, mode);
        }
        assert!(exten.order(&exten).is_eq(), "a pattern is itself");
    }
});
