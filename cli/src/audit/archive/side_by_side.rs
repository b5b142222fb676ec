//! The calls of a day, as the log has them and as the archive of the day does, side by side. Both are in the order in which the
//! calls were placed, so neither is held in memory.

use std::collections::VecDeque;

use ilock_audit::Finding;
use ilock_audit::export::placed_at;
use ilock_events::Millis;
use ilock_log::EventLog;
use ilock_proof::{Day, StoredCall};

use crate::audit::archive::file::{ArchiveFile, ArchivedCalls};
use crate::audit::in_order::CallsInOrder;
use crate::audit::range::Range;
use crate::audit::source::read_error;
use crate::ui::error::CommandError;

/// A call, where the log has it, and where the archive does; one of both at least.
pub struct Pair {
    pub log: Option<StoredCall>,
    pub archive: Option<StoredCall>,
}

pub struct SideBySide {
    placed: CallsInOrder,
    log: VecDeque<StoredCall>,
    archive: Option<ArchivedCalls>,
    next_of_archive: Option<StoredCall>,
}

type Key = (Millis, String);

/// Where a call stands. One of which only the mark is left stands where its mark says.
fn key(call: &StoredCall) -> Key {
    let at = match &call.archived {
        Some(mark) if call.commits.is_empty() => Millis(mark["at"].as_i64().unwrap_or_default()),
        _ => placed_at(call),
    };
    (at, call.call_id.clone())
}

impl SideBySide {
    /// The calls of `day`; those of the log alone where there is no archive.
    pub async fn of(log: &EventLog, day: &Day, archive: Option<&ArchiveFile>) -> Result<Self, CommandError> {
        let range = Range { from: Some(day.clone()), to: Some(day.clone()), tenants: vec![] };
        let placed = CallsInOrder::of(log.clone(), &range).await.map_err(read_error)?;
        let mut archive = archive.map(ArchiveFile::calls).transpose()?;
        let next_of_archive = archive.as_mut().map(ArchivedCalls::next_call).transpose()?.flatten();
        Ok(Self { placed, log: VecDeque::new(), archive, next_of_archive })
    }

    /// What the index of the day was found to hold since this was asked last that is no call's.
    pub fn take_not_calls(&mut self) -> Vec<Finding> {
        self.placed.take_not_calls()
    }

    /// The next call; none after the last.
    pub async fn next(&mut self) -> Result<Option<Pair>, CommandError> {
        if self.log.is_empty() {
            self.log = self.placed.next_calls(|_, _| false).await.map_err(read_error)?.into();
        }
        let order = match (self.log.front(), &self.next_of_archive) {
            (None, None) => return Ok(None),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(log), Some(archive)) => key(log).cmp(&key(archive)),
        };
        let log = if order.is_gt() { None } else { self.log.pop_front() };
        let archive = if order.is_lt() { None } else { self.take_of_archive()? };
        Ok(Some(Pair { log, archive }))
    }

    fn take_of_archive(&mut self) -> Result<Option<StoredCall>, CommandError> {
        let next = self.archive.as_mut().map(ArchivedCalls::next_call).transpose()?.flatten();
        Ok(std::mem::replace(&mut self.next_of_archive, next))
    }
}
