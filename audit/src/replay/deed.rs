//! Commands, in words.

use ilock_events::StoredCommand;

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
            callees(&done.cmd),
            arg("ring_seconds").unwrap_or_default(),
            arg("room_id").unwrap_or_default()
        ),
        "alert" if previews(story) => "says that it is ringing, and may look and listen".into(),
        "alert" => "says that it is ringing".into(),
        "accept" => "accepts".into(),
        "decline" => "does not take it on this phone".into(),
        "reject" => "rejects".into(),
        "cancel" => "cancels".into(),
        "hang_up" => "hangs up".into(),
        "expire" => match &story.placed {
            Some(placed) => {
                format!("finds the time up, {} ms after the deadline", step.at.since(placed.terms.deadline))
            }
            None => "finds the time up".into(),
        },
        "end" => format!("ends the call: {}", arg("reason").unwrap_or_default()),
        "fail" => format!("gives up: {}", arg("reason").unwrap_or_default()),
        other => other.to_owned(),
    }
}

/// Whether the first phone that rang was given the way into the room before the answer.
fn previews(story: &Story) -> bool {
    story.placed.as_ref().and_then(|placed| placed.alerted.as_ref()).is_some_and(|alerted| alerted.preview)
}

/// Who is rung, by name.
fn callees(cmd: &StoredCommand) -> String {
    let callees = cmd.args.get("callees").and_then(|callees| callees.as_array());
    let names = callees.into_iter().flatten().filter_map(|callee| callee["id"].as_str());
    names.collect::<Vec<_>>().join(", ")
}
