//! `asterisk.conf`: directories and the options of the process.

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::value::scalar::{Text, Truth, Uint};
use crate::config::value::spec::options;
use crate::config::value::{Spec, Status};

options! {
    struct
    /// What `asterisk.conf` says, as far as it matters here.
    #[derive(Clone, Debug, PartialEq)]
    Asterisk {
        /// Its name.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
    }
    OPTIONS: Asterisk, Asterisk::this, Asterisk::this_mut;

    /// Where the configuration lies.
    Obeyed "astetcdir" astetcdir: Name = Name::from("/etc/asterisk"), Text;
    /// Where the server's own data lie.
    Obeyed "astdbdir" astdbdir: Name = Name::from("/var/lib/asterisk"), Text;
    /// Where sounds and other shared data lie.
    Obeyed "astdatadir" astdatadir: Name = Name::from("/var/lib/asterisk"), Text;
    /// Where logs go.
    Obeyed "astlogdir" astlogdir: Name = Name::from("/var/log/asterisk"), Text;
    /// Where the control socket and the process id lie.
    Obeyed "astrundir" astrundir: Name = Name::from("/var/run/asterisk"), Text;
    /// Where voicemail and call files lie.
    Obeyed "astspooldir" astspooldir: Name = Name::from("/var/spool/asterisk"), Text;
    /// Detail of debug messages.
    Obeyed "debug" debug: u32 = 0, Uint;
    /// Prompt language of channels that name none.
    Later "defaultlanguage" defaultlanguage: Name = Name::from("en"), Text;
    /// Who this server is among those it publishes states with: `02:1a:…`.
    Obeyed "entityid" entityid: Name = Name::default(), Text;
    /// Calls at once; 0 is no limit.
    Later "maxcalls" maxcalls: u32 = 0, Uint;
    /// Megabytes of free memory below which calls are refused; 0 is off.
    Later "minmemfree" minmemfree_mb: u32 = 0, Uint;
    /// Group to run as.
    Obeyed "rungroup" rungroup: Name = Name::default(), Text;
    /// User to run as.
    Obeyed "runuser" runuser: Name = Name::default(), Text;
    /// Name of this server: the node in `ps_contacts.reg_server`, and a part of channel ids.
    Obeyed "systemname" systemname: Name = Name::default(), Text;
    /// Time before each line of the console.
    Later "timestamp" timestamp: bool = false, Truth;
    /// Detail of verbose messages.
    Obeyed "verbose" verbose: u32 = 0, Uint;
}

/// Options with nothing to govern here.
macro_rules! moot {
    ($($name:literal),* $(,)?) => {
        /// Options with nothing to govern here.
        pub static MOOT: &[Spec<Asterisk>] = &[ $(
            Spec {
                name: $name,
                doc: "Has nothing to govern here.",
                status: Status::Moot,
                apply: |_, _, _| Ok(()),
                print: |_, lines| lines.push(String::new()),
                write: |_, _| {},
            },
        )* ];
    };
}
moot![
    "alwaysfork",
    "astagidir",
    "astkeydir",
    "astmoddir",
    "astsbindir",
    "astcachedir",
    "astvarlibdir",
    "autosystemname",
    "cache_media_frames",
    "cache_record_files",
    "channel_storage_backend",
    "console",
    "disable_remote_console_shell",
    "documentation_language",
    "dontwarn",
    "dumpcore",
    "execincludes",
    "forceblackbackground",
    "hide_messaging_ami_events",
    "hideconnect",
    "highpriority",
    "initcrypto",
    "internal_timing",
    "languageprefix",
    "lightbackground",
    "live_dangerously",
    "lockconfdir",
    "maxfiles",
    "maxload",
    "mindtmfduration",
    "nocolor",
    "nofork",
    "quiet",
    "record_cache_dir",
    "refdebug",
    "rtp_pt_dynamic",
    "rtp_use_dynamic",
    "sounds_search_custom_dir",
    "stdexten",
    "trace",
    "transcode_via_sln",
    "transmit_silence",
    "transmit_silence_during_record",
];

flat_object!(Asterisk, Asterisk, [OPTIONS, MOOT], {
    fn lenient() -> bool {
        true
    }
});
