//! Entries that wait for their places. What was seen together is one item under the hash of its content: shown again, it
//! meets itself; shown again in another cut, it is another item, and an entry that stands twice is harmless.

use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use ilock_dynamo::{Item, text, text_in, written};
use ilock_env::{NoRandomness, random};
use ilock_proof::{ENTRY_BYTES, Entry};
use sha2::{Digest, Sha256};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use super::table::Ledger;
use crate::error::{LogError, store};

/// At most so many entries are one item: 200 KB of the 400 KB that an item may have.
const ENTRIES_OF_AN_ITEM: usize = 200 * 1024 / ENTRY_BYTES;
/// One for each first digit of the hash.
const PARTITIONS: [&str; 16] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"];
/// At most so many items of a partition, and so many bytes, are one round: a round's memory and its record stay small
/// whatever waits.
const ITEMS_OF_A_PARTITION: i32 = 32;
const BYTES_OF_A_ROUND: usize = 4 << 20;
const AT_ONCE: usize = 16;
/// How many partitions are read at once: what they have beyond a round is read in vain, and takes memory.
const PARTITIONS_AT_ONCE: usize = 4;

/// Tells one writing of an item from the next: what was published and deleted may be shown, and so written, again.
const WRITING: &str = "writing";
const WRITING_BYTES: usize = 8;
pub(super) const ITEM_KEY_BYTES: usize = 32 + WRITING_BYTES;

/// Which item, in which writing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ItemKey {
    /// What it is called: the hash of its entries.
    hash: [u8; 32],
    /// Drawn at random.
    writing: [u8; WRITING_BYTES],
}

impl ItemKey {
    pub(super) fn to_bytes(self) -> [u8; ITEM_KEY_BYTES] {
        let mut bytes = [0; ITEM_KEY_BYTES];
        bytes[..32].copy_from_slice(&self.hash);
        bytes[32..].copy_from_slice(&self.writing);
        bytes
    }

    pub(super) fn read(bytes: &[u8; ITEM_KEY_BYTES]) -> Option<Self> {
        Some(Self { hash: *bytes.first_chunk()?, writing: *bytes.last_chunk()? })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) key: ItemKey,
    /// Its entries, one after the other.
    pub(super) entries: Vec<u8>,
}

impl Ledger {
    /// Enters `entries`: when this answers, they will be published. Again is harmless.
    ///
    /// # Errors
    /// [`LogError::Store`]; then enter all of them again.
    pub async fn enter(&self, entries: &[Entry]) -> Result<(), LogError> {
        for together in entries.chunks(ENTRIES_OF_AN_ITEM) {
            let bytes: Vec<u8> = together.iter().flat_map(Entry::to_bytes).collect();
            let mut item = key_of(&Sha256::digest(&bytes).into());
            item.insert("entries".into(), AttributeValue::B(Blob::new(bytes)));
            let writing: [u8; WRITING_BYTES] = random().map_err(no_randomness)?;
            item.insert(WRITING.into(), AttributeValue::B(Blob::new(writing)));
            let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
            match put.condition_expression("attribute_not_exists(pk)").send().await {
                Ok(_) => {}
                Err(error) => match error.into_service_error() {
                    error if error.is_conditional_check_failed_exception() => {}
                    error => return Err(store("PutItem")(error)),
                },
            }
        }
        Ok(())
    }

    /// Some of what waits, in any order; nothing when nothing does.
    pub(super) async fn take(&self) -> Result<Vec<Pending>, LogError> {
        let (mut taken, mut bytes) = (vec![], 0);
        for partitions in PARTITIONS.chunks(PARTITIONS_AT_ONCE) {
            let found = try_join_all(partitions.iter().map(|partition| self.read_pending(partition))).await?;
            for item in found.into_iter().flatten() {
                bytes += item.entries.len();
                if bytes > BYTES_OF_A_ROUND {
                    return Ok(taken);
                }
                taken.push(item);
            }
        }
        Ok(taken)
    }

    pub(super) async fn read_pending(&self, partition: &str) -> Result<Vec<Pending>, LogError> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", text(format!("pending#{partition}")));
        let found = query.consistent_read(true).limit(ITEMS_OF_A_PARTITION).send().await;
        let found = found.map_err(|error| store("Query")(error.into_service_error()))?;
        found.items.unwrap_or_default().into_iter().map(pending).collect()
    }

    /// The items of a round, in whichever writing: their entries are the same. Fewer where some were deleted already.
    pub(super) async fn items(&self, keys: &[ItemKey]) -> Result<Vec<Pending>, LogError> {
        let gets = keys.iter().copied().map(|key| async move {
            let get =
                self.client.get_item().table_name(&self.table).set_key(Some(key_of(&key.hash))).consistent_read(true);
            let found = get.send().await.map_err(|error| store("GetItem")(error.into_service_error()))?;
            found.item.filter(|item| !item.is_empty()).map(pending).transpose()
        });
        let found: Vec<Option<Pending>> = stream::iter(gets).buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Deletes the items of a round that is published, in the writing that it took. Another one may be what the next round has.
    pub(super) async fn drop_items(&self, keys: &[ItemKey]) -> Result<(), LogError> {
        let deletes = keys.iter().copied().map(|key| async move {
            let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key_of(&key.hash)));
            let delete = delete
                .condition_expression("#writing = :writing")
                .expression_attribute_names("#writing", WRITING)
                .expression_attribute_values(":writing", AttributeValue::B(Blob::new(key.writing)));
            written(delete.send().await, "DeleteItem").map(drop).map_err(LogError::from)
        });
        stream::iter(deletes).buffer_unordered(AT_ONCE).try_collect().await
    }
}

fn no_randomness(error: NoRandomness) -> LogError {
    LogError::Item { key: WRITING.into(), source: error.into() }
}

fn key_of(hash: &[u8; 32]) -> Item {
    let sk = hex::encode(hash);
    let partition = &sk[..1];
    Item::from([("pk".into(), text(format!("pending#{partition}"))), ("sk".into(), text(sk))])
}

/// Reads an item, and holds it against its name: what was changed while it waited is refused.
fn pending(mut found: Item) -> Result<Pending, LogError> {
    let sk = text_in(&found, "sk");
    let bad = |why: &str| LogError::Item { key: sk.clone(), source: why.into() };
    let mut bytes = |name: &str| match found.remove(name) {
        Some(AttributeValue::B(bytes)) => Some(bytes.into_inner()),
        _ => None,
    };
    let entries = bytes("entries").ok_or_else(|| bad("it has no entries"))?;
    let writing = bytes(WRITING).and_then(|writing| writing.try_into().ok());
    let writing = writing.ok_or_else(|| bad("nothing tells which writing of it this is"))?;
    let hash: [u8; 32] = Sha256::digest(&entries).into();
    if hex::encode(hash) != sk || entries.is_empty() || entries.len() % ENTRY_BYTES != 0 {
        return Err(bad("its entries are not those that it is named after"));
    }
    Ok(Pending { key: ItemKey { hash, writing }, entries })
}
