//! Which calls a command is about: days and tenants.

use clap::Args;
use ilock_events::TenantId;
use ilock_log::Day;

/// Which calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Range {
    /// The first day (UTC), as 2026-11-22.
    #[arg(long)]
    pub from: Option<Day>,
    /// The last day, which is included.
    #[arg(long)]
    pub to: Option<Day>,
    /// Only this tenant's calls. May be said more than once.
    #[arg(long = "tenant")]
    pub tenants: Vec<TenantId>,
}
