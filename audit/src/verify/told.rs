//! Was everybody told who was to be, in time, and nobody else?

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use ilock_call::Call;
use ilock_events::{CallEvent, CallId, ClientName, CommandId, Commit, CommitNo, Millis, Nonce, StoredCommand};
use ilock_notify::{Channel, Notice, notices_of};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::verify::commit::CommitView;
use crate::{Finding, Kind};

/// The carrier that an operator may do without. Where it was used for a call, each of its notices has a receipt; to which
/// phones depends on what was registered then.
const PUSH: &str = "push";

/// How long after a notice has expired the projector may still record why it was not delivered.
const GRACE_MS: i64 = 60_000;

/// A receipt, as a [`ilock_events::Receipt`], read without copying.
#[derive(Debug, Deserialize)]
pub(crate) struct ReceiptView<'a> {
    pub(crate) n: CommitNo,
    #[serde(rename = "path")]
    _path: Cow<'a, str>,
    #[serde(rename = "at")]
    _at: Millis,
    #[serde(borrow, deserialize_with = "pairs")]
    notices: Vec<(u32, OutcomeView<'a>)>,
    #[serde(default, borrow, deserialize_with = "pairs")]
    phones: Vec<(ClientName, OutcomeView<'a>)>,
}

/// Most receipts tell of one notice or two, and a map makes room for eleven.
fn pairs<'a, K: Deserialize<'a>, D: Deserializer<'a>>(told: D) -> Result<Vec<(K, OutcomeView<'a>)>, D::Error> {
    struct Pairs<K>(PhantomData<K>);

    impl<'a, K: Deserialize<'a>> Visitor<'a> for Pairs<K> {
        type Value = Vec<(K, OutcomeView<'a>)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("what became of notices by their index, or of phones by their client id")
        }

        fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut notices = vec![];
            while let Some(notice) = map.next_entry()? {
                notices.push(notice);
            }
            Ok(notices)
        }
    }

    told.deserialize_map(Pairs(PhantomData))
}

/// What became of one notice, as a [`ilock_events::OutcomeView`].
#[derive(Debug, Deserialize)]
struct OutcomeView<'a> {
    #[serde(borrow)]
    target: Cow<'a, str>,
    #[serde(borrow)]
    carrier: Cow<'a, str>,
    #[serde(default, borrow, rename = "carrier_id")]
    _carrier_id: Option<Cow<'a, str>>,
    ms: i64,
    #[serde(default, borrow)]
    error: Option<Cow<'a, str>>,
}

/// What was to be told, as far as the commits could be read.
pub(crate) struct DueNotices<'a> {
    pub(crate) call: Call,
    pub(crate) commits: Vec<(&'a CommitView<'a>, Result<Vec<Notice>, String>)>,
}

/// Holds the receipts against what was due.
pub(crate) fn judge(told: &DueNotices<'_>, receipts: &[ReceiptView<'_>], as_of: Millis, findings: &mut Vec<Finding>) {
    // Who is to be told follows from the parties: without the commit that placed the call nobody knows them.
    if told.call.placed.is_none() {
        return;
    }
    let pushed = receipts.iter().flat_map(|receipt| &receipt.notices).any(|(_, entry)| entry.carrier == PUSH)
        || receipts.iter().any(|receipt| !receipt.phones.is_empty());
    for (view, due) in &told.commits {
        let n = view.n.0;
        let due = match due {
            Ok(due) => due,
            Err(why) => {
                findings.push(Finding::at(Kind::Unreadable, n, why.clone()));
                continue;
            }
        };
        let mut handed: BTreeMap<u32, Vec<&OutcomeView<'_>>> = BTreeMap::new();
        for (index, entry) in receipts.iter().filter(|receipt| receipt.n.0 == n).flat_map(|receipt| &receipt.notices) {
            handed.entry(*index).or_default().push(entry);
        }
        for (index, entries) in &handed {
            let notice = due.iter().find(|notice| notice.index == *index);
            let to = notice.map(|notice| (notice.carrier().word(), notice.target()));
            let wrong = |entry: &&&OutcomeView<'_>| {
                to.as_ref().is_none_or(|(carrier, target)| *carrier != entry.carrier || *target != entry.target)
            };
            if let Some(entry) = entries.iter().find(wrong) {
                let why = format!("{} was told by {}", entry.target, entry.carrier);
                findings.push(Finding::at(Kind::UnexpectedNotice, n, why).notice(*index));
            }
        }
        for (phone, entry) in receipts.iter().filter(|receipt| receipt.n.0 == n).flat_map(|receipt| &receipt.phones) {
            findings.extend(judge_phone(due, phone, entry, view.at).map(|wrong| Finding { n: Some(n), ..wrong }));
        }
        let due_here = |notice: &&Notice| pushed || matches!(notice.channel, Channel::Mqtt { .. });
        for notice in due.iter().filter(due_here) {
            if let Some(wrong) = judge_one(notice, &handed, view.at, as_of) {
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
    let first =
        entries.iter().filter(|entry| entry.error.is_none() && entry.target == *topic).map(|entry| entry.ms).min();
    let Some(ms) = first else {
        let has_reason = entries.iter().any(|entry| entry.error.is_some() && entry.target == *topic);
        return (!has_reason && notice.expires_at.plus(GRACE_MS) < as_of)
            .then(|| Finding::new(Kind::NeverTold, format!("{topic} was to be told: no receipt, no reason")));
    };
    if at.plus(ms) > notice.expires_at {
        let late = at.plus(ms).since(notice.expires_at);
        return Some(Finding::new(Kind::ToldTooLate, format!("{topic} was told {late} ms after it had expired")));
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
        return Some(Finding::new(Kind::UnexpectedNotice, format!("{phone} was told by {}", entry.carrier)));
    };
    let late = at.plus(entry.ms).since(push.expires_at);
    (entry.error.is_none() && late > 0).then(|| {
        Finding::new(Kind::ToldTooLate, format!("{phone} was told {late} ms after it had expired")).notice(push.index)
    })
}

/// What was to be told because of a commit, after which `call` stood as it does now.
pub(crate) fn due(call: &Call, view: &CommitView<'_>, events: &[CallEvent]) -> Result<Vec<Notice>, String> {
    let (Some(placed), Ok(call_id)) = (&call.placed, CallId::new(view.call_id)) else { return Ok(vec![]) };
    let nothing = || CommandId::new("-").map_err(|bad| bad.to_string());
    let commit = Commit {
        call_id,
        n: view.n,
        prev: String::new(),
        tenant: placed.tenant.clone(),
        cmd: StoredCommand {
            id: nothing()?,
            nonce: Nonce::of([0; 8]),
            client_is: None,
            kind: String::new(),
            args: serde_json::Map::new(),
        },
        // They are at hand already.
        events: vec![],
        state: view.state,
        actor: view.actor.clone(),
        at: view.at,
        personal_until: None,
        hash: String::new(),
    };
    Ok(notices_of(events, &commit, placed, None))
}
