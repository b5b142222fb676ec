//! Deletes from the log what is in the archive of a day, once that is proven.

use futures::future::try_join_all;
use ilock_audit::verify::archived;
use ilock_events::{CallId, Day, Millis};
use ilock_log::EventLog;
use ilock_proof::StoredCall;

use crate::audit::archive::file::ArchiveFile;
use crate::audit::archive::marks::Marks;
use crate::audit::archive::side_by_side::{Pair, SideBySide};
use crate::audit::ledger_args::OpenLedger;
use crate::audit::source::read_error;
use crate::ui::error::{CommandError, EXIT_FINDINGS};

/// How many calls are deleted at once.
const AT_ONCE: usize = 16;

/// What of a day is left to be deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Calls of the day, deleted or not.
    pub calls: u64,
    /// Calls of which something stands in the log.
    pub standing: u64,
}

/// Checks that all that stands of the day's calls is in the archive, that each has its mark, which names this archive, and that the
/// marks are in the ledger. Nothing is deleted.
pub async fn check(
    log: &EventLog,
    ledger: &OpenLedger,
    day: &Day,
    archive: &ArchiveFile,
    now: Millis,
) -> Result<Left, CommandError> {
    let mut calls = SideBySide::of(log, day, Some(archive)).await?;
    let (mut marks, mut left) = (Marks::default(), Left::default());
    while let Some(pair) = calls.next().await? {
        let (log, whole) = both(pair)?;
        check_call(&log, &whole, archive, now)?;
        marks.add(&log);
        left.calls += 1;
        left.standing += u64::from(!log.is_gone());
    }
    if let Some(first) = calls.take_not_calls().first() {
        return Err(CommandError::new(format!("nothing of {day} is deleted: {}", first.why))
            .exit_code(EXIT_FINDINGS)
            .hint(
                "somebody put it there: `ilock verify --day` names all such items; remove them from the log's table",
            ));
    }
    let lacking = marks.lacking(ledger).await?;
    if lacking.is_empty() {
        return Ok(left);
    }
    let why = format!("{} of {} marks are not in the ledger under its checkpoint yet", lacking.len(), left.calls);
    Err(CommandError::new(why).hint("run it again in a minute; `ilock ledger backfill` enters what never came there"))
}

/// A call as the log has it, and as the archive does.
fn both(pair: Pair) -> Result<(StoredCall, StoredCall), CommandError> {
    match pair {
        Pair { log: Some(log), archive: Some(archive) } => Ok((log, archive)),
        Pair { log: Some(log), .. } => {
            Err(CommandError::new(format!("call {} of the log is not in the archive", log.call_id)))
        }
        Pair { archive, .. } => {
            let id = archive.map(|call| call.call_id).unwrap_or_default();
            Err(CommandError::new(format!("call {id} of the archive has nothing in the log, not even its mark"))
                .hint("somebody removed it: `ilock verify --day` says what else is missing"))
        }
    }
}

fn check_call(log: &StoredCall, whole: &StoredCall, archive: &ArchiveFile, now: Millis) -> Result<(), CommandError> {
    let id = &log.call_id;
    if log.archived.is_none() {
        return Err(CommandError::new(format!("call {id} has no mark that it was archived"))
            .hint("run it without --delete first: that writes the archive and marks its calls"));
    }
    if let Some(what) = log.lacking_in(whole) {
        return Err(CommandError::new(format!("{what} of call {id} is not in the archive")));
    }
    let marked = StoredCall { archived: log.archived.clone(), ..whole.clone() };
    match archived::mark(&marked, Some(&archive.digest), now).first() {
        Some(finding) => Err(CommandError::new(format!("call {id}: {}", finding.why))),
        None => Ok(()),
    }
}

/// Deletes what stands of the day's calls, but their marks. Answers how many items that were. What was interrupted is gone on with
/// by doing it again.
pub async fn delete(log: &EventLog, day: &Day, archive: &ArchiveFile) -> Result<u64, CommandError> {
    let mut calls = SideBySide::of(log, day, Some(archive)).await?;
    let mut items = 0;
    loop {
        let mut batch = vec![];
        while batch.len() < AT_ONCE
            && let Some(pair) = calls.next().await?
        {
            batch.push(both(pair)?);
        }
        if batch.is_empty() {
            return Ok(items);
        }
        let standing = batch.iter().filter(|(log, _)| log.archived.is_some() && !log.is_gone());
        let deleted = try_join_all(standing.map(|(_, whole)| delete_call(log, whole))).await;
        items += deleted.map_err(|error| error.hint("run the same command again to go on"))?.iter().sum::<u64>();
    }
}

async fn delete_call(log: &EventLog, whole: &StoredCall) -> Result<u64, CommandError> {
    let id = CallId::new(whole.call_id.as_str()).map_err(CommandError::new)?;
    let deleted = log.delete_archived(&id, whole).await.map_err(read_error)?;
    deleted.map_err(|not| CommandError::new(format!("call {id}: {not}")))
}
