//! `POST /dev/token`: logs a page in as anybody.
//!
//! That gives nobody anything: with the development secret, which everybody knows, anybody can sign a token. With a
//! secret of one's own there is no such route.

use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ilock_auth::{AccessClaims, AccessKeys, AccessRules, ClaimNames, Identity, LongestLife, Role, Secret};
use ilock_env::Clock;
use ilock_events::{PartyId, TenantId};
use ilock_functions::error::ApiError;
use ilock_functions::http::body::JsonBody;
use ilock_functions::settings::DEV_SECRET;
use serde::Deserialize;
use serde_json::json;

/// How long a token is good, where the operator allows that long.
const TOKEN_SECONDS: u32 = 3600;
const LONGEST_SESSION: usize = 128;

/// Signs tokens with the development secret.
#[derive(Clone)]
pub(super) struct DevTokens {
    secret: Secret,
    issuer: Option<String>,
    audience: Option<String>,
    names: ClaimNames,
    longest: LongestLife,
    tenant: TenantId,
    clock: Clock,
}

impl DevTokens {
    /// None where another login service is configured.
    pub(super) fn new(rules: AccessRules, clock: Clock) -> Option<Self> {
        if !anybody_can_sign(&rules.keys) {
            return None;
        }
        let AccessRules { keys: AccessKeys::Shared(secret), issuer, audience, names, longest, .. } = rules else {
            return None;
        };
        Some(Self { secret, issuer, audience, names, longest, tenant: TenantId::new("default").ok()?, clock })
    }
}

/// Whether anybody can sign a token: a secret is that of development, which everybody knows.
pub(crate) fn anybody_can_sign(keys: &AccessKeys) -> bool {
    let known = |secret: &Secret| secret.expose() == DEV_SECRET.as_bytes();
    match keys {
        AccessKeys::Shared(secret) => known(secret),
        AccessKeys::SharedTwo(one, other) => known(one) || known(other),
        AccessKeys::Jwks { .. } => false,
    }
}

/// Who a page wants to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenAsked {
    sub: PartyId,
    role: String,
    /// The login session, which a page keeps while it is reloaded.
    session: Option<String>,
}

/// A refusal has no language yet.
pub(super) async fn dev_token(State(tokens): State<Option<DevTokens>>, request: Request) -> Response {
    let Some(tokens) = tokens else {
        let message = "tokens are signed by the configured login service: hand the page one of its access tokens";
        return answer(StatusCode::NOT_FOUND, json!({ "code": 404, "message": message, "data": null }));
    };
    let asked = match JsonBody::<TokenAsked>::from_request(request, &()).await {
        Ok(JsonBody(asked)) => asked,
        Err(refused) => return refused.into_response(),
    };
    if asked.session.as_ref().is_some_and(|session| session.len() > LONGEST_SESSION) {
        let rule = format!("must have at most {LONGEST_SESSION} bytes");
        return ApiError::field("session", rule).into_response();
    }
    let Ok(role) = asked.role.parse::<Role>() else {
        return ApiError::field("role", "must be user, device, auditor or operator").into_response();
    };
    let identity = Identity { id: asked.sub, role, tenant: tokens.tenant };
    let signed = AccessClaims {
        identity: &identity,
        issuer: tokens.issuer.as_deref(),
        audience: tokens.audience.as_deref(),
        issued_at: tokens.clock.now(),
        ttl_seconds: TOKEN_SECONDS.min(tokens.longest.of(identity.role)),
        session: asked.session.as_deref(),
        more: tokens.names.claims_of(&identity),
    }
    .sign(&tokens.secret);
    match signed {
        Ok(token) => answer(StatusCode::OK, json!({ "code": 0, "message": "OK", "data": { "token": token } })),
        Err(error) => ApiError::Internal(error.to_string()).into_response(),
    }
}

fn answer(status: StatusCode, body: serde_json::Value) -> Response {
    (status, axum::Json(body)).into_response()
}
