use super::*;
use std::f64::consts::TAU;

fn sine(hertz: f64, rate: u32, samples: usize, size: f64) -> Vec<i16> {
    (0..samples).map(|at| (size * (TAU * hertz * at as f64 / f64::from(rate)).sin()) as i16).collect()
}

/// The size of a tone in samples.
fn tone(samples: &[i16], hertz: f64, rate: u32) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let turn = TAU * hertz * at as f64 / f64::from(rate);
        re += f64::from(*sample) * turn.cos();
        im += f64::from(*sample) * turn.sin();
    }
    2.0 * (re * re + im * im).sqrt() / samples.len() as f64
}

fn power(samples: &[i16]) -> f64 {
    samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64
}

/// What is not the tone, below it, in decibels.
fn noise_below(samples: &[i16], hertz: f64, rate: u32) -> f64 {
    let whole = power(samples);
    let tone = tone(samples, hertz, rate).powi(2) / 2.0;
    10.0 * (tone / (whole - tone).max(1e-3)).log10()
}

const ALL: [Coding; 9] = [
    Coding::Ulaw,
    Coding::Alaw,
    Coding::G722,
    Coding::Gsm,
    Coding::G726,
    Coding::G726Aal2,
    Coding::Opus(16_000),
    Coding::Linear(8_000),
    Coding::Linear(48_000),
];

#[test]
fn a_tone_comes_out_as_it_went_in() {
    for coding in ALL {
        let rate = coding.sample_rate();
        let input = sine(1000.0, rate, rate as usize, 8000.0);
        let (mut encoder, mut decoder) = (Encoder::new(coding), Decoder::new(coding));
        let (mut heard, mut packet, mut out) = (Vec::new(), [0u8; 4096], [0i16; MAX_PACKET]);
        for frame in input.chunks(coding.samples(20)) {
            let bytes = encoder.encode(frame, &mut packet);
            let count = decoder.decode(&packet[..bytes], &mut out);
            assert_eq!(count, frame.len(), "{coding:?}");
            heard.extend_from_slice(&out[..count]);
        }
        let tail = &heard[heard.len() / 2..];
        let size = tone(tail, 1000.0, rate);
        // A pulse train renders a pure tone only roughly.
        let (near, clean) = match coding {
            Coding::Gsm => (6400.0..9600.0, 9.0),
            Coding::Opus(_) => (7200.0..8800.0, 9.0),
            Coding::G726 | Coding::G726Aal2 => (7700.0..8300.0, 20.0),
            _ => (7700.0..8300.0, 30.0),
        };
        assert!(near.contains(&size), "{coding:?}: {size}");
        assert!(noise_below(tail, 1000.0, rate) > clean, "{coding:?}: {}", noise_below(tail, 1000.0, rate));
    }
}

/// The upper band of G.722 carries what G.711 cannot.
#[test]
fn g722_carries_six_kilohertz() {
    let input = sine(6000.0, 16_000, 16_000, 4000.0);
    let (mut encoder, mut decoder) = (Encoder::new(Coding::G722), Decoder::new(Coding::G722));
    let (mut packet, mut out) = (vec![0u8; 8000], vec![0i16; 16_000]);
    assert_eq!(encoder.encode(&input, &mut packet), 8000);
    assert_eq!(decoder.decode(&packet, &mut out), 16_000);
    let size = tone(&out[8000..], 6000.0, 16_000);
    assert!((3200.0..4800.0).contains(&size), "{size}");
}

