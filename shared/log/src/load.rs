//! Reading a call: one consistent query, checked as it is read.

use aws_sdk_dynamodb::operation::query::paginator::QueryPaginatorItems;
use ilock_call::{BrokenLog, Call, Placed};
use ilock_dynamo::{Item, text, text_in};
use ilock_events::{
    Alert, CallEvent, CallId, ClientName, Commit, CommitNo, Hash, PartyId, Personal, PersonalText, Receipt,
};
use ilock_proof::{commit_hash, first_prev};
use serde_json::Value;

use crate::error::{LogError, store};
use crate::item::{self, commit_of};
use crate::log::EventLog;

/// A call and all that lies beside its commits.
#[derive(Debug, Clone)]
pub struct History {
    /// What the commits add up to.
    pub call: Call,
    /// The commits, from 1, without a gap.
    pub commits: Vec<Commit>,
    /// Personal text that has not been forgotten.
    pub personal: Vec<Personal>,
    /// Who was told, round by round.
    pub receipts: Vec<Receipt>,
    /// Which phones confirmed that they ring, after the first.
    pub alerts: Vec<Alert>,
}

impl History {
    /// The history of a call that is about to be placed.
    #[must_use]
    pub fn unplaced(call_id: CallId) -> Self {
        Self { call: Call::new(call_id), commits: vec![], personal: vec![], receipts: vec![], alerts: vec![] }
    }

    /// Takes in the next commit: its own hash, its place, its chain.
    ///
    /// # Errors
    /// [`LogError::Broken`].
    pub fn push(&mut self, commit: Commit) -> Result<(), LogError> {
        check(&mut self.call, &commit)?;
        self.commits.push(commit);
        Ok(())
    }

    /// The call as it stood right after commit `n`; none where that is not there.
    #[must_use]
    pub fn placed_at(&self, n: CommitNo) -> Option<Placed> {
        if self.call.head.as_ref().is_some_and(|(head, _)| *head == n) {
            return self.call.placed.clone();
        }
        let mut call = Call::new(self.call.id.clone());
        for commit in self.commits.iter().take_while(|commit| commit.n <= n) {
            // They have been folded before.
            call.fold(commit).ok()?;
        }
        call.placed.filter(|_| call.head.is_some_and(|(head, _)| head == n))
    }

    /// The phones of `callee` that have confirmed that they ring, and with each whether it may look and listen. A phone that
    /// did not say which it is has no name.
    pub fn alerted<'a>(&'a self, callee: &'a PartyId) -> impl Iterator<Item = (Option<&'a ClientName>, bool)> {
        let first = self.call.placed.as_ref().and_then(|placed| placed.alerted.as_ref());
        let first = first.map(|one| (&one.callee, one.client_id.as_ref(), one.preview));
        let later = self.alerts.iter().map(|one| (&one.callee, one.client_id.as_ref(), one.preview));
        let all = first.into_iter().chain(later);
        all.filter(move |(of, _, _)| *of == callee).map(|(_, client, preview)| (client, preview))
    }

    /// What is said with commit `n`: how the caller shows itself, as it was said when the call was placed, and the reason
    /// given with the commit.
    #[must_use]
    pub fn words_of(&self, n: CommitNo) -> PersonalText {
        let reason = self.text_of(n).and_then(|text| text.reason.clone());
        PersonalText { reason, ..self.text_of(CommitNo::FIRST).cloned().unwrap_or_default() }
    }

    /// Whether one of the commits names the text with this digest, be it in an event that only a later version knows.
    #[must_use]
    pub fn names(&self, digest: &Hash) -> bool {
        let mut events = self.commits.iter().flat_map(|commit| &commit.events);
        events.any(|event| event.data.get("personal").and_then(Value::as_str) == Some(digest))
    }

    /// The personal text whose digest is `digest`; none when it was forgotten.
    #[must_use]
    pub fn text(&self, digest: Option<&Hash>) -> Option<&PersonalText> {
        let digest = digest?;
        self.personal.iter().find(|personal| personal.digest == *digest).map(|personal| &personal.text)
    }

    /// The text kept for commit `n`.
    #[must_use]
    pub fn text_of(&self, n: CommitNo) -> Option<&PersonalText> {
        let commit = self.commits.iter().find(|commit| commit.n == n)?;
        let event = CallEvent::read(commit.events.first()?).ok()?;
        self.text(event.personal())
    }
}

