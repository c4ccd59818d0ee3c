//! `PJSIP_ENDPOINT`, `PJSIP_AOR`, `PJSIP_CONTACT` and the functions of one PJSIP channel: what it offers, how it is
//! refreshed, what its From says.

use super::channel::{Channel, Side};
use super::functions::{Answer, failed, first};
use super::headers::read_from;
use super::host::ChannelHost;
use crate::base::time::Now;
use crate::config::model::Object;
use crate::dialplan::host::Unavailable;
use crate::outbound::qualify::Status;
use crate::sdp::{Agreement, Codec, CodecKind, Format, MediaKind, Numbered};
use crate::session::{RefreshWith, Reoffer, Why};
use crate::switch::Switch;

/// The values of an option, several joined by commas.
fn field(options: &[(&'static str, String)], wanted: &str) -> Answer {
    let values = options.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
    if values.is_empty() {
        return Err(failed(format!("there is no field '{wanted}'")));
    }
    Ok(values.join(","))
}

impl Switch {
    /// `PJSIP_ENDPOINT(name,field)`
    pub(super) fn endpoint_field(&self, arguments: &str) -> Answer {
        let (name, wanted) = two(arguments)?;
        let endpoint = self.directory.endpoint(name);
        let endpoint = endpoint.ok_or_else(|| failed(format!("there is no endpoint '{name}'")))?;
        field(&endpoint.options(), wanted)
    }

    /// `PJSIP_AOR(name,field)`; `contact` lists the ids of all contacts, static ones as `aor@@hash`.
    pub(super) fn aor_field(&self, arguments: &str) -> Answer {
        let (name, wanted) = two(arguments)?;
        let aor = self.directory.aor(name).ok_or_else(|| failed(format!("there is no aor '{name}'")))?;
        if wanted.eq_ignore_ascii_case("contact") {
            let fixed = aor.contact.iter().map(|uri| format!("{name}@@{:x}", md5::compute(uri.as_bytes())));
            let bound = self.registrar.contacts(&aor.name).map(|b| format!("{name};@{}", b.hash_hex()));
            return Ok(fixed.chain(bound).collect::<Vec<_>>().join(","));
        }
        field(&aor.options(), wanted)
    }

    /// `PJSIP_CONTACT(id,field)`: any field of `show contact`, `status`, and `rtt` in microseconds.
    pub(super) fn contact_field(&self, now: Now, arguments: &str) -> Answer {
        let (id, wanted) = two(arguments)?;
        let unknown = || failed(format!("there is no contact '{id}'"));
        let fixed = id.split_once("@@");
        let (aor, hash) = fixed.or_else(|| id.split_once(";@")).ok_or_else(unknown)?;
        let aor = self.directory.aor(aor).ok_or_else(unknown)?;
        let found: Option<([u8; 16], crate::switch::view::Options)> = match fixed {
            Some(_) => aor.contact.iter().find_map(|uri| {
                let digest = md5::compute(uri.as_bytes());
                (format!("{digest:x}") == hash)
                    .then(|| (digest.0, crate::switch::show::static_contact_options(uri)))
            }),
            None => self
                .registrar
                .contacts(&aor.name)
                .find(|binding| binding.hash_hex() == hash)
                .map(|binding| (binding.hash, self.contact_view(now, binding).options)),
        };
        let (hash, options) = found.ok_or_else(unknown)?;
        let status = self.qualify.status(&(aor.name.clone(), hash));
        match wanted.to_ascii_lowercase().as_str() {
            "status" => Ok(status_word(status).to_owned()),
            "rtt" => Ok(status.rtt().map_or_else(|| "N/A".to_owned(), |rtt| rtt.as_micros().to_string())),
            _ => field(&options, wanted),
        }
    }
}

fn status_word(status: Status) -> &'static str {
    match status.short() {
        "Avail" => "Reachable",
        "Unavail" => "Unreachable",
        "NonQual" => "NonQualified",
        "Removed" => "Removed",
        _ => "Unknown",
    }
}

/// `name,field`
fn two(arguments: &str) -> Result<(&str, &str), Unavailable> {
    let (name, wanted) = arguments.split_once(',').unwrap_or((arguments, ""));
    match wanted.trim() {
        "" => Err(failed("the form is (name,field)")),
        wanted => Ok((name.trim(), wanted)),
    }
}

fn kind_of(arguments: &str) -> Result<CodecKind, Unavailable> {
    match first(arguments) {
        "" | "audio" => Ok(CodecKind::Audio),
        "video" => Ok(CodecKind::Video),
        other => Err(failed(format!("'{other}' is neither audio nor video"))),
    }
}

fn list(formats: &[Format], kind: CodecKind) -> String {
    let names = formats.iter().filter(|format| format.codec.kind() == kind).map(|f| f.codec.name());
    names.collect::<Vec<_>>().join(",")
}

/// `PJSIP_MEDIA_OFFER(audio|video)`: what the next offer has.
pub(super) fn media_offer(channel: &Channel, arguments: &str) -> Answer {
    let kind = kind_of(arguments)?;
    match &channel.placing {
        Some(placing) => Ok(list(&placing.formats(), kind)),
        None => Ok(list(&channel.formats(), kind)),
    }
}

/// `PJSIP_HEADER_PARAM(From,uri|header,param)`: as set here, else as the From of the INVITE that came has it.
pub(super) fn header_param(channel: &Channel, arguments: &str) -> Answer {
    let wanted = param_of(arguments)?;
    let set = channel.from_params.iter().find(|(place, name, _)| (*place, &**name) == (wanted.0, &*wanted.1));
    match set {
        Some((.., value)) => Ok(value.clone()),
        None => Ok(read_from(channel, wanted.0, &wanted.1).unwrap_or_default()),
    }
}

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParamOf {
    Uri,
    Header,
}

fn param_of(arguments: &str) -> Result<(ParamOf, String), Unavailable> {
    let parts: Vec<&str> = arguments.split(',').map(str::trim).collect();
    let [header, place, name] = parts[..] else {
        return Err(failed("the form is PJSIP_HEADER_PARAM(From,uri|header,parameter)"));
    };
    if !header.eq_ignore_ascii_case("from") {
        return Err(failed("only parameters of From can be read and set"));
    }
    let place = match place {
        "uri" => ParamOf::Uri,
        "header" => ParamOf::Header,
        other => return Err(failed(format!("'{other}' is neither uri nor header"))),
    };
    if !crate::sip::wire::text::is_token(name.as_bytes()) || name.eq_ignore_ascii_case("tag") {
        return Err(failed(format!("'{name}' is no parameter that can be set")));
    }
    Ok((place, name.to_owned()))
}

impl ChannelHost<'_> {
    /// Writing: `None` when it is none of these functions.
    pub(super) fn write_pjsip(
        &mut self,
        function: &str,
        arguments: &str,
        value: &str,
    ) -> Option<Result<(), Unavailable>> {
        Some(match function {
            "PJSIP_HEADER_PARAM" => self.set_param(arguments, value),
            "PJSIP_INHERITABLE_HEADER" => self.set_inheritable(arguments, value),
            "PJSIP_MEDIA_OFFER" => self.set_offer(arguments, value),
            "PJSIP_MOH_PASSTHROUGH" => self.set_passthrough(value),
            "PJSIP_SEND_SESSION_REFRESH" => self.refresh(value),
            "PJSIP_TRANSFER_HANDLING" => self.set_transfers(value),
            _ => return None,
        })
    }

    fn pjsip_channel(&mut self) -> Result<&mut Channel, Unavailable> {
        match self.channel_mut() {
            Some(channel) if channel.local.is_none() => Ok(channel),
            Some(_) => Err(failed("this is no PJSIP channel")),
            None => Err(failed("the channel is gone")),
        }
    }

    fn set_param(&mut self, arguments: &str, value: &str) -> Result<(), Unavailable> {
        let (place, name) = param_of(arguments)?;
        let channel = self.pjsip_channel()?;
        if channel.session.is_some() || !matches!(channel.side, Side::Called(_)) {
            return Err(failed(
                "From can be changed only before the INVITE goes out: in a pre-dial subroutine",
            ));
        }
        let token = value.is_empty() || crate::sip::wire::text::is_token(value.as_bytes());
        if !token || channel.from_params.len() >= crate::base::limits::ADDED_HEADERS {
            return Err(failed(format!("'{value}' cannot be the value of a parameter here")));
        }
        channel.from_params.retain(|(known, other, _)| (*known, other) != (place, &name));
        channel.from_params.push((place, name, value.to_owned()));
        Ok(())
    }

    fn set_inheritable(&mut self, arguments: &str, value: &str) -> Result<(), Unavailable> {
        // `add,name`, or the name alone as Asterisk's documentation has it.
        let name = arguments.rsplit(',').next().unwrap_or_default().trim().to_owned();
        let channel = self.channel_mut().ok_or_else(|| failed("the channel is gone"))?;
        let clean = value.bytes().all(|b| b >= b' ' || b == b'\t');
        if !crate::sip::wire::text::is_token(name.as_bytes()) || !clean {
            return Err(failed(format!("'{name}: {value}' cannot stand in a message")));
        }
        if channel.inheritable.len() >= crate::base::limits::ADDED_HEADERS {
            return Err(failed("too many headers are added already"));
        }
        channel.inheritable.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        if !value.is_empty() {
            channel.inheritable.push((name, value.to_owned()));
        }
        Ok(())
    }

    fn set_offer(&mut self, arguments: &str, value: &str) -> Result<(), Unavailable> {
        let kind = kind_of(arguments)?;
        let names = value.split([',', '&']).map(|name| name.trim().trim_start_matches('!'));
        let mut formats = Vec::new();
        for name in names.filter(|name| !name.is_empty() && *name != "all") {
            let codec =
                Codec::from_name(name).ok_or_else(|| failed(format!("there is no codec '{name}'")))?;
            if codec.kind() == kind {
                formats.push(Format::of(codec));
            }
        }
        if formats.is_empty() {
            return Err(failed("no codec is left to offer"));
        }
        let channel = self.pjsip_channel()?;
        let media = if kind == CodecKind::Audio { MediaKind::Audio } else { MediaKind::Video };
        match &mut channel.placing {
            Some(placing) => placing.offer(&media, formats),
            None => {
                channel.next_offer.retain(|format| format.codec.kind() != kind);
                channel.next_offer.extend(formats);
            }
        }
        Ok(())
    }

    fn set_passthrough(&mut self, value: &str) -> Result<(), Unavailable> {
        let on = match value.trim().to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => true,
            "no" | "false" | "off" | "0" | "" => false,
            other => return Err(failed(format!("'{other}' is neither yes nor no"))),
        };
        self.pjsip_channel()?.settings.moh_passthrough = Some(on);
        Ok(())
    }

    fn set_transfers(&mut self, value: &str) -> Result<(), Unavailable> {
        match value.trim() {
            "" | "core" => Ok(()),
            other => Err(failed(format!("transfers are done here; '{other}' needs ARI, which there is not"))),
        }
    }

    fn refresh(&mut self, value: &str) -> Result<(), Unavailable> {
        let method = match value.trim().to_ascii_lowercase().as_str() {
            "" | "invite" => RefreshWith::Invite,
            "update" => RefreshWith::Update,
            other => return Err(failed(format!("'{other}' is neither invite nor update"))),
        };
        let channel = self.pjsip_channel()?;
        if !channel.is_up() {
            return Err(failed("the call is not answered"));
        }
        let formats = Some(std::mem::take(&mut channel.next_offer)).filter(|formats| !formats.is_empty());
        let reoffer = Reoffer { formats, ..Reoffer::new(method, Why::Codecs) };
        let (id, now) = (self.id, self.now);
        let done = self.switch.with_session(now, id, self.out, |session, cx| session.reoffer(cx, reoffer));
        match done {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(failed(why.to_string())),
            None => Err(failed("the call has no SIP session")),
        }
    }
}

