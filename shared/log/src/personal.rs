//! Text that a person may ask to have forgotten: kept beside the commit, which holds only its salted digest.

use ilock_dynamo::text;
use ilock_events::{CallId, Personal};

use crate::error::{LogError, store};
use crate::item::{keyed, pk};
use crate::log::EventLog;

/// Named by the digest, not by the commit's number: two actors may race for a number, each with a text of its own.
fn sk(personal: &Personal) -> String {
    format!("personal#{:.16}", personal.digest)
}

impl EventLog {
    /// Keeps `personal` beside the call; before the commit that will name it.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_personal(&self, call_id: &CallId, personal: &Personal) -> Result<(), LogError> {
        let item = keyed(call_id, &sk(personal), personal)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        put.map(drop).map_err(|e| store("PutItem")(e.into_service_error()))
    }

    /// Drops personal text that no commit came to name.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn drop_personal(&self, call_id: &CallId, personal: &Personal) -> Result<(), LogError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(pk(call_id)))
            .key("sk", text(sk(personal)))
            .send()
            .await;
        delete.map(drop).map_err(|e| store("DeleteItem")(e.into_service_error()))
    }
}
