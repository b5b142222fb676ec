//! `ilock door press`: places a call as a door station and follows it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use ilock_auth::Role;
use ilock_events::{
    CallState, CallView, CallerInfo, ClientRegistered, PartyId, PlaceCall, RegisterClient, SentClientId,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::play::http::HttpApi;
use crate::play::mqtt::MqttConnection;
use crate::play::stop::StopSignal;
use crate::play::target::Target;
use crate::ui::error::{CommandError, EXIT_CANCELLED, EXIT_MISSED, EXIT_REJECTED};
use crate::ui::output::{Level, Output};

/// A timer that is not set yet.
const NEVER: Duration = Duration::from_hours(24);

#[derive(Debug, Subcommand)]
pub enum Door {
    /// Presses the button: places a call and follows it to its end.
    Press(Press),
}

#[derive(Debug, Args)]
pub struct Press {
    /// The user to call.
    #[arg(long)]
    callee: PartyId,
    /// The door station's id.
    #[arg(long, default_value = "device123")]
    device: PartyId,
    /// The name that the phones show.
    #[arg(long, default_value = "前门设备")]
    name: String,
    /// The location that the phones show.
    #[arg(long, default_value = "小区大门")]
    location: String,
    /// How long to ring: 5 to 120 seconds.
    #[arg(long)]
    ring_seconds: Option<u32>,
    /// Cancel the call when nobody has answered after this many seconds.
    #[arg(long)]
    cancel_after: Option<u64>,
    /// Hang up this many seconds after the answer.
    #[arg(long)]
    hang_up_after: Option<u64>,
    /// Trust the certificates in this PEM file on TLS connections to the broker.
    #[arg(long)]
    ca: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

/// A call that this door station has placed.
struct PlacedCall {
    output: Output,
    api: HttpApi,
    connection: MqttConnection,
    view: CallView,
    state: CallState,
    pressed: Instant,
}

impl Door {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        match self {
            Self::Press(press) => Box::pin(press.run(output)).await,
        }
    }
}

impl Press {
    async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let api = HttpApi::new(self.target.server(), self.target.token(&self.device, Role::Device)?)?;
        let registered = self.register(&api).await?;
        let connection = MqttConnection::open(&registered, self.ca.as_deref()).await?;

        let info = CallerInfo {
            name: Some(self.name.clone()),
            location: Some(self.location.clone()),
            ..CallerInfo::default()
        };
        let body = PlaceCall {
            callee_id: Some(self.callee.clone()),
            callee_ids: None,
            client_id: None,
            caller_info: Some(info),
            ring_seconds: self.ring_seconds,
            invitation_data: None,
        };
        // A signal that comes while the call is placed ends it afterwards.
        let stop = StopSignal::listen().map_err(CommandError::new)?;
        let pressed = Instant::now();
        let view: CallView = api.request(Method::POST, "/api/calls", Some(&body)).await?;
        output.line(Level::Info, "placed", &format!("placed   {}", view.call_id), json!({ "call": view }));
        let state = view.state;
        PlacedCall { output, api, connection, view, state, pressed }.follow(&self, stop).await
    }

    async fn register(&self, api: &HttpApi) -> Result<ClientRegistered, CommandError> {
        let body = RegisterClient {
            user_id: None,
            device_type: Some("door".into()),
            client_id: SentClientId("ilock-door".into()),
            push_token: None,
            voip_token: None,
            environment: None,
            language: None,
            app_version: Some(env!("CARGO_PKG_VERSION").into()),
            platform: None,
        };
        api.request(Method::POST, "/api/mqtt/clients/register", Some(&body)).await
    }
}

impl PlacedCall {
    /// Prints the messages about the call until it has ended, and ends it when the user asks for it or a timer runs out.
    async fn follow(mut self, press: &Press, mut stop: StopSignal) -> Result<ExitCode, CommandError> {
        let output = self.output;
        let cancel = tokio::time::sleep(press.cancel_after.map_or(NEVER, Duration::from_secs));
        let hang_up = tokio::time::sleep(NEVER);
        tokio::pin!(cancel, hang_up);
        loop {
            tokio::select! {
                message = self.connection.next(|why| output.warn(&format!("connection lost: {why}; reconnecting"))) => {
                    let body = message?.body;
                    if body["call_id"].as_str() != Some(self.view.call_id.as_str()) {
                        continue;
                    }
                    let action = body["action"].as_str().unwrap_or_default();
                    self.print(action, &body);
                    if action == "accepted" {
                        self.state = CallState::Active;
                        if let Some(seconds) = press.hang_up_after {
                            hang_up.as_mut().reset(Instant::now() + Duration::from_secs(seconds));
                        }
                    }
                    if let Some(code) = exit_code(action) {
                        return Ok(code);
                    }
                }
                () = &mut cancel, if self.state == CallState::Ringing => return self.end().await,
                () = &mut hang_up => return self.end().await,
                () = stop.received() => return self.end().await,
            }
        }
    }

    fn print(&self, action: &str, body: &Value) {
        let level = if matches!(action, "ringing" | "accepted") { Level::Success } else { Level::Warning };
        let ms = self.pressed.elapsed().as_millis();
        let reason = body["reason"].as_str().map_or_else(String::new, |reason| format!(": {reason}"));
        self.output.line(level, action, &format!("{action:<8} after {ms} ms{reason}"), json!({ "message": body }));
    }

    /// Hangs up an active call and cancels one that is still ringing; one that was answered meanwhile is hung up.
    async fn end(&self) -> Result<ExitCode, CommandError> {
        let action = if self.state == CallState::Active { "hangup" } else { "cancelled" };
        let view = match self.act(action).await {
            Ok(view) => view,
            Err(error) => {
                let path = format!("/api/calls/{}", self.view.call_id);
                let now: CallView = self.api.request(Method::GET, &path, None::<&()>).await?;
                match now.state {
                    CallState::Active => self.act("hangup").await?,
                    CallState::Ringing => return Err(error),
                    _ => now,
                }
            }
        };
        let (action, code) = match view.state {
            CallState::Ended => ("hangup", ExitCode::SUCCESS),
            CallState::Rejected => ("rejected", ExitCode::from(EXIT_REJECTED)),
            CallState::Missed => ("timeout", ExitCode::from(EXIT_MISSED)),
            _ => ("cancelled", ExitCode::from(EXIT_CANCELLED)),
        };
        self.output.line(Level::Info, action, action, json!({ "call": view }));
        Ok(code)
    }

    async fn act(&self, action: &str) -> Result<CallView, CommandError> {
        let body = json!({ "call_id": self.view.call_id, "action": action });
        self.api.request(Method::POST, "/api/calls/caller-action", Some(&body)).await
    }
}

/// The exit code of an action that ends the call.
fn exit_code(action: &str) -> Option<ExitCode> {
    match action {
        "hangup" => Some(ExitCode::SUCCESS),
        "rejected" => Some(ExitCode::from(EXIT_REJECTED)),
        "timeout" => Some(ExitCode::from(EXIT_MISSED)),
        _ => None,
    }
}
