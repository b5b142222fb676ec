//! Every commit of the log, whatever the day index says: for those who hold one against the other.

use std::collections::VecDeque;

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_events::CallId;

use crate::item::{Item, text};
use crate::{EventLog, LogError, store};

/// Where a commit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    /// In which call; the key itself, where that is no call's.
    pub call_id: Result<CallId, String>,
    /// Its sort key, `commit#000001`.
    pub sk: String,
    /// The key of the day index that it carries.
    pub day: Option<String>,
}

/// Every commit, by a scan, page by page: those of one call stand together.
#[derive(Debug)]
pub struct EveryCommit {
    log: EventLog,
    start: Option<Item>,
    read: VecDeque<Placing>,
    over: bool,
    /// How many items have been looked at.
    pub looked_at: u64,
}

impl EventLog {
    /// Every commit of the log.
    #[must_use]
    pub fn every_commit(&self) -> EveryCommit {
        EveryCommit { log: self.clone(), start: None, read: VecDeque::new(), over: false, looked_at: 0 }
    }

    /// About how many items the table holds: DynamoDB counts some six hours behind. None where it does not say.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn about(&self) -> Result<Option<u64>, LogError> {
        let table = self.client.describe_table().table_name(&self.table).send().await;
        let table = table.map_err(|e| store("DescribeTable")(e.into_service_error()))?.table;
        Ok(table.and_then(|table| table.item_count).and_then(|count| u64::try_from(count).ok()))
    }
}

impl EveryCommit {
    /// The next commit; none after the last.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn next(&mut self) -> Result<Option<Placing>, LogError> {
        while self.read.is_empty() && !self.over {
            let page = self
                .log
                .client
                .scan()
                .table_name(&self.log.table)
                .projection_expression("pk, sk, #day")
                .expression_attribute_names("#day", "day")
                .filter_expression("begins_with(sk, :commit)")
                .expression_attribute_values(":commit", text("commit#"))
                .consistent_read(true)
                .set_exclusive_start_key(self.start.take())
                .send()
                .await
                .map_err(|e| store("Scan")(e.into_service_error()))?;
            self.looked_at += u64::try_from(page.scanned_count).unwrap_or_default();
            self.start = page.last_evaluated_key;
            self.over = self.start.as_ref().is_none_or(Item::is_empty);
            self.read.extend(page.items.unwrap_or_default().into_iter().map(placing));
        }
        Ok(self.read.pop_front())
    }
}

fn placing(mut found: Item) -> Placing {
    let mut word = |name: &str| match found.remove(name) {
        Some(AttributeValue::S(word)) => Some(word),
        _ => None,
    };
    let pk = word("pk").unwrap_or_default();
    let call_id = pk.strip_prefix("call#").and_then(|id| CallId::new(id).ok()).ok_or(pk);
    Placing { call_id, sk: word("sk").unwrap_or_default(), day: word("day") }
}
