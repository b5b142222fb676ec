//! Blocks: callers who do not reach a person.

use aws_sdk_dynamodb::types::ReturnValue;
use ilock_dynamo::{Item, text};
use ilock_events::{BlockedCaller, Millis, PartyAddress, PartyId};

use crate::client::pk;
use crate::directory::{Directory, DirectoryError, read, store};

const BLOCK: &str = "block#";

pub(crate) fn sk(caller: &PartyId) -> String {
    format!("{BLOCK}{caller}")
}

impl Directory {
    /// Whether `person` has blocked `caller`, and since when.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn block(
        &self,
        person: &PartyAddress,
        caller: &PartyId,
    ) -> Result<Option<BlockedCaller>, DirectoryError> {
        self.get(pk(person), &sk(caller)).await?.map(read).transpose()
    }

    /// Everybody whom `person` has blocked, the last first.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn blocks(&self, person: &PartyAddress) -> Result<Vec<BlockedCaller>, DirectoryError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :block)")
            .expression_attribute_values(":pk", text(pk(person)))
            .expression_attribute_values(":block", text(BLOCK))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut blocks: Vec<BlockedCaller> = vec![];
        while let Some(item) = pages.next().await {
            blocks.push(read(item.map_err(|e| store("Query")(e.into_service_error()))?)?);
        }
        blocks.sort_by_key(|block| std::cmp::Reverse(block.since));
        Ok(blocks)
    }

    /// Blocks `caller` for `person` from `now` on. One who is blocked already stays so.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn put_block(&self, person: &PartyAddress, caller: &PartyId, now: Millis) -> Result<(), DirectoryError> {
        let mut item: Item = serde_dynamo::to_item(BlockedCaller { caller_id: caller.clone(), since: now })?;
        item.insert("pk".into(), text(pk(person)));
        item.insert("sk".into(), text(sk(caller)));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").send().await;
        ilock_dynamo::written(put, "PutItem")?;
        Ok(())
    }

    /// Lets `caller` reach `person` again; false when they were not blocked.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn drop_block(&self, person: &PartyAddress, caller: &PartyId) -> Result<bool, DirectoryError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(pk(person)))
            .key("sk", text(sk(caller)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|e| store("DeleteItem")(e.into_service_error()))?;
        Ok(delete.attributes.is_some_and(|item| !item.is_empty()))
    }
}
