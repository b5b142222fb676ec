//! Who was told, kept as evidence and so that nobody is told twice.

use ilock_events::{CallId, Receipt};

use crate::error::LogError;
use crate::item::keyed;
use crate::log::EventLog;

/// How many delivery rounds of one commit are kept; the retries of the stream source are bounded far below.
const MAX_ROUNDS: u32 = 10_000;

impl EventLog {
    /// Keeps the receipt of a delivery round as round `round`, or the next free one.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_receipt(&self, call_id: &CallId, receipt: &Receipt, round: u32) -> Result<(), LogError> {
        for round in round..MAX_ROUNDS {
            let sk = format!("receipt#{:06}#{round:04}", receipt.n.0);
            if self.put_new(keyed(call_id, &sk, receipt)?).await? {
                return Ok(());
            }
        }
        Err(LogError::Contended { call_id: call_id.clone() })
    }
}
