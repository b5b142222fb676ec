//! Presence: whether a client's MQTT connection stands, as the broker tells it, late, twice or out of order.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use ilock_dynamo::{Item, number, text, text_in, written};
use ilock_events::{ClientName, Millis, PartyAddress};
use serde::{Deserialize, Serialize};

use crate::client::{client_pk, pk, sk};
use crate::directory::{Directory, DirectoryError, pause, read, store};

/// IoT Core counts a client's connections from 0 again once it was away for about an hour ("Lifecycle events" in its
/// developer guide); so what is that much later is newer, whatever its number.
const COUNTS_ANEW_MS: i64 = 50 * 60 * 1000;

/// What is known of a client is kept for so long after its last change: 30 days.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// How often what DynamoDB left over is asked for again: a table that is throttled leaves over all.
const BATCHES: u32 = 5;

/// One change of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Whether it stands.
    pub connected: bool,
    /// The connection's number: a connect and the disconnect that ends it have the same.
    pub version: i64,
    /// When it changed.
    pub at: Millis,
}

impl Directory {
    /// Keeps `presence` of `client`, unless a newer one stands; then false. Shown the same twice, it is true twice:
    /// what follows from it may not have happened the first time.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn note_presence(&self, client: &ClientName, presence: Presence) -> Result<bool, DirectoryError> {
        let mut item: Item = serde_dynamo::to_item(presence)?;
        item.insert("pk".into(), text(client_pk(client)));
        item.insert("sk".into(), text("presence"));
        item.insert("ttl".into(), number(presence.at.plus(KEPT_MS).0.div_euclid(1000)));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(
                "attribute_not_exists(pk) OR #at < :long_ago OR (#version < :version AND #at < :long_after) \
                 OR (#version = :version AND (#connected = :yes OR #connected = :connected) AND #at <= :at)",
            )
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#at", "at")
            .expression_attribute_names("#connected", "connected")
            .expression_attribute_values(":version", number(presence.version))
            .expression_attribute_values(":at", number(presence.at))
            .expression_attribute_values(":long_ago", number(presence.at.plus(-COUNTS_ANEW_MS)))
            .expression_attribute_values(":long_after", number(presence.at.plus(COUNTS_ANEW_MS)))
            .expression_attribute_values(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true))
            .expression_attribute_values(
                ":connected",
                aws_sdk_dynamodb::types::AttributeValue::Bool(presence.connected),
            )
            .send()
            .await;
        Ok(written(put, "PutItem")?)
    }

    /// What was noted last of `client`.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn presence(&self, client: &ClientName) -> Result<Option<Presence>, DirectoryError> {
        self.get(client_pk(client), "presence").await?.map(read).transpose()
    }

    /// Which of `clients`, at most a hundred, are connected, as far as the broker told and DynamoDB read it in [`BATCHES`].
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn connected(&self, clients: &[ClientName]) -> Result<BTreeSet<ClientName>, DirectoryError> {
        let key =
            |client| Item::from([("pk".to_owned(), text(client_pk(client))), ("sk".to_owned(), text("presence"))]);
        let mut keys: Vec<Item> = clients.iter().map(key).collect();
        let mut connected = BTreeSet::new();
        for attempt in 0..BATCHES {
            if keys.is_empty() {
                return Ok(connected);
            }
            if attempt > 0 {
                pause(attempt).await;
            }
            let asked = KeysAndAttributes::builder().set_keys(Some(std::mem::take(&mut keys))).consistent_read(true);
            let asked = asked.build().map_err(store("BatchGetItem"))?;
            let found = self.client.batch_get_item().request_items(&self.table, asked).send().await;
            let found = found.map_err(|e| store("BatchGetItem")(e.into_service_error()))?;
            for item in found.responses.unwrap_or_default().into_values().flatten() {
                let client = text_in(&item, "pk").strip_prefix("client#").and_then(|name| name.parse().ok());
                let presence: Presence = read(item)?;
                connected.extend(client.filter(|_| presence.connected));
            }
            let left = found.unprocessed_keys.unwrap_or_default();
            keys.extend(left.into_values().flat_map(|left| left.keys));
        }
        Ok(connected)
    }

    /// Marks a registered client as offline since `at`; what it said of itself stays. False when there is none.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn went_offline(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        at: Millis,
    ) -> Result<bool, DirectoryError> {
        let mark = self.client.update_item().update_expression("SET offline_since = :at");
        let mark = mark.condition_expression("attribute_exists(pk)").expression_attribute_values(":at", number(at));
        self.mark(party, client, mark).await
    }

    /// Takes that mark away. False when there was none.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn came_back(&self, party: &PartyAddress, client: &ClientName) -> Result<bool, DirectoryError> {
        let unmark = self.client.update_item().update_expression("REMOVE offline_since");
        self.mark(party, client, unmark.condition_expression("attribute_exists(offline_since)")).await
    }

    async fn mark(
        &self,
        party: &PartyAddress,
        client: &ClientName,
        update: UpdateItemFluentBuilder,
    ) -> Result<bool, DirectoryError> {
        let update = update.table_name(&self.table).key("pk", text(pk(party))).key("sk", text(sk(client)));
        Ok(written(update.send().await, "UpdateItem")?)
    }
}
