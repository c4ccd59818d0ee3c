//! Hangup causes by number and by Asterisk's names (Q.850 and a few of its own).

const NAMES: &[(u8, &str)] = &[
    (1, "UNALLOCATED"),
    (2, "NO_ROUTE_TRANSIT_NET"),
    (3, "NO_ROUTE_DESTINATION"),
    (5, "MISDIALLED_TRUNK_PREFIX"),
    (6, "CHANNEL_UNACCEPTABLE"),
    (7, "CALL_AWARDED_DELIVERED"),
    (8, "PRE_EMPTED"),
    (14, "NUMBER_PORTED_NOT_HERE"),
    (16, "NORMAL_CLEARING"),
    (17, "USER_BUSY"),
    (18, "NO_USER_RESPONSE"),
    (19, "NO_ANSWER"),
    (20, "SUBSCRIBER_ABSENT"),
    (21, "CALL_REJECTED"),
    (22, "NUMBER_CHANGED"),
    (23, "REDIRECTED_TO_NEW_DESTINATION"),
    (26, "ANSWERED_ELSEWHERE"),
    (27, "DESTINATION_OUT_OF_ORDER"),
    (28, "INVALID_NUMBER_FORMAT"),
    (29, "FACILITY_REJECTED"),
    (30, "RESPONSE_TO_STATUS_ENQUIRY"),
    (31, "NORMAL_UNSPECIFIED"),
    (34, "NORMAL_CIRCUIT_CONGESTION"),
    (38, "NETWORK_OUT_OF_ORDER"),
    (41, "NORMAL_TEMPORARY_FAILURE"),
    (42, "SWITCH_CONGESTION"),
    (43, "ACCESS_INFO_DISCARDED"),
    (44, "REQUESTED_CHAN_UNAVAIL"),
    (45, "PRE_EMPTED"),
    (50, "FACILITY_NOT_SUBSCRIBED"),
    (52, "OUTGOING_CALL_BARRED"),
    (54, "INCOMING_CALL_BARRED"),
    (57, "BEARERCAPABILITY_NOTAUTH"),
    (58, "BEARERCAPABILITY_NOTAVAIL"),
    (65, "BEARERCAPABILITY_NOTIMPL"),
    (66, "CHAN_NOT_IMPLEMENTED"),
    (69, "FACILITY_NOT_IMPLEMENTED"),
    (81, "INVALID_CALL_REFERENCE"),
    (88, "INCOMPATIBLE_DESTINATION"),
    (95, "INVALID_MSG_UNSPECIFIED"),
    (96, "MANDATORY_IE_MISSING"),
    (97, "MESSAGE_TYPE_NONEXIST"),
    (98, "WRONG_MESSAGE"),
    (99, "IE_NONEXIST"),
    (100, "INVALID_IE_CONTENTS"),
    (101, "WRONG_CALL_STATE"),
    (102, "RECOVERY_ON_TIMER_EXPIRE"),
    (103, "MANDATORY_IE_LENGTH_ERROR"),
    (111, "PROTOCOL_ERROR"),
    (127, "INTERWORKING"),
    // Names Asterisk keeps for old causes.
    (17, "BUSY"),
    (127, "FAILURE"),
    (16, "NORMAL"),
    (19, "NOANSWER"),
    (34, "CONGESTION"),
    (20, "UNREGISTERED"),
];

/// A cause by its number (1–127) or name, with or without `AST_CAUSE_`; `None` for anything else, 0 included.
pub fn parse(text: &str) -> Option<u8> {
    let text = text.trim();
    if let Ok(number) = text.parse::<u8>() {
        return Some(number).filter(|number| (1..=127).contains(number));
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("AST_CAUSE_").unwrap_or(&upper);
    NAMES.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// Asterisk's name of a cause.
pub fn name(cause: u8) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == cause).map(|(_, name)| *name)
}

/// What a cause means, in the words of Asterisk's log.
pub fn description(cause: u8) -> &'static str {
    match cause {
        1 => "Unallocated (unassigned) number",
        3 => "No route to destination",
        6 => "Channel unacceptable",
        16 => "Normal Clearing",
        17 => "User busy",
        19 => "User alerting, no answer",
        20 => "Subscriber absent",
        34 => "Circuit/channel congestion",
        42 => "Switching equipment congestion",
        58 => "Bearer capability not available",
        66 => "Channel not implemented",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_known_by_number_and_name() {
        for (text, cause) in [
            ("17", Some(17)),
            ("USER_BUSY", Some(17)),
            ("busy", Some(17)),
            ("AST_CAUSE_NO_ANSWER", Some(19)),
            ("0", None),
        ] {
            assert_eq!(parse(text), cause, "{text}");
        }
        assert_eq!((parse("128"), parse(""), parse("x")), (None, None, None));
        assert_eq!(name(34), Some("NORMAL_CIRCUIT_CONGESTION"));
    }
}
