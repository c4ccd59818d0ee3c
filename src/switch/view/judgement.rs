//! What `explain` answers.

use serde::Serialize;

/// A judgement with its reasons, in the order they were considered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Explanation {
    /// The outcome in one sentence.
    pub verdict: String,
    /// Each step: what was asked, and what it said.
    pub steps: Vec<Step>,
    /// What would change the outcome, smallest change first.
    pub advice: Vec<String>,
}

/// One step of an [`Explanation`].
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// `match`, `pass`, `fail`, `skip`.
    pub outcome: &'static str,
    /// What was looked at.
    pub what: String,
    /// The object and option behind it, with `file:line`, when there is one.
    pub culprit: String,
}