#[test]
fn other_rates_keep_frequency_and_size_and_let_nothing_through_that_folds() {
    for (from, to) in [
        (8000, 16_000),
        (16_000, 8000),
        (8000, 48_000),
        (48_000, 8000),
        (44_100, 8000),
        (16_000, 48_000),
        (8000, 8000),
    ] {
        let mut resampler = Resampler::new(from, to);
        let input = sine(1000.0, from, from as usize, 8000.0);
        let (mut heard, mut out) = (Vec::new(), [0i16; 2 * MAX_FRAME]);
        for frame in input.chunks(from as usize / 50) {
            let count = resampler.process(frame, &mut out);
            assert_eq!(count, to as usize / 50, "{from} to {to}");
            heard.extend_from_slice(&out[..count]);
        }
        let tail = &heard[heard.len() / 2..];
        let (size, clean) = (tone(tail, 1000.0, to), noise_below(tail, 1000.0, to));
        assert!((7900.0..8100.0).contains(&size) && clean > 50.0, "{from} to {to}: {size}, {clean} dB");
    }
    let mut resampler = Resampler::new(16_000, 8000);
    let mut out = vec![0i16; 8000];
    let mut heard = Vec::new();
    for frame in sine(5500.0, 16_000, 16_000, 8000.0).chunks(320) {
        let count = resampler.process(frame, &mut out);
        heard.extend_from_slice(&out[..count]);
    }
    assert!(power(&heard[4000..]).sqrt() < 40.0, "{}", power(&heard[4000..]).sqrt());
}

