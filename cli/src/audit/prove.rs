//! `ilock prove CALL_ID --output FILE`: writes what others can check without us.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use ilock_audit::{MadeProofs, ProofFile};
use ilock_env::Clock;
use ilock_events::{CallId, Millis};
use ilock_proof::{Entry, Hour, StoredCall};
use serde_json::json;

use crate::audit::ledger_args::{LedgerArgs, OpenLedger, ledger_error};
use crate::audit::source::{Source, read_error};
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

/// How long what has just happened is waited for: the sequencer works every minute.
const PATIENCE: Duration = Duration::from_secs(90);
/// Only of a call that did something so recently.
const RECENT_MS: i64 = 5 * 60 * 1000;
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct Prove {
    call_id: CallId,
    /// The file to write.
    #[arg(long, short)]
    output: PathBuf,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    source: Source,
}

impl Prove {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let begun = Instant::now();
        let (ledger, call, places) = loop {
            let call = self.source.log().await?.stored(&self.call_id).await.map_err(read_error)?;
            if call.commits.is_empty() {
                return Err(CommandError::new(format!(
                    "there is no call {} in {}",
                    self.call_id,
                    self.source.described().await?
                )));
            }
            let ledger = self.ledger.open(&self.source, output).await;
            let (places, ledger) = match ledger {
                Ok(ledger) => (find(&ledger, &call).await?, Ok(ledger)),
                Err(error) => (HashMap::new(), Err(error)),
            };
            let entries = call.entries();
            let missing = entries.iter().filter(|entry| !places.contains_key(entry)).count();
            if missing == 0 {
                break (ledger?, call, places);
            }
            let recent = Clock::system().now().since(last_at(&call)) < RECENT_MS;
            if !recent || begun.elapsed() > PATIENCE {
                let place = ledger?.place;
                let why = format!(
                    "{missing} of the {} entries of {} are not in the ledger in {place}",
                    entries.len(),
                    self.call_id
                );
                return Err(CommandError::new(why)
                    .hint("`ilock verify --day` says what is missing, `ilock ledger backfill` enters it"));
            }
            tokio::time::sleep(AGAIN).await;
        };
        let mut proofs = vec![];
        for entry in call.entries() {
            proofs.push(ledger.reader.prove(&entry, places[&entry], &ledger.checkpoint).await.map_err(ledger_error)?);
        }
        let entries = proofs.len();
        let keys = ledger.keys.iter().map(ToString::to_string).collect();
        let made = MadeProofs { origin: ledger.checkpoint.origin.clone(), keys, proofs };
        let file = ProofFile::new(&call, made).map_err(CommandError::new)?;
        let text = serde_json::to_string_pretty(&file).map_err(CommandError::new)?;
        let path = self.output.display();
        std::fs::write(&self.output, format!("{text}\n"))
            .map_err(|error| CommandError::new(format!("{path}: {error}")))?;
        let log = self.source.described().await?;
        let text = format!(
            "{path} proves {} with {entries} entries of the ledger in {} (log: {log})",
            self.call_id, ledger.place
        );
        let details = json!({ "file": self.output, "entries": entries, "size": ledger.checkpoint.head.size, "log": log, "ledger": ledger.place });
        output.line(Level::Success, "proven", &text, details);
        Ok(ExitCode::SUCCESS)
    }
}

fn times(call: &StoredCall) -> impl Iterator<Item = i64> {
    let items = call.commits.iter().chain(&call.receipts).chain(&call.forgotten).chain(&call.alerts);
    items.filter_map(|item| item["at"].as_i64())
}

fn last_at(call: &StoredCall) -> Millis {
    Millis(times(call).max().unwrap_or_default())
}

/// Where the call's entries stand in the ledger, as far as they do. The proofs will show whether that is so.
async fn find(ledger: &OpenLedger, call: &StoredCall) -> Result<HashMap<Entry, u64>, CommandError> {
    let first = Hour::of(Millis(times(call).min().unwrap_or_default())).before();
    let wanted = call.entries();
    let from = ledger.beginning_at(first).await?;
    ledger.reader.find(&wanted, from..ledger.checkpoint.head.size).await.map_err(ledger_error)
}
