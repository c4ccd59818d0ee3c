//! Parts of the server under the names of the Asterisk modules that do the same.

use super::order::Scope;
use crate::admin::text::Module;

/// What `module reload` does for a module.
pub(super) enum Reload {
    /// Reads this again.
    Scope(Scope),
    /// Asterisk's does not support it, nor ours.
    Unsupported,
    /// No such module.
    Unknown,
}

/// Every module `module show` names, sorted by name, and whether this version does what it does.
pub const MODULES: &[Module] = &[
    Module {
        name: "app_bridgewait.so",
        description: "Place the channel into a holding bridge",
        running: true,
    },
    Module { name: "app_chanspy.so", description: "Listen to the audio of an active channel", running: true },
    Module { name: "app_confbridge.so", description: "Conference Bridge Application", running: true },
    Module { name: "app_voicemail.so", description: "Comedian Mail (Voicemail System)", running: true },
    Module { name: "app_dial.so", description: "Dialing Application", running: true },
    Module { name: "bridge_native_rtp.so", description: "Native RTP bridging module", running: true },
    Module { name: "bridge_simple.so", description: "Simple two channel bridging module", running: true },
    Module { name: "chan_pjsip.so", description: "PJSIP Channel Driver", running: true },
    Module { name: "pbx_config.so", description: "Text Extension Configuration", running: true },
    Module { name: "res_musiconhold.so", description: "Music On Hold Resource", running: true },
    Module { name: "res_parking.so", description: "Call Parking Resource", running: true },
    Module { name: "res_pjsip.so", description: "Basic SIP resource", running: true },
    Module { name: "res_pjsip_acl.so", description: "PJSIP ACL Resource", running: true },
    Module {
        name: "res_pjsip_authenticator_digest.so",
        description: "PJSIP authentication resource",
        running: true,
    },
    Module { name: "res_pjsip_caller_id.so", description: "PJSIP Caller ID Support", running: true },
    Module {
        name: "res_pjsip_dialog_info_body_generator.so",
        description: "PJSIP Extension State Dialog Info+XML Provider",
        running: true,
    },
    Module { name: "res_pjsip_dtmf_info.so", description: "PJSIP DTMF INFO Support", running: true },
    Module {
        name: "res_pjsip_endpoint_identifier_anonymous.so",
        description: "PJSIP Anonymous endpoint identifier",
        running: true,
    },
    Module {
        name: "res_pjsip_endpoint_identifier_ip.so",
        description: "PJSIP IP endpoint identifier",
        running: true,
    },
    Module {
        name: "res_pjsip_endpoint_identifier_user.so",
        description: "PJSIP username endpoint identifier",
        running: true,
    },
    Module {
        name: "res_pjsip_exten_state.so",
        description: "PJSIP Extension State Notifications",
        running: true,
    },
    Module { name: "res_pjsip_history.so", description: "PJSIP History", running: true },
    Module { name: "res_pjsip_logger.so", description: "PJSIP Packet Logger", running: true },
    Module { name: "res_pjsip_maintenance.so", description: "PJSIP Maintenance Mode", running: true },
    Module { name: "res_pjsip_mwi.so", description: "PJSIP MWI resource", running: true },
    Module { name: "res_pjsip_mwi_body_generator.so", description: "PJSIP MWI resource", running: true },
    Module { name: "res_pjsip_nat.so", description: "PJSIP NAT Support", running: true },
    Module { name: "res_pjsip_notify.so", description: "CLI/AMI PJSIP NOTIFY Support", running: true },
    Module {
        name: "res_pjsip_outbound_authenticator_digest.so",
        description: "PJSIP authentication resource",
        running: true,
    },
    Module {
        name: "res_pjsip_outbound_registration.so",
        description: "PJSIP Outbound Registration Support",
        running: true,
    },
    Module { name: "res_pjsip_path.so", description: "PJSIP Path Header Support", running: true },
    Module {
        name: "res_pjsip_pidf_body_generator.so",
        description: "PJSIP Extension State PIDF Provider",
        running: true,
    },
    Module { name: "res_pjsip_pubsub.so", description: "PJSIP event resource", running: true },
    Module {
        name: "res_pjsip_refer.so",
        description: "PJSIP Blind and Attended Transfer Support",
        running: true,
    },
    Module { name: "res_pjsip_registrar.so", description: "PJSIP Registrar Support", running: true },
    Module { name: "res_pjsip_sdp_rtp.so", description: "PJSIP SDP RTP/AVP stream handler", running: true },
    Module { name: "res_pjsip_session.so", description: "PJSIP Session resource", running: true },
    Module { name: "res_rtp_asterisk.so", description: "Asterisk RTP Stack", running: true },
];

/// What `module reload NAME` reads again. `.so` may be left out. Both registration modules restart outbound
/// registrations: guides name the one for the other (S4-161).
pub(super) fn reload(name: &str) -> Reload {
    let stem = name.to_ascii_lowercase();
    let stem = stem.strip_suffix(".so").unwrap_or(&stem);
    match stem {
        "res_pjsip" | "res_pjsip_endpoint_identifier_ip" | "res_pjsip_acl" | "chan_pjsip" => {
            Reload::Scope(Scope::Pjsip)
        }
        "res_pjsip_registrar" | "res_pjsip_outbound_registration" => Reload::Scope(Scope::Registrations),
        "pbx_config" | "app_confbridge" => Reload::Scope(Scope::Dialplan),
        "res_pjsip_notify" => Reload::Scope(Scope::Notify),
        "features" | "res_parking" | "res_musiconhold" | "app_voicemail" => Reload::Scope(Scope::Services),
        "res_rtp_asterisk" => Reload::Scope(Scope::Rtp),
        "extconfig" | "sorcery" => Reload::Scope(Scope::All),
        _ if MODULES.iter().any(|module| module.name.strip_suffix(".so") == Some(stem)) => {
            Reload::Unsupported
        }
        _ => Reload::Unknown,
    }
}
