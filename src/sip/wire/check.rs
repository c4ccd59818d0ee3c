//! What every request is checked for before anyone decides about it.

use super::address::Contact;
use super::header::Header;
use super::message::{Envelope, Message};
use super::scan::Fault;

/// Reads what the pipeline reads of every request: the envelope, the request URI, Max-Forwards and each Contact with
/// its URI. A request that passes can be answered, routed and stored without meeting a broken value again.
///
/// Broken expiry values are no fault: RFC 3261 10.2.1.1 and RFC 4475 3.1.2.4 take the default for them.
///
/// # Errors
/// The first fault; [`Fault::status`] says what to answer.
pub fn check_request<'m>(message: &Message<'m>) -> Result<Envelope<'m>, Fault> {
    let envelope = message.envelope()?;
    message.uri().map_err(|_| Fault::RequestUri)?;
    if message.number(Header::MaxForwards) == Some(None) {
        return Err(Fault::Value(Header::MaxForwards));
    }
    for contact in message.contacts() {
        if let Contact::Address(address) = contact? {
            address.uri().map_err(|_| Fault::Value(Header::Contact))?;
        }
    }
    Ok(envelope)
}