#[test]
fn tones_are_read_as_asterisk_writes_them() {
    let list = ToneList::parse("!950/330, !1400/330,425/100,0/100").expect("tones");
    assert!(!list.ends());
    let mut generator = ToneGenerator::new(list, 8000);
    let mut out = vec![0i16; 8000];
    assert!(generator.fill(&mut out));
    assert!(tone(&out[..2640], 950.0, 8000) > 7000.0 && tone(&out[2640..5280], 1400.0, 8000) > 7000.0);
    assert!(tone(&out[5280..6080], 425.0, 8000) > 6900.0 && out[6080..6880].iter().all(|s| *s == 0));
    assert!(tone(&out[6880..7680], 425.0, 8000) > 6900.0, "the first two are not repeated");
    let mut dial = ToneGenerator::new(ToneList::parse("350+440").expect("a tone"), 16_000);
    let mut out = vec![0i16; 16_000];
    assert!(dial.fill(&mut out));
    assert!(
        (7100.0..7300.0).contains(&tone(&out, 350.0, 16_000))
            && (7100.0..7300.0).contains(&tone(&out, 440.0, 16_000))
    );
    let mut beep = ToneGenerator::new(ToneList::beep(1000, 100), 8000);
    let mut out = vec![0i16; 1600];
    assert!(!beep.fill(&mut out));
    assert!(out[800..].iter().all(|s| *s == 0) && out[700] != 0 || out[701] != 0);
    for bad in ["", "abc", "440/x", "440+", "99999", "!"] {
        assert!(ToneList::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_gap_in_a_tone_is_filled_and_then_fades() {
    let input = sine(400.0, 8000, 8000, 8000.0);
    let mut concealer = Concealer::new(8000);
    let mut frames: Vec<Vec<i16>> = input.chunks(160).map(<[i16]>::to_vec).collect();
    for at in [10, 20, 21, 30, 31, 32, 33] {
        frames[at].clear();
    }
    let mut heard = Vec::new();
    for frame in &mut frames {
        if frame.is_empty() {
            let mut out = [0; 160];
            concealer.conceal(&mut out);
            heard.extend_from_slice(&out);
        } else {
            concealer.heard(frame);
            heard.extend_from_slice(frame);
        }
    }
    let level = |frame: usize| tone(&heard[frame * 160..][..160], 400.0, 8000);
    assert!(
        level(10) > 5000.0 && level(20) > 5000.0 && level(21) > 1000.0,
        "{} {} {}",
        level(10),
        level(20),
        level(21)
    );
    assert!(level(33) < 100.0, "{}", level(33));
    assert!(level(34) > 7000.0);
}

#[test]
fn every_digit_is_found_once_and_speech_is_none() {
    let keys = [
        "697 1209 1",
        "697 1336 2",
        "697 1477 3",
        "770 1209 4",
        "770 1336 5",
        "770 1477 6",
        "852 1209 7",
        "852 1336 8",
        "852 1477 9",
        "941 1336 0",
        "941 1209 *",
        "941 1477 #",
        "697 1633 A",
        "941 1633 D",
    ];
    for (coding, size) in [(Coding::Ulaw, 4000.0), (Coding::Alaw, 700.0)] {
        let (mut sound, mut wanted) = (Vec::new(), String::new());
        for key in keys {
            let mut words = key.split(' ');
            let mut hertz = || words.next().and_then(|w| w.parse::<f64>().ok()).expect("hertz");
            let (low, high) = (sine(hertz(), 8000, 480, size), sine(hertz(), 8000, 480, size * 1.2));
            sound.extend(low.iter().zip(&high).map(|(a, b)| a + b));
            sound.extend([0; 480]);
            wanted.push_str(words.next().expect("key"));
        }
        let (mut encoder, mut decoder) = (Encoder::new(coding), Decoder::new(coding));
        let (mut packet, mut out) = ([0u8; 160], [0i16; 160]);
        let (mut begun, mut ended, mut detector) = (String::new(), String::new(), ToneDetector::default());
        for frame in sound.chunks(160) {
            let bytes = encoder.encode(frame, &mut packet);
            let count = decoder.decode(&packet[..bytes], &mut out);
            detector.hear(&out[..count], |digit, on| if on { begun.push(digit) } else { ended.push(digit) });
        }
        assert_eq!((begun.as_str(), ended.as_str()), (wanted.as_str(), wanted.as_str()), "{coding:?}");
    }
    let mut detector = ToneDetector::default();
    let mut noise = Noise::default();
    let mut out = [0i16; 160];
    for at in 0..3000 {
        noise.fill(20 + (at % 20) as u8, &mut out);
        if at % 3 == 0 {
            add_tone(&mut out, 100.0 + f64::from(at));
        }
        detector.hear(&out, |digit, _| panic!("{digit} in noise"));
    }
}

fn add_tone(out: &mut [i16], hertz: f64) {
    for (sample, tone) in out.iter_mut().zip(sine(hertz, 8000, 160, 5000.0)) {
        *sample = sample.saturating_add(tone);
    }
}

#[test]
fn gain_and_mixing_hold_the_limits() {
    let mut sum = [0i32; 3];
    add(&mut sum, &[30_000, -30_000, 5]);
    add(&mut sum, &[30_000, -30_000, 6]);
    let mut out = [0i16; 3];
    subtract(&sum, &[0; 3], &mut out);
    assert_eq!(out, [32_767, -32_768, 11]);
    subtract(&sum, &[30_000, -30_000, 5], &mut out);
    assert_eq!(out, [30_000, -30_000, 6]);
    Gain::of_steps(2).apply(&mut out);
    assert_eq!(out, [32_767, -32_768, 12]);
    Gain::of_steps(-4).apply(&mut out);
    assert_eq!(out, [8191, -8192, 3]);
    Gain::of_volume(0.5).apply(&mut out);
    assert_eq!(out, [4095, -4096, 1]);
    Gain::of_volume(-0.5).apply(&mut out);
    assert_eq!(out, [8190, -8192, 2]);
    for (steps, fraction) in [(0, 0.0), (1, 1.0), (3, 3.0), (-4, -4.0), (0, f32::NAN), (16, 1e9)] {
        assert_eq!(Gain::of_steps(steps), Gain::of_volume(fraction), "{steps}");
    }
    let mut noise = [0i16; 8000];
    Noise::default().fill(40, &mut noise);
    let level = 10.0 * (power(&noise) / 32_768f64.powi(2)).log10();
    assert!((-43.0..-37.0).contains(&level), "{level}");
}

/// Nothing is allocated once a coder is made.
#[test]
fn coding_allocates_nothing() {
    let mut coders: Vec<_> = ALL.iter().map(|c| (*c, Encoder::new(*c), Decoder::new(*c))).collect();
    let (mut up, mut down) = (Resampler::new(8000, 16_000), Resampler::new(16_000, 8000));
    let (mut concealer, mut detector) = (Concealer::new(8000), ToneDetector::default());
    let (mut packet, mut out, mut wide) = ([0u8; 4096], [0i16; MAX_PACKET], [0i16; MAX_FRAME]);
    let mut tones = ToneGenerator::new(ToneList::parse("440+480/2000,0/4000").expect("tones"), 8000);
    let mut some = || {
        for _ in 0..50 {
            tones.fill(&mut out[..160]);
            detector.hear(&out[..160], |_, _| ());
            concealer.heard(&mut out[..160]);
            concealer.conceal(&mut out[160..320]);
            let count = up.process(&out[..160], &mut wide);
            down.process(&wide[..count], &mut out);
            for (_, encoder, decoder) in &mut coders {
                let bytes = encoder.encode(&out[..160], &mut packet);
                decoder.decode(&packet[..bytes], &mut out);
            }
        }
    };
    // Opus makes its scratch rooms in its first packets.
    some();
    let info = allocation_counter::measure(some);
    assert_eq!(info.count_total, 0);
}

/// A second of known sound becomes the bytes that another implementation (spandsp) makes of it, in both orders.
#[test]
fn g726_is_the_recommendations_to_the_bit() {
    let mut x = 1u32;
    let samples: Vec<i16> = (0..16_000)
        .map(|at| {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            let loud = if at % 4000 < 400 { 32_767 } else { 3_000 };
            ((i64::from(x as i32) * loud) >> 31) as i16
        })
        .collect();
    let mut sums = Vec::new();
    for coding in [Coding::G726, Coding::G726Aal2] {
        let mut bytes = vec![0; 8_000];
        assert_eq!(Encoder::new(coding).encode(&samples, &mut bytes), 8_000);
        sums.push(bytes.iter().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte))));
    }
    assert_eq!(sums, [2_661_256_314, 4_189_740_540]);
}

