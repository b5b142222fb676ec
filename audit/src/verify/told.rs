//! Was everybody told who was to be, in time, and nobody else?

use std::collections::BTreeMap;

use ilock_call::Call;
use ilock_events::{Actor, CallEvent, CallId, Carrier, ClientName, CommandId, Commit, Millis, Nonce, StoredCommand};
use ilock_notify::{Channel, Notice, notices_of};

use crate::verify::commit::CommitView;
use crate::verify::receipt::{OutcomeView, ReceiptView};
use crate::{Finding, Kind};

/// How long after a notice has expired the projector may still record why it was not delivered.
const GRACE_MS: i64 = 60_000;

/// What was to be told, as far as the commits could be read.
pub(crate) struct DueNotices {
    pub(crate) call: Call,
    /// Each commit's number, its time, and its notices.
    pub(crate) commits: Vec<(u32, Millis, Vec<Notice>)>,
}

/// Holds the receipts against what was due.
pub(crate) fn judge(told: &DueNotices, receipts: &[ReceiptView<'_>], as_of: Millis, findings: &mut Vec<Finding>) {
    // Who is to be told follows from the parties: without the commit that placed the call nobody knows them.
    if told.call.placed.is_none() {
        return;
    }
    // An operator may do without pushes. Where they were used for a call, each of its notices has a receipt; to which phones
    // depends on what was registered then.
    let pushed = receipts.iter().flat_map(|receipt| &receipt.notices).any(|(_, entry)| entry.carrier == Carrier::Push)
        || receipts.iter().any(|receipt| !receipt.phones.is_empty());
    for receipt in receipts.iter().filter(|receipt| receipt.n.0 == 0) {
        let why = "a receipt is of commit 0, and commits are counted from 1";
        findings.push(Finding::at(Kind::Implausible, receipt.n.0, why));
    }
    for (n, at, due) in &told.commits {
        let (n, at) = (*n, *at);
        let mut handed: BTreeMap<u32, Vec<&OutcomeView<'_>>> = BTreeMap::new();
        for receipt in receipts.iter().filter(|receipt| receipt.n.0 == n) {
            if let Some(why) = receipt.implausible(at, as_of) {
                findings.push(Finding::at(Kind::Implausible, n, why));
            }
            for (index, entry) in &receipt.notices {
                handed.entry(*index).or_default().push(entry);
            }
            let wrong = receipt.phones.iter().filter_map(|(phone, entry)| judge_phone(due, phone, entry, at));
            findings.extend(wrong.map(|wrong| Finding { n: Some(n), ..wrong }));
        }
        for (index, entries) in &handed {
            let notice = due.iter().find(|notice| notice.index == *index);
            let to = notice.map(|notice| (notice.carrier(), notice.target()));
            let wrong = |entry: &&&OutcomeView<'_>| {
                to.as_ref().is_none_or(|(carrier, target)| *carrier != entry.carrier || *target != entry.target)
            };
            if let Some(entry) = entries.iter().find(wrong) {
                let why = format!("{} was told by {}", entry.target, entry.carrier.word());
                findings.push(Finding::at(Kind::UnexpectedNotice, n, why).notice(*index));
            }
        }
        let due_here = |notice: &&Notice| pushed || matches!(notice.channel, Channel::Mqtt { .. });
        for notice in due.iter().filter(due_here) {
            if let Some(wrong) = judge_one(notice, &handed, at, as_of) {
                findings.push(Finding { n: Some(n), ..wrong.notice(notice.index) });
            }
        }
    }
}

fn judge_one(
    notice: &Notice,
    handed: &BTreeMap<u32, Vec<&OutcomeView<'_>>>,
    at: Millis,
    as_of: Millis,
) -> Option<Finding> {
    let topic = &notice.target();
    let entries = handed.get(&notice.index).map(Vec::as_slice).unwrap_or_default();
    let mut handed_over = entries.iter().filter(|entry| entry.error.is_none() && entry.target == *topic);
    let Some(last) = handed_over.clone().map(|entry| entry.ms).max() else {
        let has_reason = entries.iter().any(|entry| entry.error.is_some() && entry.target == *topic);
        return (!has_reason && notice.expires_at.plus(GRACE_MS) < as_of)
            .then(|| Finding::new(Kind::NeverTold, format!("{topic} was to be told: no receipt, no reason")));
    };
    // Whoever was told in time once must not be told again later. A push is settled once all phones are, and each has its own
    // time.
    let is_mqtt = matches!(notice.channel, Channel::Mqtt { .. });
    if is_mqtt && handed_over.any(|entry| at.plus(entry.ms) > notice.expires_at) {
        let late = at.plus(last).since(notice.expires_at);
        let what = if notice.rings() { "was handed the ring" } else { "was told" };
        let past = if notice.rings() { "the deadline" } else { "it had expired" };
        return Some(Finding::new(Kind::ToldTooLate, format!("{topic} {what} {late} ms after {past}")));
    }
    let first = notice.after.first()?;
    let reached = |before| handed.get(before).is_some_and(|entries| entries.iter().any(|entry| entry.error.is_none()));
    (!notice.after.iter().any(reached)).then(|| {
        Finding::new(
            Kind::UnexpectedNotice,
            format!("{topic} was told, though notice {first}, which it waits for, was not handed over"),
        )
    })
}

/// One phone that was told by push.
fn judge_phone(due: &[Notice], phone: &ClientName, entry: &OutcomeView<'_>, at: Millis) -> Option<Finding> {
    let Some(push) = due.iter().find(|notice| notice.wakes(phone)) else {
        return Some(Finding::new(Kind::UnexpectedNotice, format!("{phone} was told by {}", entry.carrier.word())));
    };
    let late = at.plus(entry.ms).since(push.expires_at);
    let what = if push.rings() { "was handed the ring" } else { "was told" };
    let past = if push.rings() { "the deadline" } else { "it had expired" };
    (entry.error.is_none() && late > 0)
        .then(|| Finding::new(Kind::ToldTooLate, format!("{phone} {what} {late} ms after {past}")).notice(push.index))
}

/// What was to be told because of a commit, after which `call` stood as it does now.
pub(crate) fn due(call: &Call, view: &CommitView<'_>, actor: &Actor, events: &[CallEvent]) -> Vec<Notice> {
    let (Some(placed), Ok(call_id)) = (&call.placed, CallId::new(view.call_id)) else { return vec![] };
    let Ok(id) = CommandId::new("-") else { return vec![] };
    let commit = Commit {
        call_id,
        n: view.n,
        prev: String::new(),
        tenant: placed.tenant.clone(),
        cmd: StoredCommand {
            id,
            nonce: Nonce::of([0; 8]),
            client_is: None,
            kind: String::new(),
            args: serde_json::Map::new(),
        },
        // They are at hand already.
        events: vec![],
        state: view.state,
        actor: actor.clone(),
        at: view.at,
        personal_until: None,
        hash: String::new(),
    };
    notices_of(events, &commit, placed, None)
}
