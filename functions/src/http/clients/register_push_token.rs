//! POST /api/v1/devices/register: a phone's push tokens, where the app has them later than, or without, its MQTT client.
//! POST /api/v1/devices/confirm: what proves that the phone is here.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::routing::post;
use ilock_directory::{Client, DIGITS_OF_TOKEN, Directory, OF_TOKEN, PushEndpoint};
use ilock_env::Clock;
use ilock_events::{
    ClientName, ConfirmPushToken, Platform, PushTokenConfirmed, PushTokenRegistered, RegisterPushToken, SentClientId,
};
use sha2::{Digest, Sha256};

use super::registrar::Registrar;
use crate::error::ApiError;
use crate::http::asker::{Asker, Caller};
use crate::http::body::JsonBody;
use crate::http::idempotency::IdempotencyKey;
use crate::http::response::{Reply, language_of};
use crate::service::push_binding::PushBinding;
use crate::service::push_tokens::PushTokens;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of register-push-token.
#[derive(Clone, FromRef)]
pub struct RegisterPushTokenState {
    verifier: TokenVerifier,
    registrar: Registrar,
    directory: Directory,
    binding: PushBinding,
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
            registrar: Registrar::new(wiring)?,
            directory: wiring.directory()?,
            binding: wiring.push_binding()?,
            clock: wiring.clock.clone(),
        })
    }
}

pub fn routes(state: RegisterPushTokenState) -> Router {
    Router::new()
        .route("/api/v1/devices/register", post(register_push_token))
        .route("/api/v1/devices/confirm", post(confirm_push_token))
        .with_state(state)
}

async fn register_push_token(
    asker: Asker,
    // Registering twice is registering once, whatever the key.
    _: IdempotencyKey,
    State(state): State<RegisterPushTokenState>,
    headers: HeaderMap,
    JsonBody(ask): JsonBody<RegisterPushToken>,
) -> Result<Reply<PushTokenRegistered>, ApiError> {
    let (caller, admission) = asker.arrives();
    let account = admission.granted().await?;
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
    let named = ask.client_id.map(|sent| caller.client(&sent)).transpose()?;
    let now = state.clock.now();
    state.registrar.check_limit(&account, now)?;
    let endpoints = match tokens.endpoints(&state.binding.pushes, now).await {
        Err(not_taken @ ApiError::Field { .. }) => {
            Box::pin(state.registrar.count_failed(&caller, now)).await?;
            return Err(not_taken);
        }
        answered => answered?,
    };
    let client_id = match named {
        Some(named) => named,
        None => match state.client_of(&caller, ask.platform, &endpoints).await? {
            Some(known) => known,
            None => caller.client(&made_of(&any))?,
        },
    };
    let client = Client {
        platform: Some(ask.platform),
        language: Some(ask.language.unwrap_or_else(|| language_of(&headers))),
        ..Client::new(client_id.clone(), now)
    };
    Box::pin(state.registrar.register(&caller, client)).await?;
    let bound = state.binding.bind(&caller.at(), &client_id, endpoints, now).await?;
    Ok(Reply(PushTokenRegistered { client_id, services: bound.services, unproven: bound.unproven }))
}

impl RegisterPushTokenState {
    /// The client that an app means which names none: the one that has one of the endpoints; else the only one that the same login
    /// registered, on that platform or on any; else the only one on that platform. So a phone's tokens are those of its MQTT client, and end with it.
    async fn client_of(
        &self,
        caller: &Caller,
        platform: Platform,
        endpoints: &[PushEndpoint],
    ) -> Result<Option<ClientName>, ApiError> {
        let clients = self.directory.clients(&caller.at()).await?;
        let has =
            |client: &Client| client.endpoints().any(|own| endpoints.iter().any(|endpoint| endpoint.id == own.id));
        if let Some(owner) = clients.iter().find(|client| has(client)) {
            return Ok(Some(owner.client_id.clone()));
        }
        let of_login = |client: &Client| client.login.is_of_session_of(&caller.login);
        let on_platform = |client: &Client| client.platform == Some(platform);
        // A phone may say one platform here and another, or none, there.
        let found = only(&clients, |client| of_login(client) && on_platform(client));
        let found = found.or_else(|| only(&clients, of_login)).or_else(|| only(&clients, on_platform));
        Ok(found.map(|client| client.client_id.clone()))
    }
}

/// The one of `clients` that `is` it; none where it is several.
fn only(clients: &[Client], is: impl Fn(&Client) -> bool) -> Option<&Client> {
    let mut found = clients.iter().filter(|client| is(client));
    found.next().filter(|_| found.next().is_none())
}

async fn confirm_push_token(
    caller: Caller,
    // A nonce counts once.
    _: IdempotencyKey,
    State(state): State<RegisterPushTokenState>,
    JsonBody(ask): JsonBody<ConfirmPushToken>,
) -> Result<Reply<PushTokenConfirmed>, ApiError> {
    caller.person()?;
    let confirmed = state.binding.confirm(&caller.at(), &ask.nonce, state.clock.now()).await?;
    let client_id = confirmed.ok_or(ApiError::NotFound("confirmation"))?;
    Ok(Reply(PushTokenConfirmed { client_id }))
}

/// A client id for an app that names none: the same for the same token, and it does not tell the token.
fn made_of(token: &str) -> SentClientId {
    let digest = hex::encode(Sha256::digest(token.to_ascii_lowercase()));
    SentClientId(format!("{OF_TOKEN}{}", digest.get(..DIGITS_OF_TOKEN).unwrap_or_default()))
}
