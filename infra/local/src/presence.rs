//! Presence: the broker tells of connections, as IoT Core's lifecycle events do.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_directory::Directory;
use ilock_events::TopicPrefix;
use ilock_functions::lock::lock;
use ilock_functions::triggers::presence::{AWAY_SECONDS, PresenceEvent, PresenceKind, RecheckQueue, on_event, recheck};
use ilock_notify::QueueError;
use mqtt5::broker::events::{
    BrokerEventHandler, ClientConnectEvent, ClientDisconnectEvent, ClientPublishEvent, PublishAction,
};

use crate::broker_acl::{Authority, BrokerAcl};
use crate::dynamodb::KeptConnections;

/// Tells presence of every connection, and the broker's rules of every publish: the broker takes one handler.
pub(crate) struct PresenceReporter {
    acl: Arc<BrokerAcl>,
    kept: KeptConnections,
    connections: Mutex<HashMap<String, Connections>>,
}

/// The connections of one client: when another takes over, the end of the earlier one comes after the begin of the later.
#[derive(Default)]
struct Connections {
    open: u32,
    /// The number of the last.
    version: i64,
}

impl PresenceReporter {
    pub(crate) fn new(acl: Arc<BrokerAcl>, kept: KeptConnections) -> Self {
        Self { acl, kept, connections: Mutex::default() }
    }

    /// In the background: the connection need not wait. Events that overtake each other are told apart by their numbers.
    fn tell(&self, client_id: &str, connected: bool) {
        let Some(authority) = self.acl.authority() else { return };
        let now = authority.clock.now();
        let version = {
            let mut all = lock(&self.connections);
            let connections = all.entry(client_id.to_owned()).or_default();
            if connected {
                connections.open += 1;
                // Later than all of an earlier run, which counted so too.
                connections.version = now.0.max(connections.version + 1);
                if let Err(error) = self.kept.keep(client_id, connections.version) {
                    tracing::warn!(
                        client_id,
                        error,
                        "a connection was not kept: should the process be killed, it seems to stand"
                    );
                }
            } else {
                connections.open = connections.open.saturating_sub(1);
                if connections.open > 0 {
                    return;
                }
            }
            connections.version
        };
        let event_type = if connected { PresenceKind::Connected } else { PresenceKind::Disconnected };
        let event =
            PresenceEvent { client_id: client_id.to_owned(), timestamp: now.0, event_type, version_number: version };
        note(authority, &self.kept, event);
    }
}

/// Tells that each of `kept` has ended: nobody is connected to a broker that has just started. Whoever is back within
/// [`AWAY_SECONDS`] was never away; a process that was killed, or stopped before it looked again, has told of no end.
pub(crate) fn note_nobody_connected(authority: &Authority, kept: &KeptConnections) -> Result<(), String> {
    let now = authority.clock.now();
    for (client_id, version_number) in kept.all()? {
        let event_type = PresenceKind::Disconnected;
        note(authority, kept, PresenceEvent { client_id, timestamp: now.0, event_type, version_number });
    }
    Ok(())
}

/// In the background.
fn note(authority: &Authority, kept: &KeptConnections, event: PresenceEvent) {
    let (directory, prefix) = (authority.directory.clone(), authority.mqtt.prefix.clone());
    let queue = LocalRecheck { directory: directory.clone(), prefix: prefix.clone(), kept: kept.clone() };
    tokio::spawn(async move {
        if let Err(error) = on_event(&directory, &queue, &prefix, event).await {
            tracing::debug!(%error, "a connection's begin or end was not noted");
        }
    });
}

impl BrokerEventHandler for PresenceReporter {
    fn on_client_publish<'a>(
        &'a self,
        event: ClientPublishEvent,
    ) -> Pin<Box<dyn Future<Output = PublishAction> + Send + 'a>> {
        self.acl.rules().on_client_publish(event)
    }

    fn on_client_connect<'a>(&'a self, event: ClientConnectEvent) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.tell(&event.client_id, true);
        Box::pin(async {})
    }

    fn on_client_disconnect<'a>(
        &'a self,
        event: ClientDisconnectEvent,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.tell(&event.client_id, false);
        Box::pin(async {})
    }
}

/// Shows an event again after a while. Until then the connection is kept: the next process does it where this one does not.
struct LocalRecheck {
    directory: Directory,
    prefix: TopicPrefix,
    kept: KeptConnections,
}

impl RecheckQueue for LocalRecheck {
    fn recheck_later(&self, event: PresenceEvent) -> BoxFuture<'_, Result<(), QueueError>> {
        let (directory, prefix, kept) = (self.directory.clone(), self.prefix.clone(), self.kept.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(AWAY_SECONDS.unsigned_abs().into())).await;
            let (rechecked, client_id) = (recheck(&directory, &prefix, &event).await, &event.client_id);
            if let Err(error) = rechecked {
                tracing::debug!(%error, client_id, "a client was not looked at again");
            } else if let Err(error) = kept.forget(client_id, event.version_number) {
                tracing::debug!(error, client_id, "a connection that has ended is kept");
            }
        });
        Box::pin(async { Ok(()) })
    }
}
