//! Who was told, kept as evidence and so that nobody is told twice.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use ilock_events::{CallId, Receipt};

use crate::error::{LogError, store};
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
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(keyed(call_id, &sk, receipt)?))
                .condition_expression("attribute_not_exists(pk)")
                .send()
                .await;
            match put.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
                Ok(_) => return Ok(()),
                Err(PutItemError::ConditionalCheckFailedException(_)) => {}
                Err(error) => return Err(store("PutItem")(error)),
            }
        }
        Err(LogError::Contended { call_id: call_id.clone() })
    }
}
