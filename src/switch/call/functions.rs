//! Dialplan functions of the channel and the switch.

use super::Work;
use super::channel::{Channel, Party, Side};
use super::headers::{header_names, parse_uri, read_header, set_header};
use super::host::ChannelHost;
use crate::config::model::endpoint_words::{DtmfMode, Presentation};
use crate::config::value::callerid::CallerId;
use crate::config::value::words::Word;
use crate::dialplan::host::Unavailable;

pub(super) type Answer = Result<String, Unavailable>;

/// What this switch does of what dialplans can name: functions that need it, and applications by name. Options are asked
/// for as `Dial(A)`, applications that every switch is handed as `PlayTones()`.
pub fn does(name: &str) -> bool {
    if let Some((name, rest)) = name.split_once('(') {
        let what = rest.trim_end_matches(')');
        return match name {
            "Dial" => !super::dial_options::UNDONE.contains(&what),
            "Originate" => !matches!(what, "b" | "B" | "C"),
            "Bridge" => what.is_empty(),
            "WaitExten" => !matches!(what, "m" | "d"),
            "PickupChan" => what != "p",
            "SoftHangup" => what != "a",
            "PlayTones" => false,
            _ => true,
        };
    }
    const DONE: &[&str] = &[
        "CALLERID",
        "CHANNEL",
        "CHANNELS",
        "CHANNEL_EXISTS",
        "CONNECTEDLINE",
        "DEVICE_STATE",
        "ENV",
        "HANGUPCAUSE",
        "HANGUPCAUSE_KEYS",
        "MESSAGE",
        "MESSAGE_DATA",
        "MessageSend",
        "PJSIPNotify",
        "PJSIP_DIAL_CONTACTS",
        "PJSIP_DTMF_MODE",
        "PJSIP_HEADER",
        "PJSIP_HEADERS",
        "PJSIP_PARSE_URI",
        "PRESENCE_STATE",
        "REDIRECTING",
        "ReceiveText",
        "SendText",
    ];
    DONE.contains(&name)
}

pub(super) fn failed(why: impl Into<String>) -> Unavailable {
    Unavailable::Failed(why.into())
}

