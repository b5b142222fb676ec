//! Which calls a command is about: days and tenants.

use clap::Args;
use ilock_audit::export::placed_at;
use ilock_audit::replay::day_and_time;
use ilock_events::{Millis, TenantId};
use ilock_proof::{Day, StoredCall};

use crate::ui::error::CommandError;

#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Range {
    /// The first day (UTC), for example 2026-11-22.
    #[arg(long)]
    pub from: Option<Day>,
    /// The last day (UTC), which is included.
    #[arg(long)]
    pub to: Option<Day>,
    /// Only calls of this tenant. Can be given more than once.
    #[arg(long = "tenant")]
    pub tenants: Vec<TenantId>,
}

impl Range {
    /// Refuses a range that has no day, because its last one is before its first.
    pub fn check(&self) -> Result<(), CommandError> {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from > to => Err(CommandError::new(format!("--from {from} is after --to {to}"))
                .hint("--from is the first day and --to the last one, which is included")),
            _ => Ok(()),
        }
    }

    /// Whether `date`, written as 2026-11-22, is one of the days.
    pub fn has_date(&self, date: &str) -> bool {
        self.from.as_ref().is_none_or(|from| date >= from.as_str())
            && self.to.as_ref().is_none_or(|to| date <= to.as_str())
    }

    pub fn has_tenant(&self, tenant: &str) -> bool {
        self.tenants.is_empty() || self.tenants.iter().any(|wanted| wanted.as_str() == tenant)
    }

    pub fn has_call(&self, call: &StoredCall) -> bool {
        // Of an archived call there is only the mark.
        let first = call.commits.first().or(call.archived.as_ref());
        let placed = first.and_then(|first| first["at"].as_i64()).map_or_else(|| placed_at(call), Millis);
        let placed = day_and_time(placed);
        let date = placed.split('T').next().unwrap_or_default();
        let tenant = first.and_then(|first| first["tenant"].as_str()).unwrap_or_default();
        self.has_date(date) && self.has_tenant(tenant)
    }
}
