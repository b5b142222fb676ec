//! `ilock redrive`: brings back what a deployment gave up on, once the cause is mended.
//!
//! Two kinds of queues hold such things. The dead letters of a queue go back where they came from; SQS does that. A letter
//! of a function says what the function failed at; it is shown to the function again, and deleted when that went well.

mod call;
mod image;
mod invoke;
mod letter;
mod letters;
mod queue;
mod records;
mod sqs_move;

use std::process::ExitCode;

use clap::Args;
use ilock_events::CallId;

use crate::aws::account::account;
use crate::aws::stack::{StackName, stack};
use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// Brings back what was given up on. Exit code 1 when something stays.
#[derive(Debug, Args)]
pub struct Redrive {
    /// The queue: its name, URL or ARN.
    #[arg(required_unless_present = "call", conflicts_with = "call")]
    queue: Option<String>,
    /// Show the projector and the ledger every commit of this call again, out of the log: for what the stream no longer
    /// has.
    #[arg(long, value_name = "CALL_ID")]
    call: Option<CallId>,
    /// Delete letters whose commits the stream no longer has. They are printed first.
    #[arg(long, requires = "queue")]
    drop_expired: bool,
    /// At most so many messages a second go back to a queue: 1 to 500. [default: SQS decides]
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=500), requires = "queue")]
    per_second: Option<i32>,
    #[command(flatten)]
    stack: StackName,
}

impl Redrive {
    /// Does it.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let sdk = account().await?;
        if let Some(call) = &self.call {
            return call::again(output, &sdk, &stack(&sdk, &self.stack.name()).await?, call).await;
        }
        let Some(asked) = &self.queue else {
            return Err(CommandError::new("QUEUE or --call is needed").exit_code(2));
        };
        let queue = queue::find(&sdk, asked).await?;
        if queue.sources.is_empty() {
            letters::redrive(output, &sdk, &queue, self.drop_expired).await
        } else {
            sqs_move::redrive(output, &sdk, &queue, self.per_second).await
        }
    }
}
