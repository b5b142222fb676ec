//! Histories: each party's calls, newest first. Written when a call is placed and when it is over.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ilock_call::Placed;
use ilock_events::{CallId, CommitNo, HistoryEntry, Millis, Party, TenantId};

use crate::lines::{InboxLine, pk};
use crate::{Directory, DirectoryError, number, read, store, text};

/// One page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
    /// Where the next page starts; none after the last.
    pub next: Option<String>,
}

/// A cursor that no page gave out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this cursor was not given out")]
pub struct BadCursor;

impl Directory {
    /// Notes in both parties' histories where the call stands after commit `n` of `at`. Noting an older commit after
    /// a newer one, or the same twice, changes nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn note(&self, call_id: &CallId, call: &Placed, n: CommitNo, at: Millis) -> Result<(), DirectoryError> {
        for line in InboxLine::both(call_id, call, n, at) {
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(line.item()?))
                .condition_expression("attribute_not_exists(pk) OR seq < :seq")
                .expression_attribute_values(":seq", number(n))
                .send()
                .await;
            match put.map_err(SdkError::into_service_error) {
                Ok(_) | Err(PutItemError::ConditionalCheckFailedException(_)) => {}
                Err(error) => return Err(store("PutItem")(error)),
            }
        }
        Ok(())
    }

    /// A page of `party`'s history, newest first, from `cursor` on.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn history(
        &self,
        tenant: &TenantId,
        party: &Party,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<Result<Page, BadCursor>, DirectoryError> {
        let pk = pk(tenant, party);
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&pk))
            .scan_index_forward(false)
            .limit(i32::from(limit));
        if let Some(cursor) = cursor {
            let Some(sk) = open_cursor(cursor) else { return Ok(Err(BadCursor)) };
            query = query.exclusive_start_key("pk", text(&pk)).exclusive_start_key("sk", text(sk));
        }
        let found = query.send().await.map_err(|e| store("Query")(e.into_service_error()))?;
        let next = found
            .last_evaluated_key
            .and_then(|key| key.get("sk").and_then(|sk| sk.as_s().ok()).map(|sk| URL_SAFE_NO_PAD.encode(sk)));
        let entries = found.items.unwrap_or_default().into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Ok(Page { entries, next }))
    }
}

/// The sort key in a cursor. It is always joined with the asker's own partition, so a forged one leads nowhere else.
fn open_cursor(cursor: &str) -> Option<String> {
    let sk = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (ms, call_id) = sk.split_once('#')?;
    (ms.len() == 15 && ms.bytes().all(|b| b.is_ascii_digit()) && CallId::new(call_id).is_ok()).then_some(sk)
}
