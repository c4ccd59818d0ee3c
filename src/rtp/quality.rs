//! How a call sounds: the E-model of ITU-T G.107, reduced to what packets tell (delay, jitter, loss, codec).

/// What the estimate is made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Lost packets, in percent of those expected.
    pub loss_percent: f32,
    /// Interarrival jitter, in milliseconds.
    pub jitter_ms: f32,
    /// Round trip time, in milliseconds; 0 when unknown.
    pub round_trip_ms: f32,
    /// How the codec takes loss.
    pub codec: Impairment,
}

/// A codec's equipment impairment and robustness (ITU-T G.113 appendix I).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// Ie: what the codec itself costs.
    pub equipment: f32,
    /// Bpl: how well it takes random loss.
    pub robustness: f32,
}

impl Impairment {
    /// G.711 with concealment, as every phone has it.
    pub const G711: Impairment = Impairment { equipment: 0.0, robustness: 25.1 };

    /// By Asterisk's codec name; unknown ones count as G.711.
    pub fn of(codec: &str) -> Impairment {
        let (equipment, robustness) = match codec {
            "g729" => (11.0, 19.0),
            "g723" => (15.0, 16.1),
            "gsm" => (20.0, 10.0),
            "ilbc" => (11.0, 32.0),
            "g726" | "g726aal2" | "adpcm" => (7.0, 10.0),
            "speex" => (11.0, 20.0),
            "lpc10" => (45.0, 10.0),
            _ => return Impairment::G711,
        };
        Impairment { equipment, robustness }
    }
}

/// Transmission rating R, 0–93.2 (ITU-T G.107 with default values).
pub fn rating(c: &Conditions) -> f32 {
    // One way: half the round trip, a jitter buffer of twice the jitter, and a packet being filled.
    let delay = c.round_trip_ms / 2.0 + 2.0 * c.jitter_ms + 20.0;
    let delay_cost = 0.024 * delay + if delay > 177.3 { 0.11 * (delay - 177.3) } else { 0.0 };
    let Impairment { equipment, robustness } = c.codec;
    let loss = c.loss_percent.clamp(0.0, 100.0);
    let loss_cost = equipment + (95.0 - equipment) * loss / (loss + robustness);
    (93.2 - delay_cost - loss_cost).clamp(0.0, 93.2)
}

/// Mean opinion score, 1.0–4.5 (ITU-T G.107 annex B).
pub fn mean_opinion_score(c: &Conditions) -> f32 {
    let r = rating(c);
    let mos = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7.0e-6;
    mos.clamp(1.0, 4.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_fall_with_loss_delay_and_a_weaker_codec() {
        let at = |loss_percent, jitter_ms, round_trip_ms, codec: &str| {
            mean_opinion_score(&Conditions {
                loss_percent,
                jitter_ms,
                round_trip_ms,
                codec: Impairment::of(codec),
            })
        };
        assert!((4.35..=4.45).contains(&at(0.0, 0.0, 0.0, "ulaw")));
        assert!((3.9..=4.2).contains(&at(0.0, 0.0, 0.0, "g729")));
        assert!(at(3.0, 0.0, 0.0, "ulaw") < at(0.0, 0.0, 0.0, "ulaw") - 0.2);
        assert!(at(0.0, 0.0, 600.0, "ulaw") < 3.8);
        assert!(at(0.0, 50.0, 0.0, "ulaw") < at(0.0, 5.0, 0.0, "ulaw"));
        assert_eq!(at(100.0, 500.0, 5000.0, "lpc10"), 1.0);
    }
}
