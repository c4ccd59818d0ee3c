//! Why: the same decisions as the pipeline's, made for a question instead of a packet, with every step kept.

use super::Switch;
use super::inbound::Inbound;
use super::view::{Explanation, IdentifyQuestion, Reply, Step};
use crate::base::ids::{FlowId, TransportId};
use crate::base::time::Now;
use crate::config::suggest;
use crate::config::{Object, Origin};
use crate::identify::{Identifier, Trace};
use crate::sip::flow::{Arrival, Protocol};
use crate::sip::wire::Index;

impl Switch {
    /// `explain identify`.
    pub(super) fn explain_identify(&self, _now: Now, question: &IdentifyQuestion) -> Reply {
        let bytes = question.packet.clone().unwrap_or_else(|| packet_of(question));
        let mut index = Index::default();
        let message = match index.scan(&bytes) {
            Ok(message) => message,
            Err(fault) => return Reply::Refused(format!("The packet cannot be read: {fault}")),
        };
        let envelope = match message.envelope() {
            Ok(envelope) => envelope,
            Err(fault) => return Reply::Refused(format!("The packet cannot be read: {fault}")),
        };
        let (Some(method), Ok(from)) = (message.method(), envelope.from.uri()) else {
            return Reply::Refused("The packet is no request".into());
        };
        let arrival = Arrival {
            transport: self.transports.keys().min().copied().unwrap_or(TransportId(0)),
            protocol: Protocol::Udp,
            flow: FlowId::DATAGRAM,
            source: question.source,
            local: question.source,
        };
        let inbound =
            Inbound { arrival, message, envelope, method, from, force_rport: true, transaction: None };
        let mut trace = Trace::kept();
        let found = self.find_endpoint(&inbound, &mut trace);
        let steps = trace.steps.unwrap_or_default();
        let mut explanation = Explanation {
            steps: steps
                .into_iter()
                .map(|(by, outcome, text)| self.identify_step(by, outcome, text))
                .collect(),
            ..Explanation::default()
        };
        match found {
            Some(found) => {
                explanation.verdict = format!("endpoint '{}', identified by {}", found.endpoint, found.by);
                self.explain_admission(&found.endpoint, &inbound, &mut explanation);
            }
            None => {
                explanation.verdict =
                    "no endpoint: the request is answered 401 with a dummy challenge that nothing satisfies"
                        .into();
                self.advise_nobody(&inbound, &mut explanation);
            }
        }
        Reply::Explanation(explanation)
    }

    fn identify_step(&self, by: Identifier, outcome: &'static str, text: String) -> Step {
        let what = format!("{by}: {text}");
        // The section's own line stands behind a step that names one.
        let section = text.split('\'').nth(1).and_then(|name| self.directory.objects.identifies.get(name));
        let culprit = match (by, section) {
            (Identifier::Ip | Identifier::Header | Identifier::RequestUri, Some(section)) => {
                format!("identify '{}' at {}", section.name, self.place(Some(section.at())))
            }
            _ => String::new(),
        };
        Step { outcome, what, culprit }
    }

    /// What happens after identification: acl, then digest.
    fn explain_admission(&self, name: &str, inbound: &Inbound<'_>, explanation: &mut Explanation) {
        let Some(endpoint) = self.directory.endpoint(name) else { return };
        let place = |option: &str| self.place(endpoint.origin_of(option));
        let mut step =
            |outcome, what: String, culprit: String| explanation.steps.push(Step { outcome, what, culprit });
        match endpoint.options.access.refused_by(inbound.arrival.source.ip()) {
            Some(list) => {
                let culprit = format!("endpoint '{name}' {list} at {}", place(list));
                step(
                    "fail",
                    "the endpoint's acl refuses this source: answered 401 like a stranger".into(),
                    culprit,
                );
                return;
            }
            None if endpoint.options.access.is_empty() => {}
            None => step("pass", "the endpoint's acl allows this source".into(), String::new()),
        }
        if endpoint.auth.is_empty() {
            step("pass", "the endpoint names no auth: the request is not challenged".into(), String::new());
        } else {
            let auths: Vec<&str> = endpoint.auth.iter().map(|auth| &**auth).collect();
            let what = format!("challenged with auth {}", auths.join(", "));
            step("pass", what, format!("endpoint '{name}' auth at {}", place("auth")));
        }
    }

