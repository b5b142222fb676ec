//! `ilock verify`: checks that histories were not changed, that every step follows from the one before, and that everybody
//! was notified.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ilock_audit::verify::{CallsTogether, DayJudged};
use ilock_audit::{Counts, Finding, Line, check_proof, verify, visible};
use ilock_env::Clock;
use ilock_events::{CallId, Millis};
use ilock_proof::{Day, Policy};
use serde_json::json;

use crate::audit::archive::file::ArchiveFile;
use crate::audit::dynamodb_export::ExportFolder;
use crate::audit::find_call::{FoundCall, find_call, finding_text};
use crate::audit::hour_marks::out_of_order_since;
use crate::audit::in_order::CallsInOrder;
use crate::audit::kept_checkpoints::{judge_kept, read_checkpoint};
use crate::audit::key_records;
use crate::audit::ledger_args::{LedgerArgs, ledger_error};
use crate::audit::proof_input::read_proof_file;
use crate::audit::range::Range;
use crate::audit::source::{Source, open_export, read_error};
use crate::audit::verify_call::judge_stored;
use crate::audit::verify_day::{first_entries, judge};
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::{Level, Output};
use crate::ui::progress;

#[derive(Debug, Args)]
pub struct Verify {
    /// Only this call.
    call_id: Option<CallId>,
    /// Read from this export instead of the log: a file of `ilock export`, or a folder that DynamoDB exported to S3.
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// A day (UTC), for example 2026-11-22. Compares the log with the ledger, and the ledger with its checkpoints: reports
    /// what was changed, removed or added later.
    #[arg(long, conflicts_with_all = ["call_id", "file", "from", "to", "tenants"])]
    day: Option<Day>,
    /// The folder with the archive of the day, DIR/2026-11-22.jsonl.zst, where `ilock archive` moved its calls there.
    #[arg(
        long,
        value_name = "DIR",
        requires = "day",
        // What is required is not asked for where it conflicts with something that was given.
        conflicts_with_all = ["call_id", "file", "from", "to", "tenants", "since", "proof"]
    )]
    archive: Option<PathBuf>,
    /// A checkpoint of the ledger that you kept: reports whether the ledger has only grown since.
    #[arg(long, value_name = "CHECKPOINT", conflicts_with_all = ["call_id", "file", "from", "to", "tenants", "day"])]
    since: Option<PathBuf>,
    /// A file of `ilock prove`. It is checked offline; with --policy or --ledger-key also whether those whom you
    /// believe signed it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["call_id", "file", "from", "to", "tenants", "day", "since"])]
    proof: Option<PathBuf>,
    /// How many threads verify a file. [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
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
        self.refuse_what_changes_nothing()?;
        if let Some(proof) = &self.proof {
            return verify_proof(proof, self.ledger.believed()?.as_ref(), now, output);
        }
        if let Some(kept) = &self.since {
            return self.verify_since(kept, now, output).await;
        }
        if let Some(day) = &self.day {
            return self.verify_day(day, now, output).await;
        }
        let counts = match (&self.file, &self.call_id) {
            (Some(folder), None) if folder.is_dir() => verify_folder(folder, &self.range, (self.jobs(), now), output)?,
            (Some(file), None) => verify_file(file, self.jobs(), now, output)?,
            (Some(file), Some(call_id)) => verify_line(find_call(file, call_id, output)?, now, output)?,
            (None, Some(call_id)) => {
                let call = self.source.stored(call_id).await?;
                let (counts, findings) = judge_stored(&call, None, &mut CallsTogether::default(), now)?;
                for finding in &findings {
                    print_finding(finding, output);
                }
                counts
            }
            (None, None) => self.verify_log(now, output).await?,
        };
        let log = if self.file.is_none() { Some(self.source.described().await?) } else { None };
        Ok(print_summary(counts, log, output))
    }

    /// Refuses what was given and would change nothing: a verdict would seem to be about it.
    fn refuse_what_changes_nothing(&self) -> Result<(), CommandError> {
        let reads_ledger = self.day.is_some() || self.since.is_some();
        let refused = |why: &str, hint: &str| Err(CommandError::new(why).hint(hint));
        if !reads_ledger && self.proof.is_none() && self.ledger.believed()?.is_some() {
            return refused(
                "--policy and --ledger-key say whose ledger is believed, and none is read here",
                "a ledger is read with --day, --since and --proof",
            );
        }
        if !reads_ledger && self.ledger.is_named() {
            return refused(
                "--ledger says which ledger is read, and none is read here",
                "a ledger is read with --day and --since; a proof has all that is needed of it",
            );
        }
        let has_range = self.range != Range::default();
        if has_range && self.call_id.is_some() {
            return refused(
                "--from, --to and --tenant select among calls, and one call was named",
                "leave them out, or the call's id",
            );
        }
        if has_range && self.file.as_ref().is_some_and(|file| !file.is_dir()) {
            return refused(
                "an export file is verified as a whole, or one call of it",
                "--from, --to and --tenant select calls of the log, or of an export that DynamoDB wrote",
            );
        }
        if self.jobs.is_some() && (self.file.is_none() || self.call_id.is_some()) {
            return refused("--jobs is for a whole file, and none is verified here", "a file is verified with --file");
        }
        self.range.check()
    }

    fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(cores, usize::from)
    }

    async fn verify_day(&self, day: &Day, now: Millis, output: Output) -> Result<ExitCode, CommandError> {
        if day.begins() > now {
            return Err(CommandError::new(format!("{day} has not begun yet: there is nothing to verify of it")));
        }
        let ledger = self.ledger.open(&self.source, output).await?;
        let archive = self.archive.as_deref().map(|dir| ArchiveFile::read(dir, day, now, output)).transpose()?;
        let judged = judge(&ledger, &self.source.log().await?, day, now, archive.as_ref()).await?;
        judged.warn(day, output);
        let DayJudged { findings, commits, items, accesses, entries } = judged.judged;
        for finding in &findings {
            print_finding(finding, output);
        }
        let (log, place) = (self.source.described().await?, &ledger.place);
        let checked = format!(
            "{commits} commits, {items} items and {accesses} accesses of {log}, {entries} entries of the ledger in {place}"
        );
        let findings = findings.len();
        let counts = json!({
            "commits": commits, "items": items, "accesses": accesses, "entries": entries, "findings": findings,
        });
        let digest = archive.as_ref().map(|archive| archive.digest.as_str());
        let details = json!({ "counts": counts, "log": log, "ledger": place, "archive": digest });
        if findings == 0 {
            output.line(Level::Success, "verified", &format!("verified {day}: {checked}; no findings"), details);
            return Ok(ExitCode::SUCCESS);
        }
        output.line(Level::Warning, "found", &format!("{findings} findings in {checked}"), details);
        Ok(ExitCode::from(EXIT_FINDINGS))
    }

    async fn verify_since(&self, kept: &Path, now: Millis, output: Output) -> Result<ExitCode, CommandError> {
        let ledger = self.ledger.open(&self.source, output).await?;
        let checkpoint = read_checkpoint(kept)?;
        let (old, new, place) = (checkpoint.head.size, ledger.checkpoint.head.size, &ledger.place);
        let details = json!({ "old_size": old, "size": new, "ledger": place });
        let judged = judge_kept(&ledger, &checkpoint, &kept.display().to_string()).await.map_err(ledger_error)?;
        let findings = if let Some(finding) = judged {
            vec![finding]
        } else {
            let mut findings = out_of_order_since(&ledger, old, now).await?;
            findings.extend(key_records::judge(&ledger, first_entries(&ledger).await?).await?);
            findings
        };
        if !findings.is_empty() {
            for finding in &findings {
                print_finding(finding, output);
            }
            let count = findings.len();
            let things = if count == 1 { "finding" } else { "findings" };
            output.line(Level::Warning, "found", &format!("{count} {things} in the ledger in {place}"), details);
            return Ok(ExitCode::from(EXIT_FINDINGS));
        }
        let text = format!("verified: the ledger in {place} has only grown since, from {old} to {new} entries");
        output.line(Level::Success, "verified", &text, details);
        Ok(ExitCode::SUCCESS)
    }

    async fn verify_log(&self, now: Millis, output: Output) -> Result<Counts, CommandError> {
        let (mut counts, mut together) = (Counts::default(), CallsTogether::default());
        let mut calls = CallsInOrder::of(self.source.log().await?, &self.range).await.map_err(read_error)?;
        let bar = progress::days(calls.total_days, output);
        let mut archived = 0_u64;
        loop {
            let found = calls.next_calls(|_, _| false).await.map_err(read_error)?;
            for finding in calls.take_not_calls() {
                counts.findings += 1;
                bar.suspend(|| print_finding(&finding, output));
            }
            if found.is_empty() {
                break;
            }
            archived += found.iter().map(|call| u64::from(call.is_archived())).sum::<u64>();
            for call in found.iter().filter(|call| !call.is_archived()) {
                let (of_call, findings) = judge_stored(call, None, &mut together, now)?;
                add(&mut counts, of_call);
                for finding in &findings {
                    bar.suspend(|| print_finding(finding, output));
                }
            }
            bar.set_position(u64::try_from(calls.finished_days()).unwrap_or_default());
            bar.set_message(format!("{} calls", counts.calls));
        }
        bar.finish_and_clear();
        if archived > 0 {
            output.warn(&format!(
                "{archived} calls were moved into the archives of their days, and are verified there: --day DAY --archive DIR"
            ));
        }
        Ok(counts)
    }
}

