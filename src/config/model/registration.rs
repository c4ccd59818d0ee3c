//! `type=registration`: we register somewhere.

use super::endpoint_words::SecurityNegotiation;
use super::object::flat_object;
use super::provenance::Provenance;
use super::uri_check::{SipUri, check};
use crate::base::ids::Name;
use crate::config::value::Fault;
use crate::config::value::lists::{NameList, Names, TextList};
use crate::config::value::scalar::{Text, Truth, Uint, YesNo};
use crate::config::value::spec::options;
use crate::config::value::words::OneOf;

options! {
    struct
    /// A registration of ours with another server.
    #[derive(Clone, Debug, PartialEq)]
    Registration {
        /// Its name.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
    }
    OPTIONS: Registration, Registration::this, Registration::this_mut;

    /// Repeated 401 or 407 counts as permanent.
    Obeyed "auth_rejection_permanent" auth_rejection_permanent: bool = true, Truth;
    /// From and To of the REGISTER.
    Obeyed "client_uri" client_uri: Name = Name::default(), Text;
    /// Text appended to the parameters of Contact.
    Obeyed "contact_header_params" contact_header_params: Name = Name::default(), Text;
    /// User part of Contact; `s` when empty.
    Obeyed "contact_user" contact_user: Name = Name::default(), Text;
    /// Endpoint of calls that match the line.
    Obeyed "endpoint" endpoint: Name = Name::default(), Text;
    /// Seconds asked for.
    Obeyed "expiration" expiration_secs: u32 = 3600, Uint;
    /// Seconds after another permanent failure; 0 gives up.
    Obeyed "fatal_retry_interval" fatal_retry_interval_secs: u32 = 0, Uint;
    /// Seconds after 403; 0 gives up.
    Obeyed "forbidden_retry_interval" forbidden_retry_interval_secs: u32 = 0, Uint;
    /// Put a random line parameter in Contact, by which incoming calls are matched.
    Obeyed "line" line: bool = false, Truth;
    /// Upper bound in seconds of the random wait before the first REGISTER.
    Obeyed "max_random_initial_delay" max_random_initial_delay_secs: u32 = 10, Uint;
    /// Temporary failures tolerated before giving up.
    Obeyed "max_retries" max_retries: u32 = 10, Uint;
    /// Credentials for challenges, by name.
    Obeyed "outbound_auth" outbound_auth: Names = Names::None, NameList;
    /// Route of the REGISTER.
    Obeyed "outbound_proxy" outbound_proxy: Name = Name::default(), SipUri;
    /// Seconds after a temporary failure.
    Obeyed "retry_interval" retry_interval_secs: u32 = 60, Uint;
    /// Mechanisms of security_negotiation.
    Later "security_mechanisms" security_mechanisms: Box<[Name]> = Box::default(), TextList;
    /// Negotiation headers in the manner of RFC 3329.
    Later "security_negotiation" security_negotiation: SecurityNegotiation = SecurityNegotiation::No, OneOf;
    /// Where the REGISTER goes.
    Obeyed "server_uri" server_uri: Name = Name::default(), Text;
    /// Add outbound to Supported.
    Obeyed "support_outbound" support_outbound: bool = false, YesNo;
    /// Add path to Supported.
    Obeyed "support_path" support_path: bool = false, Truth;
    /// Transport used; else chosen by the URI.
    Obeyed "transport" transport: Name = Name::default(), Text;
    /// User-Agent of this REGISTER.
    Obeyed "user_agent" user_agent: Name = Name::default(), Text;
}

flat_object!(Registration, Registration, [OPTIONS], {
    fn hidden() -> &'static [&'static str] {
        &["security_mechanisms"]
    }

    fn settle(&mut self, faults: &mut Vec<(&'static str, Fault)>) {
        for (option, what, uri) in
            [("server_uri", "server", &self.server_uri), ("client_uri", "client", &self.client_uri)]
        {
            if uri.is_empty() {
                let fault = Fault::new("missing-option", format!("it has no {option}"));
                let log = format!("No {what} URI specified on outbound registration '{}'", self.name);
                faults.push((option, fault.log(log)));
            } else if let Err(mut fault) = check(uri) {
                fault.message = format!("{option}: {}", fault.message);
                let log =
                    format!("Invalid {what} URI '{uri}' specified on outbound registration '{}'", self.name);
                faults.push((option, fault.log(log)));
            }
        }
        if self.line && self.endpoint.is_empty() {
            let fault = Fault::new("missing-option", "line=yes needs an endpoint to give the calls to");
            faults.push(("line", fault.help("add endpoint=NAME")));
        }
        if !self.line && !self.endpoint.is_empty() {
            let message = "endpoint is set without line=yes, by which its calls would be known";
            let log = format!(
                "Endpoint has been specified on outbound registration '{}' without enabling line support",
                self.name
            );
            let fault = Fault::new("contradiction", message).log(log);
            faults.push(("endpoint", fault.help("add line=yes, or leave endpoint out")));
        }
        if self.expiration_secs == 0 {
            let fault = Fault::new("bad-value", "expiration=0 registers nothing");
            faults.push(("expiration", fault.help("name the seconds to register for, or leave it out")));
        }
    }
});
