//! A server about to end answers what it has begun, and sends what is new elsewhere.

use crate::world::{Ask, PROBE, World, values};
use jackfield::switch::io::Input;

#[test]
fn new_requests_are_told_when_to_come_back_and_begun_ones_are_finished() {
    let mut world = World::with(PROBE);
    world.commit_at_once = false;
    let register = Ask::new("REGISTER", "erin", "").lines("Contact: <sip:e@h>\r\n");
    assert_eq!(world.statuses(&register), "nothing", "its 200 waits for the disk");
    let begun = world.commits.last().expect("a change").0;

    world.handle(Input::Drain(true));
    assert!(!world.switch.is_idle(), "an answer is owed");
    for method in ["REGISTER", "OPTIONS", "INVITE", "SUBSCRIBE", "MESSAGE"] {
        let answers = world.ask(&Ask::new(method, "erin", "").lines("Contact: <sip:e@h>\r\n"));
        assert!(answers[0].starts_with("SIP/2.0 503 Service Unavailable\r\n"), "{method}: {answers:?}");
        let after: u32 = values(&answers[0], "Retry-After")[0].parse().expect("a number");
        assert!((2..=10).contains(&after), "spread, so that not all come back at once: {after}");
    }
    let stranger = world.statuses(&Ask::new("REGISTER", "nobody", "").lines("Contact: <sip:e@h>\r\n"));
    assert_eq!(stranger, "503 Service Unavailable", "nothing tells who exists");
    let answers = world.handle(Input::Committed { sequence: begun });
    assert!(answers[0].starts_with("SIP/2.0 200 OK"), "{answers:?}");
    assert!(world.switch.is_idle());

    world.handle(Input::Drain(false));
    world.commit_at_once = true;
    assert_eq!(world.statuses(&register), "200 OK", "the stop was called off");
}
