//! The mark that a call is in the archive of its day, held against the call.

use ilock_events::{Archived, Millis};
use ilock_proof::StoredCall;
use serde_json::Value;

use crate::json_error::said;
use crate::verify::times::AUDITOR_MS;
use crate::{Finding, Kind};

/// Judges the mark of a call; nothing where it has none. `call` is the whole call, in the log or from the archive, whose digest
/// is `archive`, where it was read.
#[must_use]
pub fn mark(call: &StoredCall, archive: Option<&str>, as_of: Millis) -> Vec<Finding> {
    let Some(stored) = &call.archived else { return vec![] };
    let of_call = |(kind, why)| Finding { call_id: Some(call.call_id.clone()), ..Finding::new(kind, why) };
    match read(stored) {
        Ok(mark) => {
            let mut found = of_the_call(&mark, call, as_of);
            if let Some(archive) = archive.filter(|archive| *archive != mark.digest) {
                let why =
                    format!("its mark names the archive {}, and the archive that was read is {archive}", mark.digest);
                found.push((Kind::Changed, why));
            }
            found.into_iter().map(of_call).collect()
        }
        Err(why) => vec![of_call((Kind::Unreadable, format!("the mark that it was archived: {why}")))],
    }
}

fn read(stored: &Value) -> Result<Archived, String> {
    let mark: Archived = serde_json::from_value(stored.clone()).map_err(|error| said(&error))?;
    match serde_json::to_value(&mark) {
        Ok(written) if written == *stored => Ok(mark),
        Ok(_) => Err("it has a field that is not known".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn of_the_call(mark: &Archived, call: &StoredCall, as_of: Millis) -> Vec<(Kind, String)> {
    let mut found = vec![];
    let commits = u32::try_from(call.commits.len()).unwrap_or(u32::MAX);
    if commits < mark.commits {
        let why = format!(
            "{commits} of its {} commits are left beside the mark that it was archived: somebody removed the others, or \
             `ilock archive --delete` was interrupted",
            mark.commits
        );
        found.push((Kind::Missing, why));
    } else if commits > mark.commits {
        found.push((Kind::Changed, format!("it has {commits} commits, and was archived with {}", mark.commits)));
    }
    if let Some(first) = call.commits.first() {
        if first["at"].as_i64() != Some(mark.at.0) {
            found.push((Kind::Changed, format!("its mark says that it was placed at {}", mark.at)));
        }
        if first["tenant"].as_str() != Some(mark.tenant.as_str()) {
            found.push((Kind::Changed, format!("its mark says that it is a call of tenant {}", mark.tenant)));
        }
    }
    if mark.archived_at.since(mark.at) < Archived::AFTER_MS || mark.archived_at.since(as_of) > AUDITOR_MS {
        found.push((Kind::Implausible, "it is said to be archived at a time that cannot be".to_owned()));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::samples;

    fn kinds(call: &StoredCall, archive: Option<&str>, as_of: Millis) -> Vec<Kind> {
        mark(call, archive, as_of).into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn a_mark_is_held_against_its_call_its_archive_and_the_time() {
        let (_, sample) = samples::<Archived>("stored.archived").remove(0);
        let commit = json!({ "at": sample.at, "tenant": "default" });
        let stored = |change: &dyn Fn(&mut StoredCall)| {
            let mut call =
                StoredCall { call_id: "call_a_b_1".into(), commits: vec![commit.clone(); 4], ..StoredCall::default() };
            call.archived = serde_json::to_value(&sample).ok();
            change(&mut call);
            call
        };
        let now = sample.archived_at.plus(1);
        let untouched = stored(&|_| {});
        assert_eq!(kinds(&untouched, None, now), []);
        assert_eq!(kinds(&untouched, Some(&sample.digest), now), []);
        assert_eq!(kinds(&untouched, Some(&"00".repeat(32)), now), [Kind::Changed]);
        assert_eq!(kinds(&untouched, None, sample.archived_at.plus(-AUDITOR_MS - 1)), [Kind::Implausible]);
        assert_eq!(kinds(&stored(&|call| call.archived = None), None, now), []);
        let mark = |field: &'static str, value: Value| {
            stored(&move |call| call.archived.as_mut().unwrap()[field] = value.clone())
        };
        for (call, kind) in [
            (stored(&|call| drop(call.commits.pop())), Kind::Missing),
            (stored(&|call| call.commits.push(json!({}))), Kind::Changed),
            (mark("at", json!(sample.at.0 + 1)), Kind::Changed),
            (mark("tenant", json!("theirs")), Kind::Changed),
            (mark("archived_at", json!(sample.at.0 + Archived::AFTER_MS - 1)), Kind::Implausible),
            (mark("digest", json!(7)), Kind::Unreadable),
            (mark("note", json!("x")), Kind::Unreadable),
        ] {
            assert_eq!(kinds(&call, None, now), [kind], "{:?}", call.archived);
        }
    }
}
