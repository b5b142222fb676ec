//! GET /api/mqtt/clients: where somebody is logged in.

use std::cmp::Reverse;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::routing::get;
use ilock_directory::{Client, Directory};
use ilock_events::{ClientName, KnownClient, KnownClients};

use crate::error::ApiError;
use crate::http::asker::Asker;
use crate::http::response::Reply;
use crate::service::token_verifier::TokenVerifier;
use crate::settings::BadSetting;
use crate::wiring::Wiring;

/// The state of list-clients.
#[derive(Clone, FromRef)]
pub struct ListClientsState {
    verifier: TokenVerifier,
    directory: Directory,
}

impl ListClientsState {
    /// With the parts that `wiring` has.
    ///
    /// # Errors
    /// [`BadSetting`].
    pub fn new(wiring: &Wiring) -> Result<Self, BadSetting> {
        Ok(Self { verifier: wiring.token_verifier()?, directory: wiring.directory()? })
    }
}

pub fn routes(state: ListClientsState) -> Router {
    Router::new().route("/api/mqtt/clients", get(list_clients)).with_state(state)
}

async fn list_clients(
    asker: Asker,
    State(ListClientsState { directory, .. }): State<ListClientsState>,
) -> Result<Reply<KnownClients>, ApiError> {
    let (caller, admission) = asker.arrives();
    let mut clients = admission.granted_with_clients().await?;
    let names: Vec<ClientName> = clients.iter().map(|client| client.client_id.clone()).collect();
    let connected = directory.connected(&names).await?;
    clients.sort_by_key(|client| Reverse(client.heard_of()));
    let known = |client: Client| KnownClient {
        last_active: client.heard_of(),
        online: connected.contains(&client.client_id),
        current: client.login.is_of_session_of(&caller.login),
        client_id: client.client_id,
        platform: client.platform,
        device_type: client.device_type,
        app_version: client.app_version,
        registered_at: client.registered_at,
    };
    Ok(Reply(KnownClients { clients: clients.into_iter().map(known).collect() }))
}
