//! The objects of a configuration, typed. One file per object; each ties its option names to fields with a table of
//! [`Spec`](super::value::Spec)s.

pub mod acl;
pub mod aor;
pub mod asterisk;
pub mod auth;
pub mod contact;
pub mod domain_alias;
pub mod endpoint;
pub mod endpoint_options;
pub mod endpoint_words;
pub mod global;
pub mod identify;
pub mod jackfield;
pub mod object;
pub mod other;
pub mod provenance;
pub mod publishing;
pub mod registration;
pub mod rtp;
pub mod system;
pub mod transport;
pub mod uri_check;

pub use acl::{Acl, NamedAcl};
pub use aor::{Aor, AorOptions};
pub use asterisk::Asterisk;
pub use auth::{Auth, AuthOptions};
pub use contact::Contact;
pub use domain_alias::DomainAlias;
pub use endpoint::{Endpoint, EndpointExtra};
pub use endpoint_options::EndpointOptions;
pub use global::Global;
pub use identify::Identify;
pub use jackfield::Jackfield;
pub use object::{Object, Pool};
pub use other::Other;
pub use provenance::Provenance;
pub use publishing::{AsteriskPublication, OutboundPublish, PublishEvent};
pub use registration::Registration;
pub use rtp::Rtp;
pub use system::System;
pub use transport::Transport;
