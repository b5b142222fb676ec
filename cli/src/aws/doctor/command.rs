//! The command line of `ilock doctor`: runs the checks, prints the results and counts them.

use std::process::ExitCode;

use aws_config::SdkConfig;
use clap::Args;
use serde_json::json;

use crate::aws::doctor::alarms;
use crate::aws::doctor::broker;
use crate::aws::doctor::check_result::{CheckResult, Outcome};
use crate::aws::doctor::feeds;
use crate::aws::doctor::functions;
use crate::aws::doctor::http;
use crate::aws::doctor::keys;
use crate::aws::doctor::ledger;
use crate::aws::doctor::pages;
use crate::aws::doctor::queues;
use crate::aws::doctor::quotas;
use crate::aws::doctor::secrets;
use crate::aws::doctor::stacks;
use crate::aws::doctor::subscribers;
use crate::aws::doctor::tables;
use crate::aws::stack::{Stack, StackName};
use crate::selected_account::load_config;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    stack: StackName,
    /// How many phones and door stations are to be connected at once: checks that the account's quotas have room for them, which
    /// nothing else warns of.
    #[arg(long)]
    clients: Option<u64>,
}

impl Doctor {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let sdk = load_config().await?;
        let mut report = Report { output, counts: [0; 4] };
        let name = self.stack.name();
        let (stack, results) = stacks::check(&sdk, &name).await;
        report.add(results);
        if let Some(stack) = &stack {
            report.check(&sdk, stack, self.clients).await;
        }
        Ok(report.print_summary(stack.is_some()))
    }
}

struct Report {
    output: Output,
    /// By [`Outcome`].
    counts: [usize; 4],
}

impl Report {
    async fn check(&mut self, sdk: &SdkConfig, stack: &Stack, clients: Option<u64>) {
        self.add(quotas::check(sdk, stack, clients).await);
        self.add(http::check(stack).await);
        self.add(pages::check(stack).await);
        self.add(secrets::check(sdk, stack).await);
        self.add(keys::check(sdk, stack).await);
        self.add(functions::check(sdk, stack).await);
        self.add(broker::check(sdk, stack).await);
        let (stream, results) = tables::check(sdk, stack).await;
        self.add(results);
        let (sources, results) = feeds::check(sdk, stack, stream.as_deref()).await;
        self.add(results);
        self.add(queues::check(sdk, stack, &sources).await);
        self.add(ledger::check(sdk, stack).await);
        self.add(alarms::check(sdk, stack).await);
        self.add(subscribers::check(sdk, stack).await);
    }

    fn add(&mut self, results: Vec<CheckResult>) {
        for result in results {
            self.counts[result.outcome as usize] += 1;
            let level = match result.outcome {
                Outcome::Ok => Level::Success,
                Outcome::Unchecked => Level::Info,
                Outcome::Warning => Level::Warning,
                Outcome::Failed => Level::Error,
            };
            self.output.line(level, "check", &result.text(), json!({ "check": result }));
        }
    }

    /// Without the stack nothing could be checked, and so nothing is known to work.
    fn print_summary(self, was_stack_read: bool) -> ExitCode {
        let [ok, warnings, failed, unchecked] = self.counts;
        let level = if failed > 0 {
            Level::Error
        } else if warnings + unchecked > 0 {
            Level::Warning
        } else {
            Level::Success
        };
        let text = format!("\n{ok} ok, {warnings} warnings, {failed} failed, {unchecked} could not be checked");
        let counts = json!({ "ok": ok, "warnings": warnings, "failed": failed, "unchecked": unchecked });
        self.output.line(level, "checked", &text, counts);
        ExitCode::from(u8::from(failed > 0 || !was_stack_read))
    }
}
