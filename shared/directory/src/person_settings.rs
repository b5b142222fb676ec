//! What a person has set.

use ilock_dynamo::{Item, text};
use ilock_events::{PartyAddress, PersonSettings};

use crate::client::pk;
use crate::directory::{Directory, DirectoryError, read, store};

/// The sort key of a person's settings.
const SETTINGS: &str = "settings";

impl Directory {
    /// What `person` has set; else what counts for everybody who has not.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn settings(&self, person: &PartyAddress) -> Result<PersonSettings, DirectoryError> {
        Ok(self.get(pk(person), SETTINGS).await?.map(read).transpose()?.unwrap_or_default())
    }

    /// Sets `settings` for `person`.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn put_settings(&self, person: &PartyAddress, settings: &PersonSettings) -> Result<(), DirectoryError> {
        let mut item: Item = serde_dynamo::to_item(settings)?;
        item.insert("pk".into(), text(pk(person)));
        item.insert("sk".into(), text(SETTINGS));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send();
        put.await.map_err(|e| store("PutItem")(e.into_service_error()))?;
        Ok(())
    }
}
