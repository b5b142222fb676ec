//! Blocks: callers who do not reach a person.
//!
//! What a call reads of everybody who is called runs from `account` to `client#`. Blocks sort after it, because a person may have
//! many; how many there are lies inside, at `blocks`. So a call reads one block, and none where the person has none.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use ilock_dynamo::{Item, number, text};
use ilock_events::{BlockedCaller, Millis, PartyAddress, PartyId};

use crate::client::pk;
use crate::directory::{Directory, DirectoryError, pause, read, store};

/// The most callers whom one person may block.
pub const MAX_BLOCKS: u32 = 1_000;

/// The sort key of how many callers a person has blocked.
pub(crate) const BLOCKS: &str = "blocks";

/// What stands before the caller in the sort key of a block.
const BLOCK: &str = "denied#";

/// The attribute that says how many.
const COUNT: &str = "count";

/// The person's other requests may be at it at the same time; after so many tries it is left to them.
const TIMES: u32 = 12;

/// What became of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// It stands; maybe it did before.
    Yes,
    /// The person has blocked as many callers as they may.
    TooMany,
    /// Others were quicker too often.
    Contended,
}

/// What became of a block that was to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unblocked {
    /// The block is gone.
    Yes,
    /// There was none.
    NotBlocked,
    /// Others were quicker too often.
    Contended,
}

fn sk(caller: &PartyId) -> String {
    format!("{BLOCK}{caller}")
}

/// How many callers the person has blocked, as the item at `blocks` says.
pub(crate) fn count(item: &Item) -> u32 {
    item.get(COUNT).and_then(|count| count.as_n().ok()?.parse().ok()).unwrap_or_default()
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
        let blocks = self.list(pk(person), BLOCK).await?;
        let mut blocks: Vec<BlockedCaller> = blocks.into_iter().map(read).collect::<Result<_, _>>()?;
        blocks.sort_by_key(|block| std::cmp::Reverse(block.since));
        Ok(blocks)
    }

    /// Blocks `caller` for `person` from `now` on. One who is blocked already stays so.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn put_block(
        &self,
        person: &PartyAddress,
        caller: &PartyId,
        now: Millis,
    ) -> Result<Blocked, DirectoryError> {
        let mut item: Item = serde_dynamo::to_item(BlockedCaller { caller_id: caller.clone(), since: now })?;
        item.insert("pk".into(), text(pk(person)));
        item.insert("sk".into(), text(sk(caller)));
        for attempt in 0..TIMES {
            let (block, had) = tokio::try_join!(self.block(person, caller), self.get(pk(person), BLOCKS))?;
            if block.is_some() {
                return Ok(Blocked::Yes);
            }
            let before = had.as_ref().map(count);
            let after = before.unwrap_or_default() + 1;
            if after > MAX_BLOCKS {
                return Ok(Blocked::TooMany);
            }
            let put = Put::builder().table_name(&self.table).set_item(Some(item.clone()));
            let put = put.condition_expression("attribute_not_exists(pk)").build();
            let put = TransactWriteItem::builder().put(put.map_err(store("TransactWriteItems"))?).build();
            if self.transact(vec![put, self.counts_blocks(person, before, after)?]).await? {
                return Ok(Blocked::Yes);
            }
            pause(attempt).await;
        }
        Ok(Blocked::Contended)
    }

    /// Lets `caller` reach `person` again.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn drop_block(&self, person: &PartyAddress, caller: &PartyId) -> Result<Unblocked, DirectoryError> {
        for attempt in 0..TIMES {
            let (block, had) = tokio::try_join!(self.block(person, caller), self.get(pk(person), BLOCKS))?;
            if block.is_none() {
                return Ok(Unblocked::NotBlocked);
            }
            let before = had.as_ref().map(count);
            let after = before.unwrap_or_default().saturating_sub(1);
            let delete = Delete::builder().table_name(&self.table).key("pk", text(pk(person)));
            let delete = delete.key("sk", text(sk(caller))).condition_expression("attribute_exists(pk)").build();
            let delete = TransactWriteItem::builder().delete(delete.map_err(store("TransactWriteItems"))?).build();
            if self.transact(vec![delete, self.counts_blocks(person, before, after)?]).await? {
                return Ok(Unblocked::Yes);
            }
            pause(attempt).await;
        }
        Ok(Unblocked::Contended)
    }

    /// Writes that there are `after` blocks, if there are still `before`. A put, as IAM lets the function of blocks do.
    fn counts_blocks(
        &self,
        person: &PartyAddress,
        before: Option<u32>,
        after: u32,
    ) -> Result<TransactWriteItem, DirectoryError> {
        let put = Put::builder()
            .table_name(&self.table)
            .item("pk", text(pk(person)))
            .item("sk", text(BLOCKS))
            .item(COUNT, number(after));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("#count = :before")
                .expression_attribute_names("#count", COUNT)
                .expression_attribute_values(":before", number(before)),
        };
        let put = put.build().map_err(store("TransactWriteItems"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
