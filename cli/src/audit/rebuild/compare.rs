//! Compares the log with the read models, in both directions, and repairs history rows.

use futures::future::try_join_all;
use ilock_directory::{Directory, HistoryRow};
use ilock_env::Clock;
use ilock_events::{CallId, CommitNo, Millis};
use ilock_log::{EventLog, History, LogError};
use ilock_proof::day_key;

use crate::audit::rebuild::report::{Discrepancy, Kind, Model, Report};
use crate::audit::source::read_error;
use crate::ui::error::CommandError;

/// How many calls are read at a time.
const BATCH_SIZE: usize = 16;
const FIRST_COMMIT: &str = "commit#000001";

/// The keys that a scan of the log found for one call.
struct CallKeys {
    call_id: CallId,
    commits: u64,
    /// The day index's key on the first commit.
    day: Option<String>,
    /// Sort keys of later commits that have such a key and should not.
    later_with_day: Vec<String>,
}

pub struct Comparison {
    pub log: EventLog,
    pub directory: Directory,
    pub apply: bool,
    pub grace_ms: i64,
    pub report: Report,
}

impl Comparison {
    /// For every call of the log: does it have its history rows and its key of the day index?
    pub async fn compare_log_with_models(&mut self) -> Result<(), CommandError> {
        let mut commits = self.log.every_commit();
        let mut batch: Vec<CallKeys> = vec![];
        let mut unplaced: Option<CallId> = None;
        while let Some(commit) = commits.next().await.map_err(read_error)? {
            let is_commit = commit.is_commit();
            let call_id = match commit.call_id {
                Ok(call_id) => call_id,
                Err(key) => {
                    let why = "this commit's key is not that of a call".to_owned();
                    self.report.add(&discrepancy(Kind::Unreadable, Model::History, String::new(), key, why));
                    continue;
                }
            };
            if !is_commit {
                // The commits of a call come before its texts.
                let is_beside = batch.last().is_none_or(|last| last.call_id != call_id);
                if is_beside && unplaced.as_ref() != Some(&call_id) {
                    self.compare_text(&call_id).await?;
                    unplaced = Some(call_id);
                }
                continue;
            }
            if batch.last().is_none_or(|last| last.call_id != call_id) {
                if batch.len() == BATCH_SIZE {
                    self.compare_calls(std::mem::take(&mut batch)).await?;
                    self.report.bar.set_position(commits.looked_at());
                }
                batch.push(CallKeys { call_id, commits: 0, day: None, later_with_day: vec![] });
            }
            let Some(call) = batch.last_mut() else { continue };
            call.commits += 1;
            if commit.sk == FIRST_COMMIT {
                call.day = commit.day;
            } else if commit.day.is_some() {
                call.later_with_day.push(commit.sk);
            }
        }
        self.compare_calls(batch).await
    }

    /// Text of a call that has no commit: whoever placed it was ended in between. Younger text may still get one.
    async fn compare_text(&mut self, call_id: &CallId) -> Result<(), CommandError> {
        let read = load(&self.log, call_id).await.map_err(read_error)?;
        if read.is_ok_and(|history| !history.commits.is_empty()) {
            return Ok(());
        }
        for text in self.log.kept_texts(call_id).await.map_err(read_error)? {
            if !text.is_left_behind(Clock::system().now()) {
                self.report.counts.pending += 1;
                continue;
            }
            if self.apply {
                self.log.drop_left_behind(&text).await.map_err(read_error)?;
            }
            let why = "text of a call that was never placed".to_owned();
            let key = format!("call#{call_id} {}", text.sk());
            let wrong = discrepancy(Kind::Extra, Model::Text, call_id.to_string(), key, why);
            self.report.add(&Discrepancy { repaired: self.apply, ..wrong });
        }
        Ok(())
    }

    async fn compare_calls(&mut self, calls: Vec<CallKeys>) -> Result<(), CommandError> {
        let read = try_join_all(calls.iter().map(|call| load(&self.log, &call.call_id))).await.map_err(read_error)?;
        for (call, history) in calls.into_iter().zip(read) {
            self.report.counts.calls += 1;
            self.report.counts.commits += call.commits;
            match history {
                Ok(history) => {
                    self.compare_day(&call, &history);
                    self.compare_rows(&history).await?;
                }
                Err(why) => {
                    let key = format!("call#{}", call.call_id);
                    self.report.add(&discrepancy(Kind::Unreadable, Model::History, call.call_id.to_string(), key, why));
                }
            }
        }
        self.report.bar.set_message(format!("{} calls", self.report.counts.calls));
        Ok(())
    }

    fn compare_day(&mut self, call: &CallKeys, history: &History) {
        let Some(first) = history.commits.first() else { return };
        let expected = day_key(first);
        let id = &call.call_id;
        let mut add = |kind, sk: &str, why: String| {
            self.report.add(&discrepancy(kind, Model::DayIndex, id.to_string(), format!("call#{id} {sk}"), why));
        };
        match &call.day {
            Some(day) if *day == expected => {}
            Some(day) => add(Kind::Different, FIRST_COMMIT, format!("its day is {day:?}, and should be {expected:?}")),
            None => add(
                Kind::Missing,
                FIRST_COMMIT,
                format!("it has no day, and should have {expected:?}: exports by day leave out this call"),
            ),
        }
        for sk in &call.later_with_day {
            add(Kind::Extra, sk, "it has a day, and only the first commit should".to_owned());
        }
    }