    fn advise_nobody(&self, inbound: &Inbound<'_>, explanation: &mut Explanation) {
        let user = self.directory.chain.user_of(&inbound.from);
        let names = self.directory.objects.endpoints.keys().map(|name| &**name);
        if let Some(near) = suggest::nearest(&user, names) {
            explanation.advice.push(format!("did the phone mean '{near}'? From says '{user}'; case counts"));
        }
        let ip = inbound.arrival.source.ip();
        explanation
            .advice
            .push(format!("to identify by address: an identify section with match={ip} and endpoint=…"));
        if self.directory.endpoint("anonymous").is_none() {
            explanation.advice.push("to let strangers in: an endpoint named 'anonymous'".into());
        }
    }

    /// `explain auth`: what a name would be challenged with, and why.
    pub(super) fn explain_auth(&self, name: &str) -> Reply {
        let Some(endpoint) = self.directory.endpoint(name) else {
            let mut explanation = Explanation {
                verdict: format!("there is no endpoint '{name}': requests from it get a dummy challenge"),
                ..Explanation::default()
            };
            let names = self.directory.objects.endpoints.keys().map(|name| &**name);
            explanation
                .advice
                .extend(suggest::nearest(name, names).map(|near| format!("did you mean '{near}'?")));
            return Reply::Explanation(explanation);
        };
        let mut explanation = Explanation::default();
        for auth_name in endpoint.auth.iter() {
            let culprit = format!("endpoint '{name}' auth at {}", self.place(endpoint.origin_of("auth")));
            match self.directory.auth(auth_name) {
                None => explanation.steps.push(Step {
                    outcome: "fail",
                    what: format!("auth '{auth_name}' does not exist: every request is answered 500"),
                    culprit,
                }),
                Some(auth) => {
                    let global = &self.directory.objects.global;
                    let realm = &auth.options.realm;
                    let realm = if realm.is_empty() { &global.default_realm } else { realm };
                    explanation.steps.push(Step {
                        outcome: "pass",
                        what: format!(
                            "auth '{auth_name}': user name '{}', realm '{realm}', nonce good for {} s",
                            auth.username, auth.options.nonce_lifetime_secs
                        ),
                        culprit: format!("auth '{auth_name}' at {}", self.place(Some(auth.at()))),
                    });
                }
            }
        }
        explanation.verdict = match endpoint.auth.is_empty() {
            true => format!("endpoint '{name}' names no auth: its requests are not challenged"),
            false => format!("endpoint '{name}' is challenged; credentials for any of its auths let it in"),
        };
        Reply::Explanation(explanation)
    }

    /// `file:line`, or `default`.
    pub(super) fn place(&self, origin: Option<Origin>) -> String {
        match origin {
            Some(origin) => self.directory.objects.sources.place(origin).to_string(),
            None => "default".to_owned(),
        }
    }
}

/// A request made from the question's fields.
fn packet_of(question: &IdentifyQuestion) -> Vec<u8> {
    let from = question.from.trim_matches(['<', '>']);
    let host =
        from.rsplit('@').next().unwrap_or("localhost").trim_start_matches("sip:").trim_start_matches("sips:");
    let uri = question.request_uri.clone().unwrap_or_else(|| format!("sip:{host}"));
    let mut text = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bKexplain\r\nFrom: <{from}>;tag=explain\r\n\
         To: <{uri}>\r\nCall-ID: explain\r\nCSeq: 1 INVITE\r\n",
        question.source
    );
    for header in &question.headers {
        // One line each: a header given with line ends would smuggle others in.
        text.push_str(&header.replace(['\r', '\n'], " "));
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}
