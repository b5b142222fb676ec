//! presence: IoT Core tells when a client's connection begins and ends. A client that is away is marked offline, but
//! only once it stayed away for a moment: phones change networks all the time.
//!
//! Events as in the AWS IoT Core developer guide, "Lifecycle events": they may come twice and out of order.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use futures::future::BoxFuture;
use ilock_directory::{Directory, DirectoryError, Presence};
use ilock_events::{ClientName, Millis, PartyAddress, TopicPrefix};
use ilock_notify::QueueError;
use serde::{Deserialize, Serialize};

use crate::triggers::queue_batch::{answer, read};

/// How long a client may be away before it counts as offline, in seconds.
pub const AWAY_SECONDS: i32 = 5;

/// What IoT Core tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceEvent {
    /// The MQTT client id. Not every client of the account need be one of this stack.
    pub client_id: String,
    /// When, in ms.
    pub timestamp: i64,
    pub event_type: PresenceKind,
    /// The connection's number; IoT Core leaves it out where it never counted.
    #[serde(default)]
    pub version_number: i64,
}

/// Which way a connection changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PresenceKind {
    Connected,
    Disconnected,
    /// Neither: IoT Core also tells of connections that it refused, and may come to tell of more.
    #[serde(other)]
    Other,
}

impl PresenceEvent {
    /// Which client of the stack with this prefix it is about, and whose; none where it is another's.
    fn client(&self, prefix: &TopicPrefix) -> Option<(ClientName, PartyAddress)> {
        let name = ClientName::new(self.client_id.clone()).ok()?;
        let (of_stack, owner) = name.owner()?;
        (of_stack == *prefix).then_some((name, owner))
    }

    fn presence(&self) -> Presence {
        let connected = self.event_type == PresenceKind::Connected;
        Presence { connected, version: self.version_number, at: Millis(self.timestamp) }
    }
}

/// Shows an event again after [`AWAY_SECONDS`].
pub trait RecheckQueue: Send + Sync {
    fn recheck_later(&self, event: PresenceEvent) -> BoxFuture<'_, Result<(), QueueError>>;
}

/// Why an event could not be dealt with. It will be shown again.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Takes what the rule hands over. It hears of every client of the account and region; those of other stacks have another
/// prefix.
///
/// # Errors
/// [`PresenceError`]: the event is to be shown again.
pub async fn on_event(
    directory: &Directory,
    queue: &dyn RecheckQueue,
    prefix: &TopicPrefix,
    event: PresenceEvent,
) -> Result<(), PresenceError> {
    let Some((client, owner)) = event.client(prefix) else { return Ok(()) };
    if event.event_type == PresenceKind::Other || !directory.note_presence(&client, event.presence()).await? {
        return Ok(());
    }
    if event.event_type == PresenceKind::Disconnected {
        return Ok(queue.recheck_later(event).await?);
    }
    directory.came_back(&owner, &client).await?;
    Ok(())
}

/// Marks a client offline, if it is still away.
///
/// # Errors
/// [`PresenceError`]: the event is to be shown again.
pub async fn recheck(directory: &Directory, prefix: &TopicPrefix, event: &PresenceEvent) -> Result<(), PresenceError> {
    let Some((client, owner)) = event.client(prefix) else { return Ok(()) };
    if directory.presence(&client).await? != Some(event.presence()) {
        return Ok(());
    }
    let marked = directory.went_offline(&owner, &client, Millis(event.timestamp)).await?;
    // Whoever connected in between found no mark to take away.
    if directory.presence(&client).await?.is_some_and(|presence| presence.connected) {
        directory.came_back(&owner, &client).await?;
        return Ok(());
    }
    tracing::info!(client_id = %client, marked, "client has not reconnected");
    Ok(())
}

/// The queue's batch, one message after the other: what fails comes again, alone.
pub async fn on_queue(directory: &Directory, prefix: &TopicPrefix, batch: SqsEvent) -> SqsBatchResponse {
    let mut outcomes = vec![];
    for message in &batch.records {
        outcomes.push(match read(message) {
            Ok(event) => recheck(directory, prefix, &event).await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        });
    }
    answer(&batch.records, outcomes, "a presence event")
}
