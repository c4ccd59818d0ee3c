//! `Bridge(channel[,options])`: its options are letters of `Dial`, and four of its own.

use super::super::arguments::letters;
use super::dial::DialOptions;

/// The options of `Bridge`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BridgeOptions {
    /// `F h H k K L S t T w W`, as `Dial` has them: the called side is the other channel.
    pub shared: DialOptions,
    /// The other channel hears a tone first (`p`).
    pub tone: bool,
    /// The channel is not answered (`n`).
    pub unanswered: bool,
    /// The other channel is hung up after the bridge (`x`).
    pub ends_other: bool,
}

/// Letters `Bridge` knows.
pub(super) const LETTERS: &str = "pFhHkKLnStTwWx";

impl BridgeOptions {
    /// Reads the letters. The second value names what could not be read, and was left out.
    pub fn parse(text: &str) -> (BridgeOptions, Vec<String>) {
        let (mut options, mut faults) = (BridgeOptions::default(), Vec::new());
        let list = letters(text).unwrap_or_else(|read| {
            faults.push(format!("a parenthesis of the options '{text}' is not closed"));
            read
        });
        for option in list {
            match option.letter {
                'p' => options.tone = true,
                'n' => options.unanswered = true,
                'x' => options.ends_other = true,
                letter if !LETTERS.contains(letter) => faults.push(format!("there is no option {letter}")),
                _ => options.shared.take(option, &mut faults),
            }
        }
        (options, faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_letters_of_bridge_are_read() {
        let (options, faults) = BridgeOptions::parse("pnxTh(ignored)S(5)F(c^e^1)");
        assert_eq!(faults, Vec::<String>::new());
        assert!(options.tone && options.unanswered && options.ends_other);
        assert!(options.shared.transfer.caller && options.shared.disconnect.called);
        assert_eq!(options.shared.stop_after, Some(Duration::from_secs(5)));
        assert!(options.shared.called_continues.is_some_and(|jump| jump.is_some()));
        let (options, faults) = BridgeOptions::parse("XLz(");
        assert_eq!(options, BridgeOptions::default());
        assert_eq!(faults.len(), 4, "{faults:?}");
    }
}
