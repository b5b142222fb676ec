//! `ilock log CALL_ID`: prints the commits and receipts of a call as they are stored.

use std::process::ExitCode;

use clap::Args;
use ilock_audit::replay::day_and_time;
use ilock_audit::visible;
use ilock_events::{CallEvent, CallId};
use ilock_log::History;
use serde_json::json;

use crate::audit::source::{Source, call_error, no_call, read_error};
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

#[derive(Debug, Args)]
pub struct Log {
    call_id: CallId,
    #[command(flatten)]
    source: Source,
}

impl Log {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let log = self.source.log().await?;
        let history = log.load(&self.call_id).await.map_err(|error| call_error(&self.call_id, error))?;
        if history.commits.is_empty() {
            let stored = log.stored(&self.call_id).await.map_err(read_error)?;
            return Err(no_call(&stored, "there is no call"));
        }
        for commit in &history.commits {
            output.line(Level::Info, "commit", &commit_text(&history, commit), json!({ "commit": commit }));
            for receipt in history.receipts.iter().filter(|receipt| receipt.n == commit.n) {
                output.line(Level::Info, "receipt", &receipt_text(receipt), json!({ "receipt": receipt }));
            }
        }
        if output.is_json() {
            for personal in &history.personal {
                output.line(Level::Info, "personal", "", json!({ "personal": personal }));
            }
        } else {
            output.line(Level::Success, "verified", "chain verified", json!({}));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn commit_text(history: &History, commit: &ilock_events::Commit) -> String {
    let events: Vec<&str> = commit.events.iter().map(|event| event.name.as_str()).collect();
    let text = history.text_of(commit.n);
    let reason =
        text.and_then(|text| text.reason.as_ref()).map(|reason| format!(" “{}”", visible(reason))).unwrap_or_default();
    let placed = match commit.events.first().map(CallEvent::read) {
        Some(Ok(CallEvent::CallPlaced(terms))) => format!(
            "\n     {} rings {} for {} s, room {}",
            terms.caller.id,
            terms.callees.iter().map(|callee| callee.id.as_str()).collect::<Vec<_>>().join(", "),
            terms.ring_seconds,
            terms.room_id
        ),
        _ => String::new(),
    };
    format!(
        "{:>3}  {}  {:<9} {} by {}{reason}{placed}\n     {}",
        commit.n.0,
        day_and_time(commit.at),
        commit.state.word(),
        visible(&events.join(", ")),
        commit.actor.name(),
        visible(&commit.hash),
    )
}

/// One line for each delivery.
fn receipt_text(receipt: &ilock_events::Receipt) -> String {
    let phones = receipt.phones.iter().map(|(phone, delivery)| (format!("{phone} by {}", delivery.target), delivery));
    let deliveries: Vec<String> = receipt
        .notices
        .values()
        .map(|delivery| (delivery.target.clone(), delivery))
        .chain(phones)
        .map(|(recipient, delivery)| match &delivery.error {
            None => format!("     → {} after {} ms ({})", visible(&recipient), delivery.ms, receipt.path.word()),
            Some(error) => {
                format!("     ✗ {}: {} ({})", visible(&recipient), visible(error), receipt.path.word())
            }
        })
        .collect();
    deliveries.join("\n")
}
