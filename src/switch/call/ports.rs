//! Media ports of a channel: opened before its description is written, aimed after each agreement, closed with it.

use super::channel::{Channel, ChannelId, Doing};
use super::join::BridgeId;
use super::{Calls, Work};
use crate::base::time::Now;
use crate::bridge::{Aim, MediaEvent, Open, OpenError, Plan, PortId, PortRange, PortReport, Timers};
use crate::config::model::Rtp;
use crate::config::model::rtp::StrictRtp as ConfiguredStrict;
use crate::dialplan::Outcome;
use crate::rtp::{DtmfEvent, SourceRules, StrictRtp};
use crate::sdp::{Identity, Local, MediaKind};
use crate::sip::nat::{self, AdvertisedHost, Outside};
use crate::switch::Switch;
use crate::switch::io::{Action, Actions};
use crate::switch::view::Level;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The port of one stream.
#[derive(Debug)]
pub(super) struct Slot {
    pub kind: MediaKind,
    /// Its position among the `m=` lines.
    pub stream: usize,
    pub port: PortId,
    pub state: SlotState,
    /// The last address its phone described; a null one, which is hold, leaves it.
    pub described: Option<SocketAddr>,
    /// Where its packets come from.
    pub source: Option<SocketAddr>,
    /// Nothing comes here while a fax is sent elsewhere, and nobody wonders.
    pub rests: bool,
    /// What was ordered last.
    pub aim: Option<Aim>,
    /// The last counters the media threads told.
    pub report: Option<Box<PortReport>>,
}

/// How far a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotState {
    Opening,
    Open { rtp: SocketAddr, rtcp_port: Option<u16> },
    Closing,
    Closed,
}

impl Slot {
    pub fn is_closed(&self) -> bool {
        self.state == SlotState::Closed
    }
}

impl Calls {
    /// The channel of a port, and the port's place there.
    fn slot_mut(&mut self, port: PortId) -> Option<(ChannelId, &mut Slot)> {
        let id = *self.ports.get(&port)?;
        let slot = self.channels.get_mut(&id)?.slots.iter_mut().find(|slot| slot.port == port)?;
        Some((id, slot))
    }
}

impl Switch {
    /// Orders a port for a stream of a channel. The answer comes as [`MediaEvent`].
    pub(super) fn open_port(&mut self, id: ChannelId, stream: usize, kind: MediaKind, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let port = PortId(self.calls.next_port);
        let open = self.order_of(channel, port, &kind);
        self.calls.next_port += 1;
        self.calls.ports.insert(port, id);
        let slot = Slot {
            kind,
            stream,
            port,
            state: SlotState::Opening,
            described: None,
            source: None,
            rests: false,
            aim: None,
            report: None,
        };
        if let Some(channel) = self.calls.channels.get_mut(&id) {
            channel.slots.retain(|slot| slot.stream != stream || !slot.is_closed());
            channel.slots.push(slot);
        }
        out.queue.push(Action::Media(Plan::Open(Box::new(open))));
    }

    fn order_of(&self, channel: &Channel, port: PortId, kind: &MediaKind) -> Open {
        let options = &channel.endpoint.options;
        let rtp = &self.directory.objects.rtp;
        let audio = *kind == MediaKind::Audio;
        let range = match (options.rtp_port_start, options.rtp_port_end) {
            (0, _) | (_, 0) => PortRange { first: rtp.rtp_start, last: rtp.rtp_end },
            (first, last) => PortRange { first, last },
        };
        let secs = |secs: u32| Duration::from_secs(u64::from(secs));
        Open {
            port,
            // Both legs of a call on one thread: what one receives the other sends.
            affinity: match channel.side {
                super::channel::Side::Called(Some(caller)) => self.media_of(caller).unwrap_or(caller).0,
                _ => channel.id.0,
            },
            bind: if *kind == MediaKind::Image { self.fax_bind(channel) } else { self.media_bind(channel) },
            range,
            rules: SourceRules {
                strict: match rtp.strict_rtp {
                    ConfiguredStrict::Yes => StrictRtp::Yes,
                    ConfiguredStrict::No => StrictRtp::No,
                    ConfiguredStrict::Seqno => StrictRtp::SequenceOnly,
                },
                probation: u8::try_from(rtp.probation_packets).unwrap_or(u8::MAX),
                symmetric: match kind {
                    MediaKind::Image => options.t38_udptl_nat,
                    _ => options.rtp_symmetric,
                },
                audio,
            },
            rtcp_port: !options.rtcp_mux,
            tos: if audio { options.tos_audio } else { options.tos_video },
            timers: Timers {
                silence: secs(options.rtp_timeout_secs),
                silence_on_hold: secs(options.rtp_timeout_hold_secs),
                keepalive: secs(options.rtp_keepalive_secs),
                ..timers_of(rtp)
            },
        }
    }

