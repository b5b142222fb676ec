//! POST /api/mqtt/clients/register: an app, or a door station, gets its MQTT credentials, topics and payload key.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::post;
use ilock_auth::{Identity, Role, topics};
use ilock_directory::{Client, Directory, Registered};
use ilock_events::{ClientRegistered, MqttCredentials, PartyKind, RegisterClient};

use crate::answer::{ApiError, Reply};
use crate::app::{Access, Broker, Welcome};
use crate::ask::{Ask, Caller, IdempotencyKey, short};
use crate::clock::Clock;

/// FCM and APNs tokens have some 200 bytes; neither promises a limit.
const MAX_PUSH_TOKEN: usize = 4096;
const MAX_WORD: usize = 64;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    Directory: FromRef<S>,
    Welcome: FromRef<S>,
    Broker: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/mqtt/clients/register", post(register_client))
}

async fn register_client(
    caller: Caller,
    // Registering twice is registering once, whatever the key.
    _: IdempotencyKey,
    State(directory): State<Directory>,
    State(welcome): State<Welcome>,
    State(broker): State<Broker>,
    State(clock): State<Clock>,
    Ask(ask): Ask<RegisterClient>,
) -> Result<Reply<ClientRegistered>, ApiError> {
    if ask.user_id.as_ref().is_some_and(|user| *user != caller.party.id) {
        return Err(ApiError::Forbidden("user_id must be your own"));
    }
    caller.owns(&ask.client_id)?;
    short("device_type", ask.device_type.as_ref(), MAX_WORD)?;
    short("app_version", ask.app_version.as_ref(), MAX_WORD)?;
    short("push_token", ask.push_token.as_ref(), MAX_PUSH_TOKEN)?;

    let now = clock.now();
    let client = Client {
        client_id: ask.client_id.clone(),
        device_type: ask.device_type,
        platform: ask.platform,
        app_version: ask.app_version,
        push_token: ask.push_token,
        registered_at: now,
        status: None,
        priority: None,
        last_active: None,
        offline_since: None,
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
