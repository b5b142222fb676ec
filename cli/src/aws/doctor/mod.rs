//! `ilock doctor`: looks a deployment over, and says what is wrong and what to do about it. It changes nothing.

mod alarms;
mod broker;
mod clock;
mod feeds;
mod finding;
mod functions;
mod http;
mod queues;
mod stacks;
mod tables;

use std::process::ExitCode;

use aws_config::SdkConfig;
use clap::Args;
use serde_json::json;

use crate::aws::account::account;
use crate::aws::stack::{Stack, StackName};
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};
use finding::{Finding, Outcome};

/// Checks a deployment in the AWS account of the environment; exit code 1 when something is wrong.
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    stack: StackName,
}

impl Doctor {
    /// Checks all, prints each finding as it is made, and counts.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let sdk = account().await?;
        let mut counted = Report { output, counts: [0; 4] };
        let name = self.stack.name();
        let (stack, findings) = stacks::check(&sdk, &name).await;
        counted.all(findings);
        if let Some(stack) = stack {
            counted.check(&sdk, &stack).await;
        }
        Ok(counted.end())
    }
}

struct Report {
    output: Output,
    counts: [usize; 4],
}

impl Report {
    async fn check(&mut self, sdk: &SdkConfig, stack: &Stack) {
        self.all(http::check(stack).await);
        self.all(functions::check(sdk, stack).await);
        self.all(broker::check(sdk, stack).await);
        let (stream, findings) = tables::check(sdk, stack).await;
        self.all(findings);
        let (sources, findings) = feeds::check(sdk, stack, stream.as_deref()).await;
        self.all(findings);
        self.all(queues::check(sdk, stack, &sources).await);
        self.all(alarms::check(sdk, stack).await);
    }

    fn all(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            self.counts[finding.outcome as usize] += 1;
            let tone = match finding.outcome {
                Outcome::Ok => Level::Success,
                Outcome::Unchecked => Level::Info,
                Outcome::Warning => Level::Warning,
                Outcome::Failed => Level::Error,
            };
            self.output.line(tone, "check", &finding.text(), json!({ "check": finding }));
        }
    }

    fn end(self) -> ExitCode {
        let [ok, warnings, failed, unchecked] = self.counts;
        let tone = if failed > 0 {
            Level::Error
        } else if warnings + unchecked > 0 {
            Level::Warning
        } else {
            Level::Success
        };
        let text = format!("\n{ok} ok, {warnings} to look at, {failed} failed, {unchecked} could not be checked");
        let counts = json!({ "ok": ok, "warnings": warnings, "failed": failed, "unchecked": unchecked });
        self.output.line(tone, "checked", &text, counts);
        ExitCode::from(u8::from(failed > 0))
    }
}
