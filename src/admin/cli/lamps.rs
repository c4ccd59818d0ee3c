//! Orders about states that lamps show.

use super::build::{Built, Call, Fault};
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
