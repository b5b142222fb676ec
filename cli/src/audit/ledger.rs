//! `ilock ledger`: what an operator does with the ledger.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ilock_audit::visible;
use ilock_env::Clock;
use ilock_proof::Day;
use serde_json::json;

use crate::audit::export::exit_code;
use crate::audit::find_call::finding_text;
use crate::audit::ledger_args::LedgerArgs;
use crate::audit::source::{Source, read_error, table};
use crate::audit::verify_day::read_day;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Enters what the log has of a day and the ledger has not. An auditor sees that it was entered late.
    Backfill(Backfill),
}

#[derive(Debug, Args)]
pub struct Backfill {
    /// The day (UTC), for example 2026-11-22.
    day: Day,
    /// The table of the ledger.
    #[arg(long, env = "LEDGER_TABLE", default_value = "ledger", value_parser = table)]
    ledger_table: String,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    source: Source,
}

impl LedgerCommand {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        match self {
            Self::Backfill(backfill) => backfill.run(output).await,
        }
    }
}

impl Backfill {
    async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let ledger = self.ledger.open(&self.source, output).await?;
        let log = self.source.log().await?;
        let read = read_day(&ledger, &log, &self.day, Clock::system().now(), None).await?;
        let findings = read.findings;
        for finding in &findings {
            output.warn(&visible(&finding_text(finding)));
        }
        let mut lacking = read.judge.lacking();
        // The marks of its calls were written long after the day.
        lacking.extend(read.marks.lacking(&ledger).await?.into_iter().map(|mark| mark.entry));
        let table = self.source.ledger(&self.ledger_table).await?;
        table.enter(&lacking).await.map_err(read_error)?;
        let (count, log) = (lacking.len(), self.source.described().await?);
        let text = format!("{count} entries of {} from {log} wait for the sequencer", self.day);
        output.line(Level::Success, "entered", &text, json!({ "entries": count, "log": log, "ledger": ledger.place }));
        Ok(exit_code(u64::try_from(findings.len()).unwrap_or(u64::MAX)))
    }
}
