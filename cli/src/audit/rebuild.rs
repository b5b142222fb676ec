//! `ilock rebuild`: makes the read models anew from the log, compares them with what is there, and repairs on `--apply`.
//!
//! The histories can be put right. The keys of the day index stand in the first commit of each call, and nobody may
//! change a commit: what is wrong there is said, and not repaired.

use std::process::ExitCode;

use clap::Args;
use futures::future::try_join_all;
use ilock_audit::replay::Moment;
use ilock_directory::{Directory, InboxLine};
use ilock_events::{CallId, CommitNo, Millis};
use ilock_functions::clock::Clock;
use ilock_log::{EventLog, History, LogError, day_key};
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;

use crate::audit::source::{LogAndDirectory, read_error};
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::{Level, Output};
use crate::ui::progress;

/// Calls are looked at so many at a time.
const AT_ONCE: usize = 16;

/// Which read models, and whether to repair them.
#[derive(Debug, Args)]
pub struct Rebuild {
    /// Repair the histories.
    #[arg(long)]
    apply: bool,
    /// So long after a commit nobody misses the line that the projector is about to write.
    #[arg(long, default_value = "60s", value_parser = grace)]
    grace: i64,
    #[command(flatten)]
    both: LogAndDirectory,
}

fn grace(text: &str) -> Result<i64, String> {
    match text.parse() {
        Ok(Moment::After(ms)) => Ok(ms),
        _ => Err("a time is written as 60s, 1.5s or 800ms".into()),
    }
}

/// What is wrong with a read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The log asks for it, and it is not there.
    Missing,
    /// It is there, and says something else than the log.
    Different,
    /// It is there, and the log knows nothing of it.
    Extra,
    /// The log itself cannot be read here, so nobody knows what is due.
    Unreadable,
}

#[derive(Debug, Serialize)]
struct Finding {
    kind: Kind,
    /// `inbox` or `day_index`.
    model: &'static str,
    call_id: String,
    /// The key at which it is wrong.
    key: String,
    why: String,
    repaired: bool,
}

#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Counts {
    calls: u64,
    commits: u64,
    lines: u64,
    missing: u64,
    different: u64,
    extra: u64,
    unreadable: u64,
    /// Not noted yet, and too young to be missed.
    pending: u64,
    repaired: u64,
}

/// What is found under one call's key, before the call is read.
struct Standing {
    call_id: CallId,
    commits: u64,
    /// The day index's key on the first commit.
    day: Option<String>,
    /// Other commits that carry one.
    strays: Vec<String>,
}

struct Work {
    log: EventLog,
    directory: Directory,
    apply: bool,
    grace: i64,
    counts: Counts,
    bar: ProgressBar,
    output: Output,
}

impl Rebuild {
    /// Compares, repairs, and says what was found.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let (log, directory) = self.both.open().await;
        let about = log.about().await.map_err(read_error)?;
        let bar = progress::count(about, "items of the log", output);
        let mut work =
            Work { log, directory, apply: self.apply, grace: self.grace, counts: Counts::default(), bar, output };
        work.log_against_models().await?;
        work.bar.finish_and_clear();
        work.bar = progress::count(Some(2 * work.counts.calls), "lines of histories", output);
        work.models_against_log().await?;
        work.bar.finish_and_clear();
        Ok(work.summary())
    }
}

impl Work {
    /// Every call of the log: are its lines there, and its key of the day index?
    async fn log_against_models(&mut self) -> Result<(), CommandError> {
        let mut commits = self.log.every_commit();
        let mut ready: Vec<Standing> = vec![];
        while let Some(placing) = commits.next().await.map_err(read_error)? {
            let call_id = match placing.call_id {
                Ok(call_id) => call_id,
                Err(key) => {
                    let why = "a commit stands under a key that is no call's".to_owned();
                    self.found(Kind::Unreadable, "inbox", String::new(), key, why, false);
                    continue;
                }
            };
            if ready.last().is_none_or(|last| last.call_id != call_id) {
                if ready.len() == AT_ONCE {
                    self.judge(std::mem::take(&mut ready)).await?;
                    self.bar.set_position(commits.looked_at);
                }
                ready.push(Standing { call_id, commits: 0, day: None, strays: vec![] });
            }
            let Some(call) = ready.last_mut() else { continue };
            call.commits += 1;
            if placing.sk == "commit#000001" {
                call.day = placing.day;
            } else if placing.day.is_some() {
                call.strays.push(placing.sk);
            }
        }
        self.judge(ready).await
    }

