//! How a call stood at a moment.

use ilock_events::{CallState, Millis};
use serde::Serialize;

/// How a call stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub at: Millis,
    /// Milliseconds since it was placed.
    pub since_placed: i64,
    /// The last commit by then.
    pub n: u32,
    /// Where it stood; none when it could not be known.
    pub state: Option<CallState>,
    /// Who had brought it there.
    pub by: Option<String>,
    /// Who had answered.
    pub answered_by: Option<String>,
    /// Phones that had said that they ring; a person's, where a phone did not say which it is.
    pub ringing: Vec<String>,
    /// Milliseconds until nobody could answer any more; negative afterwards.
    pub deadline_in: Option<i64>,
    /// Whom a carrier had been handed something for, and what.
    pub told: Vec<String>,
    /// Why the state could not be known.
    pub broken: Option<String>,
}
