//! POST /api/v1/devices/register: a phone's push tokens, where the app has them later than, or without, its MQTT client.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::routing::post;
use ilock_directory::{Client, Directory, Registered};
use ilock_env::Clock;
use ilock_events::{Platform, PushTokenRegistered, RegisterPushToken, SentClientId};
use sha2::{Digest, Sha256};

use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::body::JsonBody;
use crate::http::idempotency::IdempotencyKey;
use crate::http::response::{Reply, language_of};
use crate::service::push_directory::Pushes;
use crate::service::push_tokens::PushTokens;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of register-push-token.
#[derive(Clone, FromRef)]
pub struct RegisterPushTokenState {
    verifier: TokenVerifier,
    directory: Directory,
    pushes: Pushes,
    clock: Clock,
}

impl RegisterPushTokenState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            directory: wiring.directory()?,
            pushes: Pushes(wiring.carriers.push_registry()?),
            clock: wiring.clock.clone(),
        })
    }
}

/// The route.
pub fn routes(state: RegisterPushTokenState) -> Router {
    Router::new().route("/api/v1/devices/register", post(register_push_token)).with_state(state)
}

async fn register_push_token(
    caller: Caller,
    // Registering twice is registering once, whatever the key.
    _: IdempotencyKey,
    State(RegisterPushTokenState { directory, pushes, clock, .. }): State<RegisterPushTokenState>,
    headers: HeaderMap,
    JsonBody(ask): JsonBody<RegisterPushToken>,
) -> Result<Reply<PushTokenRegistered>, ApiError> {
    caller.person()?;
    let main = match (ask.push_token, ask.fcm_token) {
        (Some(token), _) => ("push_token", Some(token)),
        (None, token) => ("fcm_token", token),
    };
    let any = main.1.clone().or_else(|| ask.voip_token.clone());
    let tokens = PushTokens::checked(Some(ask.platform), ask.environment, main, ask.voip_token)?;
    let Some(any) = any else { return Err(ApiError::field("push_token", "is missing")) };
    // A system that is new here is registered, and woken by nobody yet; of these two it is known that they have no push.
    if matches!(ask.platform, Platform::Web | Platform::Linux) {
        return Err(ApiError::field("platform", "must be android or ios"));
    }
    let client_id = match ask.client_id {
        Some(sent) => caller.client(&sent)?,
        None => caller.client(&made_of(&any))?,
    };

    let now = clock.now();
    let client = Client {
        platform: Some(ask.platform),
        language: Some(ask.language.unwrap_or_else(|| language_of(&headers))),
        ..Client::new(client_id.clone(), now)
    };
    match directory.register(&caller.tenant, &caller.party, &client).await? {
        Registered::Contended => return Err(ApiError::Busy),
        Registered::Yes { .. } => {}
    }
    let services = tokens.bind(&pushes, &directory, &caller.at(), &client_id, now).await?;
    Ok(Reply(PushTokenRegistered { client_id, services }))
}

/// A client id for an app that names none: the same for the same token, and it does not tell the token.
fn made_of(token: &str) -> SentClientId {
    let digest = hex::encode(Sha256::digest(token.to_ascii_lowercase()));
    SentClientId(format!("push_{}", digest.get(..32).unwrap_or_default()))
}
