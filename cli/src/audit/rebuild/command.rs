//! The command line of `ilock rebuild`.

use std::process::ExitCode;

use clap::Args;
use ilock_directory::HISTORY_DAYS;

use crate::audit::rebuild::compare::Comparison;
use crate::audit::rebuild::report::Report;
use crate::audit::source::{LogAndDirectory, read_error};
use crate::ui::error::CommandError;
use crate::ui::output::Output;
use crate::ui::progress;

#[derive(Debug, Args)]
pub struct Rebuild {
    /// Repair the histories.
    #[arg(long)]
    apply: bool,
    /// How long after a commit its history row may still be missing, because the projector has not written it yet: 60s, 1m
    /// 30s, 800ms.
    #[arg(long, default_value = "60s", value_parser = duration)]
    grace: humantime::Duration,
    /// How long histories are kept, as the deployment has it (PersonalDays): older rows need not be there.
    #[arg(long, env = "PERSONAL_DAYS", default_value_t = HISTORY_DAYS, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    personal_days: u32,
    #[command(flatten)]
    tables: LogAndDirectory,
}

fn duration(text: &str) -> Result<humantime::Duration, String> {
    text.parse().map_err(|_| "must be a duration such as 60s, 1m 30s or 800ms".to_owned())
}

impl Rebuild {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let (log, directory) = self.tables.open().await?;
        let directory = directory.keeping_histories(self.personal_days);
        let items = log.about().await.map_err(read_error)?;
        let grace_ms = i64::try_from(self.grace.as_millis()).unwrap_or(i64::MAX);
        let report = Report::new(progress::count(items, "items of the log", output), output);
        let mut comparison = Comparison { log, directory, apply: self.apply, grace_ms, report };
        comparison.compare_log_with_models().await?;
        let rows = 2 * comparison.report.counts.calls;
        comparison.report.next_bar(progress::count(Some(rows), "history rows", output));
        comparison.compare_models_with_log().await?;
        Ok(comparison.report.print_summary(self.apply))
    }
}
