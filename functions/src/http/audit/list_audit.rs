//! GET /api/audit/calls: the calls of a day, for auditors, in the order in which they were placed.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream::{self, StreamExt};
use ilock_env::Clock;
use ilock_events::{CallId, CallState, CallsOfDay, FoundCall, LookedAt, Millis, PartyId};
use ilock_log::{History, LogError, PlacedOn};
use ilock_proof::Day;
use serde::Deserialize;
use serde::de::value::{Error as NoWord, StrDeserializer};

use super::question::{Question, day};
use crate::error::ApiError;
use crate::http::asker::Auditor;
use crate::http::body::page_limit;
use crate::http::query::Query;
use crate::http::response::Reply;
use crate::http::tenant::AuditLog;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// How many calls one question looks at, so that it is answered in time.
const MOST_LOOKED_AT: usize = 200;
/// How many calls are read at once.
const AT_ONCE: usize = 16;

/// The state of list-audit.
#[derive(Clone, FromRef)]
pub struct ListAuditState {
    verifier: TokenVerifier,
    log: AuditLog,
    clock: Clock,
}

impl ListAuditState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { verifier: wiring.token_verifier()?, log: AuditLog::new(wiring.log()?), clock: wiring.clock.clone() })
    }
}

pub fn routes(state: ListAuditState) -> Router {
    Router::new().route("/api/audit/calls", get(list_audit)).with_state(state)
}

#[derive(Debug, Deserialize)]
struct DayAsked {
    day: Option<String>,
    tenant: Option<String>,
    caller: Option<String>,
    callee: Option<String>,
    outcome: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

/// Which calls are wanted.
struct Wanted {
    caller: Option<PartyId>,
    callee: Option<PartyId>,
    outcome: Option<CallState>,
}

async fn list_audit(
    auditor: Auditor,
    State(ListAuditState { log, clock, .. }): State<ListAuditState>,
    Query(asked): Query<DayAsked>,
) -> Result<Reply<CallsOfDay>, ApiError> {
    auditor.own_tenant(asked.tenant.as_deref())?;
    let day = day(asked.day.as_deref())?;
    let wanted = Wanted {
        caller: party("caller", asked.caller.as_deref())?,
        callee: party("callee", asked.callee.as_deref())?,
        outcome: asked.outcome.as_deref().map(outcome).transpose()?,
    };
    let limit = page_limit(asked.limit.as_deref())?;
    let after = asked.cursor.as_deref().map(|cursor| open_cursor(cursor, &day)).transpose()?;

    let question = Question::default()
        .with("day", Some(&day))
        .with("caller", wanted.caller.as_ref())
        .with("callee", wanted.callee.as_ref())
        .with("outcome", wanted.outcome.map(CallState::word))
        .with("limit", asked.limit.as_ref())
        .with("cursor", asked.cursor.as_ref());
    question.keep(&log, &auditor, clock.now(), (LookedAt::Calls, None)).await?;
    let page = Page { log: &log, auditor: &auditor, day: &day, wanted: &wanted, limit: usize::from(limit) };
    Ok(Reply(page.read(after).await?))
}

/// One page of the answer.
struct Page<'a> {
    log: &'a AuditLog,
    auditor: &'a Auditor,
    day: &'a Day,
    wanted: &'a Wanted,
    limit: usize,
}

impl Page<'_> {
    /// Goes through the day until the page is full, the day is over, or enough was looked at.
    async fn read(&self, mut after: Option<PlacedOn>) -> Result<CallsOfDay, ApiError> {
        let Self { log, auditor, day, wanted, limit } = *self;
        let mut calls = vec![];
        let mut looked_at = 0;
        while calls.len() < limit && looked_at < MOST_LOOKED_AT {
            let most = limit.min(MOST_LOOKED_AT - looked_at);
            let placed = log.placed_on(auditor, day, after.as_ref(), most).await?;
            let day_is_over = placed.len() < most;
            let mut found = stream::iter(placed).map(|call| look(log, auditor, call)).buffered(AT_ONCE);
            while let Some(found) = found.next().await {
                let found = found?;
                if calls.len() == limit {
                    // One more that nobody has looked at yet: it begins the next page.
                    return Ok(CallsOfDay { calls, next_cursor: after.as_ref().map(cursor) });
                }
                looked_at += 1;
                after = Some((found.timestamp, found.call_id.clone()));
                if wanted.takes(&found) {
                    calls.push(found);
                }
            }
            if day_is_over {
                return Ok(CallsOfDay { calls, next_cursor: None });
            }
        }
        Ok(CallsOfDay { calls, next_cursor: after.as_ref().map(cursor) })
    }
}

