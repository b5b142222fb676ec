//! The day index: which calls a tenant placed on a day, in the order of time. It is a moment behind the log.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_dynamo::{Item, number, text, text_in};
use ilock_events::{CallId, Millis, TenantId};
use ilock_proof::{BUCKETS, Day, day_bucket_key};

use crate::error::{LogError, store};
use crate::log::EventLog;

/// A call of a day: when it was placed, and which. In this order they are told.
pub type PlacedOn = (Millis, CallId);

/// The calls placed under one key of the day index, page by page, in the order of the time at which they were placed.
#[derive(Debug)]
pub struct DayPages {
    log: EventLog,
    key: String,
    from: Millis,
    limit: Option<i32>,
    start: Option<Item>,
    over: bool,
    not_calls: Vec<String>,
}

/// How many partition keys of items that are no calls' are kept.
const MOST_NOT_CALLS: usize = 100;

impl EventLog {
    /// The next `most` calls that `tenant` placed on `day`, in order, after the call `after`. The index is a moment
    /// behind the log.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn placed_on(
        &self,
        tenant: &TenantId,
        day: &Day,
        after: Option<&PlacedOn>,
        most: usize,
    ) -> Result<Vec<PlacedOn>, LogError> {
        let from = after.map_or(Millis(i64::MIN), |(at, _)| *at);
        let buckets = (0..BUCKETS).map(|bucket| {
            let pages = self.placed_under_from(day_bucket_key(tenant, day, bucket), from, most);
            first_of(pages, after, most)
        });
        let mut found = BTreeSet::new();
        for bucket in futures::future::try_join_all(buckets).await? {
            found.extend(bucket);
        }
        Ok(found.into_iter().take(most).collect())
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
        DayPages { limit: None, ..self.placed_under_from(key, Millis(i64::MIN), 0) }
    }

    /// Those of them that were placed at `from` or later, some `page` at a time.
    pub(crate) fn placed_under_from(&self, key: String, from: Millis, page: usize) -> DayPages {
        let limit = i32::try_from(page.saturating_add(1)).ok();
        DayPages { log: self.clone(), key, from, limit, start: None, over: false, not_calls: vec![] }
    }
}

impl DayPages {
    /// The partition keys of items that the index holds, and that are no calls'. They are passed over, and each is handed out once.
    pub fn take_not_calls(&mut self) -> Vec<String> {
        std::mem::take(&mut self.not_calls)
    }

    /// The next page; none after the last.
    ///
    /// # Errors
    /// [`LogError::Store`].
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
            .expression_attribute_values(":from", number(self.from))
            .set_limit(self.limit)
            .set_exclusive_start_key(self.start.take())
            .send()
            .await
            .map_err(|e| store("Query")(e.into_service_error()))?;
        self.start = page.last_evaluated_key;
        self.over = self.start.as_ref().is_none_or(Item::is_empty);
        let mut placed = vec![];
        for found in page.items.unwrap_or_default() {
            match placed_call(&found) {
                Ok(call) => placed.push(call),
                Err(pk) if self.not_calls.len() < MOST_NOT_CALLS => self.not_calls.push(pk),
                Err(_) => {}
            }
        }
        Ok(Some(placed))
    }
}

/// When a call was placed, and which; the partition key where that is no call's. A time that is no integer was put there by
/// somebody: the call is listed by it all the same, and judged.
fn placed_call(found: &Item) -> Result<(Millis, CallId), String> {
    let pk = text_in(found, "pk");
    let Some(id) = pk.strip_prefix("call#").and_then(|id| CallId::new(id).ok()) else { return Err(pk) };
    let at = found.get("at").and_then(|at| at.as_n().ok()).and_then(|at| at.split('.').next()?.parse().ok());
    Ok((Millis(at.unwrap_or_default()), id))
}

/// The first `most` calls after `after` under one key. The index does not order calls of one moment, so all of the last
/// moment are read.
async fn first_of(mut pages: DayPages, after: Option<&PlacedOn>, most: usize) -> Result<BTreeSet<PlacedOn>, LogError> {
    let mut found = BTreeSet::new();
    while let Some(page) = pages.next().await? {
        let read_to = page.last().map(|(at, _)| *at);
        found.extend(page.into_iter().filter(|call| after.is_none_or(|after| call > after)));
        let enough = found.iter().nth(most.saturating_sub(1)).map(|(at, _)| *at);
        if enough.is_some_and(|enough| read_to.is_some_and(|read_to| read_to > enough)) {
            break;
        }
    }
    Ok(found)
}
