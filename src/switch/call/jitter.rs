//! `JITTERBUFFER(fixed|adaptive|disabled)`: how a channel's sound is smoothed. Sound that is opened up is smoothed anyway,
//! as little as the network asks for; who sets one keeps the media here for it (S1-38, S4-124).

use super::functions::failed;
use super::host::ChannelHost;
use crate::bridge::{Feature, SoundOrder, Use};
use crate::dialplan::host::Unavailable;
use crate::rtp::JitterRules;
use std::time::Duration;

/// Milliseconds that `default` means, as in Asterisk: most delay, what is another time line, and what is added.
const DEFAULTS: [u64; 3] = [200, 1000, 40];
/// Most delay that can be asked for: more packets are not kept.
const MOST_MS: u64 = 600;

impl ChannelHost<'_> {
    /// `Set(JITTERBUFFER(kind)=max_size,resync_threshold,target_extra)`
    pub(super) fn set_jitter_buffer(&mut self, kind: &str, value: &str) -> Result<(), Unavailable> {
        let rules = rules_of(kind.trim(), value.trim()).map_err(failed)?;
        let channel = self.channel_mut().ok_or_else(|| failed("the channel is gone"))?;
        channel.uses.retain(|used| used.feature != Feature::JitterBuffer);
        if rules.is_some() {
            channel.uses.push(Use { feature: Feature::JitterBuffer, place: None });
        }
        let bridge = channel.bridge;
        let order = SoundOrder::Smooth(rules.unwrap_or_default());
        self.switch.order_sound(self.id, order, self.out);
        if let Some(bridge) = bridge {
            self.switch.choose_later(bridge);
        }
        Ok(())
    }
}

/// `None`: as without one.
fn rules_of(kind: &str, value: &str) -> Result<Option<JitterRules>, String> {
    let mut numbers = DEFAULTS;
    if !value.is_empty() && value != "default" {
        for (number, text) in numbers.iter_mut().zip(value.split(',')) {
            match text.trim() {
                "" => {}
                // Never another time line.
                "-1" => *number = 3_600_000,
                text => {
                    *number = text.parse().map_err(|_| format!("'{text}' is no number of milliseconds"))?;
                }
            }
        }
    }
    let [most, resync, extra] = numbers;
    if kind != "disabled" && !(20..=MOST_MS).contains(&most) {
        return Err(format!("max_size is {most} ms; it can be 20 to {MOST_MS}"));
    }
    let ms = Duration::from_millis;
    let rules = JitterRules { most: ms(most), resync: ms(resync), ..JitterRules::default() };
    match kind {
        "fixed" => Ok(Some(JitterRules { start: ms(most), fixed: true, ..rules })),
        "adaptive" => Ok(Some(JitterRules { start: ms(extra.min(most)), extra: ms(extra), ..rules })),
        "disabled" => Ok(None),
        _ => Err(format!("there is no jitter buffer '{kind}': fixed, adaptive, disabled")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asterisks_words_and_numbers_are_read() {
        let rules = |kind, value| rules_of(kind, value).expect("right").expect("one");
        let ms = |duration: Duration| duration.as_millis();
        let fixed = rules("fixed", "120");
        assert_eq!((ms(fixed.start), ms(fixed.most), fixed.fixed), (120, 120, true));
        let adaptive = rules("adaptive", "default");
        assert_eq!((ms(adaptive.most), ms(adaptive.extra), ms(adaptive.resync)), (200, 40, 1000));
        assert_eq!(ms(rules("adaptive", "300,,60").extra), 60);
        assert!(ms(rules("adaptive", "300,-1").resync) > 1_000_000);
        assert_eq!(rules_of("disabled", ""), Ok(None));
        for (kind, value) in [("fixed", "x"), ("fixed", "5"), ("fixed", "9000"), ("else", "")] {
            assert!(rules_of(kind, value).is_err(), "{kind} {value}");
        }
    }
}
