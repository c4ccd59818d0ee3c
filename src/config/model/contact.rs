//! `type=contact`: a bound contact as a row of `ps_contacts` or an entry of astdb has it. The registrar writes them;
//! seldom anybody does by hand.

use std::time::Duration;

use super::object::flat_object;
use super::provenance::Provenance;
use super::uri_check::SipUri;
use crate::base::ids::Name;
use crate::config::value::Fault;
use crate::config::value::scalar::{Between, FractionalSecs, Text, Truth, UnixTime, YesNo};
use crate::config::value::spec::options;

options! {
    struct
    /// A bound contact.
    #[derive(Clone, Debug, PartialEq)]
    Contact {
        /// Its name: `<aor>;@<md5 of the URI>`.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
    }
    OPTIONS: Contact, Contact::this, Contact::this_mut;

    /// Copied from the aor.
    Later "authenticate_qualify" authenticate_qualify: bool = false, YesNo;
    /// Call-ID of the REGISTER.
    Later "call_id" call_id: Name = Name::default(), Text;
    /// Endpoint that registered it.
    Later "endpoint" endpoint: Name = Name::default(), Text;
    /// Second since 1970 when it expires; 0 is never.
    Later "expiration_time" expiration_time_secs: u64 = 0, UnixTime;
    /// Copied from the aor.
    Later "outbound_proxy" outbound_proxy: Name = Name::default(), Text;
    /// Comma-joined Path values.
    Later "path" path: Name = Name::default(), Text;
    /// Delete at restart: it depends on a connection.
    Later "prune_on_boot" prune_on_boot: bool = false, YesNo;
    /// Copied from the aor.
    Later "qualify_2xx_only" qualify_2xx_only: bool = false, Truth;
    /// Copied from the aor, in seconds.
    Later "qualify_frequency" qualify_frequency_secs: u32 = 0, Between<0, 86400>;
    /// Copied from the aor.
    Later "qualify_timeout" qualify_timeout: Duration = Duration::from_secs(3), FractionalSecs;
    /// systemname of the server that took the REGISTER.
    Later "reg_server" reg_server: Name = Name::default(), Text;
    /// The registered URI after rewriting.
    Later "uri" uri: Name = Name::default(), SipUri;
    /// User-Agent of the REGISTER.
    Later "user_agent" user_agent: Name = Name::default(), Text;
    /// Sent-by host of the last Via of the REGISTER.
    Later "via_addr" via_addr: Name = Name::default(), Text;
    /// Sent-by port of that Via.
    Later "via_port" via_port: u16 = 0, Between<0, 65535>;
}

flat_object!(Contact, Contact, [OPTIONS], {
    fn settle(&mut self, faults: &mut Vec<(&'static str, Fault)>) {
        if self.uri.is_empty() {
            faults.push(("uri", Fault::new("missing-option", "it has no uri")));
        }
    }
});

impl Contact {
    /// The aor it is bound to: what stands before `;@` in its name.
    pub fn aor(&self) -> &str {
        self.name.split_once(";@").map_or(&*self.name, |(aor, _)| aor)
    }
}
