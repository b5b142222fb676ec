//! The calls of a range of days, read from the log's day index in the order in which they were placed.

use std::collections::VecDeque;

use ilock_events::{CallId, Millis};
use ilock_log::{DayPages, EventLog, LogError, StoredCall};

use crate::audit::range::Range;

/// Calls are read so many at a time: most are a few kilobytes.
const AT_ONCE: usize = 16;

/// The calls of a range, in the order in which they were placed; those of one moment in the order of their ids.
pub struct CallsInOrder {
    log: EventLog,
    days: VecDeque<Vec<String>>,
    open: Vec<Open>,
    /// Calls of one and the same moment.
    ready: VecDeque<(Millis, CallId)>,
    /// How many days there are to read.
    pub days_in_all: usize,
}

/// One key of the day index, as far as it has been read.
struct Open {
    pages: DayPages,
    read: VecDeque<(Millis, CallId)>,
}

impl Open {
    /// The next call under this key, left where it is.
    async fn peek(&mut self) -> Result<Option<Millis>, LogError> {
        while self.read.is_empty() {
            match self.pages.next().await? {
                Some(page) => self.read.extend(page),
                None => return Ok(None),
            }
        }
        Ok(self.read.front().map(|(at, _)| *at))
    }
}

impl CallsInOrder {
    /// The calls of `range`.
    pub async fn of(log: EventLog, range: &Range) -> Result<Self, LogError> {
        let wanted = |date: &str| {
            range.from.as_ref().is_none_or(|from| date >= from.as_str())
                && range.to.as_ref().is_none_or(|to| date <= to.as_str())
        };
        let of_tenant = |key: &String| {
            range.tenants.is_empty()
                || range.tenants.iter().any(|tenant| key.split('#').next() == Some(tenant.as_str()))
        };
        let days = log.days().await?;
        let days: VecDeque<Vec<String>> = days
            .into_iter()
            .filter(|(date, _)| wanted(date))
            .map(|(_, keys)| keys.into_iter().filter(of_tenant).collect())
            .collect();
        Ok(Self { log, days_in_all: days.len(), days, open: vec![], ready: VecDeque::new() })
    }

    /// How many days have been begun.
    pub fn days_begun(&self) -> usize {
        self.days_in_all - self.days.len()
    }

    /// The next call's name; none after the last.
    pub async fn next(&mut self) -> Result<Option<(Millis, CallId)>, LogError> {
        while self.ready.is_empty() {
            let mut first = None;
            for open in &mut self.open {
                if let Some(at) = open.peek().await? {
                    first = Some(first.map_or(at, |first: Millis| first.min(at)));
                }
            }
            let Some(first) = first else {
                let Some(keys) = self.days.pop_front() else { return Ok(None) };
                let open = |key| Open { pages: self.log.placed_under(key), read: VecDeque::new() };
                self.open = keys.into_iter().map(open).collect();
                continue;
            };
            // The index does not order calls of one moment.
            let mut same = vec![];
            for open in &mut self.open {
                while open.peek().await? == Some(first) {
                    same.extend(open.read.pop_front());
                }
            }
            same.sort_by(|(_, a), (_, b)| a.cmp(b));
            self.ready = same.into();
        }
        Ok(self.ready.pop_front())
    }

    /// The next calls as they are stored, those that `skip` names left out; none after the last.
    pub async fn next_calls(&mut self, skip: impl Fn(Millis, &CallId) -> bool) -> Result<Vec<StoredCall>, LogError> {
        let mut named = vec![];
        while named.len() < AT_ONCE {
            match self.next().await? {
                Some((at, call_id)) if skip(at, &call_id) => {}
                Some((_, call_id)) => named.push(call_id),
                None => break,
            }
        }
        futures::future::try_join_all(named.iter().map(|call_id| self.log.stored(call_id))).await
    }
}
