//! `CHANNEL(item)`: what a channel is, what its session and its media are doing.

use super::channel::Channel;
use super::functions::{Answer, failed, first};
use super::host::ChannelHost;
use super::ports::SlotState;
use crate::dialplan::host::Unavailable;
use crate::sdp::MediaKind;
use std::net::SocketAddr;
use std::time::Duration;

/// Items of `CHANNEL()` that this switch has no value for: said when a dialplan is loaded.
pub(super) const UNDONE: &[&str] = &["after_bridge_goto", "dtmf_features", "rtpqos", "rxgain", "txgain"];

/// Call and pickup groups as configured: `1,3`.
fn groups(bits: u64) -> String {
    let set = (0u32..64).filter(|at| bits & (1u64 << *at) != 0).map(|at| at.to_string());
    set.collect::<Vec<_>>().join(",")
}

impl ChannelHost<'_> {
    pub(super) fn channel_field(&self, channel: &Channel, arguments: &str) -> Answer {
        let (field, rest) = arguments.split_once(',').unwrap_or((arguments, ""));
        let options = &channel.endpoint.options;
        let yes = |it: bool| u8::from(it).to_string();
        let settings = &channel.settings;
        Ok(match field.trim().to_ascii_lowercase().as_str() {
            "name" | "channame" => channel.name.to_string(),
            "channeltype" => channel.technology().to_owned(),
            "endpoint" | "peername" if channel.local.is_none() => channel.endpoint.name.to_string(),
            "aor" => channel.called_at.as_ref().map(|(aor, _)| aor.to_string()).unwrap_or_default(),
            "contact" => channel.called_at.as_ref().map(|(_, uri)| uri.to_string()).unwrap_or_default(),
            "state" => channel.state.word().to_owned(),
            "uniqueid" => channel.unique_id.to_string(),
            "linkedid" => channel.linked_id.to_string(),
            "callid" => call_id(channel),
            "accountcode" => settings.account_code.clone(),
            "amaflags" => setting(channel, "amaflags", "3"),
            "parkinglot" => setting(channel, "parkinglot", ""),
            "language" => settings.language.clone(),
            "tonezone" => settings.tone_zone.clone(),
            "musicclass" => settings.music_class.clone(),
            "userfield" => settings.user_field.clone(),
            "max_forwards" => channel.forwards_left.to_string(),
            "relativesecs" => self.now.at.since(channel.made.at).as_secs().to_string(),
            "onhold" => yes(channel.session.as_ref().is_some_and(|session| session.is_held_by_peer())),
            "audionativeformat" | "audioreadformat" | "audiowriteformat" => codec(channel, &MediaKind::Audio),
            "videonativeformat" => codec(channel, &MediaKind::Video),
            "callgroup" => setting(channel, "callgroup", &groups(options.call_group)),
            "pickupgroup" => setting(channel, "pickupgroup", &groups(options.pickup_group)),
            "namedcallgroup" => setting(channel, "namedcallgroup", &options.named_call_group.join(",")),
            "namedpickupgroup" => setting(channel, "namedpickupgroup", &options.named_pickup_group.join(",")),
            "tenantid" => setting(channel, "tenantid", &options.tenantid),
            "hangupsource" => channel.hangup_source.as_deref().unwrap_or_default().to_owned(),
            "checkhangup" => yes(channel.hung_up),
            "caller_url" | "useragent" => self.caller_text(channel, field),
            "transfercapability" => "SPEECH".to_owned(),
            "secure_bridge_signaling" | "secure_bridge_media" => setting(channel, field.trim(), "0"),
            "secure_signaling" => self.pjsip_field(channel, "secure")?,
            "secure_media" => "0".to_owned(),
            "pjsip" => self.pjsip_field(channel, rest.trim())?,
            "rtp" => self.rtp_field(channel, rest.trim())?,
            "rtpsource" => self.rtp_field(channel, &format!("src,{rest}"))?,
            "rtpdest" => self.rtp_field(channel, &format!("dest,{rest}"))?,
            "rtcp" => rtcp_field(channel, rest.trim())?,
            _ => return Err(Unavailable::Unsupported),
        })
    }

    fn caller_text(&self, channel: &Channel, item: &str) -> String {
        let name = if item.eq_ignore_ascii_case("useragent") { "User-Agent" } else { "Call-Info" };
        super::headers::read_header(channel, &format!("read,{name}")).unwrap_or_default()
    }

    fn pjsip_field(&self, channel: &Channel, field: &str) -> Answer {
        if channel.local.is_some() {
            return Err(failed("this is no PJSIP channel"));
        }
        let session = channel.session.as_ref().ok_or_else(|| failed("the call has no SIP session"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if field.eq_ignore_ascii_case("request_uri") {
            return Ok(super::headers::request_uri(channel).unwrap_or_default());
        }
        let dialog = session.dialog().ok_or_else(|| failed("there is no dialog yet"))?;
        let uri = |value: &[u8]| {
            crate::sip::wire::NameAddr::parse(value).map(|a| text(a.uri_text)).unwrap_or_default()
        };
        let key = dialog.id().key();
        Ok(match field {
            "call-id" => text(key.call_id),
            "secure" => u8::from(dialog.is_secure()).to_string(),
            "target_uri" => text(dialog.target()),
            "local_uri" => uri(dialog.local()),
            "remote_uri" => uri(dialog.remote()),
            "local_tag" => text(key.local_tag),
            "remote_tag" => text(key.remote_tag),
            "local_addr" => channel.way.local.to_string(),
            "remote_addr" => channel.way.remote.to_string(),
            "t38state" => channel.fax_state().to_owned(),
            _ => return Err(Unavailable::Unsupported),
        })
    }

    fn rtp_field(&self, channel: &Channel, arguments: &str) -> Answer {
        let field = first(arguments);
        let kind = kind_of(arguments)?;
        let slot = channel.slots.iter().find(|slot| slot.kind == kind);
        let slot = slot.ok_or_else(|| failed("the call has no media of that kind"))?;
        let told = |at: Option<SocketAddr>| at.map(|at| at.to_string()).unwrap_or_default();
        Ok(match field {
            "src" => told(match slot.state {
                SlotState::Open { rtp, .. } => Some(rtp),
                _ => None,
            }),
            "dest" => told(slot.aim.as_ref().and_then(|aim| aim.remote.address())),
            "direct" => told(self.switch.direct_peer(channel)),
            "secure" => "0".to_owned(),
            "hold" => u8::from(channel.session.as_ref().is_some_and(|session| session.is_held_by_peer()))
                .to_string(),
            _ => return Err(Unavailable::Unsupported),
        })
    }
}

/// `C-00000001`: the number of the call's first channel.
fn call_id(channel: &Channel) -> String {
    let number = channel.linked_id.rsplit_once('.').and_then(|(_, number)| number.parse::<u64>().ok());
    format!("C-{:08x}", number.unwrap_or(0))
}

/// A value that was set, else what there is without.
pub(super) fn setting(channel: &Channel, name: &str, otherwise: &str) -> String {
    let set = channel.settings.others.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    set.map_or_else(|| otherwise.to_owned(), |(_, value)| value.clone())
}

fn kind_of(arguments: &str) -> Result<MediaKind, Unavailable> {
    match arguments.split(',').nth(1).map(str::trim) {
        None | Some("" | "audio") => Ok(MediaKind::Audio),
        Some("video") => Ok(MediaKind::Video),
        Some(other) => Err(failed(format!("'{other}' is neither audio nor video"))),
    }
}

fn codec(channel: &Channel, kind: &MediaKind) -> String {
    let agreement = channel.session.as_ref().and_then(|session| session.agreement());
    let rtp = agreement.and_then(|agreement| agreement.first(kind));
    rtp.and_then(|rtp| rtp.formats.first()).map_or("none", |format| format.codec.name()).to_owned()
}

/// `CHANNEL(rtcp,item[,kind])`: the counters of the last report of the media threads.
fn rtcp_field(channel: &Channel, arguments: &str) -> Answer {
    let kind = kind_of(arguments)?;
    let slot = channel.slots.iter().find(|slot| slot.kind == kind);
    let report = slot.and_then(|slot| slot.report.as_deref()).copied().unwrap_or_default();
    let secs = |time: Duration| format!("{:.6}", time.as_secs_f64());
    Ok(match first(arguments) {
        "txcount" => report.sent.to_string(),
        "rxcount" => report.received.to_string(),
        "txjitter" | "remote_jitter" => secs(report.sent_jitter),
        "rxjitter" | "local_jitter" => secs(report.jitter),
        "txploss" | "remote_lossrate" | "remote_loss" => report.sent_lost.to_string(),
        "rxploss" | "local_lossrate" | "local_loss" => report.lost.to_string(),
        "rtt" => secs(report.round_trip),
        "all" => format!(
            "lp={};rxjitter={};rxcount={};txjitter={};txcount={};rlp={};rtt={}",
            report.lost,
            secs(report.jitter),
            report.received,
            secs(report.sent_jitter),
            report.sent,
            report.sent_lost,
            secs(report.round_trip)
        ),
        "all_jitter" => format!("rxjitter={};txjitter={};", secs(report.jitter), secs(report.sent_jitter)),
        "all_loss" => format!("rxploss={};txploss={};", report.lost, report.sent_lost),
        "all_rtt" => format!("rtt={};", secs(report.round_trip)),
        other => return Err(failed(format!("there is no counter '{other}' here"))),
    })
}

/// `CHANNEL(item)=value`
pub(super) fn set_field(channel: &mut Channel, field: &str, value: &str) -> Result<(), Unavailable> {
    let settings = &mut channel.settings;
    let field = field.trim().to_ascii_lowercase();
    let place = match field.as_str() {
        "accountcode" => &mut settings.account_code,
        "language" => &mut settings.language,
        "tonezone" => &mut settings.tone_zone,
        "musicclass" => &mut settings.music_class,
        "userfield" => &mut settings.user_field,
        "max_forwards" => {
            channel.forwards_left =
                value.trim().parse().map_err(|_| failed(format!("'{value}' is no number from 0 to 255")))?;
            return Ok(());
        }
        "amaflags"
        | "tenantid"
        | "callgroup"
        | "parkinglot"
        | "pickupgroup"
        | "namedcallgroup"
        | "namedpickupgroup"
        | "secure_bridge_signaling"
        | "secure_bridge_media" => {
            if field.starts_with("secure") && matches!(value.trim(), "1" | "yes" | "true" | "on") {
                return Err(failed(
                    "media is not encrypted by this version: the call would have to be refused",
                ));
            }
            settings.others.retain(|(known, _)| *known != field);
            settings.others.push((field, value.to_owned()));
            return Ok(());
        }
        _ => return Err(Unavailable::Unsupported),
    };
    value.clone_into(place);
    Ok(())
}

impl Channel {
    /// `PJSIP` or `Local`.
    pub fn technology(&self) -> &'static str {
        if self.local.is_some() { "Local" } else { "PJSIP" }
    }
}
