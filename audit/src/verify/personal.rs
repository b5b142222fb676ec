//! Personal text: byte by byte, since that is what its digest was made of. Is it all there, for as long as it is kept; and
//! does a commit name all that is there?

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashSet;

use ilock_events::{Day, Hash, Millis, PersonalText};
use ilock_proof::personal_digest;
use serde::{Deserialize, Serialize};

use crate::json_error::said;
use crate::verify::place;
use crate::{CallLine, Finding, Findings, Kind};

/// What stands before the digest of a text in a commit.
const NAMES: &str = "\"personal\":\"";

/// What stands beside a commit, in the order in which it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonalView<'a> {
    #[serde(borrow)]
    digest: Cow<'a, str>,
    #[serde(borrow)]
    salt: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

impl PersonalView<'_> {
    /// Why the text within is no JSON of its form; none where it is.
    fn unreadable(&self) -> Option<serde_json::Error> {
        serde_json::from_str::<PersonalText>(&self.text).err()
    }

    /// Whether salt and text have the digest, and the salt is one.
    fn fits(&self) -> bool {
        let salted = self.salt.len() == 32 && self.salt.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        salted && personal_digest(&self.salt, self.text.as_bytes()) == *self.digest
    }
}

/// The digests that commits say that their personal text has.
fn named_in<'a>(commits: &[&'a str]) -> HashSet<&'a str> {
    let behind_each = commits.iter().flat_map(|commit| commit.split(NAMES).skip(1));
    behind_each.filter_map(|rest| rest.split('"').next()).collect()
}

/// Judges the text that stands there. Answers the digests of it. `all_named` says that a commit must name each: not where
/// commits are missing or were changed, and not while the call's timer may still drop what a killed function left.
pub(crate) fn judge(line: &CallLine<'_>, all_named: bool, findings: &mut Findings) -> HashSet<String> {
    let mut digests = HashSet::new();
    let named = LazyCell::new(|| named_in(&line.commits));
    for (place, raw) in (1..).zip(line.personal.iter().flatten()) {
        let raw = place::in_place(raw, format_args!("personal text {place}"), findings);
        let mut found = |kind, why: &dyn std::fmt::Display| {
            findings.push(Finding::new(kind, format!("personal text {place}{why}")));
        };
        let view: PersonalView<'_> = match serde_json::from_str(&raw) {
            Ok(view) => view,
            Err(error) => {
                found(Kind::Unreadable, &format_args!(": {}", said(&error)));
                continue;
            }
        };
        if let Some(error) = view.unreadable() {
            found(Kind::Unreadable, &format_args!(": {}", said(&error)));
        } else if !view.fits() {
            found(Kind::Changed, &" does not have its digest");
        } else if all_named && !named.contains(&*view.digest) {
            found(Kind::Changed, &" is named by no commit of this call");
        } else if digests.contains(&*view.digest) {
            found(Kind::Forked, &" stands there twice");
        } else if serde_json::to_string(&view).is_ok_and(|written| written != raw) {
            found(Kind::Changed, &" is not written in the form of RFC 8785");
        }
        digests.insert(view.digest.into_owned());
    }
    digests
}

/// That each text which a commit names, by number, digest and last day, is there, unless its day is past or a mark says that it
/// was forgotten.
pub(crate) fn judge_gone(
    named: &[(u32, Hash, Day)],
    there: impl Fn(&str) -> bool,
    as_of: Millis,
    findings: &mut Findings,
) {
    for (n, digest, until) in named {
        if as_of < until.plus(1).begins() && !there(digest) {
            let why =
                format!("its personal text is gone, is kept until {until}, and no mark says that it was forgotten");
            findings.push(Finding::at(Kind::Missing, *n, why));
        }
    }
}
