//! Dialplan functions of the channel and the switch.

use super::Work;
use super::channel::{Channel, Side};
use super::headers::{header_names, parse_uri, read_header, read_response, response_names, set_header};
use super::host::ChannelHost;
use super::{channel_fields, party_fields, pjsip_fields};
use crate::config::model::endpoint_words::{DtmfMode, Presentation};
use crate::config::value::words::Word;
use crate::dialplan::host::Unavailable;

pub(super) type Answer = Result<String, Unavailable>;

/// What this switch does of what dialplans can name: functions that need it, and applications by name. Options are asked
/// for as `Dial(A)`, items as `CHANNEL(rxgain)`.
pub fn does(name: &str) -> bool {
    if let Some((name, rest)) = name.split_once('(') {
        let what = rest.trim_end_matches(')');
        return match name {
            "Originate" => !matches!(what, "b" | "B" | "C"),
            "ChanSpy" | "ExtenSpy" => !super::spy::UNDONE.contains(&what),
            "StreamEcho" => what.is_empty(),
            // Loudness at the time of recording is for lines of DAHDI.
            "VoiceMail" | "VoiceMailMain" => what != "g" && what != "r",
            "Directory" => !matches!(what, "a" | "c" | "m"),
            "CHANNEL" => !super::channel_fields::UNDONE.contains(&what),
            _ => true,
        };
    }
    const DONE: &[&str] = &[
        "BridgeWait",
        "CALLERID",
        "CALLERPRES",
        "CONFBRIDGE",
        "CONFBRIDGE_CHANNELS",
        "CONFBRIDGE_INFO",
        "ChanSpy",
        "ConfBridge",
        "ConfKick",
        "ExtenSpy",
        "AGC",
        "HangupCauseClear",
        "TALK_DETECT",
        "VOLUME",
        "CHANNEL",
        "CHANNELS",
        "CHANNEL_EXISTS",
        "CONNECTEDLINE",
        "DEVICE_STATE",
        "Directory",
        "ENV",
        "FEATURE",
        "FEATUREMAP",
        "GROUP",
        "GROUP_COUNT",
        "GROUP_LIST",
        "GROUP_MATCH_COUNT",
        "HANGUPCAUSE",
        "HANGUPCAUSE_KEYS",
        "MESSAGE",
        "MESSAGE_DATA",
        "MessageSend",
        "PJSIPNotify",
        "IFMODULE",
        "IMPORT",
        "JITTERBUFFER",
        "MAILBOX_EXISTS",
        "MASTER_CHANNEL",
        "MailboxExists",
        "PJSIP_AOR",
        "PJSIP_CONTACT",
        "PJSIP_DIAL_CONTACTS",
        "PJSIP_DTMF_MODE",
        "PJSIP_HEADER",
        "PJSIP_HEADERS",
        "PJSIP_ENDPOINT",
        "PJSIP_HEADER_PARAM",
        "PJSIP_INHERITABLE_HEADER",
        "PJSIP_MEDIA_OFFER",
        "PJSIP_MOH_PASSTHROUGH",
        "PJSIP_PARSE_URI_FROM",
        "PJSIP_RESPONSE_HEADER",
        "PJSIP_RESPONSE_HEADERS",
        "PJSIP_SEND_SESSION_REFRESH",
        "PJSIP_TRANSFER_HANDLING",
        "SHARED",
        "VERSION",
        "VMCOUNT",
        "VM_INFO",
        "VoiceMail",
        "VoiceMailMain",
        "PJSIP_PARSE_URI",
        "PRESENCE_STATE",
        "Park",
        "ParkAndAnnounce",
        "ParkedCall",
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
        if let Some(answer) = self.read_others(function, arguments) {
            return answer;
        }
        if let Some(answer) = self.read_conference(function, arguments) {
            return answer;
        }
        if let Some(answer) = self.read_mailbox(function, arguments) {
            return answer;
        }
        let channel = self.channel().ok_or_else(|| failed("the channel is gone"))?;
        match function {
            "CALLERID" => party_fields::caller_field(channel, arguments),
            "CONNECTEDLINE" => party_fields::connected_field(channel, arguments),
            "REDIRECTING" => party_fields::redirecting_field(channel, arguments),
            "CALLERPRES" => Ok(word_of(channel.caller.presentation).to_owned()),
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
            "PJSIP_PARSE_URI_FROM" => match arguments.split_once(',') {
                Some((part, uri)) => parse_uri(&format!("{uri},{part}")),
                None => Err(failed("the form is PJSIP_PARSE_URI_FROM(variable,part)")),
            },
            "PJSIP_ENDPOINT" => self.switch.endpoint_field(arguments),
            "PJSIP_AOR" => self.switch.aor_field(arguments),
            "PJSIP_CONTACT" => self.switch.contact_field(self.now, arguments),
            "PJSIP_MEDIA_OFFER" => pjsip_fields::media_offer(channel, arguments),
            "PJSIP_MOH_PASSTHROUGH" => Ok(if channel.passes_music() { "yes" } else { "no" }.to_owned()),
            "PJSIP_HEADER_PARAM" => pjsip_fields::header_param(channel, arguments),
            "PJSIP_RESPONSE_HEADER" => read_response(channel, arguments),
            "PJSIP_RESPONSE_HEADERS" => Ok(response_names(channel, arguments)),
            "FEATURE" | "FEATUREMAP" => self.feature_field(function, arguments),
            "AGC" => self.read_level(arguments),
            "ENV" => Ok(self.switch.calls.plan.environment(arguments.trim())),
            "VERSION" => Ok(env!("CARGO_PKG_VERSION").to_owned()),
            "IFMODULE" => Ok("0".to_owned()),
            "DEVICE_STATE" => Ok(self.switch.state_of_device(arguments).word().to_owned()),
            "PRESENCE_STATE" => self.switch.presence_field(arguments).map_err(failed),
            "CHANNELS" => self.channel_names(arguments),
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
            "JITTERBUFFER" => return self.set_jitter_buffer(arguments, value),
            "FEATURE" | "FEATUREMAP" => return self.set_feature_field(function, arguments, value),
            _ => {}
        }
        if let Some(written) = self.write_message(function, arguments, value) {
            return written;
        }
        let done = self.write_pjsip(function, arguments, value);
        let done = done.or_else(|| self.write_loudness(function, arguments, value));
        let done = done.or_else(|| self.write_conference(function, arguments, value));
        if let Some(done) = done.or_else(|| self.write_others(function, arguments, value)) {
            return done;
        }
        let now_dialling = self.channel().is_some_and(|channel| channel.session.is_some());
        let channel = self.channel_mut().ok_or_else(|| failed("the channel is gone"))?;
        match function {
            "CALLERID" => party_fields::set_caller_field(channel, arguments, value)?,
            "CALLERPRES" => party_fields::set_field(&mut channel.caller, "pres", value)?,
            "CONNECTEDLINE" => {
                party_fields::set_field(&mut channel.connected, first(arguments), value)?;
                let id = self.id;
                // `i`: kept, and not told.
                if arguments.split(',').nth(1).map(str::trim) != Some("i") {
                    self.switch.calls.work.push_back(Work::Connected(id));
                }
            }
            "REDIRECTING" => party_fields::set_redirecting(channel, arguments, value)?,
            "CHANNEL" => channel_fields::set_field(channel, arguments, value)?,
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
}

impl ChannelHost<'_> {
    /// `CHANNELS([regex])`
    fn channel_names(&self, pattern: &str) -> Answer {
        let regex = regex::RegexBuilder::new(pattern).size_limit(crate::base::limits::REGEX_BYTES).build();
        let regex = regex.map_err(|fault| failed(fault.to_string()))?;
        let names = self.switch.calls.channels.values().map(|channel| &*channel.name);
        Ok(names.filter(|name| regex.is_match(name)).collect::<Vec<_>>().join(" "))
    }
}

pub(super) fn first(arguments: &str) -> &str {
    arguments.split(',').next().unwrap_or_default().trim()
}

pub(super) fn word_of<W: Word + PartialEq>(value: W) -> &'static str {
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

/// `HANGUPCAUSE(channel,tech|ast)`
fn cause_text(channel: &Channel, arguments: &str) -> String {
    let (name, kind) = arguments.split_once(',').unwrap_or((arguments, "tech"));
    let found = channel.causes.iter().find(|(known, ..)| **known == *name.trim());
    found.map_or_else(String::new, |(_, code, reason, cause)| match kind.trim() {
        "ast" => cause.to_string(),
        _ => format!("SIP {code} {reason}"),
    })
}
