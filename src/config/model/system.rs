//! `type=system`: one object, read at start only.

use super::object::flat_object;
use super::provenance::Provenance;
use crate::base::ids::Name;
use crate::config::value::Fault;
use crate::config::value::scalar::{Truth, Uint};
use crate::config::value::spec::options;

options! {
    struct
    /// What holds for the whole stack, from start to end.
    #[derive(Clone, Debug, PartialEq)]
    System {
        /// Its name.
        name: Name = Name::default();
        /// Where it was written.
        provenance: Provenance = Provenance::default();
    }
    OPTIONS: System, System::this, System::this_mut;

    /// Accept changed SDP from the same To tag while early.
    Obeyed "accept_multiple_sdp_answers" accept_multiple_sdp_answers: bool = false, Truth;
    /// Send one-letter header names.
    Later "compact_headers" compact_headers: bool = false, Truth;
    /// Omit rport from the Via of our requests.
    Later "disable_rport" disable_rport: bool = false, Truth;
    /// Do not move large UDP requests to TCP.
    Later "disable_tcp_switch" disable_tcp_switch: bool = true, Truth;
    /// Accept new SDP from a different To tag while early.
    Obeyed "follow_early_media_fork" follow_early_media_fork: bool = true, Truth;
    /// Thread pools: there are none to tune.
    Moot "taskpool_auto_increment" taskpool_auto_increment: u32 = 1, Uint;
    /// Thread pools: there are none to tune.
    Moot "taskpool_idle_timeout" taskpool_idle_timeout_secs: u32 = 60, Uint;
    /// Thread pools: there are none to tune.
    Moot "taskpool_initial_size" taskpool_initial_size: u32 = 4, Uint;
    /// Thread pools: there are none to tune.
    Moot "taskpool_max_size" taskpool_max_size: u32 = 50, Uint;
    /// Thread pools: there are none to tune.
    Moot "taskpool_minimum_size" taskpool_minimum_size: u32 = 4, Uint;
    /// Timer B in milliseconds: INVITE transaction timeout.
    Obeyed "timer_b" timer_b_ms: u32 = 32_000, Uint;
    /// T1 in milliseconds.
    Obeyed "timer_t1" timer_t1_ms: u32 = 500, Uint;
}

options! {
    own
    /// Old names of the pools' options.
    OLD: System, System::this, System::this_mut;

    /// Old name of taskpool_auto_increment.
    Moot "threadpool_auto_increment" taskpool_auto_increment, Uint;
    /// Old name of taskpool_idle_timeout.
    Moot "threadpool_idle_timeout" taskpool_idle_timeout_secs, Uint;
    /// Old name of taskpool_initial_size.
    Moot "threadpool_initial_size" taskpool_initial_size, Uint;
    /// Old name of taskpool_max_size.
    Moot "threadpool_max_size" taskpool_max_size, Uint;
}

flat_object!(System, System, [OPTIONS, OLD], {
    fn settle(&mut self, _: &mut Vec<(&'static str, Fault)>) {
        // Raised, as in Asterisk.
        self.timer_t1_ms = self.timer_t1_ms.max(100);
        self.timer_b_ms = self.timer_b_ms.max(self.timer_t1_ms.saturating_mul(64));
    }
});
