//! POST /api/v1/devices/register: a phone's push tokens, where the app has them later than, or without, its MQTT client.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::HeaderMap;
use axum::routing::post;
use ilock_directory::{Client, Directory, Registered};
use ilock_events::{ClientId, PartyId, PushTokenRegistered, RegisterPushToken};
use sha2::{Digest, Sha256};

use crate::answer::{ApiError, Reply, language_of};
use crate::app::Access;
use crate::ask::{Ask, Caller, IdempotencyKey};
use crate::phones::Pushes;
use crate::push_tokens::PushTokens;
use ilock_env::Clock;

/// The route.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Access: FromRef<S>,
    Directory: FromRef<S>,
    Pushes: FromRef<S>,
    Clock: FromRef<S>,
{
    Router::new().route("/api/v1/devices/register", post(register_push_token))
}

async fn register_push_token(
    caller: Caller,
    // Registering twice is registering once, whatever the key.
    _: IdempotencyKey,
    State(directory): State<Directory>,
    State(pushes): State<Pushes>,
    State(clock): State<Clock>,
    headers: HeaderMap,
    Ask(ask): Ask<RegisterPushToken>,
) -> Result<Reply<PushTokenRegistered>, ApiError> {
    caller.person()?;
    let main = match (ask.push_token, ask.fcm_token) {
        (Some(token), _) => ("push_token", Some(token)),
        (None, token) => ("fcm_token", token),
    };
    let any = main.1.clone().or_else(|| ask.voip_token.clone());
    let tokens = PushTokens::checked(Some(ask.platform), ask.environment, main, ask.voip_token)?;
    let Some(any) = any else { return Err(ApiError::field("push_token", "is missing")) };
    if tokens.is_empty() {
        return Err(ApiError::field("platform", "must be android or ios"));
    }
    let client_id = match ask.client_id {
        Some(client_id) => {
            caller.owns(&client_id)?;
            client_id
        }
        None => made_of(&caller.party.id, &any)?,
    };

    let now = clock.now();
    let client = Client {
        platform: Some(ask.platform),
        language: Some(ask.language.unwrap_or_else(|| language_of(&headers))),
        ..Client::new(client_id.clone(), now)
    };
    match directory.register(&caller.tenant, &caller.party, &client).await? {
        Registered::OtherTenant => return Err(ApiError::IdTaken),
        Registered::OtherOwner => return Err(ApiError::Forbidden("this client_id is somebody else's")),
        Registered::Yes { .. } => {}
    }
    let services = tokens.tie(&pushes, &directory, &caller.party, &client_id, now).await?;
    Ok(Reply(PushTokenRegistered { client_id, services }))
}

/// A client id for an app that names none: the same for the same token, and it does not tell the token.
fn made_of(owner: &PartyId, token: &str) -> Result<ClientId, ApiError> {
    let digest = hex::encode(Sha256::digest(token.to_ascii_lowercase()));
    let name = format!("{owner}_push_{}", digest.get(..32).unwrap_or_default());
    ClientId::new(name).map_err(|bad| ApiError::Internal(bad.to_string()))
}
