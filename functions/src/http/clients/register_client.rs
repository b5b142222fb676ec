//! POST /api/mqtt/clients/register: an app, or a door station, gets its MQTT credentials, topics and payload key.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::routing::post;
use ilock_auth::{Identity, Role};
use ilock_directory::{Client, Directory, Registered};
use ilock_env::Clock;
use ilock_events::{ClientName, ClientRegistered, Millis, MqttCredentials, PartyKind, RegisterClient};

use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::body::{JsonBody, short};
use crate::http::idempotency::IdempotencyKey;
use crate::http::response::{Reply, language_of};
use crate::service::mqtt_access::{Broker, MqttCredentialIssuer};
use crate::service::push_directory::Pushes;
use crate::service::push_tokens::PushTokens;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

const MAX_WORD: usize = 64;

/// The state of register-client.
#[derive(Clone, FromRef)]
pub struct RegisterClientState {
    verifier: TokenVerifier,
    issuer: MqttCredentialIssuer,
    broker: Broker,
    directory: Directory,
    pushes: Pushes,
    clock: Clock,
}

impl RegisterClientState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            issuer: wiring.mqtt_credential_issuer()?,
            broker: Broker(wiring.carriers.mqtt()?),
            directory: wiring.directory()?,
            pushes: Pushes(wiring.carriers.push_registry()?),
            clock: wiring.clock.clone(),
        })
    }
}

/// The route.
pub fn routes(state: RegisterClientState) -> Router {
    Router::new().route("/api/mqtt/clients/register", post(register_client)).with_state(state)
}

async fn register_client(
    caller: Caller,
    // Registering twice is registering once, whatever the key.
    _: IdempotencyKey,
    State(state): State<RegisterClientState>,
    headers: HeaderMap,
    JsonBody(ask): JsonBody<RegisterClient>,
) -> Result<Reply<ClientRegistered>, ApiError> {
    if ask.user_id.as_ref().is_some_and(|user| *user != caller.party.id) {
        return Err(ApiError::Forbidden("user_id must be your own"));
    }
    let client_id = caller.client(&ask.client_id)?;
    short("device_type", ask.device_type.as_ref(), MAX_WORD)?;
    short("app_version", ask.app_version.as_ref(), MAX_WORD)?;
    let tokens = PushTokens::checked(ask.platform, ask.environment, ("push_token", ask.push_token), ask.voip_token)?;

    let now = state.clock.now();
    let client = Client {
        device_type: ask.device_type,
        platform: ask.platform,
        app_version: ask.app_version,
        language: Some(ask.language.unwrap_or_else(|| language_of(&headers))),
        ..Client::new(client_id.clone(), now)
    };
    state.register(&caller, &client).await?;
    state.bind_tokens(&caller, tokens, &client_id, now).await?;
    Ok(Reply(credentials(&state.issuer, caller, client_id, now)?))
}

impl RegisterClientState {
    async fn register(&self, caller: &Caller, client: &Client) -> Result<(), ApiError> {
        match self.directory.register(&caller.tenant, &caller.party, client).await? {
            Registered::Contended => return Err(ApiError::Busy),
            Registered::Yes { dropped: Some(oldest) } => {
                if let Err(error) = self.broker.0.end_session(oldest).await {
                    tracing::warn!(%error, "the session of a dropped client goes on until its password runs out");
                }
            }
            Registered::Yes { dropped: None } => {}
        }
        Ok(())
    }

    /// A door station is not rung, so its tokens are left alone. Without pushes an app that is in front still rings; it
    /// registers again at its next start: a push service that is out of reach fails no registration.
    async fn bind_tokens(
        &self,
        caller: &Caller,
        tokens: PushTokens,
        client_id: &ClientName,
        now: Millis,
    ) -> Result<(), ApiError> {
        if caller.party.kind != PartyKind::User {
            return Ok(());
        }
        match tokens.bind(&self.pushes, &self.directory, &caller.at(), client_id, now).await {
            Ok(_) => Ok(()),
            Err(refused @ ApiError::Field { .. }) => Err(refused),
            Err(error) => {
                tracing::warn!(%client_id, %error, "registered, but without its push token");
                Ok(())
            }
        }
    }
}

fn credentials(
    issuer: &MqttCredentialIssuer,
    caller: Caller,
    client_id: ClientName,
    now: Millis,
) -> Result<ClientRegistered, ApiError> {
    let at = caller.at();
    let Caller { party, tenant, .. } = caller;
    let role = match party.kind {
        PartyKind::User => Role::User,
        PartyKind::Device => Role::Device,
    };
    let identity = Identity { id: party.id, role, tenant };
    let seconds = issuer.lifetime_seconds().map_err(|error| ApiError::Internal(error.to_string()))?;
    let password = issuer.tokens.issue(&identity, &client_id, now, seconds);
    Ok(ClientRegistered {
        mqtt_credentials: MqttCredentials {
            broker_url: issuer.broker_url.clone(),
            websocket_url: issuer.websocket_url.clone(),
            username: issuer.username(&at.address),
            password: password.map_err(|error| ApiError::Internal(error.to_string()))?,
            client_id,
            expires_at: now.plus(i64::from(seconds) * 1000),
        },
        topics: issuer.prefix.topics(&at),
        payload_key: (role == Role::User).then(|| issuer.payload_keys.jwk(&at.address)),
    })
}
