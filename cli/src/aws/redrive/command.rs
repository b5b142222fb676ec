//! The command line of `ilock redrive`.

use std::process::ExitCode;

use clap::Args;
use ilock_events::CallId;

use crate::aws::redrive::call;
use crate::aws::redrive::letters;
use crate::aws::redrive::queue;
use crate::aws::redrive::sqs_move;
use crate::aws::stack::{StackName, read_stack};
use crate::selected_account::load_config;
use crate::ui::error::{CommandError, EXIT_USAGE};
use crate::ui::output::Output;

#[derive(Debug, Args)]
pub struct Redrive {
    /// The dead-letter queue: its name, URL or ARN.
    #[arg(required_unless_present = "call", conflicts_with = "call")]
    queue: Option<String>,
    /// Read this call from the log and send it again: its commits to the projector; its commits and all that stands beside them,
    /// but for personal text, to the ledger. For what the stream no longer has.
    #[arg(long, value_name = "CALL_ID")]
    call: Option<CallId>,
    /// Print and delete letters of which the stream no longer has all records. What it still has of them is sent again first.
    #[arg(long, requires = "queue")]
    drop_expired: bool,
    /// The most messages a second that SQS moves back to a queue: 1 to 500. [default: SQS decides]
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=500), requires = "queue")]
    per_second: Option<i32>,
    #[command(flatten)]
    stack: StackName,
}

impl Redrive {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let sdk = load_config().await?;
        if let Some(call) = &self.call {
            return call::redrive(output, &sdk, &read_stack(&sdk, &self.stack.name()).await?, call).await;
        }
        let Some(queue) = &self.queue else {
            return Err(CommandError::new("QUEUE or --call is needed").exit_code(EXIT_USAGE));
        };
        let queue = queue::find(&sdk, queue).await?;
        if queue.sources.is_empty() {
            letters::redrive(output, &sdk, &queue, self.drop_expired).await
        } else {
            sqs_move::redrive(output, &sdk, &queue, self.per_second).await
        }
    }
}
