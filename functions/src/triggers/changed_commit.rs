//! A commit that was changed or removed, as the log's stream shows it: somebody tampered with the log, or an operator moved an
//! archived call out of it.

use aws_lambda_events::dynamodb::EventRecord;
use ilock_events::{Archived, CallId, Millis};
use ilock_log::{EventLog, LogError};
use serde_dynamo::AttributeValue;

/// A commit that was changed or removed. No function does either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedCommit {
    /// The commit's key: `call#… commit#…`.
    pub key: String,
    /// The record's place in the stream.
    pub sequence_number: String,
    /// `MODIFY` or `REMOVE`.
    event: String,
    /// What was removed, where it could be read what that was.
    removed: Option<RemovedCommit>,
}

/// Which commit was removed, as it said itself.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RemovedCommit {
    call_id: CallId,
    n: u32,
    at: Millis,
}

impl ChangedCommit {
    /// The commit that a record says was changed or removed; none for an insert, and for everything that is no commit.
    #[must_use]
    pub fn of(record: &EventRecord) -> Option<Self> {
        if !is_commit(record) || record.event_name == "INSERT" {
            return None;
        }
        let key = [key(record, "pk"), key(record, "sk")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let sequence_number = record.change.sequence_number.clone().unwrap_or_default();
        let event = record.event_name.clone();
        let removed = if event == "REMOVE" { removed(record) } else { None };
        Some(Self { key, sequence_number, event, removed })
    }

    /// Whether it was lawful: a commit of an archived call, removed no earlier than one may be. A commit is never changed.
    ///
    /// # Errors
    /// Whether the call is archived cannot be read just now. Ask again: it may be tampering.
    pub async fn is_archived(&self, log: &EventLog, now: Millis) -> Result<bool, LogError> {
        let Some(removed) = self.removed.as_ref().filter(|removed| now.since(removed.at) >= Archived::AFTER_MS) else {
            return Ok(false);
        };
        match log.archived(&removed.call_id).await {
            Ok(mark) => Ok(mark.is_some_and(|mark| removed.n <= mark.commits)),
            // Somebody wrote there what is no mark.
            Err(LogError::Item { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Logs that somebody tampered with it.
    pub fn raise(&self) {
        tracing::error!(key = self.key, event = self.event, "TAMPERED: a commit was changed or deleted");
    }
}

fn removed(record: &EventRecord) -> Option<RemovedCommit> {
    let number = |name: &str| match record.change.old_image.get(name) {
        Some(AttributeValue::N(number)) => number.parse::<i64>().ok(),
        _ => None,
    };
    let (pk, sk) = (key(record, "pk")?, key(record, "sk")?);
    let call_id = CallId::new(pk.strip_prefix("call#")?).ok()?;
    // The key says which commit it was; what stood there may have been changed before.
    let n = sk.strip_prefix("commit#")?.parse().ok()?;
    Some(RemovedCommit { call_id, n, at: Millis(number("at")?) })
}

pub(super) fn key(record: &EventRecord, name: &str) -> Option<String> {
    match record.change.keys.get(name) {
        Some(AttributeValue::S(text)) => Some(text.clone()),
        _ => None,
    }
}

pub(super) fn is_commit(record: &EventRecord) -> bool {
    key(record, "sk").is_some_and(|sk| sk.starts_with("commit#"))
}
