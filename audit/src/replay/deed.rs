//! Commands, in words.

use crate::replay::step::{CommitStep, Step};
use crate::replay::story::Story;

/// What the command of a step asks for, in words.
pub(crate) fn deed(step: &Step, done: &CommitStep, story: &Story) -> String {
    let arg = |name: &str| {
        done.cmd.args.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    match done.cmd.kind.as_str() {
        "place" => format!(
            "rings {} for {} s, room {}",
            arg("callee").unwrap_or_default(),
            arg("ring_seconds").unwrap_or_default(),
            arg("room_id").unwrap_or_default()
        ),
        "alert" => "says that it is ringing".into(),
        "accept" => "accepts".into(),
        "reject" => "rejects".into(),
        "cancel" => "cancels".into(),
        "hang_up" => "hangs up".into(),
        "expire" => match &story.placed {
            Some(placed) => {
                format!("finds the time up, {} ms after the deadline", step.at.since(placed.terms.deadline))
            }
            None => "finds the time up".into(),
        },
        "fail" => format!("gives up: {}", arg("reason").unwrap_or_default()),
        other => other.to_owned(),
    }
}
