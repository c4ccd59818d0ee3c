//! The probe configuration's values, as the recording found them: alice, bob and rex registered, trunk qualified,
//! lost qualified without an answer, erin in a call with callee.

use jackfield::switch::view::{
    AorView, AuthView, ChannelStatsView, ChannelView, ContactView, EndpointView, IdentifyView, Options,
    RegistrationView, SubscriptionView, TransportView,
};

pub fn contact(aor: &str, uri: &str, hash: &str, status: &'static str) -> ContactView {
    ContactView {
        aor: aor.into(),
        uri: uri.into(),
        hash: hash.into(),
        dynamic: matches!(aor, "alice" | "bob" | "rex"),
        status,
        rtt_micros: (status == "Avail").then_some(378),
        expires: None,
        options: Options::new(),
        source: None,
        user_agent: String::new(),
    }
}

pub fn contacts() -> Vec<ContactView> {
    vec![
        contact("alice", "sip:alice@127.0.0.1:7101", "62dd43d0830b863f76148e0436e58471", "NonQual"),
        contact("bob", "sip:bob@127.0.0.1:7202;transport=udp", "257c9e8d00e14480d66fc85d28783458", "NonQual"),
        contact("bob", "sip:bob@127.0.0.1:7201", "d46b7f4e63cf6536c5fd13b920b2e8e2", "NonQual"),
        contact("callee", "sip:callee@127.0.0.1:6070", "b6ebed98ee00000000000000000000ff", "NonQual"),
        contact("lost", "sip:lost@127.0.0.1:6074", "29c352343400000000000000000000ff", "Unavail"),
        contact("rex", "sip:rex@127.0.0.1:7301", "cc1eb1553b1bad0d8b5c156b0cfbde32", "NonQual"),
        contact("trunk", "sip:127.0.0.1:6070", "411855a28200000000000000000000ff", "Avail"),
    ]
}

pub fn aor(name: &str, max_contacts: u32) -> AorView {
    let contacts = contacts().into_iter().filter(|contact| &*contact.aor == name).collect();
    AorView { name: name.into(), max_contacts, contacts, options: Options::new() }
}

pub fn aors() -> Vec<AorView> {
    [("alice", 1), ("bob", 2), ("callee", 0), ("dave", 0), ("erin", 5), ("lost", 0), ("rex", 1), ("trunk", 0)]
        .into_iter()
        .chain([("twoaor", 1), ("twoaor-b", 1)])
        .map(|(name, max)| aor(name, max))
        .collect()
}

pub fn auth(name: &str, username: &str) -> AuthView {
    AuthView { name: name.into(), username: username.into(), options: Options::new() }
}

pub fn auths() -> Vec<AuthView> {
    [
        ("alice", "alice"),
        ("bob", "bob"),
        ("carol", "carol"),
        ("dave", "dave"),
        ("reg-out", "me"),
        ("rex", "rex"),
    ]
    .into_iter()
    .chain([("twoaor", "twoaor")])
    .map(|(name, user)| auth(name, user))
    .collect()
}

pub fn identify() -> IdentifyView {
    IdentifyView {
        name: "trunk".into(),
        endpoint: "trunk".into(),
        matches: vec!["127.0.0.2/32".into()],
        header: String::new(),
        request_uri: String::new(),
        options: Options::new(),
    }
}

pub fn channels() -> Vec<ChannelView> {
    let callee = ChannelView {
        name: "PJSIP/callee-00000001".into(),
        application: "AppDial".into(),
        data: "(Outgoing Line)".into(),
        state: "Up",
        duration_secs: 6,
        context: "probe".into(),
        priority: 1,
        caller: (String::new(), "609".into()),
        connected: (String::new(), "erin".into()),
        bridge: "3a3bd5b6-0d17-4f05-85ee-0138e4996451".into(),
        unique_id: "1795207462.1".into(),
        ..ChannelView::default()
    };
    let erin = ChannelView {
        name: "PJSIP/erin-00000000".into(),
        application: "Dial".into(),
        data: "PJSIP/callee,20".into(),
        extension: "609".into(),
        caller: (String::new(), "erin".into()),
        connected: (String::new(), "609".into()),
        unique_id: "1795207462.0".into(),
        ..callee.clone()
    };
    vec![callee, erin]
}

pub fn endpoint(name: &str) -> EndpointView {
    let one = |auths: Vec<AuthView>| auths.into_iter().filter(|auth| &*auth.name == name).collect::<Vec<_>>();
    let called: Vec<ChannelView> =
        channels().into_iter().filter(|channel| channel.name.contains(&format!("/{name}-"))).collect();
    let available = matches!(name, "alice" | "bob" | "rex" | "trunk");
    EndpointView {
        name: name.into(),
        callerid_number: if name == "alice" { "100".into() } else { String::new() },
        state: match (called.is_empty(), available) {
            (false, _) => "In use",
            (true, true) => "Not in use",
            (true, false) => "Unavailable",
        },
        active_channels: called.len(),
        busy_at: 0,
        outbound_auths: Vec::new(),
        inbound_auths: one(auths()),
        aors: aors()
            .into_iter()
            .filter(|aor| &*aor.name == name || (name == "twoaor" && &*aor.name == "twoaor-b"))
            .collect(),
        transport: None,
        identifies: if name == "trunk" { vec![identify()] } else { Vec::new() },
        channels: called,
        options: Options::new(),
    }
}

pub fn endpoints() -> Vec<EndpointView> {
    ["alice", "bob", "callee", "carol", "dave", "erin", "fenced", "lost", "nosub", "rex", "trunk", "twoaor"]
        .map(endpoint)
        .into()
}

pub fn transports() -> Vec<TransportView> {
    [("transport-tcp", "tcp"), ("transport-udp", "udp")]
        .map(|(name, protocol)| TransportView {
            name: name.into(),
            protocol,
            cos: 0,
            tos: 0,
            bind: "127.0.0.1:6065".into(),
            fault: None,
            options: Options::new(),
        })
        .into()
}

pub fn registration() -> RegistrationView {
    RegistrationView {
        name: "reg-out".into(),
        server_uri: "sip:127.0.0.1:6074".into(),
        auth: Some("reg-out".into()),
        status: "Unregistered",
        next_secs: Some(-10),
        why: String::new(),
        options: Options::new(),
    }
}

pub fn stats() -> Vec<ChannelStatsView> {
    ["PJSIP/callee-00000001", "PJSIP/erin-00000000"]
        .map(|channel| ChannelStatsView {
            bridge: "3a3bd5b6-0d17-4f05-85ee-0138e4996451".into(),
            channel: channel.into(),
            duration_secs: 6,
            codec: "ulaw".into(),
            ..ChannelStatsView::default()
        })
        .into()
}

pub fn subscription() -> SubscriptionView {
    SubscriptionView {
        endpoint: "erin".into(),
        resource: "pres".into(),
        event: "presence".into(),
        expires_secs: 113,
        call_id: "03545b8d6841782f".into(),
        state: "Active",
        ..SubscriptionView::default()
    }
}
