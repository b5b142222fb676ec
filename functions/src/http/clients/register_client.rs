//! POST /api/mqtt/clients/register: an app, or a door station, gets its MQTT credentials, topics and payload key.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::routing::post;
use ilock_auth::{Identity, MqttClaims, Role};
use ilock_directory::Client;
use ilock_env::Clock;
use ilock_events::{ClientName, ClientRegistered, Generation, Millis, MqttCredentials, PartyKind, RegisterClient};

use super::registrar::Registrar;
use crate::error::ApiError;
use crate::http::asker::{Asker, Caller};
use crate::http::body::{JsonBody, short};
use crate::http::idempotency::IdempotencyKey;
use crate::http::response::{Reply, language_of};
use crate::service::mqtt_access::MqttCredentialIssuer;
use crate::service::push_binding::PushBinding;
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
    registrar: Registrar,
    binding: PushBinding,
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
            registrar: Registrar::new(wiring)?,
            binding: wiring.push_binding()?,
            clock: wiring.clock.clone(),
        })
    }
}

pub fn routes(state: RegisterClientState) -> Router {
    Router::new().route("/api/mqtt/clients/register", post(register_client)).with_state(state)
}

async fn register_client(
    asker: Asker,
    // Registering twice is registering once, whatever the key.
    _: IdempotencyKey,
    State(state): State<RegisterClientState>,
    headers: HeaderMap,
    JsonBody(ask): JsonBody<RegisterClient>,
) -> Result<Reply<ClientRegistered>, ApiError> {
    let (caller, admission) = asker.arrives();
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
    // A login that was ended registers nothing, whether that is read here or there.
    let registered = state.registrar.register(&caller, client);
    let (_, (generation, made)) = futures::try_join!(admission.granted(), registered)?;
    state.bind_tokens(&caller, tokens, (&client_id, &made.of_tokens), now).await?;
    let credentials = Credentials { client_id, generation, key_version: made.key_version };
    Ok(Reply(credentials.issue(&state.issuer, caller, now)?))
}

impl RegisterClientState {
    /// A door station is not rung, so its tokens are left alone. Without pushes an app that is in front still rings; it
    /// registers again at its next start: a push service that is out of reach fails no registration.
    async fn bind_tokens(
        &self,
        caller: &Caller,
        tokens: PushTokens,
        (client_id, of_tokens): (&ClientName, &[Client]),
        now: Millis,
    ) -> Result<(), ApiError> {
        if caller.party.kind != PartyKind::User {
            return Ok(());
        }
        let bound = async {
            let endpoints = tokens.endpoints(&self.binding.pushes, now).await?;
            self.binding.bind_all_of_phone(&caller.at(), client_id, endpoints, of_tokens, now).await
        };
        match bound.await {
            Ok(_) => Ok(()),
            Err(refused @ ApiError::Field { .. }) => Err(refused),
            Err(error) => {
                tracing::warn!(%client_id, %error, "registered, but without its push token");
                Ok(())
            }
        }
    }
}

/// What a client's credentials are made of.
struct Credentials {
    client_id: ClientName,
    generation: Generation,
    key_version: u32,
}

impl Credentials {
    fn issue(self, issuer: &MqttCredentialIssuer, caller: Caller, now: Millis) -> Result<ClientRegistered, ApiError> {
        let Self { client_id, generation, key_version } = self;
        let at = caller.at();
        let Caller { party, tenant, login, .. } = caller;
        let role = match party.kind {
            PartyKind::User => Role::User,
            PartyKind::Device => Role::Device,
        };
        let seconds = issuer.lifetime_seconds().map_err(|error| ApiError::Internal(error.to_string()))?;
        let expires_at = now.plus(i64::from(seconds) * 1000);
        let identity = Identity { id: party.id, role, tenant };
        let claims = MqttClaims { identity, client_id: client_id.clone(), generation, login, expires_at };
        let username = issuer.username(&at.address, &client_id);
        let username = username.map_err(|error| ApiError::Internal(error.to_string()))?;
        let password = issuer.tokens.issue(&claims, now).map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(ClientRegistered {
            mqtt_credentials: MqttCredentials {
                broker_url: issuer.broker_url.clone(),
                websocket_url: issuer.websocket_url.clone(),
                username,
                password,
                client_id,
                expires_at,
            },
            topics: issuer.prefix.topics(&at),
            payload_key: (role == Role::User).then(|| issuer.payload_keys.jwk(&at.address, key_version)),
        })
    }
}
