//! Writes the archive of a day, and marks its calls.

use std::io::{self, Write};
use std::path::Path;

use futures::{StreamExt, TryStreamExt, stream};
use ilock_audit::export::{Progress, placed_at};
use ilock_events::{Archived, CallId, CallState, Day, Millis, TenantId};
use ilock_log::EventLog;
use ilock_proof::{StoredCall, TextDigest};
use serde_json::Value;

use crate::audit::archive::file::{header, path_in};
use crate::audit::archive::side_by_side::SideBySide;
use crate::audit::export_file::ExportFile;
use crate::audit::source::{read_error, whole};
use crate::ui::error::CommandError;

/// How many calls are marked at once.
const AT_ONCE: usize = 16;

/// What a day has, or its archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub calls: u64,
    pub commits: u64,
}

/// Counts the calls of a day. Refused where one of them may not be archived yet.
pub async fn count(log: &EventLog, day: &Day, now: Millis) -> Result<Count, CommandError> {
    let (mut calls, mut count) = (SideBySide::of(log, day, None).await?, Count::default());
    while let Some(call) = calls.next().await?.and_then(|pair| pair.log) {
        may_be_archived(&call, &Day::of(now))?;
        count.calls += 1;
        count.commits += u64::try_from(call.commits.len()).unwrap_or(u64::MAX);
    }
    Ok(count)
}

/// Whether all of a call is what it will be for ever.
fn may_be_archived(call: &StoredCall, today: &Day) -> Result<(), CommandError> {
    let id = &call.call_id;
    if call.is_archived() {
        let why = format!("call {id} was archived before, and deleted from the log: its day is not archived anew");
        return Err(CommandError::new(why).hint("--delete goes on with the deletion"));
    }
    whole(call)?;
    let state = call.commits.last().map(|last| serde_json::from_value::<CallState>(last["state"].clone()));
    if !state.is_some_and(|state| state.is_ok_and(CallState::is_final)) {
        return Err(CommandError::new(format!("call {id} is not over"))
            .hint("its timer failed: `ilock redrive` processes the dead letters of a deployment again"));
    }
    if !call.personal.is_empty() {
        return Err(CommandError::new(format!("personal text of call {id} is still there"))
            .hint("DynamoDB deletes it within a few days after its last one; an archive holds none"));
    }
    for commit in &call.commits {
        let until = commit["personal_until"].as_str().and_then(|until| until.parse::<Day>().ok());
        if let Some(until) = until.filter(|until| until >= today && !is_forgotten(call, commit)) {
            return Err(CommandError::new(format!("personal text of call {id} is kept until {until}"))
                .hint("archive the day when that has passed"));
        }
    }
    Ok(())
}

fn is_forgotten(call: &StoredCall, commit: &Value) -> bool {
    let events = commit["events"].as_array().into_iter().flatten();
    let mut named = events.filter_map(|event| event["data"]["personal"].as_str());
    named.all(|digest| call.forgotten.iter().any(|mark| mark["digest"].as_str() == Some(digest)))
}

/// The text of an archive, of which nothing is kept but its digest.
#[derive(Default)]
struct Expected {
    progress: Progress,
    digest: TextDigest,
}

struct Digester<'a>(&'a mut TextDigest);

