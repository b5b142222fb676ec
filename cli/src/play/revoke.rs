//! `ilock revoke`: logs somebody out everywhere.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ilock_auth::Role;
use ilock_events::{PartyId, Revocation, Revoked};
use serde::Deserialize;
use serde_json::json;

use crate::play::target::Target;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

#[derive(Debug, Args)]
pub struct Revoke {
    /// The person: a user, auditor or operator.
    #[arg(required_unless_present = "device", conflicts_with = "device")]
    user: Option<PartyId>,
    /// A door station instead.
    #[arg(long)]
    device: Option<PartyId>,
    /// The operator who asks, on this machine. On another, `--token` says it.
    #[arg(long, default_value = "operator")]
    operator: PartyId,
    #[command(flatten)]
    target: Target,
}

impl Revoke {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let token = self.target.token(&self.operator, Role::Operator)?;
        let who = self.user.as_ref().or(self.device.as_ref()).map(ToString::to_string).unwrap_or_default();
        let ask = Revocation { user_id: self.user, device_id: self.device };
        let revoked = send(&self.target.server(), &token, &ask).await?;
        let clients = revoked.removed.len();
        let text = format!("{who} is logged out everywhere; {clients} clients were removed");
        output.line(
            Level::Info,
            "revoked",
            &text,
            json!({ "id": who, "not_before": revoked.not_before, "removed": revoked.removed }),
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// What the backend answers.
#[derive(Deserialize)]
struct Answer {
    code: u32,
    message: String,
    hint: Option<String>,
    data: Option<serde_json::Value>,
}

async fn send(server: &str, token: &str, ask: &Revocation) -> Result<Revoked, CommandError> {
    let failed = |error: reqwest::Error| CommandError::new(format!("{server}: {error}"));
    let body = serde_json::to_vec(ask).map_err(CommandError::new)?;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(15)).build().map_err(failed)?;
    let answer = client
        .post(format!("{server}/api/admin/revocations"))
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .map_err(failed)?;
    let status = answer.status();
    let text = answer.bytes().await.map_err(failed)?;
    // What stands before the backend answers in its own way.
    let answer: Answer = serde_json::from_slice(&text)
        .map_err(|_| CommandError::new(format!("{server} answered with HTTP status {}", status.as_u16())))?;
    match answer.data {
        Some(data) if status.is_success() => serde_json::from_value(data).map_err(CommandError::new),
        _ => {
            let error = CommandError::new(format!("{} (code {})", answer.message, answer.code));
            Err(match answer.hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
    }
}
