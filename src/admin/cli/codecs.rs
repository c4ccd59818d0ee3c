//! `core show codecs` and `core show translation`: which codecs there are, which of them are opened here, and what it costs
//! to turn one into another.

use super::Parsed;
use super::build::{Built, Call, Fault};
use crate::admin::shape::Answer;
use crate::codec::Coding;
use crate::sdp::{Codec, CodecKind};
use std::fmt::Write as _;

fn word(kind: CodecKind) -> &'static str {
    match kind {
        CodecKind::Audio => "audio",
        CodecKind::Video => "video",
        CodecKind::Image => "image",
        CodecKind::Text => "text",
    }
}

/// `core show codecs [audio|video|image|text]`
pub(super) fn codecs(call: &Call<'_>) -> Built {
    let wanted = match call.rest() {
        [] => None,
        [kind] if ["audio", "video", "image", "text"].iter().any(|known| kind.is(known)) => {
            Some(kind.text.to_ascii_lowercase())
        }
        _ => return Err(Fault::Usage),
    };
    let mut text = format!("{:>7} {:<6} {:<10} {:<18} {}\n", "ID", "TYPE", "NAME", "RTP", "STATE");
    text.push_str(&"-".repeat(72));
    text.push('\n');
    for (at, codec) in Codec::all().enumerate() {
        let kind = word(codec.kind());
        if wanted.as_deref().is_some_and(|wanted| wanted != kind) {
            continue;
        }
        let rtp = codec.encoding().map_or("-".to_owned(), |name| format!("{name}/{}", codec.clock_rate()));
        let state = if Coding::from_name(codec.name()).is_some() { "opened here" } else { "passes through" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:>7} {kind:<6} {:<10} {rtp:<18} {state}", at + 1, codec.name());
    }
    Ok(Parsed::Text(Answer::good(text)))
}

/// Codecs that are opened here.
fn opened() -> Vec<(Codec, Coding)> {
    Codec::all().filter_map(|codec| Some((codec, Coding::from_name(codec.name())?))).collect()
}

/// `core show translation [paths <codec>]`
pub(super) fn translation(call: &Call<'_>) -> Built {
    match call.rest() {
        [] => Ok(Parsed::Text(Answer::good(matrix(&opened())))),
        [paths, name] if paths.is("paths") => {
            let all = opened();
            match all.iter().find(|(codec, _)| codec.name().eq_ignore_ascii_case(&name.text)) {
                Some(from) => Ok(Parsed::Text(Answer::good(paths_from(*from, &all)))),
                None => Err(Fault::Failed(format!("Codec \"{}\" not found or not opened here.", name.text))),
            }
        }
        _ => Err(Fault::Usage),
    }
}

/// Rows are what comes, columns what goes out.
fn matrix(all: &[(Codec, Coding)]) -> String {
    let mut text = String::from(
        "Translation costs between formats (in tenths of what a step of G.711 takes; the least is chosen)\n\
         Source Format (Rows) Destination Format (Columns)\n\n",
    );
    let _ = write!(text, "{:>10}", "");
    for (codec, _) in all {
        let _ = write!(text, " {:>9}", codec.name());
    }
    for (from, coding) in all {
        let _ = write!(text, "\n{:>10}", from.name());
        for (to, other) in all {
            let cost = (from != to).then(|| (coding.cost() + other.cost()).to_string());
            let _ = write!(text, " {:>9}", cost.as_deref().unwrap_or("-"));
        }
    }
    text.push('\n');
    text
}

fn paths_from((from, coding): (Codec, Coding), all: &[(Codec, Coding)]) -> String {
    let mut text = format!(
        "--- Translation paths SRC Codec \"{}\" sample rate {} ---\n",
        from.name(),
        coding.sample_rate()
    );
    for (to, other) in all.iter().filter(|(to, _)| *to != from) {
        let mut steps = vec![(from.name(), coding.sample_rate())];
        for rate in [coding.sample_rate(), other.sample_rate()] {
            let linear = all.iter().find(|(_, coding)| *coding == Coding::Linear(rate));
            if let Some((linear, _)) = linear
                && steps.last() != Some(&(linear.name(), rate))
            {
                steps.push((linear.name(), rate));
            }
        }
        if steps.last() != Some(&(to.name(), other.sample_rate())) {
            steps.push((to.name(), other.sample_rate()));
        }
        let steps: Vec<String> = steps.iter().map(|(name, rate)| format!("({name}@{rate})")).collect();
        let ends = [(from, coding), (*to, *other)]
            .map(|(c, coding)| format!("{}:{}", c.name(), coding.sample_rate()));
        let _ = writeln!(text, "\t{:<20} To {:<20}: {}", ends[0], ends[1], steps.join("->"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> (Codec, Coding) {
        *opened().iter().find(|(codec, _)| codec.name() == name).expect(name)
    }

    #[test]
    fn paths_go_through_samples_of_both_rates() {
        let text = paths_from(named("ulaw"), &opened());
        let path =
            |to: &str| text.lines().find(|line| line.contains(to)).and_then(|line| line.split(": ").nth(1));
        assert_eq!(path("To alaw:8000"), Some("(ulaw@8000)->(slin@8000)->(alaw@8000)"));
        assert_eq!(path("To slin:8000"), Some("(ulaw@8000)->(slin@8000)"));
        assert_eq!(path("To g722:16000"), Some("(ulaw@8000)->(slin@8000)->(slin16@16000)->(g722@16000)"));
        assert!(!text.contains("To ulaw"));
    }

    #[test]
    fn the_matrix_has_every_codec_that_is_opened_here() {
        let text = matrix(&opened());
        let ulaw = |line: &&str| line.trim_start().starts_with("ulaw ");
        // The first such line is the heading.
        let row = text.lines().filter(ulaw).nth(1).expect("a row of ulaw");
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!((cells[1], cells[2]), ("-", "20"));
        assert_eq!(cells.len(), opened().len() + 1);
    }
}
