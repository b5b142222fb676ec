//! How commits, personal text and receipts stand in the table.

use ilock_dynamo::{Item, text, text_in};
use ilock_events::{CallId, Commit, CommitNo};
use ilock_proof::day_key;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::LogError;

pub(crate) fn pk(call_id: &CallId) -> String {
    format!("call#{call_id}")
}

pub(crate) fn commit_sk(n: CommitNo) -> String {
    format!("commit#{n:06}", n = n.0)
}

pub(crate) fn unreadable<E>(key: &str) -> impl FnOnce(E) -> LogError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    move |source| LogError::Item { key: key.to_owned(), source: source.into() }
}

/// An item with its key.
pub(crate) fn keyed(call_id: &CallId, sk: &str, body: &impl Serialize) -> Result<Item, LogError> {
    let mut item: Item = serde_dynamo::to_item(body).map_err(unreadable(sk))?;
    item.insert("pk".into(), text(pk(call_id)));
    item.insert("sk".into(), text(sk));
    Ok(item)
}

/// A commit as an item. Its call id stands in the key alone, and the first commit carries the day index's keys.
pub(crate) fn of_commit(commit: &Commit) -> Result<Item, LogError> {
    let mut item = keyed(&commit.call_id, &commit_sk(commit.n), commit)?;
    item.remove("call_id");
    if commit.n == CommitNo::FIRST {
        item.insert("day".into(), text(day_key(commit)));
    }
    Ok(item)
}

pub(crate) fn body<T: DeserializeOwned>(sk: &str, item: Item) -> Result<T, LogError> {
    serde_dynamo::from_item(item).map_err(unreadable(sk))
}

/// Reads a commit from its item, as `PutItem`, `Query` or the stream hand it out.
///
/// # Errors
/// [`LogError::Item`] when it is no commit.
pub fn commit_of(mut item: Item) -> Result<Commit, LogError> {
    let sk = text_in(&item, "sk");
    let pk = text_in(&item, "pk");
    let Some(call_id) = pk.strip_prefix("call#").filter(|_| sk.starts_with("commit#")) else {
        return Err(LogError::Item { key: sk, source: "not a commit".into() });
    };
    item.insert("call_id".into(), text(call_id));
    let commit: Commit = body(&sk, item)?;
    if commit_sk(commit.n) != sk {
        return Err(LogError::Item { key: sk, source: format!("it says that it is commit {}", commit.n).into() });
    }
    Ok(commit)
}
