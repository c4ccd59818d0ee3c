//! Media that does not flow: silence that ends a call, and audio of one direction only.

use crate::base::time::Now;
use crate::bridge::PortId;
use crate::switch::Switch;
use crate::switch::io::Actions;
use crate::switch::view::Level;
use std::net::SocketAddr;
use std::time::Duration;

impl Switch {
    /// `rtp_timeout`: cause 44.
    pub(super) fn silent(
        &mut self,
        now: Now,
        port: PortId,
        (lasted, held): (Duration, bool),
        out: &mut Actions,
    ) {
        let Some(id) = self.calls.ports.get(&port).copied() else { return };
        let Some(channel) = self.calls.channels.get(&id) else { return };
        let name = channel.name.clone();
        let option = if held { "rtp_timeout_hold" } else { "rtp_timeout" };
        // Asterisk's words, with the option behind it.
        self.ears.log(out, Level::Notice, "res_pjsip_sdp_rtp.c", || {
            format!(
                "Disconnecting channel '{name}' for lack of audio RTP activity in {} seconds ({option})",
                lasted.as_secs()
            )
        });
        self.hang_up(now, id, 44, out);
    }

    /// One-way audio is told with what the phone said of itself (S5-8).
    pub(super) fn one_way(&mut self, port: PortId, dropped_from: Option<SocketAddr>, out: &mut Actions) {
        let Some(id) = self.calls.ports.get(&port).copied() else { return };
        let Some(channel) = self.calls.channels.get_mut(&id) else { return };
        let Some(slot) = channel.slots.iter().find(|slot| slot.port == port) else { return };
        let described = slot.aim.as_ref().and_then(|aim| aim.remote.address());
        let symmetric = channel.endpoint.options.rtp_symmetric;
        let mut text = format!("{}: it is sent audio and none comes from it", channel.name);
        if let Some(described) = described {
            let private =
                if crate::bridge::is_private(described.ip()) { ", which is a private address" } else { "" };
            text.push_str(&format!("; its SDP says {described}{private}"));
        }
        match dropped_from {
            Some(from) => text.push_str(&format!(
                "; packets from {from} are not accepted: strictrtp waits for the described source"
            )),
            None if !symmetric && described.is_some_and(|at| crate::bridge::is_private(at.ip())) => {
                text.push_str(
                    "; if it is behind NAT, set rtp_symmetric=yes (and force_rport, rewrite_contact)",
                );
            }
            None => text.push_str("; look at firewalls between it and the ports of rtp.conf"),
        }
        channel.trouble = Some(text.clone());
        self.ears.log(out, Level::Warning, "res_rtp_asterisk.c", || text);
    }
}
