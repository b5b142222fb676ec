//! The ledger's table: what waits for its place, and how far the sequencer has come.
//!
//! ```text
//! pk             sk          what
//! pending#<0-f>  <sha256>    entries that were seen together, in their binary form, and which writing of them this is;
//!                            deleted once they are published
//! sequencer      round       the last round
//! ```

use crate::error::LogError;

/// The table, as CloudFormation properties: what the template deploys and what the embedded stack creates.
pub const LEDGER_TABLE: &str = include_str!("../../ledger.json");

/// The table of one ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) client: aws_sdk_dynamodb::Client,
    pub(super) table: String,
}

impl Ledger {
    /// The ledger in `table`.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Opens the connection, by asking for an item that cannot be.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn warm(&self) -> Result<(), LogError> {
        self.read_pending("-").await.map(drop)
    }
}
