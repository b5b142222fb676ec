//! A story as JSON, a line for each step.

use crate::replay::story::Story;

/// One JSON object a line: first what verifying found, then each step, then what was forgotten later, where the commits do not add up, then how the call
/// stood, where the story was cut.
///
/// # Errors
/// What serialising says; none.
pub fn jsonl(story: &Story) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    let mut verdict = serde_json::to_value(&story.verdict)?;
    verdict["step"] = "verdict".into();
    if let Some(proven) = &story.proven {
        verdict["proof"] = serde_json::to_value(proven)?;
    }
    out.push_str(&verdict.to_string());
    out.push('\n');
    for step in &story.steps {
        out.push_str(&serde_json::to_string(step)?);
        out.push('\n');
    }
    for gone in &story.forgotten {
        let mut line = serde_json::to_value(gone)?;
        if let Some(line) = line.as_object_mut() {
            line.insert("step".into(), "forgotten".into());
        }
        out.push_str(&line.to_string());
        out.push('\n');
    }
    if let Some(why) = &story.broken {
        out.push_str(&serde_json::to_string(&serde_json::json!({ "step": "broken", "why": why }))?);
        out.push('\n');
    }
    if let Some(standing) = &story.standing {
        out.push_str(&serde_json::to_string(&serde_json::json!({ "step": "standing", "standing": standing }))?);
        out.push('\n');
    }
    Ok(out)
}
