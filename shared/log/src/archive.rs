//! The archive of a day: that a call is in it is marked beside the call, once and for ever; then what stands there may be deleted.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use ilock_dynamo::{Item, text, text_in};
use ilock_events::{Archived, CallId, CommitNo};
use ilock_proof::{StoredCall, bucket, day_bucket_key};

use crate::error::{LogError, store};
use crate::item::{body, commit_sk, keyed, pk};
use crate::log::EventLog;
use crate::unverified::add;

const MARK: &str = "archived";
/// How many items of one call are deleted at once.
const AT_ONCE: usize = 8;

/// What stands in the log of a call and is not in its archive: nothing of the call was deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} of it is not in the archive")]
pub struct NotInArchive(pub String);

impl EventLog {
    /// What says that a call is in the archive of its day; none where nothing does.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when it cannot be read.
    pub async fn archived(&self, call_id: &CallId) -> Result<Option<Archived>, LogError> {
        self.item_at(call_id, MARK, true).await?.map(|item| body(MARK, item)).transpose()
    }

    /// Says that a call is in the archive of its day, where nothing says so yet. Answers what stands there then.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn mark_archived(&self, call_id: &CallId, mark: &Archived) -> Result<Archived, LogError> {
        let mut item = keyed(call_id, MARK, mark)?;
        // The day's index has it, so that a day lists its calls when their commits are gone.
        let day = day_bucket_key(&mark.tenant, &mark.day(), bucket(call_id));
        item.insert("day".into(), text(day));
        if self.put_new(item).await? {
            return Ok(mark.clone());
        }
        // Read, not taken from the answer: older engines do not hand it over.
        self.archived(call_id).await?.ok_or_else(|| LogError::Contended { call_id: call_id.clone() })
    }

    /// Deletes all that stands of a call but the mark that it was archived; the first commit last, so that a call of which
    /// something is left is one that can be listed and gone on with. Nothing is deleted where anything of it is not in
    /// `archive`. Answers how many items were deleted.
    ///
    /// # Errors
    /// [`LogError`]; what was deleted before stays so. Delete it again.
    pub async fn delete_archived(
        &self,
        call_id: &CallId,
        archive: &StoredCall,
    ) -> Result<Result<u64, NotInArchive>, LogError> {
        let mut items: BTreeMap<String, Item> = BTreeMap::new();
        let mut pages = self.items_of(call_id).send();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|e| store("Query")(e.into_service_error()))?;
            items.insert(text_in(&found, "sk"), found);
        }
        items.remove(MARK);
        for (sk, item) in &items {
            let mut one = StoredCall { call_id: call_id.to_string(), ..StoredCall::default() };
            add(&mut one, item.clone());
            if one.is_gone() || one.lacking_in(archive).is_some() {
                return Ok(Err(NotInArchive(format!("the item {sk}"))));
            }
        }
        let first = commit_sk(CommitNo::FIRST);
        let has_first = items.remove(&first).is_some();
        let count = items.len() + usize::from(has_first);
        // Behind what stands beside them.
        let (commits, beside): (Vec<String>, Vec<String>) = items.into_keys().partition(|sk| sk.starts_with("commit#"));
        for keys in [beside, commits, has_first.then_some(first).into_iter().collect()] {
            let deletes = keys.iter().map(|sk| self.delete_item(call_id, sk));
            stream::iter(deletes).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        }
        Ok(Ok(u64::try_from(count).unwrap_or(u64::MAX)))
    }

    async fn delete_item(&self, call_id: &CallId, sk: &str) -> Result<(), LogError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.key("pk", text(pk(call_id))).key("sk", text(sk)).send().await;
        delete.map(drop).map_err(|e| store("DeleteItem")(e.into_service_error()))
    }
}
