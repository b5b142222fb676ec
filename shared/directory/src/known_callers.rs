//! Known callers: persons with whom a person has talked in a call. Nobody is kept from them by calls of strangers.

use ilock_dynamo::{Item, number, text};
use ilock_events::{Millis, PartyAddress};

use crate::directory::{Directory, DirectoryError, kind_word, store};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn pk(person: &PartyAddress) -> String {
    format!("known#{}#{}", kind_word(person.kind), person.address)
}

fn sk(caller: &PartyAddress) -> String {
    format!("{}#{}", kind_word(caller.kind), caller.address)
}

impl Directory {
    /// Whether `person` and `caller` have talked, as long as histories are kept.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn knows(&self, person: &PartyAddress, caller: &PartyAddress) -> Result<bool, DirectoryError> {
        Ok(self.get(pk(person), &sk(caller)).await?.is_some())
    }

    /// Keeps that `person` talks with `caller` at `now`.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn meets(&self, person: &PartyAddress, caller: &PartyAddress, now: Millis) -> Result<(), DirectoryError> {
        let until = now.plus(i64::from(self.history_days) * DAY_MS);
        let item = Item::from([
            ("pk".to_owned(), text(pk(person))),
            ("sk".to_owned(), text(sk(caller))),
            ("ttl".to_owned(), number(until.0.div_euclid(1000))),
        ]);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send();
        put.await.map_err(|e| store("PutItem")(e.into_service_error()))?;
        Ok(())
    }
}
