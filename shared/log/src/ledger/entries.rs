//! The ledger: a second chain beside the log, over all calls of a day, so that a whole call cannot vanish either.
//!
//! ```text
//! pk                  sk                         what
//! <date>#<bucket>     entry#<seq, 10 digits>     that a commit was made; written once, never changed
//! <date>#<bucket>     commit#<call_id>#<n>       which entry that is: no commit is entered twice
//! ```
//!
//! The day is that of the commit, so that the same commit, shown again, meets its own marker.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use ilock_dynamo::{Item, number, text, text_in};
use ilock_events::{CallId, Commit, CommitNo, LedgerEntry};
use ilock_proof::{Head, entry_after};

use crate::error::{LogError, store};
use crate::item;

/// The table, as CloudFormation properties: what the template deploys and what the embedded stack creates.
pub const LEDGER_TABLE: &str = include_str!("../../ledger.json");

/// How often another place is tried for an entry before it is left to the stream's next round.
const TRIES: u32 = 20;
/// Until the others have moved on.
const PAUSE: Duration = Duration::from_millis(15);

/// The ledger of one deployment.
#[derive(Debug, Clone)]
pub struct Ledger {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// What became of a commit that was to be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It stands as this entry.
    Now(u64),
    /// It stood there already: somebody showed it again, or was first.
    Already,
}

fn entry_sk(seq: u64) -> String {
    format!("entry#{seq:010}")
}

fn marker_sk(call_id: &CallId, n: CommitNo) -> String {
    format!("commit#{call_id}#{n:06}", n = n.0)
}

impl Ledger {
    /// The ledger in `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Opens the connection, by asking for an entry that cannot be.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn warm(&self) -> Result<(), LogError> {
        self.head("-").await.map(drop)
    }

    /// Enters `commit` after `head`, which is moved on: exactly once, whoever shows it, and how often.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Contended`]: then show it again.
    pub async fn enter(&self, commit: &Commit, head: &mut Head) -> Result<Entered, LogError> {
        for tried in 0..TRIES {
            let entry = entry_after(head, commit).map_err(item::unreadable("entry#"))?;
            if self.write(&entry).await? {
                *head = Head::of(&entry);
                return Ok(Entered::Now(entry.seq));
            }
            // Somebody stands there: with this very commit, or with another one.
            if self.is_entered(&entry).await? {
                return Ok(Entered::Already);
            }
            tokio::time::sleep(PAUSE * tried).await;
            *head = self.head(&entry.chain).await?;
        }
        Err(LogError::Contended { call_id: commit.call_id.clone() })
    }

    /// Writes an entry and its marker, both or neither; whether it did.
    async fn write(&self, entry: &LedgerEntry) -> Result<bool, LogError> {
        let (sk, marker) = (entry_sk(entry.seq), marker_sk(&entry.call_id, entry.n));
        let mut stored: Item = serde_dynamo::to_item(entry).map_err(item::unreadable(&sk))?;
        stored.remove("chain");
        stored.extend(key_of(&entry.chain, &sk));
        let mut marked = key_of(&entry.chain, &marker);
        marked.insert("seq".into(), number(entry.seq));
        let mut write = self.client.transact_write_items();
        for item in [stored, marked] {
            let put = Put::builder().table_name(&self.table).set_item(Some(item));
            let put =
                put.condition_expression("attribute_not_exists(pk)").build().map_err(store("TransactWriteItems"))?;
            write = write.transact_items(TransactWriteItem::builder().put(put).build());
        }
        match write.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(true),
            // Of which of the two the condition failed older engines do not say: it is looked up.
            Err(error) if error.is_transaction_canceled_exception() => Ok(false),
            Err(error) => Err(store("TransactWriteItems")(error)),
        }
    }

    async fn is_entered(&self, entry: &LedgerEntry) -> Result<bool, LogError> {
        let key = key_of(&entry.chain, &marker_sk(&entry.call_id, entry.n));
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        let found = get.send().await.map_err(|error| store("GetItem")(error.into_service_error()))?;
        Ok(found.item.is_some_and(|item| !item.is_empty()))
    }

    /// The head of a chain.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when the entry cannot be read.
    pub async fn head(&self, chain: &str) -> Result<Head, LogError> {
        let found = self.read(chain, 0).scan_index_forward(false).limit(1).send().await;
        let found = found.map_err(|error| store("Query")(error.into_service_error()))?;
        let last = found.items.unwrap_or_default().into_iter().next().map(|item| entry_of(chain, item)).transpose()?;
        Ok(last.as_ref().map_or_else(|| Head::of_empty(chain), Head::of))
    }

    /// The entries of a chain after number `after`, in order, unchecked.
    ///
    /// # Errors
    /// As [`Ledger::head`].
    pub async fn entries(&self, chain: &str, after: u64) -> Result<Vec<LedgerEntry>, LogError> {
        let mut entries = vec![];
        let mut pages = self.read(chain, after + 1).into_paginator().items().send();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| store("Query")(error.into_service_error()))?;
            entries.push(entry_of(chain, found)?);
        }
        Ok(entries)
    }

    fn read(&self, chain: &str, from: u64) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(chain))
            .expression_attribute_values(":from", text(entry_sk(from)))
            .expression_attribute_values(":to", text("entry#~"))
            .consistent_read(true)
    }
}

fn key_of(chain: &str, sk: &str) -> Item {
    Item::from([("pk".into(), text(chain)), ("sk".into(), text(sk))])
}

/// An entry as it is stored. Where it stands elsewhere than it says, its number is the place's: its hash will tell.
fn entry_of(chain: &str, mut found: Item) -> Result<LedgerEntry, LogError> {
    let sk = text_in(&found, "sk");
    let place = sk.strip_prefix("entry#").unwrap_or_default().to_owned();
    found.insert("chain".into(), text(chain));
    if place.parse::<u64>().is_ok() {
        found.insert("seq".into(), number(place));
    }
    item::body(&sk, found)
}
