//! Forgetting: personal text goes, and that it went stays. No commit is touched, so every proof still holds.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use ilock_dynamo::{Item, text, text_in};
use ilock_events::{CallId, Forgotten, Hash, Millis, Party};

use crate::error::{LogError, store};
use crate::item::{keyed, pk};
use crate::log::EventLog;

const KEPT: &str = "personal#";
const GONE: &str = "forgotten#";

/// Personal text that stands beside a call: where, not what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptText {
    call_id: CallId,
    /// What stands behind `personal#`; the record of its deletion stands under the same.
    name: String,
    digest: Hash,
}

impl EventLog {
    /// The personal text that stands beside a call, whether a commit names it or not. The text itself is not read.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn kept_texts(&self, call_id: &CallId) -> Result<Vec<KeptText>, LogError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :kept)")
            .expression_attribute_values(":pk", text(pk(call_id)))
            .expression_attribute_values(":kept", text(KEPT))
            .projection_expression("sk, digest")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut texts = vec![];
        while let Some(found) = pages.next().await {
            let found = found.map_err(|e| store("Query")(e.into_service_error()))?;
            if let Some(name) = text_in(&found, "sk").strip_prefix(KEPT) {
                texts.push(KeptText {
                    call_id: call_id.clone(),
                    name: name.to_owned(),
                    digest: text_in(&found, "digest"),
                });
            }
        }
        Ok(texts)
    }

    /// Deletes a text, for `person`. That it is done is written first, once and for ever: whoever is interrupted in
    /// between finds the text again, and does the rest.
    ///
    /// # Errors
    /// [`LogError::Store`]: the text may then stand or not. Forget it again.
    pub async fn forget(&self, kept: &KeptText, person: &Party, at: Millis) -> Result<(), LogError> {
        let record = Forgotten { digest: kept.digest.clone(), person: person.clone(), at };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(keyed(&kept.call_id, &format!("{GONE}{}", kept.name), &record)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) | Err(PutItemError::ConditionalCheckFailedException(_)) => {}
            Err(error) => return Err(store("PutItem")(error)),
        }
        let key: Item = [("pk", pk(&kept.call_id)), ("sk", format!("{KEPT}{}", kept.name))]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), text(value)))
            .collect();
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key)).send().await;
        delete.map(drop).map_err(|e| store("DeleteItem")(e.into_service_error()))
    }
}
