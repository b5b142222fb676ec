//! The log itself: a table and the client that reaches it. What can be done with it stands in one file each.

use ilock_dynamo::text;

use crate::error::{LogError, store};

/// The table, as CloudFormation properties: what the template deploys and what the embedded stack creates.
pub const TABLE: &str = include_str!("../table.json");

/// The event log of one deployment.
#[derive(Debug, Clone)]
pub struct EventLog {
    pub(crate) client: aws_sdk_dynamodb::Client,
    pub(crate) table: String,
}

impl EventLog {
    /// The log in `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
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
}