/// Checks a file of `ilock prove`: nothing else is read.
fn verify_proof(path: &Path, policy: Option<&Policy>, now: Millis, output: Output) -> Result<ExitCode, CommandError> {
    let file = read_proof_file(path)?;
    let checked = check_proof(&file, policy, now);
    for finding in &checked.findings {
        print_finding(&Finding { call_id: Some(file.call_id.clone()), ..finding.clone() }, output);
    }
    if let Some(keys) = &checked.unvouched {
        let keys = visible(keys);
        output.warn(&format!("nobody vouches for the key {keys}: --policy or --ledger-key names whom you believe"));
    }
    let (entries, size, findings) = (checked.entries, checked.size, checked.findings.len());
    let details = json!({
        "counts": checked.counts, "entries": entries, "size": size, "origin": file.origin, "call_id": file.call_id,
    });
    if findings == 0 {
        let commits = checked.counts.commits;
        let text = format!(
            "verified: {} with {commits} commits; {entries} entries are in {}, which has {size}; no findings",
            file.call_id, file.origin
        );
        output.line(Level::Success, "verified", &text, details);
        return Ok(ExitCode::SUCCESS);
    }
    output.line(Level::Warning, "found", &format!("{findings} findings in {}", path.display()), details);
    Ok(ExitCode::from(EXIT_FINDINGS))
}

