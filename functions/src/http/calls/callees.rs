//! Who is rung: those among the people who are asked for that have a client, as the directory knows them.

use futures::future::try_join_all;
use ilock_directory::{Client, Directory, KnownCallee};
use ilock_events::{Busy, Callee, ClientStatus, Millis, PartyId};

use super::live_calls::person_at;
use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::service::rung::Rung;

/// Who is rung.
#[derive(Debug, Clone, Default)]
pub struct Callees {
    /// Those who are rung, in the order in which they were asked for.
    pub rung: Vec<Callee>,
    /// What a delivery to them needs.
    pub known: Rung,
}

impl Callees {
    /// Asks the directory for each of `ids`, all at once.
    ///
    /// # Errors
    /// What the directory says.
    pub async fn find(directory: &Directory, caller: &Caller, ids: &[PartyId], now: Millis) -> Result<Self, ApiError> {
        let people = try_join_all(ids.iter().map(|id| async move {
            let at = person_at(&caller.tenant, id);
            let known = directory.callee(&at, &caller.party.id, now).await?;
            Ok::<_, ApiError>((at.address, known))
        }));
        let mut found = Self::default();
        for (id, (address, KnownCallee { clients, blocked, key_version })) in ids.iter().zip(people.await?) {
            if clients.is_empty() {
                continue;
            }
            let callee = callee(id.clone(), &clients, now);
            found.known.key_versions.insert(address.clone(), key_version);
            found.known.clients.insert(address, clients);
            // Whoever is blocked sees what they would see of a person out of reach.
            found.rung.push(if blocked {
                Callee { busy: Some(Busy::Blocked), reachable: false, primary: None, ..callee }
            } else {
                callee
            });
        }
        Ok(found)
    }
}

fn callee(id: PartyId, clients: &[Client], now: Millis) -> Callee {
    let in_front = |client: &Client| client.status == Some(ClientStatus::Active);
    // One that cannot ring would keep the others quiet for nothing.
    let rings = |client: &Client| client.status != Some(ClientStatus::Offline) && is_reachable(client, now);
    let reported = clients.iter().filter(|client| client.priority.is_some() && rings(client));
    let primary = reported.max_by_key(|client| (client.priority, in_front(client), client.heard_of()));
    Callee {
        id,
        primary: primary.map(|client| client.client_id.clone()),
        reachable: clients.iter().any(|client| is_reachable(client, now)),
        clients: clients.iter().map(|client| client.client_id.clone()).collect(),
        busy: None,
    }
}

/// How long a client may take to connect after its first registration, until it counts as out of reach. Who has lost the
/// connection has as long; registering again is no connection.
const CONNECTS_WITHIN_MS: i64 = 5_000;

/// Whether a call reaches the client now: by push, or because it is connected, or about to be.
pub(super) fn is_reachable(client: &Client, now: Millis) -> bool {
    let wakes = client.endpoints().any(|endpoint| endpoint.retired.is_none());
    wakes || client.offline_since.is_none_or(|since| now.since(since) < CONNECTS_WITHIN_MS)
}
