//! What stands beside the commits of a call, but for receipts and personal text: alerts of later phones, and marks that text
//! was forgotten.

use std::collections::{BTreeSet, HashSet};

use ilock_call::{GRACE_MS, Placed};
use ilock_events::{Alert, ClientName, Forgotten, Hash, Millis, Party, PartyAddress, PartyId, PartyKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cursor::Cursor;
use crate::verify::place;
use crate::verify::strict::{self, Strict};
use crate::verify::times::{AUDITOR_MS, SKEW_MS};
use crate::{Finding, Findings, Kind};

/// Reads items, and says which are not as they are written.
fn read<T: Serialize + DeserializeOwned>(
    raw: &[&str],
    what: &str,
    quick: impl Fn(&str) -> Option<T>,
    findings: &mut Findings,
) -> Vec<T> {
    let mut all = Vec::with_capacity(raw.len());
    for (place, raw) in (1..).zip(raw) {
        if let Some(read) = quick(raw) {
            all.push(read);
            continue;
        }
        let raw = place::in_place(raw, format_args!("{what} {place}"), findings);
        let Strict { read, canonical } = strict::read::<T>(&raw);
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

/// An alert in exactly the form in which it is written.
fn alert(text: &str) -> Option<Alert> {
    let mut at = Cursor::new(text);
    at.take("{\"at\":")?;
    let when = Millis(at.integer()?);
    at.take(",\"callee\":")?;
    let callee = PartyId::new(at.word()?).ok()?;
    let client_id = at.typed(",\"client_id\":", |name| ClientName::new(name).ok())?;
    let client_is = if at.takes(",\"client_is\":") { Some(at.word_of()?) } else { None };
    let preview = at.takes(",\"preview\":true");
    at.take("}")?;
    at.end()?;
    Some(Alert { callee, client_id, client_is, preview, at: when })
}

/// Judges the alerts. What they say is held against `placed`, where that is known.
pub(crate) fn alerts(raw: &[&str], placed: Option<&Placed>, as_of: Millis, findings: &mut Findings) {
    if raw.is_empty() {
        return;
    }
    let mut said = BTreeSet::new();
    let alerts = read(raw, "alert", alert, findings);
    place::unordered(
        alerts.iter().map(|alert| alert.client_id.as_ref().map_or("-", ClientName::as_str)),
        "alert",
        findings,
    );
    for alert in alerts {
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
    findings: &mut Findings,
) -> HashSet<Hash> {
    if raw.is_empty() {
        return HashSet::new();
    }
    let what = "what says that text was forgotten,";
    let marks = read::<Forgotten>(raw, what, |_| None, findings);
    place::unordered(marks.iter().map(|mark| mark.digest.as_str()), what, findings);
    let mut said = HashSet::new();
    for mark in &marks {
        if !said.insert(mark.digest.as_str()) {
            findings.push(Finding::new(Kind::Forked, format!("{} is said twice to be forgotten", mark.digest)));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::samples;

    #[test]
    fn every_sample_of_an_alert_is_read_at_once_as_the_slow_way_reads_it() {
        let samples = samples::<Alert>("stored.alert");
        assert!(!samples.is_empty());
        for (name, stored) in samples {
            let text = String::from_utf8(ilock_proof::canonical(&stored).unwrap()).unwrap();
            assert_eq!(alert(&text), Some(stored), "{name}");
            assert_eq!(alert(&text.replacen(':', ": ", 1)), None);
        }
    }
}
