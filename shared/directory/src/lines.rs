//! The lines of all histories, as they stand in the table: what a call asks for, what is there, and putting it right.

use std::collections::VecDeque;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use ilock_call::Placed;
use ilock_events::{CallId, CallState, CommitNo, Direction, HistoryEntry, Millis, Party, TenantId};

use crate::{Directory, DirectoryError, Item, kind_word, number, read, store, text};

const INBOX: &str = "inbox#";

/// A line of somebody's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxLine {
    /// Whose: `inbox#<tenant>#<kind>#<id>`.
    pub pk: String,
    /// When, and which call: `<ms, 15 digits>#<call>`.
    pub sk: String,
    /// What it says; none where that cannot be read.
    pub entry: Option<HistoryEntry>,
    /// After which commit it was written.
    pub seq: Option<CommitNo>,
}

pub(crate) fn pk(tenant: &TenantId, party: &Party) -> String {
    format!("{INBOX}{tenant}#{}#{}", kind_word(party.kind), party.id)
}

impl InboxLine {
    /// The two lines of a call that stands as `call` says after commit `n` of `at`.
    #[must_use]
    pub fn both(call_id: &CallId, call: &Placed, n: CommitNo, at: Millis) -> [Self; 2] {
        let callee = call.callee();
        let caller = &call.terms.caller;
        [(caller, &callee, Direction::Outgoing), (&callee, caller, Direction::Incoming)].map(
            |(own, peer, direction)| {
                let entry = HistoryEntry {
                    call_id: call_id.clone(),
                    direction,
                    peer_id: peer.id.clone(),
                    state: call.state,
                    timestamp: call.at,
                    ended_at: call.state.is_final().then_some(at),
                };
                let sk = format!("{:015}#{call_id}", call.at.0);
                Self { pk: pk(&call.tenant, own), sk, entry: Some(entry), seq: Some(n) }
            },
        )
    }

    /// The call that the key names.
    #[must_use]
    pub fn call_id(&self) -> Option<CallId> {
        CallId::new(self.sk.split_once('#')?.1).ok()
    }

    /// Whether both stand under the same key.
    #[must_use]
    pub fn is_in_place_of(&self, other: &Self) -> bool {
        (&self.pk, &self.sk) == (&other.pk, &other.sk)
    }

    /// Whether `found` may stand where this line is due. While a call is not over its line need not keep step: it is
    /// written when the call is placed and when it is over.
    #[must_use]
    pub fn is_met_by(&self, found: &Self) -> bool {
        if self == found {
            return true;
        }
        let (Some(due), Some(entry)) = (&self.entry, &found.entry) else { return false };
        let state = CallState::Ringing;
        let but_for_state = |entry: &HistoryEntry| HistoryEntry { state, ..entry.clone() };
        !due.state.is_final()
            && !entry.state.is_final()
            && but_for_state(due) == but_for_state(entry)
            && found.seq.is_some_and(|seq| Some(seq) <= self.seq)
    }

    pub(crate) fn item(&self) -> Result<Item, DirectoryError> {
        let mut item: Item = self.entry.as_ref().map(serde_dynamo::to_item).transpose()?.unwrap_or_default();
        item.insert("pk".into(), text(&self.pk));
        item.insert("sk".into(), text(&self.sk));
        if let Some(n) = self.seq {
            item.insert("seq".into(), number(n));
        }
        Ok(item)
    }

    fn of(found: Item) -> Self {
        let word = |name: &str| found.get(name).and_then(|word| word.as_s().ok()).cloned().unwrap_or_default();
        let seq = found.get("seq").and_then(|seq| seq.as_n().ok()).and_then(|seq| seq.parse().ok()).map(CommitNo);
        Self { pk: word("pk"), sk: word("sk"), seq, entry: read(found).ok() }
    }
}

/// The lines of all histories, by a scan, page by page.
#[derive(Debug)]
pub struct EveryLine {
    directory: Directory,
    start: Option<Item>,
    read: VecDeque<InboxLine>,
    over: bool,
    /// How many items have been looked at.
    pub looked_at: u64,
}

impl EveryLine {
    /// The next line; none after the last.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn next(&mut self) -> Result<Option<InboxLine>, DirectoryError> {
        while self.read.is_empty() && !self.over {
            let page = self
                .directory
                .client
                .scan()
                .table_name(&self.directory.table)
                .filter_expression("begins_with(pk, :inbox)")
                .expression_attribute_values(":inbox", text(INBOX))
                .consistent_read(true)
                .set_exclusive_start_key(self.start.take())
                .send()
                .await
                .map_err(|e| store("Scan")(e.into_service_error()))?;
            self.looked_at += u64::try_from(page.scanned_count).unwrap_or_default();
            self.start = page.last_evaluated_key;
            self.over = self.start.as_ref().is_none_or(Item::is_empty);
            self.read.extend(page.items.unwrap_or_default().into_iter().map(InboxLine::of));
        }
        Ok(self.read.pop_front())
    }
}

impl Directory {
    /// The lines of all histories.
    #[must_use]
    pub fn every_line(&self) -> EveryLine {
        EveryLine { directory: self.clone(), start: None, read: VecDeque::new(), over: false, looked_at: 0 }
    }

    /// What stands where `due` is due.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn line_at(&self, due: &InboxLine) -> Result<Option<InboxLine>, DirectoryError> {
        Ok(self.get(due.pk.clone(), &due.sk).await?.map(InboxLine::of))
    }

    /// Writes `line` where `found` stands, or nothing; false when something else stands there by now.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn put_line(&self, line: &InboxLine, found: Option<&InboxLine>) -> Result<bool, DirectoryError> {
        let (condition, seq) = unmoved(found);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(line.item()?))
            .condition_expression(condition)
            .set_expression_attribute_values(seq)
            .send()
            .await;
        settled(put, "PutItem")
    }

    /// Deletes `found`; false when something else stands there by now.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn drop_line(&self, found: &InboxLine) -> Result<bool, DirectoryError> {
        let (condition, seq) = unmoved(Some(found));
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(&found.pk))
            .key("sk", text(&found.sk))
            .condition_expression(condition)
            .set_expression_attribute_values(seq)
            .send()
            .await;
        settled(delete, "DeleteItem")
    }
}

/// The condition under which what stands there is still `found`: every writer raises `seq`.
fn unmoved(found: Option<&InboxLine>) -> (&'static str, Option<Item>) {
    match found.map(|line| line.seq) {
        None => ("attribute_not_exists(pk)", None),
        Some(None) => ("attribute_exists(pk) AND attribute_not_exists(seq)", None),
        Some(Some(seq)) => ("seq = :seq", Some([(":seq".to_owned(), AttributeValue::N(seq.to_string()))].into())),
    }
}

fn settled<T, E>(written: Result<T, SdkError<E>>, operation: &'static str) -> Result<bool, DirectoryError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(false),
        Err(error) => Err(store(operation)(error)),
    }
}
