//! Orders about states that lamps show.

use super::build::{Built, Call, Fault};
use crate::admin::shape::Layout;
use crate::switch::view::Command;

/// `devstate change DEVICE STATE`.
pub(super) fn device_state(call: &Call<'_>) -> Built {
    let [device, state] = call.rest() else { return Err(Fault::Usage) };
    call.order(Command::SetDeviceState { device: device.text.clone(), state: state.text.clone() })
}

/// `presencestate change ENTITY STATE[,SUBTYPE[,MESSAGE[,OPTIONS]]]`.
pub(super) fn presence_state(call: &Call<'_>) -> Built {
    let [provider, presence] = call.rest() else { return Err(Fault::Usage) };
    call.order(Command::SetPresence { provider: provider.text.clone(), presence: presence.text.clone() })
}

/// `mailbox set BOX[@CONTEXT] NEW [OLD]`.
pub(super) fn set_mailbox(call: &Call<'_>) -> Built {
    let number = |text: &str| -> Result<u32, Fault> {
        text.parse().map_err(|_| Fault::Failed(format!("'{text}' is no number of messages")))
    };
    let (name, new, old) = match call.rest() {
        [name, new] => (name, number(&new.text)?, 0),
        [name, new, old] => (name, number(&new.text)?, number(&old.text)?),
        _ => return Err(Fault::Usage),
    };
    call.order(Command::SetMailbox { name: name.text.clone(), new, old })
}

/// `pjsip show publications inbound|outbound`.
pub(super) fn publications(call: &Call<'_>) -> Built {
    call.nothing()?;
    call.ask(Command::Publications { outbound: call.choice == "outbound" }, Layout::Publications)
}

/// `mailbox show [BOX[@CONTEXT]]`.
pub(super) fn mailboxes(call: &Call<'_>) -> Built {
    let name = match call.rest() {
        [] => None,
        [name] => Some(name.text.clone()),
        _ => return Err(Fault::Usage),
    };
    call.ask(Command::Mailboxes { name }, Layout::Mailboxes)
}

/// `explain subscription ENDPOINT EXTEN`.
pub(super) fn explain(call: &Call<'_>) -> Built {
    let [endpoint, exten] = call.rest() else { return Err(Fault::Usage) };
    let command = Command::ExplainSubscription { endpoint: endpoint.text.clone(), exten: exten.text.clone() };
    call.ask(command, Layout::Explanation)
}
