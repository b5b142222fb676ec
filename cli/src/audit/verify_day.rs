//! `ilock verify --day`: a day of the log, held against the ledger and its checkpoints.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures::future::try_join_all;
use ilock_audit::seal::{DayJudged, Hour, OfLog, SealedHour, VerifyKey, judge_day};
use ilock_events::{CallId, LedgerEntry, Millis};
use ilock_functions::seal_log::{KEY, Vault, VaultError, bundle_name, checkpoint_name};
use ilock_log::{Day, EventLog, Ledger, chains_of};
use serde_json::Value;

use crate::audit::checkpoint_store::CheckpointStore;
use crate::audit::in_order::CallsInOrder;
use crate::audit::range::Range;
use crate::audit::source::{Source, read_error};
use crate::ui::error::CommandError;

/// The ledger and its checkpoints.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// The table of the ledger.
    #[arg(long, env = "LEDGER_TABLE", default_value = "ledger")]
    ledger_table: String,
    /// Where bundles and checkpoints are: the folder which `ilock dev` names, or s3://BUCKET. Without it only log and
    /// ledger are compared.
    #[arg(long, env = "ILOCK_CHECKPOINTS")]
    checkpoints: Option<CheckpointStore>,
    /// The key that signed them, as you were once told it. By default the one that is called `key` there.
    #[arg(long, requires = "checkpoints")]
    checkpoint_key: Option<String>,
}

impl LedgerArgs {
    /// Whether checkpoints are looked at.
    pub fn given(&self) -> bool {
        self.checkpoints.is_some()
    }

    /// Judges a day.
    pub async fn judge(&self, source: &Source, day: &Day, now: Millis) -> Result<DayJudged, CommandError> {
        let hours = match &self.checkpoints {
            Some(at) => Some(self.hours(at, day).await?),
            None => None,
        };
        // The ledger first: what is committed in between is then in the log, and too young to count.
        let ledger = entries(&source.ledger(&self.ledger_table).await, day).await?;
        let log = commits(&source.log().await, day, &ledger).await?;
        let seals = hours.as_ref().map(|(key, hours)| (key, hours));
        Ok(judge_day(day, now, &log, &ledger, seals))
    }

    async fn hours(
        &self,
        at: &CheckpointStore,
        day: &Day,
    ) -> Result<(VerifyKey, BTreeMap<Hour, SealedHour>), CommandError> {
        let vault = at.open().await?;
        let key = match &self.checkpoint_key {
            Some(key) => key.clone(),
            None => text(vault.read(KEY.into()).await.map_err(unopened)?).ok_or_else(|| {
                CommandError::new(format!("there is no key in {at}")).hint("nothing was sealed there yet")
            })?,
        };
        let key = VerifyKey::read(&key).map_err(CommandError::new)?;
        let first = Hour::of(day.begins()).before();
        // The hour before, the day, and what was entered late.
        let hours = std::iter::successors(Some(first), |hour| Some(hour.next())).take(28);
        let hours = hours.map(|hour| sealed(vault.as_ref(), hour));
        let hours = try_join_all(hours).await.map_err(unopened)?;
        Ok((key, hours.into_iter().collect()))
    }
}

async fn sealed(vault: &dyn Vault, hour: Hour) -> Result<(Hour, SealedHour), VaultError> {
    let checkpoint = text(vault.read(checkpoint_name(hour)).await?);
    Ok((hour, SealedHour { checkpoint, bundle: vault.read(bundle_name(hour)).await? }))
}

fn text(bytes: Option<Vec<u8>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn unopened(error: VaultError) -> CommandError {
    CommandError::new(error)
}

async fn entries(ledger: &Ledger, day: &Day) -> Result<BTreeMap<String, Vec<LedgerEntry>>, CommandError> {
    let mut entries = BTreeMap::new();
    for chain in chains_of(day) {
        let found = ledger.entries(&chain, 0).await.map_err(read_error)?;
        entries.insert(chain, found);
    }
    Ok(entries)
}

/// The commits that were made on `day`: of calls placed then or the day before, and of those that the ledger knows.
async fn commits(
    log: &EventLog,
    day: &Day,
    ledger: &BTreeMap<String, Vec<LedgerEntry>>,
) -> Result<OfLog, CommandError> {
    let range = Range { from: Some(day.before()), to: Some(day.clone()), tenants: vec![] };
    let mut calls: BTreeSet<CallId> = ledger.values().flatten().map(|entry| entry.call_id.clone()).collect();
    let mut placed = CallsInOrder::of(log.clone(), &range).await.map_err(read_error)?;
    while let Some((_, call_id)) = placed.next().await.map_err(read_error)? {
        calls.insert(call_id);
    }
    let mut found = OfLog::new();
    for call_id in calls {
        for commit in log.stored(&call_id).await.map_err(read_error)?.commits {
            let at = commit["at"].as_i64().map(Millis);
            let n = commit["n"].as_u64().and_then(|n| u32::try_from(n).ok());
            let hash = commit["hash"].as_str();
            // What is no commit any more is not in the log; `ilock verify CALL_ID` says what it is.
            if let (Some(at), Some(n), Some(hash)) = (at.filter(|at| Day::of(*at) == *day), n, hash) {
                found.insert((call_id.clone(), n), (rehashed(&commit).unwrap_or_else(|| hash.to_owned()), at));
            }
        }
    }
    Ok(found)
}

/// The hash that a commit has by its content: not what it says of itself.
fn rehashed(commit: &Value) -> Option<String> {
    ilock_log::chain(&serde_json::from_value(commit.clone()).ok()?).ok()
}