    async fn compare_rows(&mut self, history: &History) -> Result<(), CommandError> {
        for expected in expected_rows(history) {
            let found = self.directory.row_at(&expected).await.map_err(read_error)?;
            let (kind, why) = match &found {
                Some(found) if expected.satisfied_by(found) => continue,
                None if self.directory.has_expired(&expected, Clock::system().now()) => continue,
                Some(found) => {
                    (Kind::Different, format!("the row is {}, and should be {}", row_text(found), row_text(&expected)))
                }
                None => (Kind::Missing, format!("the row should be {}", row_text(&expected))),
            };
            // The projector writes rows a moment after the commit.
            let last = history.commits.last().map_or(Millis(0), |commit| commit.at);
            let young = Clock::system().now().since(last) < self.grace_ms;
            if young && found.as_ref().is_none_or(|found| found.seq < expected.seq) {
                self.report.counts.pending += 1;
                continue;
            }
            let repaired = self.apply && self.directory.put_row(&expected, found.as_ref()).await.map_err(read_error)?;
            let key = format!("{} {}", expected.pk, expected.sk);
            let wrong = discrepancy(kind, Model::History, history.call.id.to_string(), key, why);
            self.report.add(&Discrepancy { repaired, ..wrong });
        }
        Ok(())
    }

    /// For every history row: does the log require it?
    pub async fn compare_models_with_log(&mut self) -> Result<(), CommandError> {
        let mut rows = self.directory.every_row();
        let mut batch = vec![];
        loop {
            let row = rows.next().await.map_err(read_error)?;
            let over = row.is_none();
            batch.extend(row);
            if over || batch.len() == BATCH_SIZE {
                self.check_rows(std::mem::take(&mut batch)).await?;
                self.report.bar.set_position(self.report.counts.rows);
            }
            if over {
                return Ok(());
            }
        }
    }

    async fn check_rows(&mut self, rows: Vec<HistoryRow>) -> Result<(), CommandError> {
        let log = &self.log;
        let read = rows.iter().map(|row| async move {
            match row.call_id() {
                Some(call_id) => load(log, &call_id).await.map(Some),
                None => Ok(None),
            }
        });
        let read = try_join_all(read).await.map_err(read_error)?;
        for (row, history) in rows.into_iter().zip(read) {
            self.report.counts.rows += 1;
            let why = match history {
                None => "the row's key does not name a call",
                // What an unreadable call requires is unknown. It was already reported.
                Some(Err(_)) => continue,
                Some(Ok(history)) if history.commits.is_empty() => {
                    // What an archived call requires is in the archive.
                    if self.log.archived(&history.call.id).await.map_err(read_error)?.is_some() {
                        continue;
                    }
                    "the log does not have this call"
                }
                Some(Ok(history)) if expected_rows(&history).iter().any(|expected| expected.is_in_place_of(&row)) => {
                    continue;
                }
                Some(Ok(_)) => "the call belongs to other parties, or was placed at another time",
            };
            let repaired = self.apply && self.directory.drop_row(&row).await.map_err(read_error)?;
            let key = format!("{} {}", row.pk, row.sk);
            let call_id = row.call_id().map(|id| id.to_string()).unwrap_or_default();
            let wrong = discrepancy(Kind::Extra, Model::History, call_id, key, why.to_owned());
            self.report.add(&Discrepancy { repaired, ..wrong });
        }
        Ok(())
    }
}

/// A discrepancy that is not repaired.
fn discrepancy(kind: Kind, model: Model, call_id: String, key: String, why: String) -> Discrepancy {
    Discrepancy { kind, model, call_id, key, why, repaired: false }
}

/// The call, or why its history is not valid. An error of DynamoDB is no finding: it ends the command.
async fn load(log: &EventLog, call_id: &CallId) -> Result<Result<History, String>, LogError> {
    match log.load(call_id).await {
        Ok(history) => Ok(Ok(history)),
        Err(error @ LogError::Store { .. }) => Err(error),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            Ok(Err(format!("{error}{cause}")))
        }
    }
}

/// The history rows that a call requires.
fn expected_rows(history: &History) -> Vec<HistoryRow> {
    match (&history.call.placed, history.commits.last()) {
        (Some(placed), Some(last)) => HistoryRow::for_everybody(&history.call.id, placed, last.n, last.at),
        _ => vec![],
    }
}

fn row_text(row: &HistoryRow) -> String {
    let seq = row.seq.unwrap_or(CommitNo(0));
    match &row.entry {
        Some(entry) => serde_json::to_string(entry)
            .map_or_else(|error| error.to_string(), |entry| format!("{entry} after commit {seq}")),
        None => "unreadable".into(),
    }
}
