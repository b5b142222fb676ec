//! Text that a person may ask to have forgotten: kept beside the commit, which holds only its salted digest.

use ilock_dynamo::{number, text};
use ilock_events::{CallId, Millis, Personal};

use crate::error::{LogError, store};
use crate::item::{keyed, pk};
use crate::log::EventLog;

/// Named by the digest, not by the commit's number: two actors may race for a number, each with a text of its own.
fn sk(personal: &Personal) -> String {
    format!("personal#{:.16}", personal.digest)
}

impl EventLog {
    /// Keeps `personal` beside the call, from `at` on; before the commit that will name it. DynamoDB deletes it after
    /// the last day for which it is kept.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_personal(&self, call_id: &CallId, personal: &Personal, at: Millis) -> Result<(), LogError> {
        let mut item = keyed(call_id, &sk(personal), personal)?;
        let gone = self.personal_until(at).plus(1).begins();
        item.insert("ttl".into(), number(gone.0.div_euclid(1000)));
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
