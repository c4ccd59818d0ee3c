//! `CALLERID`, `CONNECTEDLINE` and `REDIRECTING`: names and numbers of the parties of a call.

use super::channel::{Channel, Party};
use super::functions::{Answer, failed, first, word_of};
use crate::config::model::endpoint_words::Presentation;
use crate::config::value::callerid::CallerId;
use crate::config::value::words::Word;
use crate::dialplan::host::Unavailable;

/// Items that PJSIP calls carry no value for: numbering plans, sub-addresses, character sets. They read as what an
/// unset one is in Asterisk; setting them changes nothing, there as here.
fn constant(item: &str) -> Option<&'static str> {
    Some(match item {
        "ani2" | "num-plan" | "ton" | "dnid-num-plan" | "subaddr-valid" | "subaddr-type" | "subaddr-odd" => {
            "0"
        }
        "name-charset" => "iso8859-1",
        "subaddr" => "",
        _ => return None,
    })
}

pub(super) fn all_of(party: &Party) -> String {
    match (party.name.is_empty(), party.number.is_empty()) {
        (true, true) => String::new(),
        (true, false) => party.number.clone(),
        _ => format!("\"{}\" <{}>", party.name, party.number),
    }
}

fn yes(it: bool) -> String {
    u8::from(it).to_string()
}

/// One item of a party.
pub(super) fn field(party: &Party, item: &str) -> Answer {
    let item = item.to_ascii_lowercase();
    let item = item.strip_prefix("priv-").unwrap_or(&item);
    Ok(match item {
        "all" => all_of(party),
        "name" => party.name.clone(),
        "num" | "number" => party.number.clone(),
        "name-valid" => yes(!party.name.is_empty()),
        "num-valid" => yes(!party.number.is_empty()),
        "pres" | "name-pres" | "num-pres" => word_of(party.presentation).to_owned(),
        "tag" => party.tag.clone(),
        other => constant(other).map(str::to_owned).ok_or(Unavailable::Unsupported)?,
    })
}

/// Sets one item of a party.
pub(super) fn set_field(party: &mut Party, item: &str, value: &str) -> Result<(), Unavailable> {
    let item = item.to_ascii_lowercase();
    let item = item.strip_prefix("priv-").unwrap_or(&item);
    match item {
        "all" => {
            let id = CallerId::read(value);
            (party.name, party.number) = (id.name().to_owned(), id.number().to_owned());
        }
        "name" => value.clone_into(&mut party.name),
        "num" | "number" => value.clone_into(&mut party.number),
        "pres" | "name-pres" | "num-pres" => {
            party.presentation = Presentation::of(value)
                .ok_or_else(|| failed(format!("there is no presentation '{value}'")))?;
        }
        "tag" => value.clone_into(&mut party.tag),
        "name-valid" if value == "0" => party.name.clear(),
        "num-valid" if value == "0" => party.number.clear(),
        "name-valid" | "num-valid" => {}
        other if constant(other).is_some() => {}
        _ => return Err(Unavailable::Unsupported),
    }
    Ok(())
}

/// `CALLERID(item)`
pub(super) fn caller_field(channel: &Channel, arguments: &str) -> Answer {
    let item = first(arguments).to_ascii_lowercase();
    match item.as_str() {
        "dnid" => Ok(channel.dialled.to_string()),
        "rdnis" => Ok(channel.redirecting.from.number.clone()),
        // The calling number as the network gave it.
        "ani2" => Ok("0".to_owned()),
        "ani" => Ok(channel.ani().number.clone()),
        _ => match item.strip_prefix("ani-") {
            Some(item) => field(channel.ani(), item),
            None => field(&channel.caller, &item),
        },
    }
}

/// `CALLERID(item)=value`
pub(super) fn set_caller_field(
    channel: &mut Channel,
    arguments: &str,
    value: &str,
) -> Result<(), Unavailable> {
    let item = first(arguments).to_ascii_lowercase();
    match item.as_str() {
        "dnid" => channel.dialled = value.into(),
        "rdnis" => {
            channel.redirecting.count = channel.redirecting.count.max(1);
            value.clone_into(&mut channel.redirecting.from.number);
        }
        "ani2" => {}
        "ani" => value.clone_into(&mut channel.ani_mut().number),
        _ => match item.strip_prefix("ani-") {
            Some(item) => set_field(channel.ani_mut(), item, value)?,
            None => {
                // What the network gave stays what it was.
                channel.ani_mut();
                set_field(&mut channel.caller, &item, value)?;
            }
        },
    }
    Ok(())
}

/// `CONNECTEDLINE(item)`
pub(super) fn connected_field(channel: &Channel, arguments: &str) -> Answer {
    match first(arguments) {
        "source" => Ok("unknown".to_owned()),
        item => field(&channel.connected, item),
    }
}

/// `REDIRECTING(item)`
pub(super) fn redirecting_field(channel: &Channel, arguments: &str) -> Answer {
    let redirecting = &channel.redirecting;
    let item = first(arguments);
    let item = item.strip_prefix("priv-").unwrap_or(item);
    match item.split_once('-') {
        Some(("orig", "reason")) => Ok(redirecting.reason.clone()),
        Some(("orig", part)) => field(&redirecting.orig, part),
        Some(("from", part)) => field(&redirecting.from, part),
        Some(("to", part)) => field(&redirecting.to, part),
        _ => match item {
            "reason" => Ok(redirecting.reason.clone()),
            "count" => Ok(redirecting.count.to_string()),
            _ => Err(Unavailable::Unsupported),
        },
    }
}

/// `REDIRECTING(item)=value`
pub(super) fn set_redirecting(
    channel: &mut Channel,
    arguments: &str,
    value: &str,
) -> Result<(), Unavailable> {
    let redirecting = &mut channel.redirecting;
    let item = first(arguments);
    let item = item.strip_prefix("priv-").unwrap_or(item);
    match item.split_once('-') {
        Some(("orig", "reason")) => value.clone_into(&mut redirecting.reason),
        Some(("orig", part)) => set_field(&mut redirecting.orig, part, value)?,
        Some(("from", part)) => {
            redirecting.count = redirecting.count.max(1);
            set_field(&mut redirecting.from, part, value)?;
        }
        Some(("to", part)) => set_field(&mut redirecting.to, part, value)?,
        _ => match item {
            "reason" => value.clone_into(&mut redirecting.reason),
            "count" => {
                redirecting.count = value.parse().map_err(|_| failed(format!("'{value}' is no number")))?;
            }
            _ => return Err(Unavailable::Unsupported),
        },
    }
    Ok(())
}

impl Channel {
    /// The calling number as the network gave it.
    pub fn ani(&self) -> &Party {
        self.calling.as_deref().unwrap_or(&self.caller)
    }

    /// The same, kept apart from the caller id from now on.
    pub fn ani_mut(&mut self) -> &mut Party {
        self.calling.get_or_insert_with(|| Box::new(self.caller.clone()))
    }
}
