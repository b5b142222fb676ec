//! GET /api/calls: the asker's own history, newest first, a page at a time. PUT /api/calls/seen: until when they have seen it.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::{get, put};
use ilock_directory::Directory;
use ilock_env::Clock;
use ilock_events::{CallsSeen, EARLIEST_REPORT, History};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as NoWord, StrDeserializer};

use super::history_page::{HistoryReader, Wanted};
use crate::error::ApiError;
use crate::http::asker::Asker;
use crate::http::body::{JsonBody, page_limit};
use crate::http::query::Query;
use crate::http::response::Reply;
use crate::http::tenant::PartyLog;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of list-calls.
#[derive(Clone, FromRef)]
pub struct ListCallsState {
    verifier: TokenVerifier,
    log: PartyLog,
    directory: Directory,
    clock: Clock,
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
            clock: wiring.clock.clone(),
        })
    }
}

pub fn routes(state: ListCallsState) -> Router {
    let routes = Router::new().route("/api/calls", get(list_calls)).route("/api/calls/seen", put(mark_seen));
    routes.with_state(state)
}

#[derive(Debug, Deserialize)]
struct PageAsked {
    limit: Option<String>,
    cursor: Option<String>,
    direction: Option<String>,
    state: Option<String>,
    missed: Option<String>,
    unseen: Option<String>,
}

impl PageAsked {
    fn wanted(&self) -> Result<Wanted, ApiError> {
        let states = "must be ringing, active, rejected, cancelled, missed, ended or failed";
        Ok(Wanted {
            direction: word("direction", self.direction.as_deref(), "must be incoming or outgoing")?,
            state: word("state", self.state.as_deref(), states)?,
            missed: yes_or_no("missed", self.missed.as_deref())?,
            unseen: yes_or_no("unseen", self.unseen.as_deref())?,
        })
    }

    /// Whether the page begins with the newest call, and leaves none out.
    fn is_first_and_whole(&self) -> bool {
        let filters = [&self.cursor, &self.direction, &self.state, &self.missed, &self.unseen];
        filters.iter().all(|filter| filter.is_none())
    }
}

async fn list_calls(
    asker: Asker,
    State(ListCallsState { directory, log, clock, .. }): State<ListCallsState>,
    Query(asked): Query<PageAsked>,
) -> Result<Reply<History>, ApiError> {
    let limit = page_limit(asked.limit.as_deref())?;
    let wanted = asked.wanted()?;
    let (caller, admission) = asker.arrives();
    let begun = clock.now();
    let history = directory.history(&caller.tenant, &caller.party, limit, asked.cursor.as_deref());
    let (admitted, page) = futures::join!(admission.granted(), history);
    let seen_until = admitted?.seen_until;
    let page = page?.map_err(|bad| ApiError::field("cursor", bad.to_string()))?;

    let reader = HistoryReader { directory: &directory, log: &log, clock: &clock, caller: &caller, seen_until };
    let found = reader.find(page, &wanted, limit).await?;
    let unseen = match asked.cursor {
        None => Some(reader.count_unseen(Some(&found).filter(|_| asked.is_first_and_whole())).await?),
        Some(_) => None,
    };
    // No later than what was shown: the row of a call that is over may come later than that of one that ended after it. Filters
    // leave out rows, so what is over by now counts for nothing.
    let read_at = found.last_missed(begun).max(seen_until).unwrap_or(EARLIEST_REPORT);
    let calls = reader.entries(found.rows).await?;
    Ok(Reply(History { calls, read_at, unseen, next_cursor: found.next }))
}

async fn mark_seen(
    asker: Asker,
    State(ListCallsState { directory, clock, .. }): State<ListCallsState>,
    JsonBody(ask): JsonBody<CallsSeen>,
) -> Result<Reply<CallsSeen>, ApiError> {
    if ask.until < EARLIEST_REPORT {
        return Err(ApiError::field("until", "must be milliseconds since 1970"));
    }
    let (caller, admission) = asker.arrives();
    let account = admission.granted().await?;
    // What has not happened yet was not seen.
    let until = ask.until.min(clock.now());
    if account.seen_until.is_some_and(|seen| seen >= until) {
        return Ok(Reply(CallsSeen { until: account.seen_until.unwrap_or(until) }));
    }
    // Another phone may have said a later time since.
    let until = directory.mark_seen(&caller.at(), until).await?;
    Ok(Reply(CallsSeen { until }))
}

fn word<T: DeserializeOwned>(field: &str, text: Option<&str>, rule: &str) -> Result<Option<T>, ApiError> {
    let read = |text| T::deserialize(StrDeserializer::<NoWord>::new(text));
    text.map(read).transpose().map_err(|_| ApiError::field(field, rule))
}

fn yes_or_no(field: &str, text: Option<&str>) -> Result<Option<bool>, ApiError> {
    let read = |text: &str| text.parse().map_err(|_| ApiError::field(field, "must be true or false"));
    text.map(read).transpose()
}
