//! What a reader asks first: how the call ended, how long it took, who took part, and what proves it.

use ilock_events::{CallState, Party, PartyKind};

use crate::replay::story::Story;
use crate::replay::times::{day_and_time, seconds};

/// What and what about it, in words.
pub(super) fn facts(story: &Story) -> Vec<(&'static str, String)> {
    let mut facts = vec![];
    if let Some(standing) = &story.standing {
        facts.push(("Shown up to", format!("{} after it was placed", seconds(standing.since_placed))));
    }
    facts.push(("Outcome", outcome(story)));
    facts.push(("Duration", duration(story)));
    facts.push(("Parties", parties(story)));
    facts.push(("Placed", day_and_time(story.at)));
    if let Some(last) = story.commits.last() {
        facts.push(("Last hash", format!("{} (commit {})", last.hash, last.n)));
    }
    let proof = story.proven.as_ref().map(super::verdict::Proven::summary);
    let how = format!("not checked against the ledger: ilock prove {} --output FILE", story.call_id);
    facts.push(("Proof", proof.unwrap_or(how)));
    facts.push(("Verdict", story.verdict.summary()));
    facts
}

fn outcome(story: &Story) -> String {
    let Some(placed) = &story.placed else { return "not known: the commit that placed it is not there".into() };
    if placed.state == CallState::Ringing {
        return "still ringing".into();
    }
    let why = placed.reason.map(|reason| format!(" ({})", reason.word())).unwrap_or_default();
    // Nobody did that: the person's setting refuses while they are in another call.
    let how = placed.won_by().map_or_else(|| " at once".to_owned(), |winner| format!(", by {winner}"));
    format!("{}{why}{how}", placed.state.word())
}

fn duration(story: &Story) -> String {
    let (Some(placed), Some(last)) = (&story.placed, story.commits.last()) else { return "not known".into() };
    match &placed.answer {
        None => format!("{} from placing to the last commit, not answered", seconds(last.at.since(placed.at))),
        Some(answer) => {
            let (rang, talked) = (answer.at.since(placed.at), last.at.since(answer.at));
            let so_far = if placed.state.is_final() { "" } else { " so far" };
            format!("answered after {}, then {}{so_far}", seconds(rang), seconds(talked))
        }
    }
}

fn parties(story: &Story) -> String {
    let Some(placed) = &story.placed else { return "not known".into() };
    let named = |Party { kind, id }: &Party| match kind {
        PartyKind::Device => format!("door station {id}"),
        PartyKind::User => id.to_string(),
    };
    let callees: Vec<String> = placed.terms.callees.iter().map(|callee| callee.id.to_string()).collect();
    let answered = placed.answered_by().map(|who| format!("; answered on {who}")).unwrap_or_default();
    format!("{} called {}{answered}", named(&placed.terms.caller), callees.join(", "))
}