impl ChannelHost<'_> {
    pub(super) fn read_function(&mut self, function: &str, arguments: &str) -> Answer {
        if let Some(answer) = self.read_message(function, arguments) {
            return answer;
        }
        if let Some(answer) = self.read_database(function, arguments) {
            return answer;
        }
        let channel = self.channel().ok_or_else(|| failed("the channel is gone"))?;
        match function {
            "CALLERID" => party_field(&channel.caller, &channel.dialled, arguments),
            "CONNECTEDLINE" => party_field(&channel.connected, "", arguments),
            "REDIRECTING" => redirecting_field(channel, arguments),
            "CHANNEL" => self.channel_field(channel, arguments),
            "HANGUPCAUSE" => Ok(cause_text(channel, arguments)),
            "HANGUPCAUSE_KEYS" => {
                Ok(channel.causes.iter().map(|(name, ..)| &**name).collect::<Vec<_>>().join(","))
            }
            "PJSIP_HEADER" => read_header(channel, arguments),
            "PJSIP_HEADERS" => Ok(header_names(channel, arguments)),
            "PJSIP_DTMF_MODE" => Ok(word_of(channel.dtmf_mode()).to_owned()),
            "PJSIP_DIAL_CONTACTS" => Ok(self.switch.dial_contacts(arguments)),
            "PJSIP_PARSE_URI" => parse_uri(arguments),
            "DEVICE_STATE" => Ok(self.switch.state_of_device(arguments).word().to_owned()),
            "PRESENCE_STATE" => self.switch.presence_field(arguments).map_err(failed),
            "CHANNELS" => {
                let names = self.switch.calls.channels.values().map(|channel| &*channel.name);
                Ok(names.collect::<Vec<_>>().join(" "))
            }
            "CHANNEL_EXISTS" => Ok(u8::from(self.switch.channel_named(arguments).is_some()).to_string()),
            _ => Err(Unavailable::Unsupported),
        }
    }

    pub(super) fn write_function(
        &mut self,
        function: &str,
        arguments: &str,
        value: &str,
    ) -> Result<(), Unavailable> {
        match function {
            "DEVICE_STATE" => return self.switch.set_custom_state(arguments, value).map_err(failed),
            "PRESENCE_STATE" => return self.switch.set_presence(arguments, value).map_err(failed),
            "DB" => return self.put_database(arguments, value),
            _ => {}
        }
        if let Some(written) = self.write_message(function, arguments, value) {
            return written;
        }
        let now_dialling = self.channel().is_some_and(|channel| channel.session.is_some());
        let channel = self.channel_mut().ok_or_else(|| failed("the channel is gone"))?;
        match function {
            "CALLERID" if arguments.eq_ignore_ascii_case("dnid") => channel.dialled = value.into(),
            "CALLERID" => set_party(&mut channel.caller, arguments, value)?,
            "CONNECTEDLINE" => {
                set_party(&mut channel.connected, first(arguments), value)?;
                let id = self.id;
                self.switch.calls.work.push_back(Work::Connected(id));
            }
            "REDIRECTING" => set_redirecting(channel, first(arguments), value)?,
            "CHANNEL" => set_channel_field(channel, arguments, value)?,
            "PJSIP_HEADER" => {
                let (action, name) = arguments.split_once(',').unwrap_or((arguments, ""));
                let called = matches!(channel.side, Side::Called(_));
                if now_dialling && called {
                    return Err(failed(
                        "the INVITE is out already: set headers in a pre-dial subroutine (Dial b)",
                    ));
                }
                set_header(channel, action.trim(), name.trim(), value)?;
            }
            "PJSIP_DTMF_MODE" => {
                channel.settings.dtmf_mode = Some(
                    DtmfMode::of(value).ok_or_else(|| failed(format!("there is no dtmf_mode '{value}'")))?,
                );
            }
            _ => return Err(Unavailable::Unsupported),
        }
        Ok(())
    }

    fn channel_field(&self, channel: &Channel, arguments: &str) -> Answer {
        let (field, rest) = arguments.split_once(',').unwrap_or((arguments, ""));
        let codec = || channel.codec_names().first().copied().unwrap_or("none").to_owned();
        Ok(match field.trim().to_ascii_lowercase().as_str() {
            "name" | "channame" => channel.name.to_string(),
            "channeltype" => "PJSIP".to_owned(),
            "endpoint" => channel.endpoint.name.to_string(),
            "state" => channel.state.word().to_owned(),
            "uniqueid" => channel.unique_id.to_string(),
            "linkedid" => channel.linked_id.to_string(),
            "accountcode" => channel.settings.account_code.clone(),
            "language" => channel.settings.language.clone(),
            "tonezone" => channel.settings.tone_zone.clone(),
            "musicclass" => channel.settings.music_class.clone(),
            "userfield" => channel.settings.user_field.clone(),
            "audionativeformat" | "audioreadformat" | "audiowriteformat" => codec(),
            "peername" => channel.endpoint.name.to_string(),
            "checkhangup" => u8::from(channel.hung_up).to_string(),
            "pjsip" => self.pjsip_field(channel, rest.trim())?,
            "rtp" => self.rtp_field(channel, rest.trim())?,
            other => match channel.settings.others.iter().find(|(name, _)| name == other) {
                Some((_, value)) => value.clone(),
                None => return Err(Unavailable::Unsupported),
            },
        })
    }

    fn pjsip_field(&self, channel: &Channel, field: &str) -> Answer {
        let session = channel.session.as_ref().ok_or_else(|| failed("the call has no SIP session"))?;
        let dialog = session.dialog().ok_or_else(|| failed("there is no dialog yet"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
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
            "t38state" => "DISABLED".to_owned(),
            _ => return Err(Unavailable::Unsupported),
        })
    }

    fn rtp_field(&self, channel: &Channel, arguments: &str) -> Answer {
        let field = first(arguments);
        let slot = channel.slots.first().ok_or_else(|| failed("the call has no media"))?;
        let told = |at: Option<std::net::SocketAddr>| at.map(|at| at.to_string()).unwrap_or_default();
        Ok(match field {
            "src" => told(match slot.state {
                super::ports::SlotState::Open { rtp, .. } => Some(rtp),
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

pub(super) fn first(arguments: &str) -> &str {
    arguments.split(',').next().unwrap_or_default().trim()
}

fn word_of<W: Word + PartialEq>(value: W) -> &'static str {
    W::WORDS.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

/// Asterisk's number of a presentation.
pub(super) fn presentation_number(presentation: Presentation) -> u8 {
    Presentation::WORDS
        .iter()
        .filter(|(_, known)| *known == presentation)
        .find_map(|(word, _)| word.parse().ok())
        .unwrap_or(0)
}

fn party_field(party: &Party, dialled: &str, arguments: &str) -> Answer {
    let yes = |it: bool| u8::from(it).to_string();
    Ok(match first(arguments).to_ascii_lowercase().as_str() {
        "all" => match (party.name.is_empty(), party.number.is_empty()) {
            (true, true) => String::new(),
            (true, false) => party.number.clone(),
            _ => format!("\"{}\" <{}>", party.name, party.number),
        },
        "name" => party.name.clone(),
        "num" | "number" | "ani" | "ani-num" => party.number.clone(),
        "name-valid" => yes(!party.name.is_empty()),
        "num-valid" => yes(!party.number.is_empty()),
        "pres" | "name-pres" | "num-pres" => word_of(party.presentation).to_owned(),
        "tag" => party.tag.clone(),
        "dnid" => dialled.to_owned(),
        "ani2" | "num-plan" | "dnid-num-plan" => "0".to_owned(),
        "rdnis" | "subaddr" => String::new(),
        _ => return Err(Unavailable::Unsupported),
    })
}

fn set_party(party: &mut Party, field: &str, value: &str) -> Result<(), Unavailable> {
    match first(field).to_ascii_lowercase().as_str() {
        "all" => {
            let id = CallerId::read(value);
            (party.name, party.number) = (id.name().to_owned(), id.number().to_owned());
        }
        "name" => party.name = value.to_owned(),
        "num" | "number" | "ani" | "ani-num" => party.number = value.to_owned(),
        "pres" | "name-pres" | "num-pres" => {
            party.presentation = Presentation::of(value)
                .ok_or_else(|| failed(format!("there is no presentation '{value}'")))?;
        }
        "tag" => party.tag = value.to_owned(),
        "name-valid" if value == "0" => party.name.clear(),
        "num-valid" if value == "0" => party.number.clear(),
        "name-valid" | "num-valid" => {}
        _ => return Err(Unavailable::Unsupported),
    }
    Ok(())
}

fn redirecting_field(channel: &Channel, arguments: &str) -> Answer {
    let redirecting = &channel.redirecting;
    let field = first(arguments);
    match field.split_once('-') {
        Some(("from", part)) => party_field(&redirecting.from, "", part),
        Some(("to", part)) => party_field(&redirecting.to, "", part),
        Some(("orig", part)) => party_field(&redirecting.orig, "", part),
        _ => match field {
            "reason" => Ok(redirecting.reason.clone()),
            "count" => Ok(redirecting.count.to_string()),
            _ => Err(Unavailable::Unsupported),
        },
    }
}

fn set_redirecting(channel: &mut Channel, field: &str, value: &str) -> Result<(), Unavailable> {
    let redirecting = &mut channel.redirecting;
    match field.split_once('-') {
        Some(("from", part)) => {
            redirecting.count = redirecting.count.max(1);
            set_party(&mut redirecting.from, part, value)
        }
        Some(("to", part)) => set_party(&mut redirecting.to, part, value),
        Some(("orig", part)) => set_party(&mut redirecting.orig, part, value),
        _ => match field {
            "reason" => {
                value.clone_into(&mut redirecting.reason);
                Ok(())
            }
            "count" => {
                redirecting.count = value.parse().map_err(|_| failed(format!("'{value}' is no number")))?;
                Ok(())
            }
            _ => Err(Unavailable::Unsupported),
        },
    }
}

fn set_channel_field(channel: &mut Channel, field: &str, value: &str) -> Result<(), Unavailable> {
    let settings = &mut channel.settings;
    let place = match field.trim().to_ascii_lowercase().as_str() {
        "accountcode" => &mut settings.account_code,
        "language" => &mut settings.language,
        "tonezone" => &mut settings.tone_zone,
        "musicclass" => &mut settings.music_class,
        "userfield" => &mut settings.user_field,
        _ => return Err(Unavailable::Unsupported),
    };
    value.clone_into(place);
    Ok(())
}

/// `HANGUPCAUSE(channel,tech|ast)`
fn cause_text(channel: &Channel, arguments: &str) -> String {
    let (name, kind) = arguments.split_once(',').unwrap_or((arguments, "tech"));
    let found = channel.causes.iter().find(|(known, ..)| **known == *name.trim());
    found.map_or_else(String::new, |(_, code, reason)| match kind.trim() {
        "ast" => crate::session::Cause::of_status(*code).0.to_string(),
        _ => format!("SIP {code} {reason}"),
    })
}
