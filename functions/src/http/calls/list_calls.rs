//! GET /api/calls: the asker's own history, newest first, a page at a time.

use axum::Router;
use axum::extract::{FromRef, Query, State};
use axum::routing::get;
use futures::stream::{self, StreamExt, TryStreamExt};
use ilock_directory::Directory;
use ilock_events::{History, HistoryEntry};
use ilock_log::LogError;
use serde::Deserialize;

use crate::error::ApiError;
use crate::http::asker::{Asker, Caller};
use crate::http::body::page_limit;
use crate::http::response::Reply;
use crate::http::tenant::PartyLog;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// How many live calls of a page are looked up at once.
const AT_ONCE: usize = 16;

/// The state of list-calls.
#[derive(Clone, FromRef)]
pub struct ListCallsState {
    verifier: TokenVerifier,
    log: PartyLog,
    directory: Directory,
}

impl ListCallsState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            log: PartyLog::new(wiring.log()?),
            directory: wiring.directory()?,
        })
    }
}

/// The route.
pub fn routes(state: ListCallsState) -> Router {
    Router::new().route("/api/calls", get(list_calls)).with_state(state)
}

#[derive(Debug, Deserialize)]
struct PageAsked {
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list_calls(
    asker: Asker,
    State(ListCallsState { directory, log, .. }): State<ListCallsState>,
    Query(asked): Query<PageAsked>,
) -> Result<Reply<History>, ApiError> {
    let limit = page_limit(asked.limit.as_deref())?;
    let (caller, admission) = asker.arrives();
    let history = directory.history(&caller.tenant, &caller.party, limit, asked.cursor.as_deref());
    let (admitted, page) = futures::join!(admission.granted(), history);
    admitted?;
    let page = page?.map_err(|bad| ApiError::field("cursor", bad.to_string()))?;
    let entries = stream::iter(page.entries).map(|entry| fresh(entry, &caller, &log)).buffered(AT_ONCE);
    Ok(Reply(History { calls: entries.try_collect().await?, next_cursor: page.next }))
}

/// A history is written when a call is placed and when it is over; of a call in between the log knows best.
async fn fresh(mut entry: HistoryEntry, caller: &Caller, log: &PartyLog) -> Result<HistoryEntry, ApiError> {
    if entry.state.is_final() {
        return Ok(entry);
    }
    let call = match log.of_party(caller, &entry.call_id).await {
        Ok(call) => call,
        Err(broken @ ApiError::Log(LogError::Broken { .. } | LogError::Item { .. })) => {
            // One call that cannot be read does not take the others' history away.
            tracing::error!(call_id = %entry.call_id, error = %broken, "call unreadable; returned the stored history row");
            return Ok(entry);
        }
        Err(other) => return Err(other),
    };
    if let (Ok(placed), Some(last)) = (call.placed(), call.commits.last()) {
        entry.state = placed.state;
        entry.answered_by = placed.answered_by();
        entry.answered_at = placed.answered_at();
        entry.ended_at = placed.state.is_final().then_some(last.at);
        entry.reason = placed.reason;
    }
    Ok(entry)
}
