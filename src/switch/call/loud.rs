//! What dialplans do to a channel's sound beside what it does: `VOLUME`, `AGC`, `TALK_DETECT`.
//!
//! Each is a use of the media: direct media comes in while it lasts, and goes out again afterwards (S4-118, S4-119).

use super::channel::{Channel, ChannelId};
use super::functions::{Answer, failed};
use super::host::ChannelHost;
use crate::bridge::{Feature, SoundOrder, TalkRules, Use};
use crate::codec::Gain;
use crate::dialplan::host::Unavailable;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::time::Duration;

/// The loudest and softest of `VOLUME`, in steps.
const STEPS: f32 = 16.0;

impl Channel {
    /// Something needs its media here, or no more. Whether that is news.
    pub(super) fn set_use(&mut self, feature: Feature, on: bool) -> bool {
        let had = self.uses.iter().position(|used| used.feature == feature);
        match (had, on) {
            (None, true) => self.uses.push(Use { feature, place: None }),
            (Some(at), false) => drop(self.uses.remove(at)),
            _ => return false,
        }
        true
    }
}

impl Switch {
    fn use_media(&mut self, id: ChannelId, feature: Feature, on: bool) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.set_use(feature, on)
            && let Some(bridge) = channel.bridge
        {
            self.choose_later(bridge);
        }
    }

    /// Makes a channel louder by so many steps: what comes from it, what goes to it.
    pub(super) fn add_volume(&mut self, id: ChannelId, by: (i32, i32), out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let (heard, said) = channel.sound.volume;
        self.set_volume(id, (heard + by.0 as f32, said + by.1 as f32), out);
    }

    fn set_volume(&mut self, id: ChannelId, volume: (f32, f32), out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let volume = (volume.0.clamp(-STEPS, STEPS), volume.1.clamp(-STEPS, STEPS));
        if std::mem::replace(&mut channel.sound.volume, volume) == volume {
            return;
        }
        // Once as loud is as loud as before.
        let (heard, said) = (Gain::of_volume(volume.0), Gain::of_volume(volume.1));
        self.use_media(id, Feature::Volume, (heard, said) != (Gain::UNITY, Gain::UNITY));
        self.order_sound(id, SoundOrder::Volume { heard, said }, out);
    }

    fn set_levels(&mut self, id: ChannelId, levels: (Option<u16>, Option<u16>), out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if std::mem::replace(&mut channel.sound.levels, levels) == levels {
            return;
        }
        self.use_media(id, Feature::Agc, levels != (None, None));
        self.order_sound(id, SoundOrder::Level { heard: levels.0, said: levels.1 }, out);
    }

    /// `VOLUME(…,p)`: `*` makes it louder, `#` softer.
    pub(super) fn volume_digit(&mut self, id: ChannelId, digit: char, out: &mut Actions) {
        let by = match digit {
            '*' => 1,
            '#' => -1,
            _ => return,
        };
        if self.calls.channels.get(&id).is_some_and(|channel| channel.sound.volume_keys) {
            self.add_volume(id, (by, by), out);
        }
    }

    /// Talking of a channel is listened to by these rules, or no more.
    pub(super) fn listen_to_talk(&mut self, id: ChannelId, rules: Option<TalkRules>, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        // Who has both is judged by what its dialplan said.
        let rules = channel.sound.talk_detect.or(rules);
        channel.sound.listening.talk = rules;
        let order = SoundOrder::Listen(channel.sound.listening);
        self.order_sound(id, order, out);
    }

    fn detect_talk(&mut self, id: ChannelId, rules: Option<TalkRules>, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.sound.talk_detect = rules;
        self.use_media(id, Feature::TalkDetect, rules.is_some());
        self.listen_to_talk(id, None, out);
    }

    /// Somebody began or ended talking.
    pub(super) fn talking(&mut self, id: ChannelId, on: bool, lasted: Duration, out: &mut Actions) {
        self.conference_talk(id, on, out);
        let Some(channel) = self.calls.channels.get(&id) else { return };
        if channel.sound.talk_detect.is_none() {
            return;
        }
        let name = channel.name.clone();
        self.ears.log(out, Level::Verbose, "func_talkdetect.c", || match on {
            true => format!("ChannelTalkingStart Channel={name}"),
            false => format!("ChannelTalkingStop Channel={name} Duration={}", lasted.as_millis()),
        });
    }
}

