//! GET /api/calls: the asker's own history, newest first, a page at a time.

use axum::Router;
use axum::extract::{FromRef, Query, State};
use axum::routing::get;
use futures::stream::{self, StreamExt, TryStreamExt};
use ilock_directory::Directory;
use ilock_events::{History, HistoryEntry};
use ilock_log::{EventLog, LogError};
use serde::Deserialize;

use crate::answer::{ApiError, Reply};
use crate::app::Access;
use crate::ask::Caller;

const DEFAULT_PAGE: u16 = 20;
const MAX_PAGE: u16 = 100;
/// So many live calls of a page are looked up at once.
const AT_ONCE: usize = 16;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    Directory: FromRef<S>,
    EventLog: FromRef<S>,
{
    Router::new().route("/api/calls", get(list_calls))
}

#[derive(Debug, Deserialize)]
struct PageAsked {
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list_calls(
    caller: Caller,
    State(directory): State<Directory>,
    State(log): State<EventLog>,
    Query(asked): Query<PageAsked>,
) -> Result<Reply<History>, ApiError> {
    let limit = match asked.limit {
        None => DEFAULT_PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| ApiError::field("limit", format!("must be 1 to {MAX_PAGE}")))?,
    };
    let page = directory
        .history(&caller.tenant, &caller.party, limit, asked.cursor.as_deref())
        .await?
        .map_err(|bad| ApiError::field("cursor", bad.to_string()))?;
    let entries = stream::iter(page.entries).map(|entry| fresh(entry, &log)).buffered(AT_ONCE);
    Ok(Reply(History { calls: entries.try_collect().await?, next_cursor: page.next }))
}

/// A history is written when a call is placed and when it is over; of a call in between the log knows best.
async fn fresh(mut entry: HistoryEntry, log: &EventLog) -> Result<HistoryEntry, ApiError> {
    if entry.state.is_final() {
        return Ok(entry);
    }
    let history = match log.load(&entry.call_id).await {
        Ok(history) => history,
        Err(store @ LogError::Store { .. }) => return Err(store.into()),
        Err(broken) => {
            // One call that cannot be read does not take the others' history away.
            tracing::error!(call_id = %entry.call_id, error = %broken, "listed as it was noted");
            return Ok(entry);
        }
    };
    if let (Some(state), Some(last)) = (history.call.state(), history.commits.last()) {
        entry.state = state;
        entry.ended_at = state.is_final().then_some(last.at);
    }
    Ok(entry)
}
