//! Every commit of the log, whatever the day index says: for those who hold one against the other.

use ilock_dynamo::{Item, Scan, text, text_in};
use ilock_events::CallId;

use crate::error::{LogError, store};
use crate::log::EventLog;

/// Where a commit stands, or a text beside commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitLocation {
    /// Its call; the partition key itself where that is no call's.
    pub call_id: Result<CallId, String>,
    /// Its sort key, `commit#000001` or `personal#…`.
    pub sk: String,
    /// The key of the day index that it carries.
    pub day: Option<String>,
}

/// Every commit and every text, by a scan, page by page: those of one call stand together, the commits first.
#[derive(Debug)]
pub struct EveryCommit(Scan);

impl EventLog {
    /// Every commit of the log, and every text.
    #[must_use]
    pub fn every_commit(&self) -> EveryCommit {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .projection_expression("pk, sk, #day")
            .expression_attribute_names("#day", "day")
            .filter_expression("begins_with(sk, :commit) OR begins_with(sk, :text)")
            .expression_attribute_values(":commit", text("commit#"))
            .expression_attribute_values(":text", text("personal#"))
            .consistent_read(true);
        EveryCommit(Scan::new(scan))
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
    /// How many items have been looked at, those beside the commits too.
    #[must_use]
    pub const fn looked_at(&self) -> u64 {
        self.0.looked_at
    }

    /// The next of them; none after the last.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn next(&mut self) -> Result<Option<CommitLocation>, LogError> {
        Ok(self.0.next().await?.as_ref().map(location))
    }
}

impl CommitLocation {
    /// Whether it is a commit, and no text.
    #[must_use]
    pub fn is_commit(&self) -> bool {
        self.sk.starts_with("commit#")
    }
}

fn location(found: &Item) -> CommitLocation {
    let pk = text_in(found, "pk");
    let call_id = pk.strip_prefix("call#").and_then(|id| CallId::new(id).ok()).ok_or(pk);
    let day = Some(text_in(found, "day")).filter(|day| !day.is_empty());
    CommitLocation { call_id, sk: text_in(found, "sk"), day }
}
