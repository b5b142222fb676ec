//! `ilock prove CALL_ID --output FILE`: writes what others can check without us.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use ilock_audit::{Finding, Line, check_signatures, read_proof, visible};
use ilock_env::Clock;
use ilock_events::{CallId, ProofFile};
use ilock_log::ledger::{CallProof, may_wait_for_sequencer};
use ilock_proof::StoredCall;
use serde_json::json;

use crate::audit::archive::file::stored;
use crate::audit::audit_api::AuditApi;
use crate::audit::find_call::{find_call, finding_text};
use crate::audit::ledger_args::{LedgerArgs, ledger_error};
use crate::audit::source::{Source, no_call, read_error, whole};
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::{Level, Output};

/// How long what has just happened is waited for: the sequencer works every minute.
const PATIENCE: Duration = Duration::from_secs(90);
const AGAIN: Duration = Duration::from_secs(1);
/// The whole ledger is looked through, where that is needed.
const EVERY_BUNDLE: u64 = u64::MAX;

#[derive(Debug, Args)]
pub struct Prove {
    call_id: CallId,
    /// The file to write.
    #[arg(long, short)]
    output: PathBuf,
    /// Read the call from this export instead of the log: the archive of its day.
    #[arg(long, short)]
    file: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    source: Source,
}

/// A call, and where it was read.
struct Place {
    call: StoredCall,
    /// The log or the file, in words.
    log: String,
    /// What is wrong with where it stands in a file. The ledger shows whether that is the call that was entered.
    findings: Vec<Finding>,
}

impl Prove {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        if self.file.is_none()
            && let Some(api) = self.source.api().await?
        {
            return self.ask(&api, output).await;
        }
        let begun = Instant::now();
        loop {
            let Place { call, log, findings } = self.stored(output).await?;
            let waits = may_wait_for_sequencer(&call, Clock::system().now()) && begun.elapsed() < PATIENCE;
            // A ledger that has not begun is waited for, too.
            let ledger = match self.ledger.open(&self.source, output).await {
                Err(_) if waits => {
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
                opened => opened?,
            };
            let keys = ledger.keys.iter().map(ToString::to_string).collect();
            let proof = ledger.reader.prove_call(&call, &ledger.checkpoint, keys, EVERY_BUNDLE).await;
            match proof.map_err(ledger_error)? {
                CallProof::Made(file) => {
                    let text = file.to_text().map_err(CommandError::new)?;
                    let proven = self.write(text.as_bytes(), &file, (&ledger.place, &log), output)?;
                    for finding in &findings {
                        output.warn(&visible(&finding_text(finding)));
                    }
                    return Ok(if findings.is_empty() { proven } else { ExitCode::from(EXIT_FINDINGS) });
                }
                CallProof::Changed(why) => {
                    let read = format!("{why} ({log})");
                    return Err(CommandError::new(read).hint("`ilock verify CALL_ID` says what else was changed"));
                }
                CallProof::Lacking { .. } if waits => tokio::time::sleep(AGAIN).await,
                CallProof::Lacking { lacking, entries, .. } => {
                    let (call, place) = (&self.call_id, &ledger.place);
                    let why = format!("{lacking} of the {entries} entries of {call} are not in the ledger in {place}");
                    return Err(CommandError::new(why)
                        .hint("`ilock verify --day` says what is missing, `ilock ledger backfill` enters it"));
                }
            }
        }
    }

    /// The call, and where it was read.
    async fn stored(&self, output: Output) -> Result<Place, CommandError> {
        let Some(file) = &self.file else {
            let call = self.source.log().await?.stored(&self.call_id).await.map_err(read_error)?;
            let log = self.source.described().await?;
            whole(&call)?;
            return if call.commits.is_empty() {
                Err(no_call(&call, &format!("{log} has no call")))
            } else {
                Ok(Place { call, log, findings: vec![] })
            };
        };
        let found = find_call(file, &self.call_id, output)?;
        let line = found.text(file)?;
        let Line::Call(call) = Line::read(line.trim_end()).map_err(CommandError::new)?.1 else {
            return Err(CommandError::new("this line of the export does not hold a call"));
        };
        let call = stored(&call);
        Ok(Place { call, log: file.display().to_string(), findings: found.with_place(vec![]) })
    }

    /// Has a backend prove the call, once the ledger has all of it.
    async fn ask(&self, api: &AuditApi, output: Output) -> Result<ExitCode, CommandError> {
        let believed = self.ledger.believed()?;
        let begun = Instant::now();
        loop {
            if let Some(bytes) = api.proof(&self.call_id).await? {
                let place = api.described();
                let failed = |why: String| CommandError::new(format!("{place}: {why}"));
                let text = std::str::from_utf8(&bytes).map_err(|error| failed(error.to_string()))?;
                let file = read_proof(text).map_err(failed)?;
                if file.call_id != self.call_id.as_str() {
                    return Err(failed(format!("it answers with a proof of {}", file.call_id)));
                }
                if let Some(policy) = &believed {
                    check_signatures(&file, policy).map_err(|bad| failed(format!("its checkpoint: {bad}")))?;
                }
                return self.write(&bytes, &file, (&place, &place), output);
            }
            if begun.elapsed() > PATIENCE {
                return Err(CommandError::new(format!("{} has no proof of {} yet", api.described(), self.call_id))
                    .hint("what happens is in the ledger within 75 seconds: is the sequencer running?"));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn write(
        &self,
        bytes: &[u8],
        file: &ProofFile,
        (ledger, log): (&str, &str),
        output: Output,
    ) -> Result<ExitCode, CommandError> {
        let path = self.output.display();
        std::fs::write(&self.output, bytes).map_err(|error| CommandError::new(format!("{path}: {error}")))?;
        let entries =
            [&file.commits, &file.receipts, &file.alerts, &file.forgotten].map(Vec::len).iter().sum::<usize>();
        let text =
            format!("{path} proves {} with {entries} entries of the ledger in {ledger} (log: {log})", self.call_id);
        let details = json!({
            "file": self.output, "entries": entries, "origin": file.origin, "log": log, "ledger": ledger,
        });
        output.line(Level::Success, "proven", &text, details);
        Ok(ExitCode::SUCCESS)
    }
}
