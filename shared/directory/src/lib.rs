//! The directory: one DynamoDB table of what changes. Everything but registrations can be made anew from the log.
//!
//! ```text
//! pk                         sk                     what
//! party#<kind>#<id>          claim                  which tenant this id belongs to
//! party#<kind>#<id>          client#<client_id>     an installed app, or a door station's connection
//! client#<client_id>         claim                  whose client id this is, for ever
//! client#<client_id>         presence               whether its MQTT connection stands
//! push#<endpoint>            claim                  which client this push endpoint belongs to
//! room#<room_id>             guest#<id>             who went in or out last, and when, as TRTC told it
//! room#<room_id>             room                   a lease on a TRTC room id; DynamoDB drops it by its ttl
//! inbox#<tenant>#<kind>#<id> <ms, 15 digits>#<call> one line of a party's history
//! ```

mod clients;
mod inbox;
mod lines;
mod presence;
mod push;
mod rooms;

pub use clients::{Client, MAX_CLIENTS, Registered, StatusReport};
pub use inbox::{BadCursor, Page};
pub use lines::{EveryLine, InboxLine};
pub use presence::Presence;
pub use push::{EndpointOwner, PushEndpoint, Retirement, Slot};
pub use rooms::{Guest, Lease, Reserved, Room};

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;

/// The table, as CloudFormation properties: what the template deploys and what the embedded stack creates.
pub const TABLE: &str = include_str!("../table.json");

/// The directory of one deployment.
#[derive(Debug, Clone)]
pub struct Directory {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// What the world did to us on the way to the directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// DynamoDB did not do it.
    #[error("DynamoDB {operation} failed")]
    Store {
        /// `PutItem`, `Query` …
        operation: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An item cannot be read or written.
    #[error("an item of the directory cannot be read")]
    Item(#[from] serde_dynamo::Error),
}

type Item = HashMap<String, AttributeValue>;

impl Directory {
    /// The directory in `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Opens the connection, by asking for an item that cannot be.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn warm(&self) -> Result<(), DirectoryError> {
        self.get("-".into(), "-").await.map(drop)
    }
}

fn store<E>(operation: &'static str) -> impl FnOnce(E) -> DirectoryError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| DirectoryError::Store { operation, source: Box::new(source) }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn read<T: DeserializeOwned>(item: Item) -> Result<T, DirectoryError> {
    Ok(serde_dynamo::from_item(item)?)
}

fn kind_word(kind: ilock_events::PartyKind) -> &'static str {
    match kind {
        ilock_events::PartyKind::User => "user",
        ilock_events::PartyKind::Device => "device",
    }
}
