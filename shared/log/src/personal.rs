//! Text that a person may ask to have forgotten: kept beside the commit, which holds only its salted digest.

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_dynamo::{Item, number, text};
use ilock_events::{CallId, Hash, Millis, PartyAddress, Personal, PersonalText};
use ilock_proof::{PARTIES, UNPLACED_UNTIL};

use crate::error::{LogError, store};
use crate::item::{body, keyed, pk};
use crate::log::EventLog;

/// How long after it was kept a commit may come to name a text, in milliseconds: no function runs for so long.
pub const NAMED_WITHIN_MS: i64 = 60_000;

/// A call that is about to be placed. Its text lies there first, and nothing else says whose it is, or that it is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    /// Caller and callees.
    pub parties: Vec<PartyAddress>,
    /// Whoever places it has done so by then, or never will.
    pub until: Millis,
}

/// Named by the digest, not by the commit's number: two actors may race for a number, each with a text of its own.
fn sk(personal: &Personal) -> String {
    sk_of(&personal.digest)
}

fn sk_of(digest: &Hash) -> String {
    format!("personal#{digest:.16}")
}

/// What a text calls a party of its call. A person and a door station may have the same address.
pub(crate) fn name_of(party: &PartyAddress) -> String {
    format!("{}#{}", party.kind.word(), party.address)
}

impl EventLog {
    /// Keeps `personal` beside the call, from `at` on; before the commit that will name it. DynamoDB deletes it after
    /// the last day for which it is kept.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_personal(&self, call_id: &CallId, personal: &Personal, at: Millis) -> Result<(), LogError> {
        let mut item = self.text_item(call_id, personal, at)?;
        item.insert(UNPLACED_UNTIL.into(), number(at.plus(NAMED_WITHIN_MS).0));
        self.put_text(item).await
    }

    /// The same, beside a call that is being placed: where it never is, the text is found by its parties, and by its time.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn keep_personal_of(
        &self,
        placing: &Placing,
        call_id: &CallId,
        personal: &Personal,
        at: Millis,
    ) -> Result<(), LogError> {
        let mut item = self.text_item(call_id, personal, at)?;
        item.insert(UNPLACED_UNTIL.into(), number(placing.until.0));
        let parties = placing.parties.iter().map(|party| text(name_of(party))).collect();
        item.insert(PARTIES.into(), AttributeValue::L(parties));
        self.put_text(item).await
    }

    fn text_item(&self, call_id: &CallId, personal: &Personal, at: Millis) -> Result<Item, LogError> {
        let mut item = keyed(call_id, &sk(personal), personal)?;
        let gone = self.personal_until(at).plus(1).begins();
        item.insert("ttl".into(), number(gone.0.div_euclid(1000)));
        Ok(item)
    }

    async fn put_text(&self, item: Item) -> Result<(), LogError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        put.map(drop).map_err(|e| store("PutItem")(e.into_service_error()))
    }

    /// The personal text of a call whose digest is `digest`, without the call; none where it was forgotten, or its time is
    /// over. A text that was deleted in the last second may still be found.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when it cannot be read.
    pub async fn personal(&self, call_id: &CallId, digest: &Hash) -> Result<Option<PersonalText>, LogError> {
        let sk = sk_of(digest);
        let found = self.item_at(call_id, &sk, false).await?;
        let personal: Option<Personal> = found.map(|found| body(&sk, found)).transpose()?;
        Ok(personal.filter(|personal| personal.digest == *digest).map(|personal| personal.text))
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