    /// Where the RTP socket is bound: `media_address` with `bind_rtp_to_media_address`, else the pinned transport's
    /// address, else any address of the family.
    pub(super) fn media_bind(&self, channel: &Channel) -> IpAddr {
        let options = &channel.endpoint.options;
        let media = self.directory.address(&options.media_address, channel.way.local);
        if let (true, Some(media)) = (options.bind_rtp_to_media_address, media) {
            return media;
        }
        let pinned = self.directory.objects.transports.get(&options.transport);
        if let Some(bind) = pinned.and_then(|transport| transport.bind)
            && !bind.ip().is_unspecified()
        {
            return bind.ip();
        }
        let six = media.unwrap_or(channel.way.local).is_ipv6() || (options.rtp_ipv6 && media.is_none());
        if six { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
    }

    /// The address our descriptions name to a channel's phone, and the rule behind it in words.
    pub(super) fn media_address(&self, channel: &Channel) -> (IpAddr, &'static str) {
        let options = &channel.endpoint.options;
        if let Some(media) = self.directory.address(&options.media_address, channel.way.local) {
            return (media, "media_address");
        }
        let own = match self.media_bind(channel) {
            bound if !bound.is_unspecified() => bound,
            _ => channel.way.local,
        };
        let name = self.transport_name(channel.way.transport);
        let Some(transport) = self.directory.objects.transports.get(&name) else {
            return (own, "own address");
        };
        let Some(external) = self.directory.address(&transport.external_media_address, own) else {
            let is_unknown = !transport.external_media_address.is_empty();
            let unknown = "own address: external_media_address is not resolved yet";
            return (own, if is_unknown { unknown } else { "own address" });
        };
        let outside =
            Outside { local_net: &transport.local_net, address: Some(AdvertisedHost::Ip(external)), port: 0 };
        let (chosen, ..) = nat::advertised(SocketAddr::new(own, 0), channel.way.remote.ip(), &outside);
        match chosen {
            AdvertisedHost::Ip(ip) if ip == external => (ip, "external_media_address"),
            _ => (own, "own address: the phone is inside local_net"),
        }
    }

    /// Who a channel's descriptions are from.
    pub(super) fn sdp_identity(&self, channel: &Channel) -> Identity {
        let options = &channel.endpoint.options;
        let (address, _) = self.media_address(channel);
        Identity { owner: (*options.sdp_owner).into(), session: (*options.sdp_session).into(), address }
    }

    /// What a description says of an open port.
    pub(super) fn local_of(&self, channel: &Channel, stream: usize, kind: &MediaKind) -> Option<Local> {
        let mut its = channel.slots.iter().filter(|slot| slot.stream == stream && slot.kind == *kind);
        let (rtp, rtcp_port) = its.find_map(|slot| match slot.state {
            SlotState::Open { rtp, rtcp_port } => Some((rtp, rtcp_port)),
            _ => None,
        })?;
        let (address, _) = self.media_address(channel);
        // The port after RTP's is what a description without a=rtcp means (RFC 3605).
        let rtcp_port = rtcp_port.filter(|port| Some(*port) != rtp.port().checked_add(1));
        Some(Local { rtcp_port, ..Local::at(address, rtp.port()) })
    }

    /// Tells the media threads what a channel has agreed to.
    pub(super) fn aim(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(session) = &channel.session else { return };
        let Some(agreement) = session.agreement() else { return };
        let held = session.is_held_by_peer();
        for slot in &mut channel.slots {
            if !matches!(slot.state, SlotState::Open { .. }) {
                continue;
            }
            // After a fax began in the place of the sound, the sound's port waits for its end.
            let stream = agreement.streams.get(slot.stream).filter(|stream| stream.kind == slot.kind);
            let rests = agreement.fax().is_some() && !stream.is_some_and(|stream| stream.is_active());
            if rests != slot.rests {
                slot.rests = rests;
                out.queue.push(Action::Media(Plan::Direct { port: slot.port, on: rests }));
            }
            let aim = match stream {
                Some(stream) if stream.rtp().is_some() => stream.rtp().and_then(|rtp| Aim::at(rtp, held)),
                Some(stream) => stream.fax().and_then(|fax| {
                    let ip = fax.remote.address.ip()?;
                    Some(Aim::at_fax(SocketAddr::new(ip, fax.remote.port)))
                }),
                None => None,
            };
            slot.described = aim.as_ref().and_then(|aim| aim.remote.address()).or(slot.described);
            if let Some(aim) = aim
                && slot.aim.as_ref() != Some(&aim)
            {
                slot.aim = Some(aim.clone());
                out.queue.push(Action::Media(Plan::Aim { port: slot.port, aim: Box::new(aim) }));
            }
        }
        self.sound_aimed(id, out);
    }

    /// Closes all ports of a channel.
    pub(super) fn close_ports(&mut self, id: ChannelId, out: &mut Actions) {
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        for slot in &mut channel.slots {
            // One that is opening is closed when it is open.
            if let SlotState::Open { .. } = slot.state {
                slot.state = SlotState::Closing;
                out.queue.push(Action::Media(Plan::Close { port: slot.port }));
            }
        }
    }

    /// The media threads tell something.
    pub(in crate::switch) fn media_event(&mut self, now: Now, event: MediaEvent, out: &mut Actions) {
        match event {
            MediaEvent::Opened { port, rtp, rtcp_port } => {
                self.port_opened(now, port, Ok(SlotState::Open { rtp, rtcp_port }), out);
            }
            MediaEvent::OpenFailed { port, why } => self.port_opened(now, port, Err(why), out),
            MediaEvent::Learned { port, source, .. } => self.source_learned(port, source),
            MediaEvent::Digit { port, event } => {
                if let Some(id) = self.calls.ports.get(&port).copied()
                    && let DtmfEvent::End { digit, .. } = event
                {
                    self.digit(now, id, digit.as_char(), out);
                }
            }
            MediaEvent::Silent { port, lasted, held } => self.silent(now, port, (lasted, held), out),
            MediaEvent::OneWay { port, dropped_from } => self.one_way(port, dropped_from, out),
            MediaEvent::Report { port, report } => {
                if let Some((_, slot)) = self.calls.slot_mut(port) {
                    slot.report = Some(report);
                }
                self.counted(now, port, out);
            }
            MediaEvent::Closed { port, report } => {
                if let Some((id, slot)) = self.calls.slot_mut(port) {
                    slot.report = Some(report);
                    slot.state = SlotState::Closed;
                    self.calls.touched.insert(id);
                }
                self.calls.ports.remove(&port);
                self.counted(now, port, out);
            }
            MediaEvent::SoundEnded { .. } => self.sound_event(now, event, out),
            MediaEvent::FaxTone { port } => {
                if let Some(id) = self.calls.ports.get(&port).copied() {
                    self.fax_tone(now, id, out);
                }
            }
            MediaEvent::PromptFound { token, found } => {
                self.introduction_found(now, super::channel::ChannelId(token), found, out);
            }
            MediaEvent::EventsLost { count } => {
                let text = || {
                    format!(
                        "{count} events of media (digits, talking, reports) were dropped: too many at once"
                    )
                };
                self.ears.log(out, Level::Warning, "res_rtp_asterisk.c", text);
            }
            MediaEvent::Talking { port, on, lasted } => {
                if let Some(id) = self.calls.ports.get(&port).copied() {
                    self.talking(id, on, lasted, out);
                }
            }
            MediaEvent::DigitsSent { .. } | MediaEvent::Played { .. } => {}
        }
        self.settle(now, out);
    }

    fn port_opened(
        &mut self,
        now: Now,
        port: PortId,
        state: Result<SlotState, OpenError>,
        out: &mut Actions,
    ) {
        let Some((id, slot)) = self.calls.slot_mut(port) else {
            // The call ended meanwhile.
            out.queue.push(Action::Media(Plan::Close { port }));
            return;
        };
        let (stream, kind) = (slot.stream, slot.kind.clone());
        match state {
            Ok(open) => slot.state = open,
            Err(why) => {
                slot.state = SlotState::Closed;
                self.calls.ports.remove(&port);
                let name = self.calls.channels.get(&id).map(|channel| channel.name.clone());
                let name = name.as_deref().unwrap_or_default();
                self.ears
                    .log(out, Level::Error, "res_pjsip_sdp_rtp.c", || format!("{name}: no RTP port: {why}"));
            }
        }
        self.calls.touched.insert(id);
        let Some(channel) = self.calls.channels.get(&id) else { return };
        if channel.hung_up {
            self.close_ports(id, out);
            return;
        }
        if channel.placing.is_some() {
            self.port_for_placing(now, id, out);
        } else {
            let local = self.local_of(channel, stream, &kind);
            let bridge = channel.bridge;
            let asked = kind == MediaKind::Image && channel.fax.is_some();
            let taken = self.with_session(now, id, out, |session, cx| session.provide(cx, stream, local));
            if asked {
                self.offer_fax(now, id, out);
            } else if taken == Some(false)
                && let Some((_, slot)) = self.calls.slot_mut(port)
                && matches!(slot.state, SlotState::Open { .. })
            {
                // What it was opened for came to nothing meanwhile.
                slot.state = SlotState::Closing;
                out.queue.push(Action::Media(Plan::Close { port }));
            }
            // What waited for this place is agreed on only now: early media, or an answer into a bridge.
            self.aim(id, out);
            if let Some(bridge) = bridge {
                self.choose_later(bridge);
            }
        }
    }

    /// The first packets of a side: an answer that waits for media goes on, and a bridge learns where it really is.
    fn source_learned(&mut self, port: PortId, source: SocketAddr) {
        let Some((id, slot)) = self.calls.slot_mut(port) else { return };
        let news = slot.source.replace(source) != Some(source);
        let waits = |id: &ChannelId| {
            let channel = self.calls.channels.get(id);
            channel.is_some_and(|channel| matches!(channel.doing, Doing::Answering { for_media: true, .. }))
        };
        // An Answer behind a Local channel waits for the same packets.
        let half = self.partner(id).and_then(|other| self.calls.channels.get(&other)?.local);
        let waiting = Some(id).filter(waits).or(half.map(|half| half.peer).filter(waits));
        let Some(channel) = self.calls.channels.get(&id) else { return };
        if let Some(waiting) = waiting {
            self.resume(waiting, Outcome::Done);
        } else if news && let Some(bridge) = channel.bridge {
            self.choose_later(bridge);
        }
    }

    /// Queues a new choice of a bridge's technology.
    pub(super) fn choose_later(&mut self, bridge: BridgeId) {
        self.calls.work.push_back(Work::Choose(bridge));
    }
}

fn timers_of(rtp: &Rtp) -> Timers {
    Timers {
        report: Duration::from_millis(u64::from(rtp.rtcp_interval_ms)),
        // Samples of 8 kHz, whatever the codec.
        digit: Duration::from_micros(u64::from(rtp.dtmf_timeout_samples) * 125),
        // S5-8 asks for two seconds.
        one_way: Duration::from_secs(2),
        ..Timers::default()
    }
}