/// Folds `commit` into `call` after checking that its hash is that of its content and that the first chains to the
/// call's id.
pub(crate) fn check(call: &mut Call, commit: &Commit) -> Result<(), LogError> {
    let broken = |source| LogError::Broken { call_id: commit.call_id.clone(), source };
    let hash = commit_hash(commit).map_err(item::unreadable(&item::commit_sk(commit.n)))?;
    if hash != commit.hash {
        return Err(broken(BrokenLog::Hash(commit.n)));
    }
    if commit.n == CommitNo::FIRST && commit.prev != first_prev(&commit.call_id) {
        return Err(broken(BrokenLog::Chain(commit.n)));
    }
    call.fold(commit).map_err(broken)
}

impl EventLog {
    /// Reads a call with everything beside it. A call that was never placed has an empty history.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Broken`] when a commit is missing or was changed: never a guess.
    pub async fn load(&self, call_id: &CallId) -> Result<History, LogError> {
        self.loaded(call_id, self.items_of(call_id)).await
    }

    /// As [`EventLog::load`], without the receipts, which are half of what lies there: for whoever commands and looks. Of a
    /// commit that is only about to be written there are none.
    ///
    /// # Errors
    /// As there.
    pub async fn load_without_receipts(&self, call_id: &CallId) -> Result<History, LogError> {
        // They stand behind everything else.
        let items = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk < :receipts")
            .expression_attribute_values(":pk", text(item::pk(call_id)))
            .expression_attribute_values(":receipts", text("receipt#"))
            .consistent_read(true)
            .into_paginator()
            .items();
        self.loaded(call_id, items).await
    }

    async fn loaded(&self, call_id: &CallId, items: QueryPaginatorItems) -> Result<History, LogError> {
        let mut history = History::unplaced(call_id.clone());
        let mut pages = items.send();
        while let Some(found) = pages.next().await {
            take_in(&mut history, found.map_err(|e| store("Query")(e.into_service_error()))?)?;
        }
        Ok(history)
    }

    /// What stands of a call at `sk`; where it need not be `consistent`, as it was a moment ago.
    pub(crate) async fn item_at(&self, call_id: &CallId, sk: &str, consistent: bool) -> Result<Option<Item>, LogError> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", text(item::pk(call_id)))
            .expression_attribute_values(":sk", text(sk))
            .consistent_read(consistent)
            .send()
            .await
            .map_err(|e| store("Query")(e.into_service_error()))?;
        Ok(found.items.unwrap_or_default().pop())
    }

    /// The one query for all that stands under a call's key, in the order of the sort keys.
    pub(crate) fn items_of(&self, call_id: &CallId) -> QueryPaginatorItems {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(item::pk(call_id)))
            .consistent_read(true)
            .into_paginator()
            .items()
    }
}

fn take_in(history: &mut History, found: Item) -> Result<(), LogError> {
    let sk = text_in(&found, "sk");
    match sk.split('#').next() {
        Some("commit") => history.push(commit_of(found)?),
        Some("personal") => {
            history.personal.push(item::body(&sk, found)?);
            Ok(())
        }
        Some("receipt") => {
            history.receipts.push(item::body(&sk, found)?);
            Ok(())
        }
        Some("alert") => {
            history.alerts.push(item::body(&sk, found)?);
            Ok(())
        }
        // Something newer than this code: not ours to judge.
        _ => Ok(()),
    }
}
