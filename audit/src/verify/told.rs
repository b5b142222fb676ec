//! Was everybody told who was to be, in time, and nobody else?

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ilock_call::Call;
use ilock_events::{CallEvent, CallId, CommandId, Commit, CommitNo, Millis, StoredCommand};
use ilock_notify::{Notice, notices_of};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::verify::commit::Frame;
use crate::{Finding, Kind};

/// The carrier whose notices follow from a commit alone. Whom another one told depends on what was registered then.
const MQTT: &str = "mqtt";

/// So long after a notice has expired the projector may still be about to say why it was not told.
const GRACE_MS: i64 = 60_000;

/// A receipt, as a [`ilock_events::Receipt`], read without copying.
#[derive(Debug, Deserialize)]
pub(crate) struct Slip<'a> {
    pub(crate) n: CommitNo,
    #[serde(rename = "path")]
    _path: Cow<'a, str>,
    #[serde(rename = "at")]
    _at: Millis,
    #[serde(borrow, deserialize_with = "by_index")]
    notices: Vec<(u32, Handed<'a>)>,
}

/// Most receipts tell of one notice or two, and a map makes room for eleven.
fn by_index<'a, D: Deserializer<'a>>(notices: D) -> Result<Vec<(u32, Handed<'a>)>, D::Error> {
    struct ByIndex;

    impl<'a> Visitor<'a> for ByIndex {
        type Value = Vec<(u32, Handed<'a>)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("what became of notices, by their index")
        }

        fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut notices = vec![];
            while let Some(notice) = map.next_entry()? {
                notices.push(notice);
            }
            Ok(notices)
        }
    }

    notices.deserialize_map(ByIndex)
}

/// What became of one notice, as a [`ilock_events::Handed`].
#[derive(Debug, Deserialize)]
struct Handed<'a> {
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

/// What happened, as far as it could be read.
pub(crate) struct Told<'a> {
    pub(crate) call: Call,
    pub(crate) commits: Vec<(&'a Frame<'a>, Vec<CallEvent>)>,
}

/// Holds the receipts against what was due.
pub(crate) fn judge(told: &Told<'_>, receipts: &[Slip<'_>], as_of: Millis, findings: &mut Vec<Finding>) {
    // Who is to be told follows from the parties: without the commit that placed the call nobody knows them.
    if told.call.placed.is_none() {
        return;
    }
    for (frame, events) in &told.commits {
        let n = frame.n.0;
        let due = match due(&told.call, frame, events) {
            Ok(due) => due,
            Err(why) => {
                findings.push(Finding::at(Kind::Unreadable, n, why));
                continue;
            }
        };
        let mut handed: BTreeMap<u32, Vec<&Handed<'_>>> = BTreeMap::new();
        for (index, entry) in receipts.iter().filter(|receipt| receipt.n.0 == n).flat_map(|receipt| &receipt.notices) {
            if entry.carrier == MQTT {
                handed.entry(*index).or_default().push(entry);
            } else if due.is_empty() {
                let why = format!("{} was told by {}", entry.target, entry.carrier);
                findings.push(Finding::at(Kind::NotDue, n, why).notice(*index));
            }
        }
        for (index, entries) in &handed {
            let topic = due.iter().find(|notice| notice.index == *index).map(|notice| notice.topic.as_str());
            if let Some(entry) = entries.iter().find(|entry| topic != Some(&*entry.target)) {
                findings.push(Finding::at(Kind::NotDue, n, format!("{} was told", entry.target)).notice(*index));
            }
        }
        for notice in &due {
            if let Some(wrong) = judge_one(notice, &handed, frame.at, as_of) {
                findings.push(Finding { n: Some(n), ..wrong.notice(notice.index) });
            }
        }
    }
}

fn judge_one(notice: &Notice, handed: &BTreeMap<u32, Vec<&Handed<'_>>>, at: Millis, as_of: Millis) -> Option<Finding> {
    let topic = &notice.topic;
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
    let before = notice.after?;
    let reached = handed.get(&before).is_some_and(|entries| entries.iter().any(|entry| entry.error.is_none()));
    (!reached).then(|| {
        Finding::new(
            Kind::NotDue,
            format!("{topic} was told, though notice {before}, which it waits for, was not handed over"),
        )
    })
}

fn due(call: &Call, frame: &Frame<'_>, events: &[CallEvent]) -> Result<Vec<Notice>, String> {
    let (Some(placed), Ok(call_id)) = (&call.placed, CallId::new(frame.call_id)) else { return Ok(vec![]) };
    let nothing = || CommandId::new("-").map_err(|bad| bad.to_string());
    let commit = Commit {
        call_id,
        n: frame.n,
        prev: String::new(),
        tenant: placed.tenant.clone(),
        cmd: StoredCommand { id: nothing()?, kind: String::new(), args: serde_json::Map::new() },
        // They are at hand already.
        events: vec![],
        state: frame.state,
        actor: frame.actor.clone(),
        at: frame.at,
        hash: String::new(),
    };
    Ok(notices_of(events, &commit, placed, None))
}
