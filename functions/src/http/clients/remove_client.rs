//! DELETE /api/mqtt/clients/{client_id}: logout, for good. No more rings, the MQTT session ends, and with it the login that
//! registered the client. DELETE /api/mqtt/clients: the same for all others, or everywhere.

use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::routing::delete;
use ilock_directory::{Account, Client, Directory};
use ilock_env::Clock;
use ilock_events::{ClientName, ClientRemoved, SentClientId};
use serde::Deserialize;

use crate::error::ApiError;
use crate::http::asker::{Admission, Asker, Caller};
use crate::http::query::Query;
use crate::http::response::Reply;
use crate::service::sessions::Sessions;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of remove-client.
#[derive(Clone, FromRef)]
pub struct RemoveClientState {
    verifier: TokenVerifier,
    sessions: Sessions,
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
            sessions: Sessions::new(wiring)?,
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
    let account = state.admitted(&caller, admission).await?;
    // What cannot be the name of a client is none of the asker's.
    let client = caller.client(&SentClientId(client_id)).map_err(|_| ApiError::NotFound("client"))?;
    let now = state.clock.now();
    let gone = state.directory.log_out(&caller.at(), &client, (&account, None), now).await?;
    let was_there = !gone.is_empty();
    // The one that was named also when it was gone long ago.
    state.sessions.end_of_removed(&caller.at(), Some(client), now).await?;
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
    let account = state.admitted(&caller, admission).await?;
    let now = state.clock.now();
    let gone = match except {
        None => state.directory.log_out_everywhere(&caller.at(), now).await?,
        Some(except) => {
            let stays = caller.client(&SentClientId(except)).map_err(|_| ApiError::NotFound("client"))?;
            state.remove_others(&caller, &stays, &account).await?
        }
    };
    state.sessions.end_of_removed(&caller.at(), None, now).await?;
    Ok(Reply(state.answer(&gone, &caller)))
}

impl RemoveClientState {
    /// The account of `caller`. Whose own login an earlier try has ended is refused, once what that try
    /// left undone is done.
    async fn admitted(&self, caller: &Caller, admission: Admission) -> Result<Account, ApiError> {
        let admitted = admission.granted().await;
        if matches!(admitted, Err(ApiError::LoggedOut)) {
            self.sessions.finish_logout(&caller.at(), self.clock.now()).await?;
        }
        admitted
    }

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
