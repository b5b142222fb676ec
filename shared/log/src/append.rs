//! Adding one commit, by one conditional put.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use ilock_events::Commit;

use crate::error::{LogError, store};
use crate::item::{commit_of, of_commit};
use crate::log::EventLog;

/// What became of an append. Losing the race is an answer, not an error.
#[derive(Debug)]
pub enum Append {
    Written,
    /// Another commit stands there. Newer engines hand it over; older ones do not, and the call is to be loaded.
    Taken(Option<Box<Commit>>),
}

impl EventLog {
    /// Writes `commit` where nothing stands yet.
    ///
    /// # Errors
    /// [`LogError::Store`] when DynamoDB did not answer. The commit may then stand or not: append it again, and if it
    /// comes back as [`Append::Taken`] with the same command, it did.
    pub async fn append(&self, commit: &Commit) -> Result<Append, LogError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(of_commit(commit)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => Ok(Append::Written),
            Err(PutItemError::ConditionalCheckFailedException(lost)) => {
                let winner = lost.item.filter(|item| !item.is_empty()).map(commit_of).transpose()?;
                Ok(Append::Taken(winner.map(Box::new)))
            }
            Err(error) => Err(store("PutItem")(error)),
        }
    }
}
