//! DELETE /api/mqtt/clients/{client_id}: logout, for good. No more rings, the MQTT session ends, and with it the login that
//! registered the client. DELETE /api/mqtt/clients: the same for all others, or everywhere.

use axum::Router;
use axum::extract::{FromRef, Path, Query, State};
use axum::routing::delete;
use ilock_directory::{Account, Client, Directory};
use ilock_env::Clock;
use ilock_events::{ClientName, ClientRemoved, SentClientId};
use serde::Deserialize;

use crate::error::ApiError;
use crate::http::asker::{Asker, Caller};
use crate::http::response::Reply;
use crate::service::mqtt_access::Broker;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of remove-client.
#[derive(Clone, FromRef)]
pub struct RemoveClientState {
    verifier: TokenVerifier,
    broker: Broker,
    directory: Directory,
    clock: Clock,
}

impl RemoveClientState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self {
            verifier: wiring.token_verifier()?,
            broker: Broker(wiring.carriers.mqtt()?),
            directory: wiring.directory()?,
            clock: wiring.clock.clone(),
        })
    }
}

pub fn routes(state: RemoveClientState) -> Router {
    Router::new()
        .route("/api/mqtt/clients/{client_id}", delete(remove_client))
        .route("/api/mqtt/clients", delete(remove_clients))
        .with_state(state)
}

async fn remove_client(
    asker: Asker,
    State(state): State<RemoveClientState>,
    Path(client_id): Path<String>,
) -> Result<Reply<ClientRemoved>, ApiError> {
    let (caller, admission) = asker.arrives();
    let account = admission.granted().await?;
    // What cannot be the name of a client is none of the asker's.
    let client = caller.client(&SentClientId(client_id)).map_err(|_| ApiError::NotFound("client"))?;
    let gone = state.directory.log_out(&caller.at(), &client, (&account, None), state.clock.now()).await?;
    let was_there = !gone.is_empty();
    // Also when it was gone already: the session may have outlived an earlier try.
    let ended = if was_there { names(&gone) } else { vec![client] };
    state.broker.end_sessions(ended).await?;
    if was_there { Ok(Reply(state.answer(&gone, &caller))) } else { Err(ApiError::NotFound("client")) }
}

#[derive(Debug, Deserialize)]
struct Which {
    except: Option<String>,
}

async fn remove_clients(
    asker: Asker,
    State(state): State<RemoveClientState>,
    Query(Which { except }): Query<Which>,
) -> Result<Reply<ClientRemoved>, ApiError> {
    let (caller, admission) = asker.arrives();
    let account = admission.granted().await?;
    let gone = match except {
        None => state.directory.log_out_everywhere(&caller.at(), state.clock.now()).await?,
        Some(except) => {
            let stays = caller.client(&SentClientId(except)).map_err(|_| ApiError::NotFound("client"))?;
            state.remove_others(&caller, &stays, &account).await?
        }
    };
    state.broker.end_sessions(names(&gone)).await?;
    Ok(Reply(state.answer(&gone, &caller)))
}

impl RemoveClientState {
    /// Logs out all clients of `caller` but `stays`. The login that asks stays too, whatever else it registered.
    async fn remove_others(
        &self,
        caller: &Caller,
        stays: &ClientName,
        account: &Account,
    ) -> Result<Vec<Client>, ApiError> {
        let at = caller.at();
        let mut gone: Vec<Client> = vec![];
        let mut clients = self.directory.clients(&at).await?;
        let Some(own) = clients.iter().position(|client| client.client_id == *stays) else {
            return Err(ApiError::NotFound("client"));
        };
        let own = clients.swap_remove(own);
        for client in clients {
            if gone.iter().any(|other| other.client_id == client.client_id) {
                continue;
            }
            // The session of the one that stays, which may be another's than the asker's.
            let login = if client.login.session == own.login.session { &own.login } else { &caller.login };
            gone.extend(
                self.directory.log_out(&at, &client.client_id, (account, Some(login)), self.clock.now()).await?,
            );
        }
        Ok(gone)
    }

    /// Where a login service names no session, its tokens work on; until when, is said.
    fn answer(&self, gone: &[Client], caller: &Caller) -> ClientRemoved {
        let goes_on = gone.iter().filter(|client| client.login.session.is_none());
        let own = goes_on.clone().next().filter(|_| caller.login.session.is_none()).map(|_| caller.token_until);
        let until = goes_on.filter_map(|client| client.token_until).chain(own).max();
        ClientRemoved { removed: names(gone), access_token_until: until.filter(|until| *until > self.clock.now()) }
    }
}

fn names(clients: &[Client]) -> Vec<ClientName> {
    clients.iter().map(|client| client.client_id.clone()).collect()
}
