//! Which phones confirmed that they ring, after the first, whose word is a commit.

use ilock_events::{Alert, CallId, ClientName};

use crate::error::LogError;
use crate::item::keyed;
use crate::log::EventLog;

impl EventLog {
    /// Keeps `alert` beside the call; false where the same client has said so before: then its first word stands.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_alert(&self, call_id: &CallId, alert: &Alert) -> Result<bool, LogError> {
        let who = alert.client_id.as_ref().map_or("-", ClientName::as_str);
        let item = keyed(call_id, &format!("alert#{who}"), alert)?;
        self.put_new(item).await
    }
}
