//! The directory itself: a table and the client that reaches it. What can be done with it stands in one file each.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::TransactWriteItem;
use ilock_dynamo::{Item, StoreError, text};
use ilock_events::PartyKind;
use serde::de::DeserializeOwned;

/// The table, as CloudFormation properties: what the template deploys and what the embedded stack creates.
pub const TABLE: &str = include_str!("../table.json");

/// How many days a row of a history is kept, where nobody says otherwise.
pub const HISTORY_DAYS: u32 = 180;

/// The directory of one deployment.
#[derive(Debug, Clone)]
pub struct Directory {
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
    pub(crate) history_days: u32,
}

/// Why the directory could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// DynamoDB did not do it: throttled, timed out, unreachable, refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An item cannot be read or written.
    #[error("an item of the directory cannot be read")]
    Item(#[from] serde_dynamo::Error),
}

impl Directory {
    /// The directory in `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), history_days: HISTORY_DAYS }
    }

    /// The same, which keeps a row of a history for so many days after its call was placed.
    #[must_use]
    pub fn keeping_histories(self, days: u32) -> Self {
        Self { history_days: days, ..self }
    }

    /// Opens the connection, by asking for an item that cannot exist.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn warm(&self) -> Result<(), DirectoryError> {
        self.get("-".into(), "-").await.map(drop)
    }

    pub(crate) async fn get(&self, pk: String, sk: &str) -> Result<Option<Item>, DirectoryError> {
        let got = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(pk))
            .key("sk", text(sk))
            .consistent_read(true)
            .send()
            .await
            .map_err(|e| store("GetItem")(e.into_service_error()))?;
        Ok(got.item)
    }

    /// Every item under `pk` whose sort key begins with `prefix`, in the order of these keys.
    pub(crate) async fn list(&self, pk: String, prefix: &str) -> Result<Vec<Item>, DirectoryError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":prefix", text(prefix))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = vec![];
        while let Some(item) = pages.next().await {
            items.push(item.map_err(|e| store("Query")(e.into_service_error()))?);
        }
        Ok(items)
    }

    /// Writes all of `steps`, or none; false when a condition did not hold, or somebody else was at it.
    pub(crate) async fn transact(&self, steps: Vec<TransactWriteItem>) -> Result<bool, DirectoryError> {
        let write = self.client.transact_write_items().set_transact_items(Some(steps)).send().await;
        match write.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(true),
            Err(TransactWriteItemsError::TransactionCanceledException(_)) => Ok(false),
            Err(error) => Err(store("TransactWriteItems")(error)),
        }
    }
}

/// Whoever was quicker with the same items needs a moment; the later the try, the longer.
pub(crate) async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(5 << attempt.min(5))).await;
}

pub(crate) fn store<E>(operation: &'static str) -> impl FnOnce(E) -> DirectoryError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| DirectoryError::Store(StoreError::new(operation, source))
}

pub(crate) fn read<T: DeserializeOwned>(item: Item) -> Result<T, DirectoryError> {
    Ok(serde_dynamo::from_item(item)?)
}

pub(crate) const fn kind_word(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::User => "user",
        PartyKind::Device => "device",
    }
}
