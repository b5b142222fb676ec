//! A page of a history: its rows as they stand now, those among them that are wanted, and what was said.

use futures::stream::{self, StreamExt, TryStreamExt};
use ilock_directory::{Directory, HistoryRecord, HistoryRow, Page, cursor_after};
use ilock_env::Clock;
use ilock_events::{CallState, CommitNo, Direction, HistoryEntry, Millis, PartyKind};
use ilock_log::LogError;

use super::view::remaining_ms;
use crate::error::ApiError;
use crate::http::asker::Caller;
use crate::http::tenant::PartyLog;

/// How many calls are looked up at once.
const AT_ONCE: usize = 16;

/// How many calls are looked at for one page.
const MOST_LOOKED_AT: usize = 200;

/// Of how many calls, the newest, those are counted that are unseen.
const COUNTED: u16 = 100;

/// Longer than any call rings, in milliseconds: what was placed so long before it was last looked was over then.
const LONGEST_RING_MS: i64 = 180_000;

/// Which calls are wanted.
#[derive(Debug, Default)]
pub struct Wanted {
    pub direction: Option<Direction>,
    pub state: Option<CallState>,
    pub missed: Option<bool>,
    pub unseen: Option<bool>,
}

/// Reads the history of `caller`.
pub struct HistoryReader<'a> {
    pub directory: &'a Directory,
    pub log: &'a PartyLog,
    pub clock: &'a Clock,
    pub caller: &'a Caller,
    /// Until when the caller has seen their history.
    pub seen_until: Option<Millis>,
}

/// A row as its call stands now.
pub struct FreshRow {
    record: HistoryRecord,
    /// For how many milliseconds the call still rings, where it does; of somebody who is called, on their phones.
    remaining_ms: Option<i64>,
}

/// The rows of a page, and where the next one begins.
pub struct Found {
    pub rows: Vec<FreshRow>,
    pub next: Option<String>,
}

impl Found {
    /// When the last of its missed calls ended, of those that were over at `now`. A call that rang when the reading began may
    /// have ended since, and another page, or an earlier part of this one, may show it as it was.
    pub fn last_missed(&self, now: Millis) -> Option<Millis> {
        let missed = self.rows.iter().map(|row| &row.record).filter(|row| row.missed);
        missed.filter_map(|row| row.ended_at).filter(|at| *at <= now).max()
    }
}

