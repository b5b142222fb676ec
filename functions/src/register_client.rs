//! POST /api/mqtt/clients/register: an app, or a door station, gets its MQTT credentials, topics and payload key.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::routing::post;
use ilock_auth::{Identity, Role, topics};
use ilock_directory::{Client, Directory, Registered};
use ilock_events::{ClientRegistered, MqttCredentials, PartyKind, RegisterClient};

use crate::answer::{ApiError, Reply, language_of};
use crate::app::{Access, Broker, Welcome};
use crate::ask::{Ask, Caller, IdempotencyKey, short};
use crate::phones::Pushes;
use crate::push_tokens::PushTokens;
use ilock_env::Clock;

const MAX_WORD: usize = 64;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    Directory: FromRef<S>,
    Welcome: FromRef<S>,
    Broker: FromRef<S>,
    Pushes: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/mqtt/clients/register", post(register_client))
}

#[allow(clippy::too_many_arguments, reason = "what it touches, one by one")]
async fn register_client(
    caller: Caller,
    // Registering twice is registering once, whatever the key.
    _: IdempotencyKey,
    State(directory): State<Directory>,
    State(welcome): State<Welcome>,
    State(broker): State<Broker>,
    State(pushes): State<Pushes>,
    State(clock): State<Clock>,
    headers: HeaderMap,
    Ask(ask): Ask<RegisterClient>,
) -> Result<Reply<ClientRegistered>, ApiError> {
    if ask.user_id.as_ref().is_some_and(|user| *user != caller.party.id) {
        return Err(ApiError::Forbidden("user_id must be your own"));
    }
    caller.owns(&ask.client_id)?;
    short("device_type", ask.device_type.as_ref(), MAX_WORD)?;
    short("app_version", ask.app_version.as_ref(), MAX_WORD)?;
    let tokens = PushTokens::checked(ask.platform, ask.environment, ("push_token", ask.push_token), ask.voip_token)?;

    let now = clock.now();
    let client = Client {
        device_type: ask.device_type,
        platform: ask.platform,
        app_version: ask.app_version,
        language: Some(ask.language.unwrap_or_else(|| language_of(&headers))),
        ..Client::new(ask.client_id.clone(), now)
    };
    match directory.register(&caller.tenant, &caller.party, &client).await? {
        Registered::OtherTenant => return Err(ApiError::IdTaken),
        Registered::OtherOwner => return Err(ApiError::Forbidden("this client_id is somebody else's")),
        Registered::Yes { dropped: Some(oldest) } => {
            if let Err(error) = broker.0.end_session(oldest).await {
                tracing::warn!(%error, "the session of a dropped client goes on until its password runs out");
            }
        }
        Registered::Yes { dropped: None } => {}
    }
    // A door station is not rung.
    if caller.party.kind == PartyKind::User {
        match tokens.tie(&pushes, &directory, &caller.party, &ask.client_id, now).await {
            Ok(_) => {}
            Err(refused @ ApiError::Field { .. }) => return Err(refused),
            // Without pushes an app that is in front still rings; it registers again at its next start.
            Err(error) => tracing::warn!(client_id = %ask.client_id, %error, "registered, but without its push token"),
        }
    }

    let role = match caller.party.kind {
        PartyKind::User => Role::User,
        PartyKind::Device => Role::Device,
    };
    let identity = Identity { id: caller.party.id.clone(), role, tenant: caller.tenant };
    let password = welcome
        .tokens
        .issue(&identity, &ask.client_id, now, welcome.token_seconds)
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(Reply(ClientRegistered {
        mqtt_credentials: MqttCredentials {
            broker_url: welcome.broker_url,
            websocket_url: welcome.websocket_url,
            username: caller.party.id.to_string(),
            password,
            client_id: ask.client_id,
            expires_at: now.plus(i64::from(welcome.token_seconds) * 1000),
        },
        topics: topics(&caller.party),
        payload_key: (role == Role::User).then(|| welcome.payload_keys.jwk(&caller.party.id)),
    }))
}
