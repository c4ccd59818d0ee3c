//! What a channel does by itself in mid-call, beside its dialplan: dials an extension for a transfer, consults, hears a
//! last word. While it lasts the media of its call is here.

use super::channel::{Channel, ChannelId};
use super::consult::Consult;
use super::stranded::Stranded;
use crate::base::time::{Moment, Now};
use crate::bridge::{Feature, Over, SoundId, Use};
use crate::switch::Switch;
use crate::switch::io::Actions;

/// One of these things under way.
#[derive(Debug)]
pub(super) struct Service {
    /// When it goes on by itself.
    pub until: Option<Moment>,
    /// What plays for it.
    pub playing: Option<SoundId>,
    pub what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// An extension is dialled for a transfer.
    Extension { attended: bool, digits: String, attempt: u32 },
    /// An attended transfer: the target is called, or talked to.
    Consult(Box<Consult>),
    /// It is being transferred, and who transferred it has gone before anybody answered.
    Stranded(Box<Stranded>),
    /// It hears something and is hung up then.
    LastWords,
}

impl Service {
    pub fn new(what: What) -> Service {
        Service { until: None, playing: None, what }
    }
}

impl Channel {
    /// Notes that something needs its media here.
    pub fn needs_media(&mut self, feature: Feature) {
        self.uses.push(Use { feature, place: None });
    }

    /// Takes that back.
    pub fn needs_media_no_more(&mut self, feature: Feature) {
        if let Some(at) = self.uses.iter().position(|used| used.feature == feature) {
            self.uses.remove(at);
        }
    }
}

impl Switch {
    /// Begins a service: the media comes here for it.
    pub(super) fn begin_service(&mut self, id: ChannelId, what: What) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.service.replace(Box::new(Service::new(what))).is_none() {
            channel.needs_media(Feature::Transfer);
        }
        self.calls.touched.insert(id);
        if let Some(bridge) = self.calls.channels.get(&id).and_then(|channel| channel.bridge) {
            self.choose_later(bridge);
        }
    }

    /// Ends a service, whatever it was at: its sound stops, and the media may go.
    pub(super) fn end_service(&mut self, id: ChannelId, out: &mut Actions) -> Option<What> {
        let channel = self.calls.channels.get_mut(&id)?;
        let service = channel.service.take()?;
        channel.needs_media_no_more(Feature::Transfer);
        let bridge = channel.bridge;
        if let Some(sound) = service.playing {
            self.stop_sound(id, sound, out);
        }
        self.hush(id, out);
        self.calls.touched.insert(id);
        if let Some(bridge) = bridge {
            self.choose_later(bridge);
        }
        Some(service.what)
    }

    pub(super) fn service_mut(&mut self, id: ChannelId) -> Option<&mut Service> {
        self.calls.channels.get_mut(&id)?.service.as_deref_mut()
    }

    /// Plays files for a service; its next thing happens at their end. `false`: there are none to play.
    pub(super) fn play_for_service(&mut self, id: ChannelId, files: &[String], out: &mut Actions) -> bool {
        let files: Vec<String> = files.iter().filter(|name| !name.is_empty()).cloned().collect();
        if files.is_empty() || self.service_mut(id).is_none() {
            return false;
        }
        self.hush(id, out);
        let source = self.prompts(id, &files, None);
        let sound = self.play(id, source, Over::Replaces, out);
        if let Some(service) = self.service_mut(id) {
            (service.playing, service.until) = (Some(sound), None);
        }
        self.calls.touched.insert(id);
        true
    }

    /// A digit while a service runs; `false`: it listens for none.
    pub(super) fn digit_for_service(
        &mut self,
        now: Now,
        id: ChannelId,
        digit: char,
        out: &mut Actions,
    ) -> bool {
        match self.service_mut(id).map(|service| &service.what) {
            Some(What::Extension { .. }) => {
                self.extension_digit(now, id, digit, out);
                true
            }
            // Nobody hears it.
            Some(What::Stranded(_) | What::LastWords) => true,
            Some(What::Consult(_)) | None => false,
        }
    }

    /// A sound that a service played is over.
    pub(super) fn service_played(&mut self, now: Now, id: ChannelId, sound: SoundId, out: &mut Actions) {
        let Some(service) = self.service_mut(id) else { return };
        if service.playing.take_if(|playing| *playing == sound).is_none() {
            return;
        }
        match &service.what {
            What::Extension { .. } => self.extension_prompted(now, id, out),
            What::LastWords => {
                self.end_service(id, out);
                self.hang_up(now, id, 16, out);
            }
            What::Consult(_) | What::Stranded(_) => {}
        }
    }

    /// The time of a service, or of digits that may become a code, is over.
    pub(super) fn service_due(&mut self, now: Now, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        if channel.pressed.until.take_if(|until| *until <= now.at).is_some() {
            self.weigh_digits(now, id, true, out);
        }
        let Some(service) = self.service_mut(id) else { return };
        if service.until.take_if(|until| *until <= now.at).is_none() {
            return;
        }
        match &service.what {
            What::Extension { .. } => self.extension_dialled(now, id, true, out),
            What::Consult(_) => self.consultation_due(now, id, out),
            What::Stranded(_) => self.recall(now, id, out),
            What::LastWords => {}
        }
    }

    /// Something is heard in mid-call; the media is here for as long as that.
    pub(super) fn chime(&mut self, id: ChannelId, file: &str, out: &mut Actions) {
        if file.is_empty() {
            return;
        }
        let Some(id) = self.media_of(id) else { return };
        let source = self.prompts(id, &[file.to_owned()], None);
        let sound = self.play(id, source, Over::Replaces, out);
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        channel.sound.chimes.push(sound);
        channel.needs_media(Feature::Playing);
        if let Some(bridge) = channel.bridge {
            self.choose_later(bridge);
        }
    }

    /// A chime is over.
    pub(super) fn chimed(&mut self, id: ChannelId, sound: SoundId) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(at) = channel.sound.chimes.iter().position(|chime| *chime == sound) else { return };
        channel.sound.chimes.remove(at);
        channel.needs_media_no_more(Feature::Playing);
        if let Some(bridge) = channel.bridge {
            self.choose_later(bridge);
        }
    }
}
