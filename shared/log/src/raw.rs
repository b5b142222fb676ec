//! The log as it is stored, unchecked: for those who judge it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_events::{CallId, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::item::{self, Item, text};
use crate::{EventLog, LogError, store};

/// All that stands under one call's key, as JSON, in the order of the sort keys. Nothing in it has been checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredCall {
    /// Which call.
    pub call_id: String,
    /// Its commits.
    pub commits: Vec<Value>,
    /// Its receipts.
    pub receipts: Vec<Value>,
    /// The personal text beside it.
    pub personal: Vec<Value>,
    /// What says that some of it was deleted.
    pub forgotten: Vec<Value>,
}

/// The calls placed under one key of the day index, page by page, in the order of the time at which they were placed.
#[derive(Debug)]
pub struct DayPages {
    log: EventLog,
    key: String,
    from: Millis,
    limit: Option<i32>,
    start: Option<Item>,
    over: bool,
}

impl EventLog {
    /// Reads a call as it is stored. A call that was never placed has nothing.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when an item is none that JSON could hold.
    pub async fn stored(&self, call_id: &CallId) -> Result<StoredCall, LogError> {
        let mut call = StoredCall { call_id: call_id.to_string(), ..StoredCall::default() };
        let mut pages = self.items_of(call_id).send();
        while let Some(found) = pages.next().await {
            call.take_in(found.map_err(|e| store("Query")(e.into_service_error()))?)?;
        }
        Ok(call)
    }

    /// The keys of the day index, by date (`2026-11-22`): one for each bucket of each tenant that placed a call on that
    /// day. Reads the whole index, which holds little more than a key for each call.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn days(&self) -> Result<BTreeMap<String, BTreeSet<String>>, LogError> {
        let mut days: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut pages = self
            .client
            .scan()
            .table_name(&self.table)
            .index_name("by_day")
            .projection_expression("#day")
            .expression_attribute_names("#day", "day")
            .into_paginator()
            .items()
            .send();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|e| store("Scan")(e.into_service_error()))?;
            if let Some(AttributeValue::S(key)) = found.get("day")
                && let Some(date) = key.rsplit('#').nth(1)
            {
                days.entry(date.to_owned()).or_default().insert(key.clone());
            }
        }
        Ok(days)
    }

    /// The calls under `key` of the day index.
    #[must_use]
    pub fn placed_under(&self, key: String) -> DayPages {
        DayPages { log: self.clone(), key, from: Millis(i64::MIN), limit: None, start: None, over: false }
    }

    /// Those of them that were placed at `from` or later, some `page` at a time.
    pub(crate) fn placed_under_from(&self, key: String, from: Millis, page: usize) -> DayPages {
        let limit = i32::try_from(page.saturating_add(1)).ok();
        DayPages { log: self.clone(), key, from, limit, start: None, over: false }
    }
}

impl DayPages {
    /// The next page; none after the last.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when the index holds what is no call.
    pub async fn next(&mut self) -> Result<Option<Vec<(Millis, CallId)>>, LogError> {
        if self.over {
            return Ok(None);
        }
        let page = self
            .log
            .client
            .query()
            .table_name(&self.log.table)
            .index_name("by_day")
            .key_condition_expression("#day = :day AND #at >= :from")
            .expression_attribute_names("#day", "day")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":day", text(&self.key))
            .expression_attribute_values(":from", AttributeValue::N(self.from.0.to_string()))
            .set_limit(self.limit)
            .set_exclusive_start_key(self.start.take())
            .send()
            .await
            .map_err(|e| store("Query")(e.into_service_error()))?;
        self.start = page.last_evaluated_key;
        self.over = self.start.as_ref().is_none_or(Item::is_empty);
        page.items.unwrap_or_default().iter().map(placed).collect::<Result<_, _>>().map(Some)
    }
}

fn placed(found: &Item) -> Result<(Millis, CallId), LogError> {
    let unread = || item::unreadable("by_day")("an entry of the day index names no call");
    let id = found.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.strip_prefix("call#"));
    let at = found.get("at").and_then(|at| at.as_n().ok()).and_then(|at| at.parse().ok());
    match (at, id.and_then(|id| CallId::new(id).ok())) {
        (Some(at), Some(id)) => Ok((Millis(at), id)),
        _ => Err(unread()),
    }
}

impl StoredCall {
    fn take_in(&mut self, mut found: Item) -> Result<(), LogError> {
        found.remove("pk");
        found.remove("day");
        let sk = match found.remove("sk") {
            Some(AttributeValue::S(sk)) => sk,
            _ => String::new(),
        };
        let body = item::body(&sk, found)?;
        self.place(&sk, body);
        Ok(())
    }

    /// Takes in what stands at `sk`, but for its keys. It comes in the order of the sort keys.
    pub fn place(&mut self, sk: &str, mut body: Value) {
        match sk.split('#').next() {
            Some("commit") => {
                let named = body["n"].as_u64().map(|n| format!("commit#{n:06}"));
                if let Some(body) = body.as_object_mut() {
                    body.insert("call_id".into(), self.call_id.clone().into());
                    // Where it stands elsewhere than it says, that is part of the evidence.
                    if named.as_deref() != Some(sk) {
                        body.insert("sk".into(), sk.into());
                    }
                }
                self.commits.push(body);
            }
            Some("receipt") => self.receipts.push(body),
            Some("personal") => self.personal.push(body),
            Some("forgotten") => self.forgotten.push(body),
            // Something newer than this code: not ours to judge.
            _ => {}
        }
    }
}
