//! `ilock archive DAY --dir DIR`: writes the calls of a day to a file and marks them; with `--delete`, in a later run, deletes from
//! the log what is in that file. The marks stay, so nothing that proves a call is lost.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ilock_env::Clock;
use ilock_events::{Archived, Millis};
use ilock_log::EventLog;
use ilock_proof::Day;
use serde_json::json;

use crate::audit::archive::file::{ArchiveFile, path_in};
use crate::audit::archive::write::Count;
use crate::audit::archive::{delete, write};
use crate::audit::ledger_args::{LedgerArgs, OpenLedger};
use crate::audit::source::Source;
use crate::audit::verify_day::judge;
use crate::ui::confirm::confirm;
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::{Level, Output};

#[derive(Debug, Args)]
pub struct Archive {
    /// The day (UTC), for example 2026-11-22. At least 90 days must have passed since.
    day: Day,
    /// The folder of the archives. That of the day is DIR/2026-11-22.jsonl.zst.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Delete from the log what is in the archive, once that is proven. The marks of the calls stay.
    #[arg(long)]
    delete: bool,
    /// Check everything, and write and delete nothing.
    #[arg(long)]
    dry_run: bool,
    /// Delete without asking for confirmation.
    #[arg(long, short, requires = "delete")]
    yes: bool,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    source: Source,
}

impl Archive {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let now = Clock::system().now();
        let day = &self.day;
        if now.since(day.plus(1).begins()) < Archived::AFTER_MS {
            let (days, first) = (Archived::AFTER_DAYS, day.plus(Archived::AFTER_DAYS + 1));
            return Err(CommandError::new(format!("{day} is too young: a day is archived {days} days after it"))
                .hint(format!("from {first} on it can be archived")));
        }
        let log = self.source.log().await?;
        let ledger = self.ledger.open(&self.source, output).await?;
        if self.delete {
            self.delete_day(&log, &ledger, now, output).await?;
        } else {
            self.archive_day(&log, &ledger, now, output).await?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn archive_day(
        &self,
        log: &EventLog,
        ledger: &OpenLedger,
        now: Millis,
        output: Output,
    ) -> Result<(), CommandError> {
        let day = &self.day;
        let count = write::count(log, day, now).await?;
        let judged = judge(ledger, log, day, now, None).await?;
        judged.warn(day, output);
        let findings = &judged.judged.findings;
        if let Some(first) = findings.first() {
            let why = format!("{} findings, and such a day is not archived; the first: {}", findings.len(), first.why);
            return Err(CommandError::new(why)
                .exit_code(EXIT_FINDINGS)
                .hint(format!("`ilock verify --day {day}` has all")));
        }
        if self.dry_run {
            self.print("to_archive", "would be archived in", count, None, output);
            return Ok(());
        }
        let expected = write::write(log, day, &self.dir).await?;
        let archive = self.read(now, output)?;
        if archive.digest != expected {
            let why = format!("{} is there, and is not what the log has of {day}", archive.path.display());
            return Err(CommandError::new(why).hint("archives are not overwritten: choose another folder"));
        }
        write::mark(log, day, &archive.digest, now).await?;
        self.print("archived", "are archived in", count, Some(&archive.digest), output);
        Ok(())
    }

    /// The archive, which must be whole and sound.
    fn read(&self, now: Millis, output: Output) -> Result<ArchiveFile, CommandError> {
        let archive = ArchiveFile::read(&self.dir, &self.day, now, output)?;
        match archive.findings.first() {
            Some(first) => {
                let path = archive.path.display();
                let why = format!("{path} is not sound: {}", first.why);
                Err(CommandError::new(why)
                    .exit_code(EXIT_FINDINGS)
                    .hint(format!("`ilock verify --file {path}` has all")))
            }
            None => Ok(archive),
        }
    }

    async fn delete_day(
        &self,
        log: &EventLog,
        ledger: &OpenLedger,
        now: Millis,
        output: Output,
    ) -> Result<(), CommandError> {
        let (day, archive) = (&self.day, self.read(now, output)?);
        let left = delete::check(log, ledger, day, &archive, now).await?;
        if self.dry_run {
            let text = format!("{} of {} calls of {day} would be deleted from the log", left.standing, left.calls);
            let details =
                json!({ "day": day, "calls": left.calls, "standing": left.standing, "digest": archive.digest });
            output.line(Level::Success, "to_delete", &text, details);
            return Ok(());
        }
        if !self.yes && left.standing > 0 {
            let question = format!("Permanently delete {} calls of {day} from the log?", left.standing);
            confirm(&question, output)?;
        }
        let items = delete::delete(log, day, &archive).await?;
        let text = format!(
            "{items} items of {} calls of {day} deleted; {} calls of it are archived",
            left.standing, left.calls
        );
        let details = json!({
            "day": day, "calls": left.calls, "deleted_calls": left.standing, "items": items, "digest": archive.digest,
        });
        output.line(Level::Success, "deleted", &text, details);
        Ok(())
    }

    fn print(&self, event: &str, what: &str, count: Count, digest: Option<&str>, output: Output) {
        let (path, Count { calls, commits }) = (path_in(&self.dir, &self.day), count);
        let of = digest.map(|digest| format!(", whose text has the digest {digest}")).unwrap_or_default();
        let text = format!("{calls} calls of {} with {commits} commits {what} {}{of}", self.day, path.display());
        let details = json!({ "day": self.day, "calls": calls, "commits": commits, "file": path, "digest": digest });
        output.line(Level::Success, event, &text, details);
    }
}
