//! `ilock verify --day`: compares a day of the log with the ledger, and the ledger with its checkpoints.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use futures::future::try_join_all;
use ilock_audit::verify::{DayJudged, OfLog, SealedHour, judge_day};
use ilock_events::{CallId, LedgerEntry, Millis};
use ilock_log::EventLog;
use ilock_log::ledger::Ledger;
use ilock_log::ledger::{KEY, Vault, VaultError, bundle_name, checkpoint_name};
use ilock_proof::{Day, chains_of};
use ilock_proof::{Hour, VerifyKey};
use serde_json::Value;

use crate::audit::checkpoint_store::CheckpointStore;
use crate::audit::in_order::CallsInOrder;
use crate::audit::range::Range;
use crate::audit::source::{Source, read_error};
use crate::ui::error::CommandError;

/// The hours whose checkpoints are read for a day: the hour before it, its 24, and three for commits entered late.
const HOURS: usize = 28;

/// The ledger and its checkpoints.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// The table of the ledger.
    #[arg(long, env = "LEDGER_TABLE", default_value = "ledger")]
    ledger_table: String,
    /// Where bundles and checkpoints are: the folder that `ilock dev` prints, or s3://BUCKET. Without it only the log and
    /// the ledger are compared.
    #[arg(long, env = "ILOCK_CHECKPOINTS")]
    checkpoints: Option<CheckpointStore>,
    /// The public key that signed the checkpoints, as you keep it yourself. [default: the file `key` beside them]
    #[arg(long, requires = "checkpoints")]
    checkpoint_key: Option<String>,
}

impl LedgerArgs {
    pub fn has_checkpoints(&self) -> bool {
        self.checkpoints.is_some()
    }

    /// Compares the log, the ledger and, when they are given, the checkpoints of `day`.
    pub async fn judge(&self, source: &Source, day: &Day, now: Millis) -> Result<DayJudged, CommandError> {
        let hours = match &self.checkpoints {
            Some(store) => Some(self.read_hours(store, day).await?),
            None => None,
        };
        // The ledger is read first: a commit that is made in between is in the log only, and too young to be reported.
        let ledger = read_entries(&source.ledger(&self.ledger_table).await, day).await?;
        let log = read_commits(&source.log().await, day, &ledger).await?;
        let hours = hours.as_ref().map(|(key, hours)| (key, hours));
        Ok(judge_day(day, now, &log, &ledger, hours))
    }

    async fn read_hours(
        &self,
        store: &CheckpointStore,
        day: &Day,
    ) -> Result<(VerifyKey, BTreeMap<Hour, SealedHour>), CommandError> {
        let vault = store.open().await?;
        let key = match &self.checkpoint_key {
            Some(key) => key.clone(),
            None => text(vault.read(KEY.into()).await.map_err(store_error)?).ok_or_else(|| {
                CommandError::new(format!("there is no key in {store}")).hint("no checkpoint was written there yet")
            })?,
        };
        let key = VerifyKey::read(&key).map_err(CommandError::new)?;
        let first = Hour::of(day.begins()).before();
        let hours = std::iter::successors(Some(first), |hour| Some(hour.next())).take(HOURS);
        let hours = hours.map(|hour| read_hour(vault.as_ref(), hour));
        let hours = try_join_all(hours).await.map_err(store_error)?;
        Ok((key, hours.into_iter().collect()))
    }
}

async fn read_hour(vault: &dyn Vault, hour: Hour) -> Result<(Hour, SealedHour), VaultError> {
    let checkpoint = text(vault.read(checkpoint_name(hour)).await?);
    Ok((hour, SealedHour { checkpoint, bundle: vault.read(bundle_name(hour)).await? }))
}

fn text(bytes: Option<Vec<u8>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[allow(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn store_error(error: VaultError) -> CommandError {
    CommandError::new(error)
}

async fn read_entries(ledger: &Ledger, day: &Day) -> Result<BTreeMap<String, Vec<LedgerEntry>>, CommandError> {
    let mut entries = BTreeMap::new();
    for chain in chains_of(day) {
        let found = ledger.entries(&chain, 0).await.map_err(read_error)?;
        entries.insert(chain, found);
    }
    Ok(entries)
}

/// The commits made on `day`: of the calls placed that day or the day before, and of the calls in the ledger.
async fn read_commits(
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
    let mut commits = OfLog::new();
    for call_id in calls {
        for commit in log.stored(&call_id).await.map_err(read_error)?.commits {
            let at = commit["at"].as_i64().map(Millis);
            let n = commit["n"].as_u64().and_then(|n| u32::try_from(n).ok());
            let hash = commit["hash"].as_str();
            // A commit that cannot be read counts as missing here; `ilock verify CALL_ID` says what is wrong with it.
            if let (Some(at), Some(n), Some(hash)) = (at.filter(|at| Day::of(*at) == *day), n, hash) {
                let hash = computed_hash(&commit).unwrap_or_else(|| hash.to_owned());
                commits.insert((call_id.clone(), n), (hash, at));
            }
        }
    }
    Ok(commits)
}

/// The hash of a commit's content. The stored one may have been changed.
fn computed_hash(commit: &Value) -> Option<String> {
    ilock_proof::commit_hash(&serde_json::from_value(commit.clone()).ok()?).ok()
}
