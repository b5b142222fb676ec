//! Text that a person may ask to have forgotten: kept beside the commit, which holds only its salted digest.

use ilock_events::{CallId, Personal, PersonalText};

use crate::chain::{canonical, digest};
use crate::item::{keyed, pk, text, unreadable};
use crate::{EventLog, LogError, store};

/// Salts `text`; none when there is nothing to keep. `salt` is 16 random bytes.
///
/// # Errors
/// [`LogError::Item`] when it cannot be written as JSON.
pub fn keep(words: PersonalText, salt: [u8; 16]) -> Result<Option<Personal>, LogError> {
    if words.is_empty() {
        return Ok(None);
    }
    let salt = hex::encode(salt);
    let form = canonical(&words).map_err(unreadable("personal"))?;
    let digest = digest(&[salt.as_bytes(), form.as_slice()].concat());
    Ok(Some(Personal { salt, text: words, digest }))
}

/// Named by the digest, not by the commit's number: two hands may race for a number, each with its own words.
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
