//! What stands beside the commits of a call, but for receipts and personal text: alerts of later phones, and marks that text
//! was forgotten.

use std::collections::BTreeSet;

use ilock_call::{GRACE_MS, Placed};
use ilock_events::{Alert, Forgotten, Hash, Millis, Party, PartyAddress, PartyKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::verify::strict::{self, Strict};
use crate::verify::times::{AUDITOR_MS, SKEW_MS};
use crate::{Finding, Kind};

/// Reads items, and says which are not as they are written.
fn read<T: Serialize + DeserializeOwned>(raw: &[&str], what: &str, findings: &mut Vec<Finding>) -> Vec<T> {
    let mut all = Vec::with_capacity(raw.len());
    for (place, raw) in (1..).zip(raw) {
        let Strict { read, canonical } = strict::read::<T>(raw);
        match read {
            Ok(_) if !canonical => {
                let why = format!("{what} {place} is not written in the form of RFC 8785");
                findings.push(Finding::new(Kind::Changed, why));
            }
            Ok(read) => all.push(read),
            Err(error) => findings.push(Finding::new(Kind::Unreadable, format!("{what} {place}: {error}"))),
        }
    }
    all
}

/// Judges the alerts. What they say is held against `placed`, where that is known.
pub(crate) fn alerts(raw: &[&str], placed: Option<&Placed>, as_of: Millis, findings: &mut Vec<Finding>) {
    if raw.is_empty() {
        return;
    }
    let mut said = BTreeSet::new();
    for alert in read::<Alert>(raw, "alert", findings) {
        let name = alert.client_id.as_ref().map_or_else(|| alert.callee.to_string(), ToString::to_string);
        if !said.insert(alert.client_id.clone()) {
            findings.push(Finding::new(Kind::Forked, format!("{name} says twice that it rings")));
        }
        let Some(placed) = placed else { continue };
        let party = Party { kind: PartyKind::User, id: alert.callee.clone() };
        let own = PartyAddress::of(&placed.tenant, &party);
        let is_own =
            alert.client_id.as_ref().is_none_or(|client| client.owner().is_some_and(|(_, owner)| owner == own));
        let rang_until = placed.terms.deadline.plus(GRACE_MS + SKEW_MS);
        let why = if !placed.calls(&party) || !is_own {
            format!("{name} says that it rings, and is no phone of {} whom the call rings", alert.callee)
        } else if alert.at.since(placed.at) < -SKEW_MS || alert.at > rang_until || alert.at.since(as_of) > AUDITOR_MS {
            format!("{name} says that it rings at a time at which the call does not")
        } else {
            continue;
        };
        findings.push(Finding::new(Kind::Implausible, why));
    }
}

/// Judges the marks that text was forgotten. Answers the digests of which they say so.
pub(crate) fn forgotten(
    raw: &[&str],
    placed: Option<&Placed>,
    as_of: Millis,
    findings: &mut Vec<Finding>,
) -> Vec<Hash> {
    if raw.is_empty() {
        return vec![];
    }
    let marks = read::<Forgotten>(raw, "what says that text was forgotten,", findings);
    for mark in &marks {
        let Some(placed) = placed else { continue };
        let why = if !placed.involves(&mark.person) {
            format!("text is said to be forgotten for {}, who is not in this call", mark.person.id)
        } else if mark.at.since(placed.at) < -SKEW_MS || mark.at.since(as_of) > AUDITOR_MS {
            "text is said to be forgotten at a time that cannot be".to_owned()
        } else {
            continue;
        };
        findings.push(Finding::new(Kind::Implausible, why));
    }
    marks.into_iter().map(|mark| mark.digest).collect()
}