impl ChannelHost<'_> {
    /// `None` when it is none of these functions.
    pub(super) fn write_loudness(
        &mut self,
        function: &str,
        arguments: &str,
        value: &str,
    ) -> Option<Result<(), Unavailable>> {
        match function {
            "VOLUME" => Some(self.write_volume(arguments, value)),
            "AGC" => Some(self.write_level(arguments.trim(), value.trim())),
            "TALK_DETECT" => Some(self.write_talk_detect(arguments.trim(), value)),
            _ => None,
        }
    }

    /// `VOLUME(TX|RX[,p])=step`: TX is what the channel hears, RX what is heard of it.
    fn write_volume(&mut self, arguments: &str, value: &str) -> Result<(), Unavailable> {
        let (side, options) = arguments.split_once(',').unwrap_or((arguments, ""));
        let step: f32 = value.trim().parse().ok().filter(|step: &f32| step.is_finite()).ok_or_else(|| {
            failed(format!("'{value}' is no number: 2 is twice as loud, 0.5 or -2 half as loud"))
        })?;
        let channel = self.channel_mut().ok_or_else(|| failed("the channel is gone"))?;
        let (heard, said) = channel.sound.volume;
        let volume = match side.trim().to_ascii_uppercase().as_str() {
            "TX" => (heard, step),
            "RX" => (step, said),
            other => return Err(failed(format!("'{other}' is neither TX nor RX"))),
        };
        if let Some(odd) = options.chars().find(|letter| !matches!(letter, 'p' | ' ')) {
            return Err(failed(format!("there is no option {odd}")));
        }
        channel.sound.volume_keys = options.contains('p');
        let id = self.id;
        self.switch.set_volume(id, volume, self.out);
        Ok(())
    }

    /// `AGC(rx|tx)=level`, `off`: rx is what is heard of the channel, tx what it hears.
    fn write_level(&mut self, side: &str, value: &str) -> Result<(), Unavailable> {
        let level = match value.parse::<f32>() {
            _ if value.eq_ignore_ascii_case("off") => None,
            Ok(level) if (1.0..=32_768.0).contains(&level) => Some(level as u16),
            _ => return Err(failed(format!("'{value}' is neither off nor a level from 1 to 32768"))),
        };
        let channel = self.channel().ok_or_else(|| failed("the channel is gone"))?;
        let (heard, said) = channel.sound.levels;
        let levels = match side.to_ascii_lowercase().as_str() {
            "rx" => (level, said),
            "tx" => (heard, level),
            other => return Err(failed(format!("'{other}' is neither rx nor tx"))),
        };
        let id = self.id;
        self.switch.set_levels(id, levels, self.out);
        Ok(())
    }

    /// The level that is in force: `8000.0`, or 0.0 where there is none.
    pub(super) fn read_level(&self, side: &str) -> Answer {
        let channel = self.channel().ok_or_else(|| failed("the channel is gone"))?;
        let level = match side.trim().to_ascii_lowercase().as_str() {
            "rx" => channel.sound.levels.0,
            "tx" => channel.sound.levels.1,
            other => return Err(failed(format!("'{other}' is neither rx nor tx"))),
        };
        Ok(format!("{}.0", level.unwrap_or(0)))
    }

    /// `TALK_DETECT(set)=silence ms,threshold`, `TALK_DETECT(remove)=`
    fn write_talk_detect(&mut self, what: &str, value: &str) -> Result<(), Unavailable> {
        let id = self.id;
        let rules = match what {
            "remove" => None,
            "set" => {
                let (silence, threshold) = value.split_once(',').unwrap_or((value, ""));
                let number = |text: &str, default: u32| match text.trim() {
                    "" => Ok(default),
                    text => text.parse().map_err(|_| failed(format!("'{text}' is no number"))),
                };
                let silence = Duration::from_millis(u64::from(number(silence, 2_500)?));
                Some(TalkRules { threshold: number(threshold, 256)?, silence })
            }
            other => return Err(failed(format!("'{other}' is neither set nor remove"))),
        };
        self.switch.detect_talk(id, rules, self.out);
        Ok(())
    }
}
