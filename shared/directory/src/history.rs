//! Histories: each party's calls, newest first. Written when a call is placed and when it is over.

use ilock_call::Placed;
use ilock_dynamo::{BadCursor, cursor, number, page, written};
use ilock_events::{CallId, CommitNo, Millis, Party, TenantId};

use crate::directory::{Directory, DirectoryError, read};
use crate::history_rows::{HistoryRecord, HistoryRow, pk, sk};

/// One page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The newest comes first.
    pub entries: Vec<HistoryRecord>,
    /// Where the next page starts; none after the last.
    pub next: Option<String>,
}

impl Directory {
    /// Notes in the histories of everybody in the call where the call stands after commit `n` of `at`, until the rows' time is
    /// over. Noting an older commit after a newer one, or the same twice, changes nothing.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn note(&self, call_id: &CallId, call: &Placed, n: CommitNo, at: Millis) -> Result<(), DirectoryError> {
        for row in HistoryRow::for_everybody(call_id, call, n, at) {
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(row.item(self.history_days)?))
                .condition_expression("attribute_not_exists(pk) OR seq < :seq")
                .expression_attribute_values(":seq", number(n))
                .send()
                .await;
            written(put, "PutItem")?;
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
        let query = self.client.query().table_name(&self.table).scan_index_forward(false).consistent_read(true);
        let found = match page(query, &pk, limit, cursor, is_sk).await? {
            Ok(found) => found,
            Err(bad) => return Ok(Err(bad)),
        };
        let entries = found.items.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Ok(Page { entries, next: found.next }))
    }
}

/// The cursor after which the rows of older calls than `entry` begin.
#[must_use]
pub fn cursor_after(entry: &HistoryRecord) -> String {
    cursor(&sk(entry.timestamp, &entry.call_id))
}

/// Whether `sk` can be the sort key of a history row.
fn is_sk(sk: &str) -> bool {
    let Some((ms, call_id)) = sk.split_once('#') else { return false };
    ms.len() == 15 && ms.bytes().all(|b| b.is_ascii_digit()) && CallId::new(call_id).is_ok()
}