/// A lost packet of Opus comes back from the copy in the next one, where the other side asked for copies.
#[test]
fn a_lost_opus_packet_is_read_out_of_the_next_one() {
    let wishes = Wishes::read("maxplaybackrate=16000; useinbandfec=1;cbr=0");
    assert_eq!((wishes.most_rate, wishes.correction, wishes.constant), (16_000, true, false));
    let mut encoder = Encoder::as_wished(Coding::Opus(16_000), &wishes);
    let mut decoder = Decoder::new(Coding::Opus(16_000));
    let (mut packet, mut out) = ([0u8; 1500], [0i16; MAX_PACKET]);
    // Copies are made of what sounds like speech: syllables of many harmonics.
    let voice = |at: usize| -> i16 {
        let t = at as f64 / 16_000.0;
        let loud = 3000.0 * (TAU * 2.0 * t).sin().powi(2);
        (1..20).map(|h| loud / f64::from(h) * (TAU * 140.0 * f64::from(h) * t).sin()).sum::<f64>() as i16
    };
    let (mut before, mut recovered) = (false, Vec::new());
    for frame in 0..100usize {
        let samples: Vec<i16> = (frame * 320..(frame + 1) * 320).map(voice).collect();
        let bytes = encoder.encode(&samples, &mut packet);
        if before {
            recovered
                .extend(decoder.recover(&packet[..bytes], &mut out).map(|count| level_of(&out[..count])));
        }
        before = frame % 4 == 3;
        if !before {
            assert_eq!(decoder.decode(&packet[..bytes], &mut out), 320);
        }
    }
    assert!(recovered.len() >= 3 && recovered.iter().all(|level| *level > 100), "{recovered:?}");
    assert_eq!(Decoder::new(Coding::Ulaw).recover(&packet, &mut out), None);
}

/// Bytes of strangers: an error, never a panic, whatever came before.
#[test]
fn broken_packets_are_no_sound() {
    let mut random = crate::base::rng::Rng::seeded(5);
    let mut out = vec![0i16; MAX_PACKET];
    for coding in ALL {
        let mut decoder = Decoder::new(coding);
        for _ in 0..1_000 {
            let packet: Vec<u8> = (0..random.below(300)).map(|_| random.next_u64() as u8).collect();
            assert!(decoder.decode(&packet, &mut out) <= out.len());
            decoder.recover(&packet, &mut out);
        }
    }
}