impl Channel {
    /// `moh_passthrough` in force.
    pub fn passes_music(&self) -> bool {
        self.settings.moh_passthrough.unwrap_or(self.endpoint.options.moh_passthrough)
    }
}

impl Channel {
    /// Codecs that it could carry: those agreed or offered, else those its endpoint allows.
    pub fn formats(&self) -> Vec<Format> {
        let joint = self.session.as_ref().and_then(|session| session.prospect());
        match joint.map(|joint| formats_of(&joint)).or_else(|| self.agreed_formats()) {
            Some(formats) if !formats.is_empty() => formats,
            _ => super::capability::of(&self.endpoint).formats,
        }
    }

    /// The payload numbers its phone has for what has none of its own, from its offer or what was agreed.
    pub fn numbers(&self) -> Vec<(Numbered, u8)> {
        let Some(session) = self.session.as_ref() else { return Vec::new() };
        let joint = session.prospect();
        let Some(agreement) = joint.as_deref().or(session.agreement()) else { return Vec::new() };
        let mut numbers = Vec::new();
        for rtp in agreement.streams.iter().filter_map(|stream| stream.rtp()) {
            numbers.extend(rtp.formats.iter().map(|f| (Numbered::Codec(f.codec), f.send)));
            numbers.extend(rtp.events.iter().map(|e| (Numbered::Events(e.clock_rate), e.send)));
        }
        numbers
    }

    /// Codecs agreed on in all its streams.
    pub fn agreed_formats(&self) -> Option<Vec<Format>> {
        Some(formats_of(self.session.as_ref()?.agreement()?))
    }
}

/// The codecs of an agreement, with the parameters the peer wants.
fn formats_of(agreement: &Agreement) -> Vec<Format> {
    let streams = agreement.streams.iter().filter_map(|stream| stream.rtp());
    let formats = streams.flat_map(|rtp| rtp.formats.iter());
    formats.map(|format| Format { fmtp: format.theirs.clone(), ..Format::of(format.codec) }).collect()
}

/// `PJSIP_HEADER_PARAM(From,…)`: parameters of the URI stand before its `>`, those of the header after it.
pub(super) fn with_params(mut from: Vec<u8>, params: &[(ParamOf, String, String)]) -> Vec<u8> {
    for (place, name, value) in params {
        let text = if value.is_empty() { format!(";{name}") } else { format!(";{name}={value}") };
        let end = match place {
            ParamOf::Uri => from.iter().rposition(|b| *b == b'>').unwrap_or(from.len()),
            ParamOf::Header => from.len(),
        };
        from.splice(end..end, text.into_bytes());
    }
    from
}
