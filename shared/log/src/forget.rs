//! Forgetting: personal text goes, and that it went stays. No commit is touched, so every proof still holds.

use ilock_dynamo::{Item, Scan, text, text_in};
use ilock_events::{CallId, Forgotten, Hash, Millis, Party, PartyAddress};
use ilock_proof::{PARTIES, UNPLACED_UNTIL};

use crate::error::{LogError, store};
use crate::item::{keyed, pk};
use crate::log::EventLog;
use crate::personal::name_of;

const KEPT: &str = "personal#";
const GONE: &str = "forgotten#";

/// Personal text that stands beside a call: where, not what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptText {
    call_id: CallId,
    /// What stands behind `personal#`; the record of its deletion stands under the same.
    name: String,
    digest: Hash,
    unplaced_until: Option<Millis>,
}

impl KeptText {
    fn of(found: &Item, call_id: CallId) -> Option<Self> {
        let name = text_in(found, "sk").strip_prefix(KEPT)?.to_owned();
        let until = found.get(UNPLACED_UNTIL).and_then(|until| until.as_n().ok()?.parse().ok()).map(Millis);
        Some(Self { call_id, name, digest: text_in(found, "digest"), unplaced_until: until })
    }

    /// Its call, which may never have been placed.
    #[must_use]
    pub const fn call_id(&self) -> &CallId {
        &self.call_id
    }

    /// What a commit names it by.
    #[must_use]
    pub const fn digest(&self) -> &Hash {
        &self.digest
    }

    /// Its sort key.
    #[must_use]
    pub fn sk(&self) -> String {
        format!("{KEPT}{}", self.name)
    }

    /// Whether no commit will name it any more, if none has by `now`.
    #[must_use]
    pub fn is_left_behind(&self, now: Millis) -> bool {
        self.unplaced_until.is_none_or(|until| until <= now)
    }

    /// Until when a commit may still name it.
    #[must_use]
    pub const fn unplaced_until(&self) -> Option<Millis> {
        self.unplaced_until
    }
}

/// Texts that were written for calls of one person, by a scan of the whole log.
#[derive(Debug)]
pub struct TextsOf(Scan);

impl TextsOf {
    /// The next text; none after the last.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn next(&mut self) -> Result<Option<KeptText>, LogError> {
        while let Some(found) = self.0.next().await? {
            let pk = text_in(&found, "pk");
            let call_id = pk.strip_prefix("call#").and_then(|id| CallId::new(id).ok());
            if let Some(kept) = call_id.and_then(|call_id| KeptText::of(&found, call_id)) {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }
}

impl EventLog {
    /// The personal text that stands beside a call, whether a commit names it or not. The text itself is not read.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn kept_texts(&self, call_id: &CallId) -> Result<Vec<KeptText>, LogError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :kept)")
            .expression_attribute_values(":pk", text(pk(call_id)))
            .expression_attribute_values(":kept", text(KEPT))
            .projection_expression("sk, digest, unplaced_until")
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut texts = vec![];
        while let Some(found) = pages.next().await {
            let found = found.map_err(|e| store("Query")(e.into_service_error()))?;
            texts.extend(KeptText::of(&found, call_id.clone()));
        }
        Ok(texts)
    }

    /// Every text that was written for a call with `party`, whether the call was placed or not.
    #[must_use]
    pub fn texts_of(&self, party: &PartyAddress) -> TextsOf {
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .projection_expression("pk, sk, digest, unplaced_until")
            .filter_expression("begins_with(sk, :kept) AND contains(#parties, :party)")
            .expression_attribute_names("#parties", PARTIES)
            .expression_attribute_values(":kept", text(KEPT))
            .expression_attribute_values(":party", text(name_of(party)))
            .consistent_read(true);
        TextsOf(Scan::new(scan))
    }

    /// Drops a text that no commit names, and so nothing need say that it is gone.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn drop_left_behind(&self, kept: &KeptText) -> Result<(), LogError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key_of(kept))).send().await;
        delete.map(drop).map_err(|e| store("DeleteItem")(e.into_service_error()))
    }

    /// Deletes a text, for `person`. That it is done is written first, once and for ever: whoever is interrupted in
    /// between finds the text again, and does the rest.
    ///
    /// # Errors
    /// [`LogError::Store`]: the text may then stand or not. Forget it again.
    pub async fn forget(&self, kept: &KeptText, person: &Party, at: Millis) -> Result<(), LogError> {
        let record = Forgotten { digest: kept.digest.clone(), person: person.clone(), at };
        self.put_new(keyed(&kept.call_id, &format!("{GONE}{}", kept.name), &record)?).await?;
        self.drop_left_behind(kept).await
    }
}

fn key_of(kept: &KeptText) -> Item {
    let key = [("pk", pk(&kept.call_id)), ("sk", kept.sk())];
    key.into_iter().map(|(name, value)| (name.to_owned(), text(value))).collect()
}