/// What the log has of a call. One that does not add up is shown to be so.
async fn look(log: &AuditLog, auditor: &Auditor, (at, call_id): PlacedOn) -> Result<FoundCall, ApiError> {
    let history = match log.of_auditor(auditor, &call_id).await {
        Ok(history) => history,
        Err(store @ LogError::Store { .. }) => return Err(store.into()),
        Err(broken) => {
            let how = std::error::Error::source(&broken).map_or_else(|| broken.to_string(), ToString::to_string);
            return Ok(broken_call(call_id, at, how));
        }
    };
    let Some(history) = history else {
        return Ok(broken_call(call_id, at, "it stands in the index of a tenant that it is not of".into()));
    };
    if let Some(found) = found(&history, at) {
        return Ok(found);
    }
    match log.archive_of(auditor, &call_id).await {
        Ok(Some(day)) => Ok(FoundCall { broken: None, archived: Some(day), ..broken_call(call_id, at, String::new()) }),
        Ok(None) | Err(LogError::Item { .. }) => Ok(broken_call(call_id, at, "it has no commits".into())),
        Err(error) => Err(error.into()),
    }
}

fn found(history: &History, at: Millis) -> Option<FoundCall> {
    let (call, last) = (history.call.placed.as_ref()?, history.commits.last()?);
    Some(FoundCall {
        call_id: history.call.id.clone(),
        timestamp: at,
        caller_id: Some(call.terms.caller.id.clone()),
        callee_ids: call.terms.callees.iter().map(|callee| callee.id.clone()).collect(),
        state: Some(call.state),
        seq: Some(last.n),
        answered_by: call.answered_by(),
        ended_at: call.state.is_final().then_some(last.at),
        broken: None,
        archived: None,
    })
}

fn broken_call(call_id: CallId, timestamp: Millis, how: String) -> FoundCall {
    FoundCall {
        call_id,
        timestamp,
        caller_id: None,
        callee_ids: vec![],
        state: None,
        seq: None,
        answered_by: None,
        ended_at: None,
        broken: Some(how),
        archived: None,
    }
}

impl Wanted {
    fn takes(&self, call: &FoundCall) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        call.broken.is_some()
            || call.archived.is_some()
            || same(self.caller.as_ref(), call.caller_id.as_ref())
                && self.callee.as_ref().is_none_or(|callee| call.callee_ids.contains(callee))
                && same(self.outcome.as_ref(), call.state.as_ref())
    }
}

fn party(field: &str, text: Option<&str>) -> Result<Option<PartyId>, ApiError> {
    text.map(PartyId::new).transpose().map_err(|bad| ApiError::field(field, bad.to_string()))
}

fn outcome(text: &str) -> Result<CallState, ApiError> {
    CallState::deserialize(StrDeserializer::<NoWord>::new(text)).map_err(|_| {
        ApiError::field("outcome", "must be ringing, active, rejected, cancelled, missed, ended or failed")
    })
}

fn cursor((at, call_id): &PlacedOn) -> String {
    URL_SAFE_NO_PAD.encode(format!("{:015}#{call_id}", at.0))
}

/// The call after which a page begins. It only ever leads into the asker's own tenant's day.
fn open_cursor(cursor: &str, day: &Day) -> Result<PlacedOn, ApiError> {
    let opened = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (at, call_id) = text.split_once('#')?;
        let digits = at.len() == 15 && at.bytes().all(|byte| byte.is_ascii_digit());
        let at = Millis(at.parse().ok().filter(|_| digits)?);
        (Day::of(at) == *day).then_some((at, CallId::new(call_id).ok()?))
    };
    opened().ok_or_else(|| ApiError::field("cursor", "must be a `next_cursor` that was returned for this day"))
}
