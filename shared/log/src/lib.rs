//! The event log: one DynamoDB table, one immutable item per commit, evidence and personal text beside it.
//!
//! ```text
//! pk                    sk                       what
//! call#<call_id>        commit#<n, 6 digits>     a commit; written once, never changed
//! call#<call_id>        personal#<digest>        text that may be forgotten; its commit holds the salted digest
//! call#<call_id>        forgotten#<digest>       that this text was deleted, for whom, when
//! call#<call_id>        receipt#<n>#<round>      who was told of commit n, in one delivery round
//! audit#<tenant>#<date> access#<ms>#<random>     an auditor looked; written before the answer, never changed
//! ```

mod access;
mod append;
mod chain;
mod day;
mod every;
mod forget;
mod item;
mod ledger;
mod load;
mod personal;
mod raw;
mod receipt;
mod run;

pub use access::{AccessPage, BadCursor};
pub use append::Append;
pub use chain::{canonical, chain, digest, first_prev};
pub use day::{BUCKETS, BadDay, Day, PlacedOn, bucket};
pub use every::{EveryCommit, Placing};
pub use forget::KeptText;
pub use item::{commit_of, day_key};
pub use ledger::{Entered, Head, LEDGER_TABLE, Ledger, chain_of, chains_of, entry_after, entry_hash};
pub use load::History;
pub use personal::keep as salted;
pub use raw::{DayPages, StoredCall};
pub use run::Ran;

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_call::BrokenLog;
use ilock_events::CallId;

/// The table, as CloudFormation properties: what the template deploys and what the embedded stack creates.
pub const TABLE: &str = include_str!("../table.json");

/// The event log of one deployment.
#[derive(Debug, Clone)]
pub struct EventLog {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

/// What the world did to us on the way to the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// DynamoDB did not do it: throttled, timed out, unreachable, refused.
    #[error("DynamoDB {operation} failed")]
    Store {
        /// `PutItem`, `Query` …
        operation: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored does not add up.
    #[error("the log of call {call_id} is broken")]
    Broken {
        /// Which call.
        call_id: CallId,
        /// How.
        #[source]
        source: BrokenLog,
    },
    /// An item cannot be read.
    #[error("item {key} cannot be read")]
    Item {
        /// Its sort key.
        key: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Others were first so many times that we gave up. Asking again is right.
    #[error("call {call_id} is contended")]
    Contended {
        /// Which call.
        call_id: CallId,
    },
}

impl EventLog {
    /// The log in `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Opens the connection, by asking for a call that cannot be.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn warm(&self) -> Result<(), LogError> {
        let nothing = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let nothing = nothing.expression_attribute_values(":pk", AttributeValue::S("-".into())).limit(1);
        nothing.send().await.map(drop).map_err(|error| store("Query")(error.into_service_error()))
    }
}

fn store<E>(operation: &'static str) -> impl FnOnce(E) -> LogError
where
    E: std::error::Error + Send + Sync + 'static,
{
    move |source| LogError::Store { operation, source: Box::new(source) }
}
