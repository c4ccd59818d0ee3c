//! Counters of channels, and subscriptions.

use super::caller_of;
use super::columns::{cell, clock, left, right};
use crate::admin::shape::Answer;
use crate::switch::view::{ChannelStatsView, Reply, StreamStats, SubscriptionView};

/// `pjsip show channelstats`.
pub(super) fn stats(out: &mut String, reply: &Reply) {
    let Reply::ChannelStats(all) = reply else { return };
    if all.is_empty() {
        out.push_str(super::NOTHING);
        return;
    }
    let mut sorted: Vec<&ChannelStatsView> = all.iter().collect();
    sorted.sort_by(|a, b| (&a.bridge, &a.channel).cmp(&(&b.bridge, &b.channel)));
    out.push('\n');
    out.push_str(&" ".repeat(45));
    out.push_str("...........Receive......... .........Transmit..........\n");
    out.push_str(" BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter");
    out.push_str("   Count    Lost Pct  Jitter RTT....\n ");
    out.push_str(&"=".repeat(107));
    out.push_str("\n\n");
    for one in sorted {
        stats_line(out, one);
    }
    out.push_str(&format!("\nObjects found: {}\n\n", all.len()));
}

fn stats_line(out: &mut String, view: &ChannelStatsView) {
    if view.direct_media {
        left(out, &view.channel, 0);
        out.push_str(" direct media\n");
        return;
    }
    out.push(' ');
    cell(out, &view.bridge, 8);
    out.push(' ');
    // All are PJSIP channels, and the column is narrow.
    cell(out, view.channel.strip_prefix("PJSIP/").unwrap_or(&view.channel), 18);
    out.push(' ');
    cell(out, &clock(view.duration_secs), 8);
    out.push(' ');
    cell(out, &view.codec, 6);
    stream(out, &view.received);
    stream(out, &view.sent);
    out.push_str(&format!(" {:7.3}\n", view.round_trip_secs.min(999.999)));
}

fn stream(out: &mut String, stream: &StreamStats) {
    for count in [stream.packets, stream.lost] {
        let thousands = count > 100_000;
        let (count, unit) = if thousands { (count / 1000, 'K') } else { (count, ' ') };
        out.push_str(&format!(" {count:6}{unit}"));
    }
    let percent = (stream.lost * 100).checked_div(stream.packets).unwrap_or(0);
    out.push_str(&format!(" {percent:3} {:7.3}", stream.jitter_secs.min(999.999)));
}

/// `pjsip show subscriptions`: a block of three lines each.
pub(super) fn subscriptions(out: &mut String, reply: &Reply) {
    let Reply::Subscriptions(all) = reply else { return };
    for (title, label) in [("Endpoint: ", "Endpoint/Caller-ID"), ("Resource: ", "Resource/Event")] {
        out.push_str(title);
        super::columns::label(out, label, 65);
        out.push('\n');
    }
    out.push_str("  Expiry: <Expiry>  ");
    super::columns::label(out, "Call-id", 55);
    out.push('\n');
    out.push_str(&"=".repeat(75));
    out.push_str("\n\n");
    for one in all {
        out.push_str("Endpoint: ");
        left(out, &caller_of(one), 0);
        out.push_str("\nResource: ");
        left(out, &format!("{}/{}", one.resource, one.event), 0);
        out.push_str(&format!("\n  Expiry: {:8}  ", one.expires_secs));
        left(out, &one.call_id, 0);
        out.push_str("\n\n");
    }
    out.push_str(&format!("{} active subscriptions\n", all.len()));
}

/// `pjsip list subscriptions`: one line each.
pub(super) fn subscription_list(out: &mut String, reply: &Reply) {
    let Reply::Subscriptions(all) = reply else { return };
    cell(out, "Endpoint/CLI", 30);
    out.push(' ');
    cell(out, "Resource/Event", 30);
    out.push_str(" Expiry Call-id\n");
    for one in all {
        cell(out, &caller_of(one), 30);
        out.push(' ');
        cell(out, &format!("{}/{}", one.resource, one.event), 30);
        out.push(' ');
        right(out, &one.expires_secs.to_string(), 6);
        out.push(' ');
        left(out, &one.call_id, 0);
        out.push('\n');
    }
    out.push_str(&format!("\n{} active subscriptions\n", all.len()));
}

/// `pjsip show subscription CALLID`.
pub(super) fn subscription(reply: &Reply, call_id: &str) -> Answer {
    let found = match reply {
        Reply::Subscriptions(all) => all.iter().find(|one| one.call_id == call_id),
        _ => None,
    };
    let Some(one) = found else {
        return Answer::bad(format!("No subscription with Call-ID {call_id}.\n"));
    };
    let mut out = String::new();
    for (name, value) in fields(one) {
        left(&mut out, name, 20);
        out.push_str(": ");
        left(&mut out, &value, 0);
        out.push('\n');
    }
    Answer::good(out)
}

fn fields(one: &SubscriptionView) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("Resource", one.resource.clone()),
        ("Event", one.event.clone()),
        ("Expiry", one.expires_secs.to_string()),
        ("Endpoint", one.endpoint.clone()),
        ("Callid", one.call_id.clone()),
        ("State", one.state.to_owned()),
        ("Callerid", one.callerid_number.clone()),
    ];
    rows.extend(one.fields.iter().cloned());
    rows
}
