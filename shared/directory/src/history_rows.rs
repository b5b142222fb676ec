//! The rows of all histories as they are stored: which rows a call asks for, which are there, and repairing them.

use ilock_call::Placed;
use ilock_dynamo::{Item, Scan, number, text, text_in, written};
use ilock_events::{
    Busy, CallId, CallState, Callee, CommitNo, Direction, Hash, Millis, Party, PartyAddress, PartyId, PartyKind,
    Reason, TenantId,
};
use serde::{Deserialize, Serialize};

use crate::directory::{Directory, DirectoryError, kind_word, read};

const INBOX: &str = "inbox#";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What a row of a history says. It has no text that a person may ask to have forgotten: that is read where it stands, beside
/// the call's commits, so it is gone from everywhere once it is gone there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    pub call_id: CallId,
    pub direction: Direction,
    /// The other end's id: of several who were called the one who answered, else the first.
    pub peer_id: PartyId,
    pub state: CallState,
    /// When it was placed.
    pub timestamp: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Whether the row's owner was called, nobody answered, and they neither rejected nor declined it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missed: bool,
    /// The digest of the text beside the first commit, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<Hash>,
}

/// A row of a party's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// Whose: `inbox#<kind>#<address>`.
    pub pk: String,
    /// When, and which call: `<ms, 15 digits>#<call>`.
    pub sk: String,
    /// What it says; none where that cannot be read.
    pub entry: Option<HistoryRecord>,
    /// After which commit it was written.
    pub seq: Option<CommitNo>,
}

pub(crate) fn pk(tenant: &TenantId, party: &Party) -> String {
    let PartyAddress { kind, address } = PartyAddress::of(tenant, party);
    format!("{INBOX}{}#{address}", kind_word(kind))
}

pub(crate) fn sk(at: Millis, call_id: &CallId) -> String {
    format!("{:015}#{call_id}", at.0)
}

impl HistoryRow {
    /// The rows of a call that stands as `call` says after commit `n` of `at`: the caller's, and one for each who is called.
    #[must_use]
    pub fn for_everybody(call_id: &CallId, call: &Placed, n: CommitNo, at: Millis) -> Vec<Self> {
        let caller = &call.terms.caller;
        let row = |own: &Party, peer: PartyId, missed| {
            let entry = HistoryRecord {
                call_id: call_id.clone(),
                direction: if own == caller { Direction::Outgoing } else { Direction::Incoming },
                peer_id: peer,
                state: call.state,
                timestamp: call.at,
                answered_by: call.answered_by(),
                answered_at: call.answered_at(),
                ended_at: call.state.is_final().then_some(at),
                reason: call.reason,
                missed,
                personal: call.terms.personal.clone(),
            };
            let sk = sk(call.at, call_id);
            Self { pk: pk(&call.tenant, own), sk, entry: Some(entry), seq: Some(n) }
        };
        let first = || call.terms.callees.first().map(|callee| callee.id.clone());
        let reached = call.answerer().map(|answerer| answerer.id).or_else(first);
        let outgoing = reached.map(|peer| row(caller, peer, false));
        let told = call.terms.callees.iter().filter(|callee| !callee.has_blocked());
        let person = |callee: &Callee| Party { kind: PartyKind::User, id: callee.id.clone() };
        let incoming = told.map(|callee| row(&person(callee), caller.id.clone(), is_missed(call, callee)));
        outgoing.into_iter().chain(incoming).collect()
    }

