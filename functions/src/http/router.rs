//! How routes are served: the same router on Lambda and in the embedded stack.

use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use ilock_log::ledger::LedgerReader;
use tracing::Instrument;
use tracing::field::Empty;

use super::audit::list_accesses::{self, ListAccessesState};
use super::audit::list_audit::{self, ListAuditState};
use super::audit::prove_call::{self, ProveCallState};
use super::audit::read_ledger::{self, ReadLedgerState};
use super::audit::replay_call::{self, ReplayCallState};
use super::calls::callee_action::{self, CalleeActionState};
use super::calls::caller_action::{self, CallerActionState};
use super::calls::create_call::{self, CreateCallState};
use super::calls::get_call::{self, GetCallState};
use super::calls::list_calls::{self, ListCallsState};
use super::clients::blocks::{self, BlocksState};
use super::clients::list_clients::{self, ListClientsState};
use super::clients::register_client::{self, RegisterClientState};
use super::clients::register_push_token::{self, RegisterPushTokenState};
use super::clients::remove_client::{self, RemoveClientState};
use super::clients::revoke_logins::{self, RevokeLoginsState};
use super::clients::settings::{self, SettingsState};
use super::clients::update_client_status::{self, UpdateClientStatusState};
use super::response::in_language;
use super::trtc_callback::{self, TrtcCallbackState};
use crate::error::ApiError;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The routes of every HTTP function that needs the tables only, merged: what the embedded stack serves, with those of the ledger.
///
/// # Errors
/// [`BadSetting`].
pub fn all_routes(wiring: &Wiring) -> Result<Router, BadSetting> {
    Ok(Router::new()
        .merge(register_client::routes(RegisterClientState::new(wiring)?))
        .merge(register_push_token::routes(RegisterPushTokenState::new(wiring)?))
        .merge(update_client_status::routes(UpdateClientStatusState::new(wiring)?))
        .merge(blocks::routes(BlocksState::new(wiring)?))
        .merge(settings::routes(SettingsState::new(wiring)?))
        .merge(list_clients::routes(ListClientsState::new(wiring)?))
        .merge(remove_client::routes(RemoveClientState::new(wiring)?))
        .merge(revoke_logins::routes(RevokeLoginsState::new(wiring)?))
        .merge(create_call::routes(CreateCallState::new(wiring)?))
        .merge(callee_action::routes(CalleeActionState::new(wiring)?))
        .merge(caller_action::routes(CallerActionState::new(wiring)?))
        .merge(get_call::routes(GetCallState::new(wiring)?))
        .merge(list_calls::routes(ListCallsState::new(wiring)?))
        .merge(list_audit::routes(ListAuditState::new(wiring)?))
        .merge(replay_call::routes(ReplayCallState::new(wiring)?))
        .merge(list_accesses::routes(ListAccessesState::new(wiring)?))
        .merge(trtc_callback::routes(TrtcCallbackState::new(wiring)?)))
}

/// The routes of the HTTP functions that read the published ledger, merged.
///
/// # Errors
/// [`BadSetting`].
pub fn ledger_routes(wiring: &Wiring, ledger: &LedgerReader) -> Result<Router, BadSetting> {
    Ok(Router::new()
        .merge(prove_call::routes(ProveCallState::new(wiring, ledger.clone())?))
        .merge(read_ledger::routes(ReadLedgerState::new(wiring, ledger.clone())?)))
}

/// `routes`, with the envelope around every answer, those of the router itself included.
pub fn service(routes: Router) -> Router {
    routes
        .fallback(|| async { ApiError::NoRoute })
        .method_not_allowed_fallback(|| async { ApiError::WrongMethod })
        .layer(from_fn(bad_path))
        .layer(from_fn(in_time))
        .layer(from_fn(in_language))
        .layer(from_fn(in_span))
}

/// Answers every request with the error that `refuse` makes, in the envelope of all others: for a function that is not ready.
pub fn refusing(refuse: impl Fn() -> ApiError + Clone + Send + Sync + 'static) -> Router {
    let refused = move || {
        let error = refuse();
        async move { error }
    };
    Router::new().fallback(refused).layer(from_fn(in_language)).layer(from_fn(in_span))
}

/// Lambda ends a function after 10 seconds, without a word to the one who asked. What takes so long is given up before,
/// at a place where it might as well have been killed, and answered: ask again, with the same key.
const LONGEST: Duration = Duration::from_secs(8);

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::Busy.into_response(),
    }
}

/// Every line that a request logs stands in its span; whoever learns which call it is about records that there.
async fn in_span(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str());
    let span = tracing::info_span!("request", method = %request.method(), route, call_id = Empty, n = Empty);
    next.run(request).instrument(span).await
}

/// The one thing that axum itself refuses, a path that is no UTF-8, is answered in our words.
async fn bad_path(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let plain = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if response.status() == StatusCode::BAD_REQUEST && plain {
        return ApiError::field("address", "the path must be UTF-8, percent-encoded").into_response();
    }
    response
}
