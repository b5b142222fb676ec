//! Where a day stands in the ledger. The marks that say so are files that nobody vouches for: each is held against the entry that it
//! points to, which is proven. Where one is gone or wrong, more of the ledger is read.

use ilock_audit::verify::end_of_entries;
use ilock_audit::{Finding, Kind};
use ilock_log::ledger::hours_back;
use ilock_proof::{Day, Entry, Hour, TILE_WIDTH};

use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::ui::error::CommandError;

pub struct HourMarks<'a> {
    ledger: &'a OpenLedger,
    pub findings: Vec<Finding>,
}

impl<'a> HourMarks<'a> {
    pub const fn of(ledger: &'a OpenLedger) -> Self {
        Self { ledger, findings: vec![] }
    }

    /// The index from which on everything stands that was entered after `hour` began, or earlier.
    pub async fn beginning_at(&mut self, hour: Hour) -> Result<u64, CommandError> {
        for hour in hours_back(hour) {
            if let Some(index) = self.index(hour).await? {
                return Ok(index);
            }
        }
        Ok(0)
    }

    /// The index up to which entries are read for a day; where no mark says it, they end with the ledger's own hours.
    pub async fn end_of(&mut self, day: &Day) -> Result<u64, CommandError> {
        Ok(self.index(end_of_entries(day)).await?.unwrap_or(self.ledger.checkpoint.head.size))
    }

    /// The index of the entry of `hour`; none where no mark says so, or the entry there is another one.
    async fn index(&mut self, hour: Hour) -> Result<Option<u64>, CommandError> {
        let OpenLedger { reader, checkpoint, .. } = self.ledger;
        let index = match reader.hour_mark(hour).await.map_err(ledger_error)? {
            Some(Some((index, _))) => index,
            Some(None) => {
                let why = format!("the mark of {hour}, which says where it began, cannot be read");
                self.findings.push(Finding::new(Kind::Unreadable, why));
                return Ok(None);
            }
            None => return Ok(None),
        };
        if index < checkpoint.head.size {
            let bundle = index / u64::from(TILE_WIDTH);
            let read = reader.bundle(bundle, &checkpoint.head).await.map_err(ledger_error)?;
            let at = usize::try_from(index - read.first).unwrap_or(usize::MAX);
            if read.entries.get(at) == Some(&Some(Entry::of_hour(hour))) {
                return Ok(Some(index));
            }
        }
        let why = format!("the mark of {hour} points to entry {index}, which is not the one of that hour");
        self.findings.push(Finding::new(Kind::Changed, why));
        Ok(None)
    }
}