    /// The row of `party` among [those of everybody](Self::for_everybody).
    #[must_use]
    pub fn for_party(party: &Party, (call_id, call): (&CallId, &Placed), n: CommitNo, at: Millis) -> Option<Self> {
        let own = pk(&call.tenant, party);
        Self::for_everybody(call_id, call, n, at).into_iter().find(|row| row.pk == own)
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

    /// Whether `found` may stand where this row is due. While a call is not over its row need not keep step: it is
    /// written when the call is placed and when it is over.
    #[must_use]
    pub fn satisfied_by(&self, found: &Self) -> bool {
        if self == found {
            return true;
        }
        let (Some(due), Some(entry)) = (&self.entry, &found.entry) else { return false };
        let same_call =
            (&due.call_id, due.direction, due.timestamp) == (&entry.call_id, entry.direction, entry.timestamp);
        !due.state.is_final()
            && !entry.state.is_final()
            && same_call
            && found.seq.is_some_and(|seq| Some(seq) <= self.seq)
    }

    /// When the row may be dropped, if rows are kept for so many days; none where the row cannot be read.
    fn expires(&self, days: u32) -> Option<Millis> {
        Some(self.entry.as_ref()?.timestamp.plus(i64::from(days) * DAY_MS))
    }

    pub(crate) fn item(&self, days: u32) -> Result<Item, DirectoryError> {
        let mut item: Item = self.entry.as_ref().map(serde_dynamo::to_item).transpose()?.unwrap_or_default();
        if let Some(at) = self.expires(days) {
            item.insert("ttl".into(), number(at.0.div_euclid(1000)));
        }
        item.insert("pk".into(), text(&self.pk));
        item.insert("sk".into(), text(&self.sk));
        if let Some(n) = self.seq {
            item.insert("seq".into(), number(n));
        }
        Ok(item)
    }

    fn of(found: Item) -> Self {
        let seq = found.get("seq").and_then(|seq| seq.as_n().ok()).and_then(|seq| seq.parse().ok()).map(CommitNo);
        Self { pk: text_in(&found, "pk"), sk: text_in(&found, "sk"), seq, entry: read(found).ok() }
    }
}

/// Whether `callee` missed the call. Whoever refuses calls while they are in another one has missed it, too; and so has whose
/// phones rang on unheard after one of them declined.
fn is_missed(call: &Placed, callee: &Callee) -> bool {
    let refused = callee.busy == Some(Busy::Refused);
    let reacted = call.is_out(callee) && !refused;
    match call.state {
        CallState::Missed | CallState::Cancelled => !reacted,
        CallState::Rejected => refused,
        CallState::Ringing | CallState::Active | CallState::Ended | CallState::Failed => false,
    }
}

/// Every row of every history, by a scan, page by page.
#[derive(Debug)]
pub struct EveryRow(Scan);

impl EveryRow {
    /// The next row; none after the last.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn next(&mut self) -> Result<Option<HistoryRow>, DirectoryError> {
        Ok(self.0.next().await?.map(HistoryRow::of))
    }
}

impl Directory {
    /// Every row of every history.
    #[must_use]
    pub fn every_row(&self) -> EveryRow {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let scan = scan.filter_expression("begins_with(pk, :inbox)");
        EveryRow(Scan::new(scan.expression_attribute_values(":inbox", text(INBOX))))
    }

    /// Whether `row` need not be there any more at `now`: DynamoDB drops it some days after its time.
    #[must_use]
    pub fn has_expired(&self, row: &HistoryRow, now: Millis) -> bool {
        row.expires(self.history_days).is_some_and(|at| at <= now)
    }

    /// What stands where `due` is due.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn row_at(&self, due: &HistoryRow) -> Result<Option<HistoryRow>, DirectoryError> {
        Ok(self.get(due.pk.clone(), &due.sk).await?.map(HistoryRow::of))
    }

    /// Writes `row` where `found` stands, or nothing; false when something else stands there by now.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn put_row(&self, row: &HistoryRow, found: Option<&HistoryRow>) -> Result<bool, DirectoryError> {
        let (condition, seq) = unmoved(found);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(row.item(self.history_days)?))
            .condition_expression(condition)
            .set_expression_attribute_values(seq)
            .send()
            .await;
        Ok(written(put, "PutItem")?)
    }

    /// Deletes `found`; false when something else stands there by now.
    ///
    /// # Errors
    /// [`DirectoryError::Store`].
    pub async fn drop_row(&self, found: &HistoryRow) -> Result<bool, DirectoryError> {
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
        Ok(written(delete, "DeleteItem")?)
    }
}

/// The condition under which what stands there is still `found`: every writer raises `seq`.
fn unmoved(found: Option<&HistoryRow>) -> (&'static str, Option<Item>) {
    match found.map(|row| row.seq) {
        None => ("attribute_not_exists(pk)", None),
        Some(None) => ("attribute_exists(pk) AND attribute_not_exists(seq)", None),
        Some(Some(seq)) => ("seq = :seq", Some([(":seq".to_owned(), number(seq))].into())),
    }
}
