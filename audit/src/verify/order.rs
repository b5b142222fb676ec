//! The commits of a call, one for each number, in their order; and which stand elsewhere, twice, or nowhere.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use ilock_events::CallId;
use ilock_proof::is_first_prev;

use crate::verify::commit::CheckedCommit;
use crate::{Finding, Findings, Kind};

/// Puts the commits where they belong. Receipts up to `told` show that there were commits up to there; `last` is said to be the
/// last one.
pub(crate) fn in_order<'a>(
    commits: Vec<CheckedCommit<'a>>,
    last: Option<u32>,
    told: u32,
    findings: &mut Findings,
) -> Vec<CheckedCommit<'a>> {
    // Most calls are in order.
    let rising = (1..).zip(&commits).all(|(n, seen)| seen.n == n);
    let count = u32::try_from(commits.len()).unwrap_or(u32::MAX);
    if rising && told <= count && last.is_none_or(|last| last == count) {
        return commits;
    }
    let taken: BTreeSet<u32> = commits.iter().map(|seen| seen.n).collect();
    let mut kept = if taken.len() == commits.len() { commits } else { one_of_each(commits, findings) };
    let mut highest = 0;
    for seen in &kept {
        if seen.n < highest {
            findings.push(Finding::at(Kind::OutOfOrder, seen.n, format!("it stands behind commit {highest}")));
        }
        highest = highest.max(seen.n);
    }
    // A number out of all reason is no proof that so many commits are missing one by one.
    let due = highest.max(last.unwrap_or_default()).max(told);
    let mut next = 1;
    for n in taken.iter().copied().chain([due.saturating_add(1)]) {
        if n > next {
            let what = if n - 1 == next {
                "it is not there".into()
            } else {
                format!("commits {next} to {} are not there", n - 1)
            };
            findings.push(Finding::at(Kind::Missing, next, what));
        }
        next = n.saturating_add(1);
    }
    if let Some(last) = last.filter(|last| highest > *last) {
        findings.push(Finding::at(Kind::Forked, highest, format!("{last} is said to be the last commit")));
    }
    kept.sort_by_key(|seen| seen.n);
    kept
}

/// Of those that claim one number, the one to judge by: which the others continue, which continues the others, which
/// stands in its place.
fn one_of_each<'a>(commits: Vec<CheckedCommit<'a>>, findings: &mut Findings) -> Vec<CheckedCommit<'a>> {
    let hashes: HashSet<&str> = commits.iter().map(|seen| &*seen.hash).collect();
    let prevs: HashSet<&str> = commits.iter().filter_map(sound_prev).collect();
    let fits = |at: usize| {
        let Some(seen) = commits.get(at).filter(|seen| seen.sound) else { return 0 };
        let continued = prevs.contains(&*seen.hash);
        let continues = hashes.contains(sound_prev(seen).unwrap_or_default());
        let before = at.checked_sub(1).and_then(|before| commits.get(before)).map_or(0, |before| before.n);
        let in_place = before.checked_add(1) == Some(seen.n);
        1 + 4 * u8::from(continued) + 2 * u8::from(continues) + u8::from(in_place)
    };
    let mut best: BTreeMap<u32, (usize, u8)> = BTreeMap::new();
    let mut twice: BTreeMap<u32, bool> = BTreeMap::new();
    for (at, seen) in commits.iter().enumerate() {
        let fit = fits(at);
        let chosen = best.entry(seen.n).or_insert((at, fit));
        if chosen.0 != at {
            *twice.entry(seen.n).or_insert(true) &= commits[chosen.0].hash == seen.hash;
        }
        if fit > chosen.1 {
            *chosen = (at, fit);
        }
    }
    for (n, same) in twice {
        findings.push(Finding::at(Kind::Forked, n, if same { "it stands there twice" } else { "there are two of it" }));
    }
    let chosen: BTreeSet<usize> = best.into_values().map(|(at, _)| at).collect();
    commits.into_iter().enumerate().filter(|(at, _)| chosen.contains(at)).map(|(_, seen)| seen).collect()
}

/// Whether each commit names the hash of the one before it.
pub(crate) fn chain(call_id: &CallId, commits: &[CheckedCommit<'_>], findings: &mut Findings) {
    for pair in commits.windows(2) {
        let [before, seen] = pair else { continue };
        let Some(view) = seen.view.as_ref().filter(|_| seen.sound) else { continue };
        if before.sound && before.n.checked_add(1) == Some(seen.n) && view.prev != before.hash {
            let why = format!("it continues another commit {} than stands here", before.n);
            findings.push(Finding::at(Kind::Forked, seen.n, why));
        }
    }
    if let Some(CheckedCommit { n: 1, view: Some(view), sound: true, .. }) = commits.first()
        && !is_first_prev(call_id, view.prev)
    {
        findings.push(Finding::at(Kind::Forked, 1, "it does not begin at the hash of the call's id"));
    }
}

/// The hash of the commit that a sound one says that it continues.
fn sound_prev<'a>(seen: &CheckedCommit<'a>) -> Option<&'a str> {
    seen.view.as_ref().filter(|_| seen.sound).map(|view| view.prev)
}
