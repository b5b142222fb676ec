//! The last round: what it took, and to which tree that leads. Writing it is the moment at which entries get their places;
//! everything after can be done again by whoever finds it.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_dynamo::{Item, number, text};
use ilock_proof::{ENTRY_BYTES, Hour, Tree, TreeHead};
use serde::{Deserialize, Serialize};

use super::pending::{ITEM_KEY_BYTES, ItemKey};
use super::table::Ledger;
use crate::error::{LogError, store};
use crate::item;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Which round, from 1; 0 before the first.
    pub number: u64,
    /// What the ledger is called.
    pub origin: String,
    /// The tree before it: size and full subtrees.
    old_size: u64,
    #[serde(with = "digits", default, skip_serializing_if = "Vec::is_empty")]
    old_edge: Vec<u8>,
    /// The tree after it.
    size: u64,
    #[serde(with = "digits", default, skip_serializing_if = "Vec::is_empty")]
    edge: Vec<u8>,
    #[serde(with = "digits", default, skip_serializing_if = "Vec::is_empty")]
    root: Vec<u8>,
    /// The items that it took, by their hashes and writings, in this order.
    #[serde(with = "digits", default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<u8>,
    /// The sequencer's own entries, which stand before those of the items.
    #[serde(with = "digits", default, skip_serializing_if = "Vec::is_empty")]
    own: Vec<u8>,
    /// The hours among them: name and index.
    pub(super) hours: Vec<(String, u64)>,
    /// The files of keys' records among them: name and content.
    pub(super) key_records: Vec<(String, String)>,
    /// The last hour that was entered.
    pub(super) hour: Option<String>,
    /// The keys that sign now.
    pub(super) keys: BTreeSet<String>,
    /// Whether all of it is published, and its items are deleted.
    pub(super) done: bool,
}

/// What a round is made of.
pub(super) struct Taken {
    pub(super) before: Tree,
    pub(super) after: Tree,
    pub(super) items: Vec<ItemKey>,
    pub(super) own: Vec<u8>,
}

impl Round {
    /// What stands before the first round of a ledger.
    pub(super) fn before_the_first(origin: &str) -> Self {
        Self { origin: origin.to_owned(), done: true, ..Self::default() }
    }

    /// The same round, finished.
    pub(super) fn finished(self) -> Self {
        Self { done: true, ..self }
    }

    /// The round after this one, without what is the sequencer's own.
    pub(super) fn next(&self, taken: Taken) -> Self {
        Self {
            number: self.number + 1,
            origin: self.origin.clone(),
            old_size: taken.before.size(),
            old_edge: taken.before.peaks().concat(),
            size: taken.after.size(),
            edge: taken.after.peaks().concat(),
            root: taken.after.root().to_vec(),
            items: taken.items.into_iter().flat_map(ItemKey::to_bytes).collect(),
            own: taken.own,
            hours: vec![],
            key_records: vec![],
            hour: self.hour.clone(),
            keys: self.keys.clone(),
            done: false,
        }
    }

    /// The tree before it; none when the record is none.
    #[must_use]
    pub fn before(&self) -> Option<Tree> {
        Tree::of(self.old_size, self.old_edge.as_chunks::<32>().0.to_vec())
    }

    /// The tree after it.
    #[must_use]
    pub fn after(&self) -> Option<Tree> {
        let tree = Tree::of(self.size, self.edge.as_chunks::<32>().0.to_vec())?;
        (self.number == 0 || tree.root()[..] == self.root[..]).then_some(tree)
    }

    pub(super) fn items(&self) -> Vec<ItemKey> {
        self.items.as_chunks::<ITEM_KEY_BYTES>().0.iter().filter_map(ItemKey::read).collect()
    }

    pub(super) fn own(&self) -> impl Iterator<Item = &[u8]> {
        self.own.chunks_exact(ENTRY_BYTES)
    }

    pub(super) fn last_hour(&self) -> Option<Hour> {
        Hour::read(self.hour.as_deref()?)
    }
}

/// A tree as a checkpoint names it.
pub(super) fn head(tree: &Tree) -> TreeHead {
    TreeHead { size: tree.size(), root: tree.root() }
}

fn key() -> Item {
    Item::from([("pk".into(), text("sequencer")), ("sk".into(), text("round"))])
}

impl Ledger {
    /// The last round; none before the first.
    ///
    /// # Errors
    /// [`LogError`].
    pub async fn round(&self) -> Result<Option<Round>, LogError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key())).consistent_read(true);
        let found = get.send().await.map_err(|error| store("GetItem")(error.into_service_error()))?;
        found.item.filter(|item| !item.is_empty()).map(|item| item::body("round", item)).transpose()
    }

    /// Writes the round after one that is done; false when another sequencer was first.
    pub(super) async fn begin(&self, round: &Round) -> Result<bool, LogError> {
        let mut item: Item = serde_dynamo::to_item(round).map_err(item::unreadable("round"))?;
        item.extend(key());
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = if round.number == 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("#number = :before AND #done = :yes")
                .expression_attribute_names("#number", "number")
                .expression_attribute_names("#done", "done")
                .expression_attribute_values(":before", number(round.number - 1))
                .expression_attribute_values(":yes", AttributeValue::Bool(true))
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.into_service_error() {
                // Our own write, sent again by the SDK, is as good.
                error if error.is_conditional_check_failed_exception() => {
                    Ok(self.round().await?.as_ref() == Some(round))
                }
                error => Err(store("PutItem")(error)),
            },
        }
    }

    /// Marks a round as done. Where another one did, it is.
    pub(super) async fn finish(&self, round: &Round) -> Result<(), LogError> {
        let update = self.client.update_item().table_name(&self.table).set_key(Some(key()));
        let update = update
            .update_expression("SET #done = :yes")
            .condition_expression("#number = :number")
            .expression_attribute_names("#number", "number")
            .expression_attribute_names("#done", "done")
            .expression_attribute_values(":number", number(round.number))
            .expression_attribute_values(":yes", AttributeValue::Bool(true));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.into_service_error() {
                error if error.is_conditional_check_failed_exception() => Ok(()),
                error => Err(store("UpdateItem")(error)),
            },
        }
    }
}

/// Bytes as hexadecimal digits.
mod digits {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