fn add(sum: &mut Counts, more: Counts) {
    sum.calls += more.calls;
    sum.commits += more.commits;
    sum.proven += more.proven;
    sum.receipts += more.receipts;
    sum.unreadable_lines += more.unreadable_lines;
    sum.findings += more.findings;
}

fn verify_file(path: &Path, jobs: usize, now: Millis, output: Output) -> Result<Counts, CommandError> {
    let bar = progress::bytes(std::fs::metadata(path).ok().map(|file| file.len()), output);
    let source = open_export(path, &bar)?;
    let on_finding = |finding| bar.suspend(|| print_finding(&finding, output));
    let counts = verify::file_on(jobs, source, now, on_finding, |_| {});
    bar.finish_and_clear();
    Ok(counts)
}

fn verify_folder(
    path: &Path,
    range: &Range,
    (jobs, now): (usize, Millis),
    output: Output,
) -> Result<Counts, CommandError> {
    let folder = ExportFolder::open(path)?;
    let (export, folder_counts) = folder.to_export(range, output, &mut |finding| print_finding(&finding, output))?;
    let bar = progress::bytes(None, output);
    // Line numbers of the temporary file are left out: the user does not have that file.
    let on_finding = |finding: Finding| bar.suspend(|| print_finding(&Finding { line: None, ..finding }, output));
    let export = std::io::BufReader::new(bar.wrap_read(export));
    let mut counts = verify::file_on(jobs, export, now, on_finding, |_| {});
    bar.finish_and_clear();
    counts.findings += folder_counts.findings;
    counts.unreadable_lines += folder_counts.unreadable_lines;
    Ok(counts)
}

fn verify_line(found: FoundCall, now: Millis, output: Output) -> Result<Counts, CommandError> {
    let (counts, findings) = match found.line() {
        None => (Counts { unreadable_lines: 1, ..Counts::default() }, vec![]),
        Some(text) => {
            let Line::Call(call) = Line::read(text).map_err(CommandError::new)?.1 else {
                return Err(CommandError::new("this line of the export does not hold a call"));
            };
            let judged = verify::call(&call, now);
            (judged.counts, judged.findings)
        }
    };
    let findings = found.with_place(findings);
    for finding in &findings {
        print_finding(finding, output);
    }
    Ok(Counts { findings: u64::try_from(findings.len()).unwrap_or(u64::MAX), ..counts })
}

fn print_finding(finding: &Finding, output: Output) {
    let text = finding_text(finding);
    let text = visible(&text);
    output.line(Level::Warning, "finding", &text, json!({ "finding": finding }));
}

/// `log` is the one that was read; none where a file was.
fn print_summary(counts: Counts, log: Option<String>, output: Output) -> ExitCode {
    let of_log = log.as_ref().map(|log| format!(" of {log}")).unwrap_or_default();
    let checked = format!("{} calls, {} commits, {} receipts{of_log}", counts.calls, counts.commits, counts.receipts);
    let details = log.map_or_else(|| json!({ "counts": counts }), |log| json!({ "counts": counts, "log": log }));
    if counts.findings == 0 {
        output.line(Level::Success, "verified", &format!("verified: {checked}; no findings"), details);
        return ExitCode::SUCCESS;
    }
    let text = format!("{} findings in {checked}; {} commits are proven", counts.findings, counts.proven);
    output.line(Level::Warning, "found", &text, details);
    ExitCode::from(EXIT_FINDINGS)
}
