//! GET /api/audit/calls/{call_id}/proof: the file that proves a call to anybody, as `ilock prove` writes it.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ilock_env::Clock;
use ilock_events::LookedAt;
use ilock_log::ledger::{CallProof, LedgerReader, may_wait_for_sequencer};

use super::question::Question;
use crate::error::ApiError;
use crate::http::asker::Auditor;
use crate::http::body;
use crate::http::tenant::AuditLog;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// At most so many bundles are looked through: two million entries, which are more than five hours at 100 entries a second. What
/// stands in a call happened in three or four different hours at most, but for text that was forgotten later.
const BUNDLES: u64 = 8192;

/// The state of prove-call.
#[derive(Clone, FromRef)]
pub struct ProveCallState {
    verifier: TokenVerifier,
    log: AuditLog,
    ledger: LedgerReader,
    clock: Clock,
}

impl ProveCallState {
    /// With the parts that `wiring` has, and the published ledger.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring, ledger: LedgerReader) -> Result<Self, BadSetting> {
        let (verifier, log) = (wiring.token_verifier()?, AuditLog::new(wiring.log()?));
        Ok(Self { verifier, log, ledger, clock: wiring.clock.clone() })
    }
}

pub fn routes(state: ProveCallState) -> Router {
    Router::new().route("/api/audit/calls/{call_id}/proof", get(prove_call)).with_state(state)
}

async fn prove_call(
    auditor: Auditor,
    State(ProveCallState { log, ledger, clock, .. }): State<ProveCallState>,
    Path(call_id): Path<String>,
) -> Result<Response, ApiError> {
    let call_id = body::call_id(&call_id)?;
    let now = clock.now();
    Question::default().keep(&log, &auditor, now, (LookedAt::Proof, Some(&call_id))).await?;

    let call = log.stored(&auditor, &call_id).await?;
    // Nothing was sequenced yet.
    let checkpoint = ledger.checkpoint().await?.ok_or(ApiError::Busy)?;
    let keys = ledger.published_keys().await?.lines().map(str::to_owned).collect();
    match ledger.prove_call(&call, &checkpoint, keys, BUNDLES).await? {
        CallProof::Made(file) => {
            let text = file.to_text().map_err(|error| ApiError::Internal(error.to_string()))?;
            let headers =
                [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
            Ok((headers, text).into_response())
        }
        CallProof::Changed(why) => Err(ApiError::Internal(format!("{why}; `ilock verify` says what else was"))),
        CallProof::Lacking { .. } if may_wait_for_sequencer(&call, now) => Err(ApiError::Busy),
        CallProof::Lacking { lacking, entries, is_cut: true } => Err(ApiError::Internal(format!(
            "{lacking} of {entries} entries of {call_id} are not among the {BUNDLES} bundles of the ledger that one request looks \
             through; `ilock prove` looks through all of them"
        ))),
        CallProof::Lacking { lacking, entries, is_cut: false } => Err(ApiError::Internal(format!(
            "{lacking} of {entries} entries of {call_id} are not in the ledger; `ilock verify --day` says which, and \
             `ilock ledger backfill` enters them"
        ))),
    }
}
