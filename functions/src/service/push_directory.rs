//! The phones of a person, as far as pushes go: read from the directory for those who wake them.

use std::sync::Arc;

use futures::future::BoxFuture;
use ilock_directory::{Client, Directory, DirectoryError, EndpointOwner, EndpointSlot, PushEndpoint, Retirement};
use ilock_events::{Carrier, ClientStatus, Millis, PartyAddress};
use ilock_notify::CarrierError;
use ilock_notify::push::{Endpoint, Phone, Phones, PushCarrier, PushSender, Retired};
use tokio::sync::Semaphore;

use crate::metrics;
use crate::service::http_push::for_the_log;
use crate::service::rung::KnownClients;

/// How many pushes of one function are on their way at once.
pub const AT_ONCE: usize = 128;

/// The carrier of pushes; none where the operator does not use them.
#[derive(Clone)]
pub struct Pushes(pub Option<Arc<dyn PushCarrier>>);

/// The carrier of pushes, with the directory that knows the phones.
#[derive(Clone)]
pub struct PushDirectory {
    carrier: Arc<dyn PushCarrier>,
    directory: Directory,
    in_flight: Arc<Semaphore>,
}

impl PushDirectory {
    /// By `carrier`, the phones that stand in `directory`.
    #[must_use]
    pub fn new(carrier: Arc<dyn PushCarrier>, directory: Directory) -> Self {
        Self { carrier, directory, in_flight: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The same, where the clients of some persons are known.
    #[must_use]
    pub const fn knowing<'a>(&'a self, known: &'a KnownClients) -> KnownPhones<'a> {
        KnownPhones { push: self, known }
    }

    /// Retires endpoints that turned out not to work. A failure here is only logged: the next push finds out again.
    pub async fn retire(&self, retired: Vec<Retired>, now: Millis) {
        for Retired { person: party, client_id, endpoint, why } in retired {
            let slot = EndpointSlot::of(endpoint.service);
            let (owner, retirement) = (EndpointOwner { party, client_id, slot }, Retirement { why, at: now });
            if let Err(error) = retire(&self.directory, &owner, &endpoint.id, endpoint.since, &retirement).await {
                tracing::warn!(client_id = %owner.client_id, %error, "a push endpoint could not be retired");
            }
        }
    }
}

/// Retires `endpoint` of `owner`, if it was registered at `since` or before; whether it did.
///
/// # Errors
/// What the directory says.
pub async fn retire(
    directory: &Directory,
    owner: &EndpointOwner,
    endpoint: &str,
    since: Millis,
    retirement: &Retirement,
) -> Result<bool, DirectoryError> {
    let retired = directory.retire_endpoint(owner, endpoint, since, retirement).await?;
    if retired {
        ::metrics::counter!(metrics::TOKENS_RETIRED).increment(1);
        let endpoint = for_the_log(endpoint);
        tracing::warn!(client_id = %owner.client_id, endpoint, why = retirement.why, "push token retired: it counts again once the app registers it anew");
    }
    Ok(retired)
}

/// The phones of persons: of those whose clients are known, else as the directory has them.
pub struct KnownPhones<'a> {
    push: &'a PushDirectory,
    known: &'a KnownClients,
}

impl KnownPhones<'_> {
    /// What a delivery sends pushes with.
    #[must_use]
    pub fn sender(&self) -> PushSender<'_> {
        PushSender { carrier: &*self.push.carrier, phones: self, in_flight: &self.push.in_flight }
    }
}

impl Phones for KnownPhones<'_> {
    fn of<'a>(&'a self, person: &'a PartyAddress) -> BoxFuture<'a, Result<Vec<Phone>, CarrierError>> {
        Box::pin(async move {
            let clients = match self.known.get(&person.address) {
                Some(clients) => clients.clone(),
                None => self.push.directory.clients(person).await.map_err(|error| unread(&error))?,
            };
            Ok(clients.into_iter().map(phone).collect())
        })
    }
}

fn unread(error: &DirectoryError) -> CarrierError {
    CarrierError { carrier: Carrier::Push, why: error.to_string() }
}

fn phone(client: Client) -> Phone {
    let working = |endpoint: Option<PushEndpoint>| {
        let PushEndpoint { id, service, since, .. } = endpoint.filter(|endpoint| endpoint.retired.is_none())?;
        Some(Endpoint { id, service, since })
    };
    Phone {
        heard_of: client.heard_of(),
        client_id: client.client_id,
        main: working(client.main),
        voip: working(client.voip),
        language: client.language.unwrap_or_default(),
        active: client.status == Some(ClientStatus::Active),
        priority: client.priority.unwrap_or(0),
    }
}
