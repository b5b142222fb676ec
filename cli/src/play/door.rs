//! `ilock door press`: places a call as a door station and follows it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use ilock_auth::Role;
use ilock_events::{CallState, CallView, CallerInfo, ClientId, ClientRegistered, PartyId, PlaceCall, RegisterClient};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::play::http::HttpApi;
use crate::play::mqtt::MqttConnection;
use crate::play::target::Target;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

/// A door station.
#[derive(Debug, Subcommand)]
pub enum Door {
    /// Presses the button: places a call and follows it to its end.
    Press(Press),
}

/// Whom to ring, and how.
#[derive(Debug, Args)]
pub struct Press {
    /// Who is to be rung.
    #[arg(long)]
    callee: PartyId,
    /// Which door station this is.
    #[arg(long, default_value = "device123")]
    device: PartyId,
    /// What the phones show.
    #[arg(long, default_value = "前门设备")]
    name: String,
    /// Where it is.
    #[arg(long, default_value = "小区大门")]
    location: String,
    /// How long to ring: 5 to 120 seconds.
    #[arg(long)]
    ring_seconds: Option<u32>,
    /// Give up after so many seconds without an answer.
    #[arg(long)]
    cancel_after: Option<u64>,
    /// Hang up so many seconds after the answer.
    #[arg(long)]
    hang_up_after: Option<u64>,
    /// Trust this PEM file on TLS connections to the broker.
    #[arg(long)]
    ca: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

impl Door {
    /// Plays the door.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        match self {
            Self::Press(press) => press.run(output).await,
        }
    }
}

impl Press {
    async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let api = HttpApi::new(self.target.server(), self.target.token(&self.device, Role::Device)?)?;
        let client_id = ClientId::new(format!("{}_ilock-door", self.device)).map_err(CommandError::new)?;
        let register = RegisterClient {
            user_id: None,
            device_type: Some("door".into()),
            client_id,
            push_token: None,
            voip_token: None,
            environment: None,
            language: None,
            app_version: Some(env!("CARGO_PKG_VERSION").into()),
            platform: None,
        };
        let registered: ClientRegistered = api.ask(Method::POST, "/api/mqtt/clients/register", Some(&register)).await?;
        let mut link = MqttConnection::open(&registered, self.ca.as_deref()).await?;

        let info = CallerInfo {
            name: Some(self.name.clone()),
            location: Some(self.location.clone()),
            ..CallerInfo::default()
        };
        let ask = PlaceCall {
            callee_id: self.callee.clone(),
            caller_info: Some(info),
            ring_seconds: self.ring_seconds,
            invitation_data: None,
        };
        let pressed = Instant::now();
        let call: CallView = api.ask(Method::POST, "/api/calls", Some(&ask)).await?;
        output.line(Level::Info, "placed", &format!("placed   {}", call.call_id), json!({ "call": call }));
        self.follow(output, &api, &mut link, &call, pressed).await
    }

    async fn follow(
        &self,
        output: Output,
        api: &HttpApi,
        link: &mut MqttConnection,
        call: &CallView,
        pressed: Instant,
    ) -> Result<ExitCode, CommandError> {
        let far = Duration::from_hours(24);
        let cancel = tokio::time::sleep(self.cancel_after.map_or(far, Duration::from_secs));
        let hang_up = tokio::time::sleep(far);
        tokio::pin!(cancel, hang_up);
        let mut state = call.state;
        loop {
            tokio::select! {
                arrived = link.next(|why| output.warn(&format!("connection lost: {why}; trying again"))) => {
                    let body = arrived?.body;
                    if body["call_id"].as_str() != Some(call.call_id.as_str()) {
                        continue;
                    }
                    let action = body["action"].as_str().unwrap_or_default().to_owned();
                    let tone = if matches!(action.as_str(), "ringing" | "accepted") { Level::Success } else { Level::Warning };
                    let ms = pressed.elapsed().as_millis();
                    output.line(tone, &action, &format!("{action:<8} after {ms} ms{}", reason(&body)), json!({ "message": body }));
                    if action == "accepted" {
                        state = CallState::Active;
                        if let Some(seconds) = self.hang_up_after {
                            hang_up.as_mut().reset(Instant::now() + Duration::from_secs(seconds));
                        }
                    }
                    if let Some(code) = ended(&action) {
                        return Ok(code);
                    }
                }
                () = &mut cancel, if state == CallState::Ringing => return self.end(output, api, call, state).await,
                () = &mut hang_up => return self.end(output, api, call, state).await,
                _ = tokio::signal::ctrl_c() => return self.end(output, api, call, state).await,
            }
        }
    }

    async fn end(
        &self,
        output: Output,
        api: &HttpApi,
        call: &CallView,
        state: CallState,
    ) -> Result<ExitCode, CommandError> {
        let (action, code) =
            if state == CallState::Active { ("hangup", ExitCode::SUCCESS) } else { ("cancelled", ExitCode::from(5)) };
        let ask = json!({ "call_id": call.call_id, "action": action });
        let view: CallView = api.ask(Method::POST, "/api/calls/caller-action", Some(&ask)).await?;
        output.line(Level::Info, action, action, json!({ "call": view }));
        Ok(code)
    }
}

fn reason(body: &Value) -> String {
    body["reason"].as_str().map_or_else(String::new, |reason| format!(": {reason}"))
}

fn ended(action: &str) -> Option<ExitCode> {
    match action {
        "hangup" => Some(ExitCode::SUCCESS),
        "rejected" => Some(ExitCode::from(3)),
        "timeout" => Some(ExitCode::from(4)),
        _ => None,
    }
}
