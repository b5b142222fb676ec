//! `ilock verify`: proves that histories are what was written, and that what they say could happen and was told.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ilock_audit::seal::DayJudged;
use ilock_audit::{Counts, Finding, Line, verify};
use ilock_events::{CallId, Millis};
use ilock_functions::clock::Clock;
use ilock_log::Day;
use serde_json::json;

use crate::audit::dynamodb_export::Folder;
use crate::audit::in_order::CallsInOrder;
use crate::audit::range::Range;
use crate::audit::source::{Source, export_line, find, open, read_error};
use crate::audit::verify_day::LedgerArgs;
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::{Level, Output};
use crate::ui::progress;

/// What to verify: one call, or all; of a file, or of the log.
#[derive(Debug, Args)]
pub struct Verify {
    /// Only this call.
    call_id: Option<CallId>,
    /// An export, instead of the log: of `ilock export`, or the folder of one that DynamoDB wrote to S3.
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// A day (UTC), as 2026-11-22: that no call of it vanished, or was slipped in. Holds the log against the ledger, and
    /// that against its checkpoints.
    #[arg(long, conflicts_with_all = ["call_id", "file", "from", "to", "tenants"])]
    day: Option<Day>,
    #[command(flatten)]
    seals: LedgerArgs,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    source: Source,
}

impl Verify {
    /// Verifies, and says what was found.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let now = Clock::system().now();
        if let Some(day) = &self.day {
            return self.whole_day(day, now, output).await;
        }
        let counts = match (&self.file, &self.call_id) {
            (Some(folder), None) if folder.is_dir() => whole_folder(folder, &self.range, now, output)?,
            (Some(_), _) if self.range != Range::default() => {
                return Err(CommandError::new("a file is verified as a whole, or one call of it")
                    .hint("--from, --to and --tenant choose from the log, or from an export of DynamoDB's"));
            }
            (Some(file), None) => whole_file(file, now, output)?,
            (Some(file), Some(call_id)) => {
                let absent = || CommandError::new(format!("there is no call {call_id} in {}", file.display()));
                let (number, text) = find(file, call_id, output)?.ok_or_else(absent)?;
                one(&text, number, now, output)?
            }
            (None, Some(call_id)) => one(&self.source.one(call_id).await?, None, now, output)?,
            (None, None) => self.log(now, output).await?,
        };
        Ok(summary(counts, output))
    }

    async fn whole_day(&self, day: &Day, now: Millis, output: Output) -> Result<ExitCode, CommandError> {
        if !self.seals.given() {
            output.warn("without --checkpoints nothing shows whether log and ledger were forged together");
        }
        let judged = self.seals.judge(&self.source, day, now).await?;
        for finding in &judged.findings {
            tell(finding, output);
        }
        let DayJudged { findings, commits, entries, checkpoints } = judged;
        let looked_at = format!("{commits} commits, {entries} entries of the ledger, {checkpoints} checkpoints");
        let findings = findings.len();
        let details = json!({ "counts": {
            "commits": commits, "entries": entries, "checkpoints": checkpoints, "findings": findings,
        } });
        if findings == 0 {
            output.line(Level::Success, "verified", &format!("verified {day}: {looked_at}; nothing is wrong"), details);
            return Ok(ExitCode::SUCCESS);
        }
        output.line(Level::Warning, "found", &format!("{findings} findings in {looked_at}"), details);
        Ok(ExitCode::from(EXIT_FINDINGS))
    }

    async fn log(&self, now: Millis, output: Output) -> Result<Counts, CommandError> {
        let mut counts = Counts::default();
        let mut calls = CallsInOrder::of(self.source.log().await, &self.range).await.map_err(read_error)?;
        let bar = progress::days(calls.days_in_all, output);
        loop {
            let found = calls.next_calls(|_, _| false).await.map_err(read_error)?;
            if found.is_empty() {
                break;
            }
            for call in &found {
                add(&mut counts, one(&export_line(call)?, None, now, output)?);
            }
            bar.set_position(u64::try_from(calls.days_begun().saturating_sub(1)).unwrap_or_default());
            bar.set_message(format!("{} calls", counts.calls));
        }
        bar.finish_and_clear();
        Ok(counts)
    }
}

fn add(sum: &mut Counts, more: Counts) {
    sum.calls += more.calls;
    sum.commits += more.commits;
    sum.proven += more.proven;
    sum.receipts += more.receipts;
    sum.unreadable_lines += more.unreadable_lines;
    sum.findings += more.findings;
}

fn whole_file(path: &Path, now: Millis, output: Output) -> Result<Counts, CommandError> {
    let compressed = path.extension().is_some_and(|extension| extension == "zst");
    let length = std::fs::metadata(path).ok().filter(|_| !compressed).map(|file| file.len());
    let source = open(path)?;
    let bar = progress::bytes(length, output);
    let mut passed = 0;
    let counts = verify::file(
        source,
        now,
        |finding| bar.suspend(|| tell(&finding, output)),
        |bytes| {
            passed += bytes;
            // A bar that moves with every line would cost more than the line.
            if passed >= 1 << 20 {
                bar.inc(passed);
                passed = 0;
            }
        },
    );
    bar.finish_and_clear();
    Ok(counts)
}

fn whole_folder(path: &Path, range: &Range, now: Millis, output: Output) -> Result<Counts, CommandError> {
    let folder = Folder::open(path)?;
    let (export, trouble) = folder.as_export(range, output, &mut |finding| tell(&finding, output))?;
    let bar = progress::bytes(None, output);
    // The lines of a temporary file mean nothing to anybody.
    let found = |finding: Finding| bar.suspend(|| tell(&Finding { line: None, ..finding }, output));
    let mut counts = verify::file(std::io::BufReader::new(export), now, found, |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    counts.findings += trouble.findings;
    counts.unreadable_lines += trouble.unreadable_lines;
    Ok(counts)
}

fn one(text: &str, number: Option<u64>, now: Millis, output: Output) -> Result<Counts, CommandError> {
    let Line::Call(call) = Line::read(text).map_err(CommandError::new)?.1 else {
        return Err(CommandError::new("this line is no call"));
    };
    let judged = verify::call(&call, now);
    for finding in judged.findings {
        tell(&Finding { line: number, ..finding }, output);
    }
    Ok(judged.counts)
}

fn tell(finding: &Finding, output: Output) {
    let place = [
        finding.line.map(|line| format!("line {line}")),
        finding.call_id.clone(),
        finding.n.map(|n| format!("commit {n}")),
        finding.notice.map(|notice| format!("notice {notice}")),
    ];
    let place: Vec<String> = place.into_iter().flatten().collect();
    let place = if place.is_empty() { String::new() } else { format!("{}: ", place.join(", ")) };
    let text = format!("{}: {place}{}", finding.kind.words(), finding.why);
    output.line(Level::Warning, "finding", &text, json!({ "finding": finding }));
}

fn summary(counts: Counts, output: Output) -> ExitCode {
    let looked_at = format!("{} calls, {} commits, {} receipts", counts.calls, counts.commits, counts.receipts);
    let details = json!({ "counts": counts });
    if counts.findings == 0 {
        output.line(Level::Success, "verified", &format!("verified: {looked_at}; nothing is wrong"), details);
        return ExitCode::SUCCESS;
    }
    let text = format!("{} findings in {looked_at}; {} commits are proven", counts.findings, counts.proven);
    output.line(Level::Warning, "found", &text, details);
    ExitCode::from(EXIT_FINDINGS)
}
