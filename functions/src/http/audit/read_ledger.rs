//! GET /api/audit/ledger/{name}: the ledger's files as they are published (C2SP tlog-tiles), for the auditors of every tenant:
//! checkpoint, tiles, keys. They show of a tenant only how many entries there are, so that nobody is noted down for it.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ilock_log::ledger::{LedgerReader, is_kept, is_published};

use crate::error::ApiError;
use crate::http::asker::Auditor;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

const RULE: &str = "must be checkpoint, key, or a file below tile/, checkpoints/, hours/ or keys/";

/// The state of read-ledger.
#[derive(Clone, FromRef)]
pub struct ReadLedgerState {
    verifier: TokenVerifier,
    ledger: LedgerReader,
}

impl ReadLedgerState {
    /// With the parts that `wiring` has, and the published ledger.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring, ledger: LedgerReader) -> Result<Self, BadSetting> {
        Ok(Self { verifier: wiring.token_verifier()?, ledger })
    }
}

pub fn routes(state: ReadLedgerState) -> Router {
    Router::new().route("/api/audit/ledger/{*name}", get(read_ledger)).with_state(state)
}

async fn read_ledger(
    _: Auditor,
    State(ReadLedgerState { ledger, .. }): State<ReadLedgerState>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    if !is_published(&name) {
        return Err(ApiError::field("name", RULE));
    }
    let bytes = ledger.file(&name).await?.ok_or(ApiError::NotFound("file"))?;
    let kind = if name.starts_with("tile/") { "application/octet-stream" } else { "text/plain; charset=utf-8" };
    // What is kept never changes.
    let cached = if is_kept(&name) { "private, max-age=31536000, immutable" } else { "no-store" };
    let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, cached), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, bytes).into_response())
}
