//! Who was told, kept as evidence and so that nobody is told twice.

use ilock_events::{CallId, Receipt};

use crate::error::LogError;
use crate::item::{body, keyed};
use crate::log::EventLog;

/// How many delivery rounds of one commit are kept; the retries of the stream source are bounded far below.
const MAX_ROUNDS: u32 = 10_000;

impl EventLog {
    /// Keeps the receipt of a delivery round as round `round`, or the next free one. Where it stands there already it was our own
    /// write, sent again by the SDK after its answer was lost: no receipt stands there twice.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_receipt(&self, call_id: &CallId, receipt: &Receipt, round: u32) -> Result<(), LogError> {
        for round in round..MAX_ROUNDS {
            let sk = format!("receipt#{:06}#{round:04}", receipt.n.0);
            if self.put_new(keyed(call_id, &sk, receipt)?).await? || self.has_receipt(call_id, &sk, receipt).await? {
                return Ok(());
            }
        }
        Err(LogError::Contended { call_id: call_id.clone() })
    }

    /// Whether exactly `receipt` stands at `sk`. It is read, not taken from the answer: older engines do not hand it over.
    async fn has_receipt(&self, call_id: &CallId, sk: &str, receipt: &Receipt) -> Result<bool, LogError> {
        let there = self.item_at(call_id, sk, true).await?;
        Ok(there.is_some_and(|there| body::<Receipt>(sk, there).is_ok_and(|there| there == *receipt)))
    }
}
