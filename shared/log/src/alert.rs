//! Which phones confirmed that they ring, after the first, whose word is a commit.

use ilock_events::{Alert, CallId, ClientName};

use crate::error::{LogError, store};
use crate::item::keyed;
use crate::log::EventLog;

impl EventLog {
    /// Keeps `alert` beside the call. A client's later word takes the place of its earlier one.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_alert(&self, call_id: &CallId, alert: &Alert) -> Result<(), LogError> {
        let who = alert.client_id.as_ref().map_or("-", ClientName::as_str);
        let item = keyed(call_id, &format!("alert#{who}"), alert)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| store("PutItem")(error.into_service_error()))
    }
}
