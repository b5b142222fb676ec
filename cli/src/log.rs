//! `ilock log CALL_ID`: the commits and receipts of a call, as they are stored.

use std::process::ExitCode;

use clap::Args;
use ilock_events::{CallEvent, CallId, Millis};
use ilock_local::dynamodb;
use ilock_log::{EventLog, History};
use serde_json::json;

use crate::failure::Failure;
use crate::say::{Say, Tone};

/// Which call, out of which log.
#[derive(Debug, Args)]
pub struct Log {
    /// Which call.
    call_id: CallId,
    /// The table of the log.
    #[arg(long, env = "EVENTS_TABLE", default_value = "events")]
    table: String,
    /// Read from the AWS account of the environment instead of a running `ilock dev`.
    #[arg(long)]
    aws: bool,
    /// Where the DynamoDB of a running `ilock dev` is.
    #[arg(long, env = "ILOCK_DYNAMODB", default_value = "127.0.0.1:18000")]
    dynamodb: std::net::SocketAddr,
}

impl Log {
    /// Prints it.
    pub async fn run(self, say: Say) -> Result<ExitCode, Failure> {
        let client = if self.aws {
            aws_sdk_dynamodb::Client::new(
                &aws_config::load_defaults(aws_sdk_dynamodb::config::BehaviorVersion::latest()).await,
            )
        } else {
            dynamodb::client(self.dynamodb, None)
        };
        let log = EventLog::new(client, self.table);
        let history = log.load(&self.call_id).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            Failure::new(format!("{error}{cause}")).hint("is `ilock dev` running? --aws reads from an AWS account")
        })?;
        if history.commits.is_empty() {
            return Err(Failure::new(format!("there is no call {}", self.call_id)));
        }
        for commit in &history.commits {
            say.line(Tone::Plain, "commit", &commit_text(&history, commit), json!({ "commit": commit }));
            for receipt in history.receipts.iter().filter(|receipt| receipt.n == commit.n) {
                say.line(Tone::Plain, "receipt", &receipt_text(receipt), json!({ "receipt": receipt }));
            }
        }
        if say.is_json() {
            for personal in &history.personal {
                say.line(Tone::Plain, "personal", "", json!({ "personal": personal }));
            }
        } else {
            say.line(Tone::Good, "verified", "chain verified", json!({}));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn commit_text(history: &History, commit: &ilock_events::Commit) -> String {
    let events: Vec<&str> = commit.events.iter().map(|event| event.name.as_str()).collect();
    let text = history.text_of(commit.n);
    let reason = text.and_then(|text| text.reason.as_ref()).map(|reason| format!(" “{reason}”")).unwrap_or_default();
    let placed = match commit.events.first().map(CallEvent::read) {
        Some(Ok(CallEvent::CallPlaced(terms))) => format!(
            "\n     {} rings {} for {} s, room {}",
            terms.caller.id, terms.callee, terms.ring_seconds, terms.room_id
        ),
        _ => String::new(),
    };
    format!(
        "{:>3}  {}  {:<9} {} by {}{reason}{placed}\n     {}",
        commit.n.0,
        clock_time(commit.at),
        commit.state.word(),
        events.join(", "),
        commit.actor.name(),
        commit.hash,
    )
}

fn receipt_text(receipt: &ilock_events::Receipt) -> String {
    let told: Vec<String> = receipt
        .notices
        .values()
        .map(|handed| match &handed.error {
            None => format!("     → {} after {} ms ({})", handed.target, handed.ms, receipt.path),
            Some(error) => format!("     ✗ {}: {error} ({})", handed.target, receipt.path),
        })
        .collect();
    told.join("\n")
}

fn clock_time(at: Millis) -> String {
    let time =
        time::OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (date, time) = (time.date(), time.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second(),
        at.0.rem_euclid(1000)
    )
}