impl Write for Digester<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the archive of `day`, goes on with one that was interrupted, and leaves a whole one as it is. Answers the digest that
/// the file must have then.
pub async fn write(log: &EventLog, day: &Day, folder: &Path) -> Result<String, CommandError> {
    let (path, header) = (path_in(folder, day), header(day));
    let failed = |error: io::Error| CommandError::new(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let is_whole = ExportFile::is_whole(&path, &header)?;
    let mut file = if is_whole { None } else { Some(ExportFile::open(&path, &header)?) };
    let Expected { mut progress, mut digest } = Expected::default();
    progress.head(&mut Digester(&mut digest), &header.line().map_err(CommandError::new)?).map_err(failed)?;
    let mut calls = SideBySide::of(log, day, None).await?;
    while let Some(call) = calls.next().await?.and_then(|pair| pair.log) {
        progress.call(&mut Digester(&mut digest), &call, false).map_err(failed)?;
        let id = CallId::new(call.call_id.as_str()).map_err(CommandError::new)?;
        if let Some(file) = file.as_mut().filter(|file| !file.progress.has(placed_at(&call), &id)) {
            file.write(|progress, out| progress.call(out, &call, false)).map_err(failed)?;
        }
    }
    progress.finish(&mut Digester(&mut digest)).map_err(failed)?;
    if let Some(file) = file {
        file.finish().map_err(failed)?;
    }
    Ok(digest.finish())
}

/// Says of each call of `day` that it is in the archive with this digest.
pub async fn mark(log: &EventLog, day: &Day, digest: &str, now: Millis) -> Result<(), CommandError> {
    let mut calls = SideBySide::of(log, day, None).await?;
    loop {
        let mut batch = vec![];
        while batch.len() < AT_ONCE
            && let Some(pair) = calls.next().await?
        {
            batch.extend(pair.log);
        }
        if batch.is_empty() {
            return Ok(());
        }
        let marks = batch.iter().map(|call| mark_one(log, call, digest, now));
        stream::iter(marks).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    }
}

async fn mark_one(log: &EventLog, call: &StoredCall, digest: &str, now: Millis) -> Result<(), CommandError> {
    let id = CallId::new(call.call_id.as_str()).map_err(CommandError::new)?;
    let tenant = call.commits.first().and_then(|first| first["tenant"].as_str()).unwrap_or_default();
    let mark = Archived {
        tenant: TenantId::new(tenant).map_err(CommandError::new)?,
        at: placed_at(call),
        commits: u32::try_from(call.commits.len()).unwrap_or(u32::MAX),
        digest: digest.to_owned(),
        archived_at: now,
    };
    let there = log.mark_archived(&id, &mark).await.map_err(read_error)?;
    if there.digest == mark.digest {
        return Ok(());
    }
    let why = format!("call {id} is marked as being in another archive, {}", there.digest);
    Err(CommandError::new(why).hint("a mark is never changed: look for the archive with that digest"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_archived_once_nothing_of_it_can_change() {
        let today: Day = "2026-11-22".parse().unwrap();
        let call = |change: &dyn Fn(&mut StoredCall)| {
            let placed = json!({
                "n": 1, "state": "ringing", "personal_until": "2026-11-21", "events": [{ "data": { "personal": "ab" } }],
            });
            let commits = vec![placed, json!({ "n": 2, "state": "missed", "events": [] })];
            let mut call = StoredCall { call_id: "call_a_b_1".into(), commits, ..StoredCall::default() };
            change(&mut call);
            may_be_archived(&call, &today).err().map(|error| error.message)
        };
        assert_eq!(call(&|_| {}), None);
        let until = |call: &mut StoredCall, day: &str| call.commits[0]["personal_until"] = day.into();
        for (refused, why) in [
            (call(&|call| call.commits.truncate(1)), "is not over"),
            (call(&|call| call.commits[1]["state"] = "gone".into()), "is not over"),
            (call(&|call| call.commits.clear()), "is not over"),
            (call(&|call| call.personal.push(json!({}))), "is still there"),
            (call(&|call| until(call, "2026-11-22")), "is kept until 2026-11-22"),
            (
                call(&|call| {
                    until(call, "2026-11-22");
                    call.forgotten.push(json!({ "digest": "cd" }));
                }),
                "is kept until 2026-11-22",
            ),
            (
                call(&|call| {
                    call.commits.clear();
                    call.archived = Some(json!({}));
                }),
                "was archived before",
            ),
        ] {
            assert!(refused.as_ref().is_some_and(|refused| refused.contains(why)), "{why}: {refused:?}");
        }
        let forgotten = call(&|call| {
            until(call, "2027-11-22");
            call.forgotten.push(json!({ "digest": "ab" }));
        });
        assert_eq!(forgotten, None, "what was forgotten does not come back");
        let marked = call(&|call| call.archived = Some(json!({})));
        assert_eq!(marked, None, "an archive that was interrupted is gone on with");
    }
}
