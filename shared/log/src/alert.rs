//! Which phones confirmed that they ring, after the first, whose word is a commit.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use ilock_events::{Alert, CallId, ClientName};

use crate::error::{LogError, store};
use crate::item::keyed;
use crate::log::EventLog;

impl EventLog {
    /// Keeps `alert` beside the call; where the same client has said so before, its first word stands.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_alert(&self, call_id: &CallId, alert: &Alert) -> Result<(), LogError> {
        let who = alert.client_id.as_ref().map_or("-", ClientName::as_str);
        let item = keyed(call_id, &format!("alert#{who}"), alert)?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) | Err(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Err(error) => Err(store("PutItem")(error)),
        }
    }
}