    async fn judge(&mut self, calls: Vec<Standing>) -> Result<(), CommandError> {
        let read = try_join_all(calls.iter().map(|call| read(&self.log, &call.call_id))).await.map_err(read_error)?;
        for (call, history) in calls.into_iter().zip(read) {
            self.counts.calls += 1;
            self.counts.commits += call.commits;
            match history {
                Ok(history) => {
                    self.day(&call, &history);
                    self.lines(&history).await?;
                }
                Err(why) => {
                    let key = format!("call#{}", call.call_id);
                    self.found(Kind::Unreadable, "inbox", call.call_id.to_string(), key, why, false);
                }
            }
        }
        self.bar.set_message(format!("{} calls", self.counts.calls));
        Ok(())
    }

    fn day(&mut self, call: &Standing, history: &History) {
        let Some(first) = history.commits.first() else { return };
        let due = day_key(first);
        let id = call.call_id.to_string();
        let key = |sk: &str| format!("call#{id} {sk}");
        match &call.day {
            Some(day) if *day == due => {}
            Some(day) => {
                let why = format!("its day is {day:?}, and should be {due:?}");
                self.found(Kind::Different, "day_index", id.clone(), key("commit#000001"), why, false);
            }
            None => {
                let why = format!("it has no day, which should be {due:?}: exports by day do not have the call");
                self.found(Kind::Missing, "day_index", id.clone(), key("commit#000001"), why, false);
            }
        }
        for sk in &call.strays {
            let why = "only the first commit has a day".to_owned();
            self.found(Kind::Extra, "day_index", id.clone(), key(sk), why, false);
        }
    }

    async fn lines(&mut self, history: &History) -> Result<(), CommandError> {
        for due in due(history) {
            let found = self.directory.line_at(&due).await.map_err(read_error)?;
            let (kind, why) = match &found {
                Some(found) if due.is_met_by(found) => continue,
                Some(found) => (Kind::Different, format!("it says {}, not {}", said(found), said(&due))),
                None => (Kind::Missing, format!("it should say {}", said(&due))),
            };
            // Only the past is judged: the projector comes a moment behind.
            let last = history.commits.last().map_or(Millis(0), |commit| commit.at);
            if Clock::system().now().since(last) < self.grace && found.as_ref().is_none_or(|found| found.seq < due.seq)
            {
                self.counts.pending += 1;
                continue;
            }
            let repaired = self.apply && self.directory.put_line(&due, found.as_ref()).await.map_err(read_error)?;
            let key = format!("{} {}", due.pk, due.sk);
            self.found(kind, "inbox", history.call.id.to_string(), key, why, repaired);
        }
        Ok(())
    }

    /// Every line of every history: does the log know of it?
    async fn models_against_log(&mut self) -> Result<(), CommandError> {
        let mut lines = self.directory.every_line();
        let mut ready = vec![];
        loop {
            let line = lines.next().await.map_err(read_error)?;
            let over = line.is_none();
            ready.extend(line);
            if over || ready.len() == AT_ONCE {
                self.known(std::mem::take(&mut ready)).await?;
                self.bar.set_position(self.counts.lines);
            }
            if over {
                return Ok(());
            }
        }
    }

