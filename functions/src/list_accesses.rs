//! GET /api/audit/accesses: what the auditors of a tenant looked at on a day.

use axum::Router;
use axum::extract::{FromRef, Query, State};
use axum::routing::get;
use ilock_events::{Accesses, LookedAt};
use ilock_log::EventLog;
use serde::Deserialize;

use crate::answer::{ApiError, Reply};
use crate::app::Access;
use crate::ask::Auditor;
use crate::auditing::{self, Asked};
use ilock_env::Clock;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    EventLog: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/audit/accesses", get(list_accesses))
}

#[derive(Debug, Deserialize)]
struct AccessesAsked {
    day: Option<String>,
    tenant: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

async fn list_accesses(
    auditor: Auditor,
    State(log): State<EventLog>,
    State(clock): State<Clock>,
    Query(asked): Query<AccessesAsked>,
) -> Result<Reply<Accesses>, ApiError> {
    auditor.own_tenant(asked.tenant.as_deref())?;
    let day = auditing::day(asked.day.as_deref())?;
    let limit = auditing::limit(asked.limit.as_deref())?;
    // Read first, so that a cursor that was never given out is refused before anything is kept of it.
    let page = log
        .accesses(&auditor.tenant, &day, limit, asked.cursor.as_deref())
        .await?
        .map_err(|bad| ApiError::field("cursor", bad.to_string()))?;
    let question = Asked::default()
        .with("day", Some(&day))
        .with("limit", asked.limit.as_ref())
        .with("cursor", asked.cursor.as_ref());
    auditor.looks(&log, &clock, LookedAt::Accesses, None, question).await?;
    Ok(Reply(Accesses { accesses: page.accesses, next_cursor: page.next }))
}
