//! The calls of a range, read from the log's day index in the order in which they were placed.

use std::collections::VecDeque;

use ilock_audit::{Finding, Kind};
use ilock_events::{CallId, Millis};
use ilock_log::{DayPages, EventLog, LogError};
use ilock_proof::StoredCall;

use crate::audit::range::Range;

/// How many calls are read at a time. Most are a few kilobytes.
const BATCH_SIZE: usize = 16;

/// The calls of a range by the time they were placed; those of the same millisecond by their ids.
pub struct CallsInOrder {
    log: EventLog,
    days: VecDeque<Vec<String>>,
    /// The index keys of the current day.
    keys: Vec<IndexKey>,
    /// Calls of the same millisecond, sorted.
    ready: VecDeque<(Millis, CallId)>,
    /// Items of the index that are no calls'.
    not_calls: Vec<Finding>,
    pub total_days: usize,
}

/// One key of the day index, with the entries that were read and not yet returned.
struct IndexKey {
    pages: DayPages,
    entries: VecDeque<(Millis, CallId)>,
}

impl IndexKey {
    /// When the next call under this key was placed. The call stays in `entries`.
    async fn peek(&mut self) -> Result<Option<Millis>, LogError> {
        while self.entries.is_empty() {
            match self.pages.next().await? {
                Some(page) => self.entries.extend(page),
                None => return Ok(None),
            }
        }
        Ok(self.entries.front().map(|(at, _)| *at))
    }
}

impl CallsInOrder {
    pub async fn of(log: EventLog, range: &Range) -> Result<Self, LogError> {
        // A key is tenant#date#bucket.
        let of_tenant = |key: &String| range.has_tenant(key.split('#').next().unwrap_or_default());
        let days = log.days().await?;
        let days: VecDeque<Vec<String>> = days
            .into_iter()
            .filter(|(date, _)| range.has_date(date))
            .map(|(_, keys)| keys.into_iter().filter(of_tenant).collect())
            .collect();
        let (keys, ready, not_calls) = (vec![], VecDeque::new(), vec![]);
        Ok(Self { log, total_days: days.len(), days, keys, ready, not_calls })
    }

    /// What the index was found to hold since this was asked last that is no call's.
    pub fn take_not_calls(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.not_calls)
    }

    /// How many days have been read completely.
    pub fn finished_days(&self) -> usize {
        (self.total_days - self.days.len()).saturating_sub(1)
    }

    /// When the next call was placed, and its id. None after the last.
    pub async fn next(&mut self) -> Result<Option<(Millis, CallId)>, LogError> {
        while self.ready.is_empty() {
            let mut first = None;
            for key in &mut self.keys {
                if let Some(at) = key.peek().await? {
                    first = Some(first.map_or(at, |first: Millis| first.min(at)));
                }
                let not_calls = key.pages.take_not_calls().into_iter().map(|pk| {
                    let why = format!("the day index lists an item under {pk}, which is not the key of a call");
                    Finding::new(Kind::Unreadable, why)
                });
                self.not_calls.extend(not_calls);
            }
            let Some(first) = first else {
                let Some(keys) = self.days.pop_front() else { return Ok(None) };
                let open = |key| IndexKey { pages: self.log.placed_under(key), entries: VecDeque::new() };
                self.keys = keys.into_iter().map(open).collect();
                continue;
            };
            // The index does not sort calls of the same millisecond.
            let mut same = vec![];
            for key in &mut self.keys {
                while key.peek().await? == Some(first) {
                    same.extend(key.entries.pop_front());
                }
            }
            same.sort_by(|(_, a), (_, b)| a.cmp(b));
            // A call that was archived and not yet deleted stands there by its first commit and by its mark.
            same.dedup();
            self.ready = same.into();
        }
        Ok(self.ready.pop_front())
    }

    /// The next calls as they are stored, without those that `skip` is true for. Empty after the last.
    pub async fn next_calls(&mut self, skip: impl Fn(Millis, &CallId) -> bool) -> Result<Vec<StoredCall>, LogError> {
        let mut ids = vec![];
        while ids.len() < BATCH_SIZE {
            match self.next().await? {
                Some((at, call_id)) if skip(at, &call_id) => {}
                Some((_, call_id)) => ids.push(call_id),
                None => break,
            }
        }
        futures::future::try_join_all(ids.iter().map(|call_id| self.log.stored(call_id))).await
    }
}