    async fn known(&mut self, lines: Vec<InboxLine>) -> Result<(), CommandError> {
        let log = &self.log;
        let read = lines.iter().map(|line| async move {
            match line.call_id() {
                Some(call_id) => read(log, &call_id).await,
                None => Ok(Err("its key names no call".to_owned())),
            }
        });
        let read = try_join_all(read).await.map_err(read_error)?;
        for (line, history) in lines.into_iter().zip(read) {
            self.counts.lines += 1;
            let why = match history {
                Ok(history) if history.commits.is_empty() => "the log has no such call",
                Ok(history) if due(&history).iter().any(|due| due.is_in_place_of(&line)) => continue,
                Ok(_) => "the call is not theirs, or was placed at another time",
                // What is due of a call that cannot be read, nobody knows; it has been named already.
                Err(_) if line.call_id().is_some() => continue,
                Err(_) => "its key names no call",
            };
            let repaired = self.apply && self.directory.drop_line(&line).await.map_err(read_error)?;
            let key = format!("{} {}", line.pk, line.sk);
            let call_id = line.call_id().map(|id| id.to_string()).unwrap_or_default();
            self.found(Kind::Extra, "inbox", call_id, key, why.to_owned(), repaired);
        }
        Ok(())
    }

    fn found(&mut self, kind: Kind, model: &'static str, call_id: String, key: String, why: String, repaired: bool) {
        let (count, word) = match kind {
            Kind::Missing => (&mut self.counts.missing, "missing"),
            Kind::Different => (&mut self.counts.different, "different"),
            Kind::Extra => (&mut self.counts.extra, "extra"),
            Kind::Unreadable => (&mut self.counts.unreadable, "unreadable"),
        };
        *count += 1;
        self.counts.repaired += u64::from(repaired);
        let done = if repaired { "; repaired" } else { "" };
        let text = format!("{word}: {key}: {why}{done}");
        let finding = Finding { kind, model, call_id, key, why, repaired };
        self.bar.suspend(|| self.output.line(Level::Warning, "finding", &text, json!({ "finding": finding })));
    }

    fn summary(&self) -> ExitCode {
        let counts = self.counts;
        let Counts { calls, lines, missing, different, extra, unreadable, pending, repaired, .. } = counts;
        let wrong = missing + different + extra + unreadable;
        let details = json!({ "counts": counts });
        let looked_at = format!("{calls} calls against {lines} lines of histories, {pending} not noted yet");
        if wrong == 0 {
            self.output.line(Level::Success, "compared", &format!("{looked_at}; nothing is wrong"), details);
            return ExitCode::SUCCESS;
        }
        let text = format!(
            "{looked_at}: {missing} missing, {different} different, {extra} extra, {unreadable} unreadable; \
             {repaired} repaired"
        );
        if repaired == wrong {
            self.output.line(Level::Success, "rebuilt", &text, details);
            return ExitCode::SUCCESS;
        }
        self.output.line(Level::Warning, "found", &text, details);
        if repaired < missing + different + extra && !self.apply {
            self.output.warn("nothing was repaired: --apply repairs histories");
        } else {
            self.output.warn(
                "what was not repaired stands in a commit, or somebody changed it meanwhile: nobody may change a commit",
            );
        }
        ExitCode::from(EXIT_FINDINGS)
    }
}

/// The call, or why it cannot be read. That DynamoDB does not answer is no property of the call.
async fn read(log: &EventLog, call_id: &CallId) -> Result<Result<History, String>, LogError> {
    match log.load(call_id).await {
        Ok(history) => Ok(Ok(history)),
        Err(error @ LogError::Store { .. }) => Err(error),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            Ok(Err(format!("{error}{cause}")))
        }
    }
}

/// The lines that a call asks for.
fn due(history: &History) -> Vec<InboxLine> {
    match (&history.call.placed, history.commits.last()) {
        (Some(placed), Some(last)) => InboxLine::both(&history.call.id, placed, last.n, last.at).into(),
        _ => vec![],
    }
}

fn said(line: &InboxLine) -> String {
    let seq = line.seq.unwrap_or(CommitNo(0));
    match &line.entry {
        Some(entry) => serde_json::to_string(entry)
            .map_or_else(|error| error.to_string(), |said| format!("{said} after commit {seq}")),
        None => "nothing legible".into(),
    }
}
