//! The accesses by auditors, as the log has them, for the judge of a day. No index lists them: they are read by tenant and day. The
//! whole table is read only where the ledger has one that is not found so.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use ilock_audit::verify::{DayAccess, DayJudge};
use ilock_events::TenantId;
use ilock_log::{EventLog, StoredAccess};
use ilock_proof::Day;

use crate::audit::source::read_error;
use crate::ui::error::CommandError;

/// An access may have been entered so many days afterwards and is still looked for by its day.
const DAYS_BACK: usize = 3;
/// How many tenants' accesses are read at once.
const AT_ONCE: usize = 16;

/// Shows `judge` the accesses of `day`, by the auditors of every tenant that ever placed a call; and, as long as the ledger has
/// others, those of the days around it, and then all of them.
pub async fn read(log: &EventLog, day: &Day, judge: &mut DayJudge) -> Result<(), CommandError> {
    let tenants = log.tenants().await.map_err(read_error)?;
    let mut days: Vec<Day> = vec![day.clone(), day.plus(1)];
    days.extend(std::iter::successors(Some(day.before()), |day| Some(day.before())).take(DAYS_BACK));
    for (place, day) in days.iter().enumerate() {
        if place > 0 && !judge.unexplained_accesses() {
            return Ok(());
        }
        read_of_day(log, &tenants, day, judge).await?;
    }
    let mut every = log.every_access();
    while judge.unexplained_accesses()
        && let Some(access) = every.next().await.map_err(read_error)?
    {
        // Each is shown once.
        if !days.contains(&access.day) || !tenants.contains(&access.tenant) {
            show(judge, &access);
        }
    }
    Ok(())
}

async fn read_of_day(
    log: &EventLog,
    tenants: &BTreeSet<TenantId>,
    day: &Day,
    judge: &mut DayJudge,
) -> Result<(), CommandError> {
    let reads = tenants.iter().map(|tenant| log.stored_accesses(tenant, day));
    let mut reads = stream::iter(reads).buffered(AT_ONCE);
    while let Some(accesses) = reads.next().await {
        accesses.map_err(read_error)?.iter().for_each(|access| show(judge, access));
    }
    Ok(())
}

fn show(judge: &mut DayJudge, access: &StoredAccess) {
    let StoredAccess { tenant, day, sk, body } = access;
    judge.access(&DayAccess { tenant, day, sk, body });
}
