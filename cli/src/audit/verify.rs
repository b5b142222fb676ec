//! `ilock verify`: checks that histories were not changed, that every step follows from the one before, and that everybody
//! was notified.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ilock_audit::verify::DayJudged;
use ilock_audit::{Counts, Finding, Line, verify};
use ilock_env::Clock;
use ilock_events::{CallId, Millis};
use ilock_proof::Day;
use serde_json::json;

use crate::audit::dynamodb_export::ExportFolder;
use crate::audit::in_order::CallsInOrder;
use crate::audit::range::Range;
use crate::audit::source::{FoundLine, Source, export_line, find_call, open_export, read_error};
use crate::audit::verify_day::LedgerArgs;
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::{Level, Output};
use crate::ui::progress;

/// The progress bar of a file is updated after so many bytes: updating it with every line would cost more than the line.
const PROGRESS_BYTES: u64 = 1 << 20;

#[derive(Debug, Args)]
pub struct Verify {
    /// Only this call.
    call_id: Option<CallId>,
    /// Read from this export instead of the log: a file of `ilock export`, or a folder that DynamoDB exported to S3.
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// A day (UTC), for example 2026-11-22. Compares the log with the ledger, and the ledger with its checkpoints: reports
    /// calls that were removed or added later.
    #[arg(long, conflicts_with_all = ["call_id", "file", "from", "to", "tenants"])]
    day: Option<Day>,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    source: Source,
}

impl Verify {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let now = Clock::system().now();
        if let Some(day) = &self.day {
            return self.verify_day(day, now, output).await;
        }
        let counts = match (&self.file, &self.call_id) {
            (Some(folder), None) if folder.is_dir() => verify_folder(folder, &self.range, now, output)?,
            (Some(_), _) if self.range != Range::default() => {
                return Err(CommandError::new("an export file is verified as a whole, or one call of it")
                    .hint("--from, --to and --tenant select calls of the log, or of an export that DynamoDB wrote"));
            }
            (Some(file), None) => verify_file(file, now, output)?,
            (Some(file), Some(call_id)) => verify_line(&find_call(file, call_id, output)?, now, output)?,
            (None, Some(call_id)) => {
                let text = self.source.call_line(call_id).await?;
                verify_line(&FoundLine { number: None, text }, now, output)?
            }
            (None, None) => self.verify_log(now, output).await?,
        };
        Ok(print_summary(counts, output))
    }

    async fn verify_day(&self, day: &Day, now: Millis, output: Output) -> Result<ExitCode, CommandError> {
        if !self.ledger.has_checkpoints() {
            output.warn("without --checkpoints a forgery of both the log and the ledger is not detected");
        }
        let judged = self.ledger.judge(&self.source, day, now).await?;
        for finding in &judged.findings {
            print_finding(finding, output);
        }
        let DayJudged { findings, commits, entries, checkpoints } = judged;
        let checked = format!("{commits} commits, {entries} ledger entries, {checkpoints} checkpoints");
        let findings = findings.len();
        let details = json!({ "counts": {
            "commits": commits, "entries": entries, "checkpoints": checkpoints, "findings": findings,
        } });
        if findings == 0 {
            output.line(Level::Success, "verified", &format!("verified {day}: {checked}; no findings"), details);
            return Ok(ExitCode::SUCCESS);
        }
        output.line(Level::Warning, "found", &format!("{findings} findings in {checked}"), details);
        Ok(ExitCode::from(EXIT_FINDINGS))
    }

    async fn verify_log(&self, now: Millis, output: Output) -> Result<Counts, CommandError> {
        let mut counts = Counts::default();
        let mut calls = CallsInOrder::of(self.source.log().await, &self.range).await.map_err(read_error)?;
        let bar = progress::days(calls.total_days, output);
        loop {
            let found = calls.next_calls(|_, _| false).await.map_err(read_error)?;
            if found.is_empty() {
                break;
            }
            for call in &found {
                let line = FoundLine { number: None, text: export_line(call)? };
                add(&mut counts, verify_line(&line, now, output)?);
            }
            bar.set_position(u64::try_from(calls.finished_days()).unwrap_or_default());
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

fn verify_file(path: &Path, now: Millis, output: Output) -> Result<Counts, CommandError> {
    let compressed = path.extension().is_some_and(|extension| extension == "zst");
    let length = std::fs::metadata(path).ok().filter(|_| !compressed).map(|file| file.len());
    let source = open_export(path)?;
    let bar = progress::bytes(length, output);
    let mut passed = 0;
    let counts = verify::file(
        source,
        now,
        |finding| bar.suspend(|| print_finding(&finding, output)),
        |bytes| {
            passed += bytes;
            if passed >= PROGRESS_BYTES {
                bar.inc(passed);
                passed = 0;
            }
        },
    );
    bar.finish_and_clear();
    Ok(counts)
}

fn verify_folder(path: &Path, range: &Range, now: Millis, output: Output) -> Result<Counts, CommandError> {
    let folder = ExportFolder::open(path)?;
    let (export, folder_counts) = folder.to_export(range, output, &mut |finding| print_finding(&finding, output))?;
    let bar = progress::bytes(None, output);
    // Line numbers of the temporary file are left out: the user does not have that file.
    let on_finding = |finding: Finding| bar.suspend(|| print_finding(&Finding { line: None, ..finding }, output));
    let mut counts = verify::file(std::io::BufReader::new(export), now, on_finding, |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    counts.findings += folder_counts.findings;
    counts.unreadable_lines += folder_counts.unreadable_lines;
    Ok(counts)
}

fn verify_line(line: &FoundLine, now: Millis, output: Output) -> Result<Counts, CommandError> {
    let Line::Call(call) = Line::read(&line.text).map_err(CommandError::new)?.1 else {
        return Err(CommandError::new("this line of the export does not hold a call"));
    };
    let judged = verify::call(&call, now);
    for finding in judged.findings {
        print_finding(&Finding { line: line.number, ..finding }, output);
    }
    Ok(judged.counts)
}

fn print_finding(finding: &Finding, output: Output) {
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

fn print_summary(counts: Counts, output: Output) -> ExitCode {
    let checked = format!("{} calls, {} commits, {} receipts", counts.calls, counts.commits, counts.receipts);
    let details = json!({ "counts": counts });
    if counts.findings == 0 {
        output.line(Level::Success, "verified", &format!("verified: {checked}; no findings"), details);
        return ExitCode::SUCCESS;
    }
    let text = format!("{} findings in {checked}; {} commits are proven", counts.findings, counts.proven);
    output.line(Level::Warning, "found", &text, details);
    ExitCode::from(EXIT_FINDINGS)
}
