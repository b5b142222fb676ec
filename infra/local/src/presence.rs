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

use crate::broker_acl::BrokerAcl;

/// Tells presence of every connection, and the broker's rules of every publish: the broker takes one handler.
pub(crate) struct PresenceReporter {
    acl: Arc<BrokerAcl>,
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
    pub(crate) fn new(acl: Arc<BrokerAcl>) -> Self {
        Self { acl, connections: Mutex::default() }
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
        let (directory, prefix) = (authority.directory.clone(), authority.mqtt.prefix.clone());
        tokio::spawn(async move {
            let queue = LocalRecheck(directory.clone(), prefix.clone());
            if let Err(error) = on_event(&directory, &queue, &prefix, event).await {
                tracing::debug!(%error, "a connection's begin or end was not noted");
            }
        });
    }
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

/// Shows an event again after a while.
struct LocalRecheck(Directory, TopicPrefix);

impl RecheckQueue for LocalRecheck {
    fn recheck_later(&self, event: PresenceEvent) -> BoxFuture<'_, Result<(), QueueError>> {
        let (directory, prefix) = (self.0.clone(), self.1.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(AWAY_SECONDS.unsigned_abs().into())).await;
            if let Err(error) = recheck(&directory, &prefix, &event).await {
                tracing::debug!(%error, client_id = event.client_id, "a client was not looked at again");
            }
        });
        Box::pin(async { Ok(()) })
    }
}
