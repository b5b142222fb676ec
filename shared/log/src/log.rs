//! The log itself: a table and the client that reaches it. What can be done with it stands in one file each.

use ilock_dynamo::{Item, text, written};
use ilock_events::{Day, Millis};

use crate::error::{LogError, store};

/// The table, as CloudFormation properties: what the template deploys and what the embedded stack creates.
pub const TABLE: &str = include_str!("../table.json");

/// The event log of one deployment.
#[derive(Debug, Clone)]
pub struct EventLog {
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
    personal_days: u32,
}

/// For how many days personal text is kept, where the operator does not say.
pub const PERSONAL_DAYS: u32 = 180;

impl EventLog {
    /// The log in `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), personal_days: PERSONAL_DAYS }
    }

    /// The same, keeping personal text for `days` days.
    #[must_use]
    pub const fn keeping_personal(mut self, days: u32) -> Self {
        self.personal_days = days;
        self
    }

    /// The last day on which text that is saved at `at` is kept.
    #[must_use]
    pub fn personal_until(&self, at: Millis) -> Day {
        Day::of(at).plus(self.personal_days)
    }

    /// Opens the connection, by asking for a call that cannot exist.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn warm(&self) -> Result<(), LogError> {
        let nothing = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let nothing = nothing.expression_attribute_values(":pk", text("-")).limit(1);
        nothing.send().await.map(drop).map_err(|error| store("Query")(error.into_service_error()))
    }

    /// Writes an item where none stands yet, once and for ever; whether it was this one that was written.
    pub(crate) async fn put_new(&self, item: Item) -> Result<bool, LogError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").send().await;
        Ok(written(put, "PutItem")?)
    }
}