impl HistoryReader<'_> {
    /// Goes on from `page` until `limit` rows are found that are `wanted`, the history is over, or enough was looked at.
    ///
    /// # Errors
    /// What the log and the directory say.
    pub async fn find(&self, mut page: Page, wanted: &Wanted, limit: u16) -> Result<Found, ApiError> {
        let mut rows = vec![];
        let mut looked_at = 0;
        loop {
            let Page { entries, next } = page;
            let entries = self.fresh(entries).await?;
            let last = entries.len();
            for (place, row) in entries.into_iter().enumerate() {
                looked_at += 1;
                if !self.wants(wanted, &row.record) {
                    continue;
                }
                let here = cursor_after(&row.record);
                rows.push(row);
                if rows.len() == usize::from(limit) {
                    let over = place + 1 == last && next.is_none();
                    return Ok(Found { rows, next: (!over).then_some(here) });
                }
            }
            let Some(from) = next.as_ref().filter(|_| looked_at < MOST_LOOKED_AT) else {
                return Ok(Found { rows, next });
            };
            let Caller { tenant, party, .. } = self.caller;
            let more = self.directory.history(tenant, party, limit, Some(from.as_str())).await?;
            page = more.map_err(|bad| ApiError::Internal(bad.to_string()))?;
        }
    }

    /// How many of the newest calls are unseen. `first` is the first page, where nothing is left out of it.
    ///
    /// # Errors
    /// What the log and the directory say.
    pub async fn count_unseen(&self, first: Option<&Found>) -> Result<u32, ApiError> {
        // A door station is not called.
        if self.caller.party.kind == PartyKind::Device {
            return Ok(0);
        }
        let seen_before =
            |row: &FreshRow| self.seen_until.is_some_and(|until| row.record.timestamp.plus(LONGEST_RING_MS) < until);
        let enough = |page: &&Found| page.next.is_none() || page.rows.last().is_some_and(seen_before);
        let counted = |rows: &[FreshRow]| {
            let unseen = rows.iter().take(usize::from(COUNTED)).filter(|row| self.is_unseen(&row.record)).count();
            u32::try_from(unseen).unwrap_or(u32::MAX)
        };
        if let Some(page) = first.filter(enough) {
            return Ok(counted(&page.rows));
        }
        let Caller { tenant, party, .. } = self.caller;
        let newest = self.directory.history(tenant, party, COUNTED, None).await?;
        let newest = newest.map_err(|bad| ApiError::Internal(bad.to_string()))?;
        Ok(counted(&self.fresh(newest.entries).await?))
    }

    /// `rows` as they are answered.
    ///
    /// # Errors
    /// What the log says.
    pub async fn entries(&self, rows: Vec<FreshRow>) -> Result<Vec<HistoryEntry>, ApiError> {
        stream::iter(rows).map(|row| self.entry(row)).buffered(AT_ONCE).try_collect().await
    }

    async fn entry(&self, FreshRow { record: row, remaining_ms }: FreshRow) -> Result<HistoryEntry, ApiError> {
        let text = match self.log.text_of_row(&row).await {
            // One text that cannot be read does not take the history away.
            Err(error @ LogError::Item { .. }) => {
                tracing::error!(call_id = %row.call_id, %error, "personal text unreadable; the history row goes without it");
                None
            }
            read => read?,
        };
        let unseen = self.is_unseen(&row);
        let duration_ms = row.answered_at.zip(row.ended_at).map(|(answered, ended)| ended.since(answered).max(0));
        let caller_info = text.and_then(|text| text.caller_info).unwrap_or_default().shown();
        Ok(HistoryEntry {
            call_id: row.call_id,
            direction: row.direction,
            peer_id: row.peer_id,
            caller_info,
            state: row.state,
            timestamp: row.timestamp,
            remaining_ms,
            answered_by: row.answered_by,
            answered_at: row.answered_at,
            ended_at: row.ended_at,
            duration_ms,
            reason: row.reason,
            missed: row.missed,
            unseen,
        })
    }

    fn is_unseen(&self, row: &HistoryRecord) -> bool {
        let after_all_seen = |at: Millis| self.seen_until.is_none_or(|until| at > until);
        row.missed && row.ended_at.is_some_and(after_all_seen)
    }

    fn wants(&self, wanted: &Wanted, row: &HistoryRecord) -> bool {
        let Wanted { direction, state, missed, unseen } = wanted;
        direction.is_none_or(|direction| direction == row.direction)
            && state.is_none_or(|state| state == row.state)
            && missed.is_none_or(|missed| missed == row.missed)
            && unseen.is_none_or(|unseen| unseen == self.is_unseen(row))
    }

    async fn fresh(&self, rows: Vec<HistoryRecord>) -> Result<Vec<FreshRow>, ApiError> {
        stream::iter(rows).map(|row| self.fresh_row(row)).buffered(AT_ONCE).try_collect().await
    }

    /// A history is written when a call is placed and when it is over; of a call in between the log knows best.
    async fn fresh_row(&self, row: HistoryRecord) -> Result<FreshRow, ApiError> {
        if row.state.is_final() {
            return Ok(FreshRow { record: row, remaining_ms: None });
        }
        let call = match self.log.of_party(self.caller, &row.call_id).await {
            Ok(call) => call,
            Err(
                broken @ (ApiError::Log(LogError::Broken { .. } | LogError::Item { .. })
                | ApiError::NotFound(_)
                | ApiError::Archived(_)),
            ) => {
                // One call that cannot be read, or is not there any more, does not take the others' history away.
                tracing::error!(call_id = %row.call_id, error = %broken, "call unreadable; returned the stored history row");
                return Ok(FreshRow { record: row, remaining_ms: None });
            }
            Err(other) => return Err(other),
        };
        let (Ok(placed), Some(last)) = (call.placed(), call.commits.last()) else {
            return Ok(FreshRow { record: row, remaining_ms: None });
        };
        let party = &self.caller.party;
        let left = || remaining_ms(placed, party, None, self.clock.now());
        let remaining_ms = (placed.state == CallState::Ringing).then(left);
        let (n, at): (CommitNo, Millis) = (last.n, last.at);
        let now = HistoryRow::for_party(party, (&row.call_id, placed), n, at);
        Ok(FreshRow { record: now.and_then(|now| now.entry).unwrap_or(row), remaining_ms })
    }
}
