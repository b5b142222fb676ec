//! `ilock phone`: registers, connects, prints the messages that arrive, and answers calls.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ilock_auth::{PayloadKeys, Role};
use ilock_events::{CallView, ClientName, ClientRegistered, PartyId, RegisterClient, SentClientId};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::Instant;

use crate::play::http::HttpApi;
use crate::play::mqtt::{Message, MqttConnection};
use crate::play::target::Target;
use crate::ui::error::{CommandError, EXIT_CANCELLED, EXIT_LOST_RACE, EXIT_MISSED, EXIT_REJECTED};
use crate::ui::output::{Level, Output};

/// A timer that is not set yet.
const NEVER: Duration = Duration::from_hours(24);

#[derive(Debug, Args)]
pub struct Phone {
    /// The user whose phone this is.
    #[arg(long)]
    user: PartyId,
    /// What the phone calls itself, with or without the user's id and `_` before it.
    #[arg(long, default_value = "ilock-phone")]
    client_id: String,
    /// Accept every call.
    #[arg(long, conflicts_with = "reject")]
    accept: bool,
    /// Reject every call.
    #[arg(long)]
    reject: bool,
    /// Hang up this many seconds after answering.
    #[arg(long)]
    hang_up_after: Option<u64>,
    /// Stop when the first call has ended. The exit code tells how.
    #[arg(long)]
    once: bool,
    /// Trust the certificates in this PEM file on TLS connections to the broker.
    #[arg(long)]
    ca: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

struct Session {
    output: Output,
    api: HttpApi,
    client: ClientName,
    registered: ClientRegistered,
    /// The call that is ringing or active.
    call: Option<String>,
    /// When this phone answered it. The main loop takes it to set the hang-up timer.
    answered: Option<Instant>,
}

impl Phone {
    /// Runs until Ctrl-C, or with --once until the first call has ended.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let mut session = self.register(output).await?;
        let mut connection = MqttConnection::open(&session.registered, self.ca.as_deref()).await?;
        let client = &session.client;
        output.line(Level::Info, "ready", &format!("ready    {client}"), json!({ "client_id": client }));

        let mut keys = BufReader::new(tokio::io::stdin()).lines();
        let mut keyboard = !(self.accept || self.reject);
        let hang_up = tokio::time::sleep(NEVER);
        tokio::pin!(hang_up);
        loop {
            tokio::select! {
                message = connection.next(|why| output.warn(&format!("connection lost: {why}; reconnecting"))) => {
                    let ended = session.on_message(&self, &message?).await;
                    if let Some(code) = ended.filter(|_| self.once) {
                        return Ok(code);
                    }
                }
                line = keys.next_line(), if keyboard => match line {
                    Ok(Some(line)) => session.on_key(line.trim()).await,
                    _ => keyboard = false,
                },
                () = &mut hang_up => {
                    hang_up.as_mut().reset(Instant::now() + NEVER);
                    session.send("hangup").await;
                    session.call = None;
                    if self.once {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
                _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            }
            if let (Some(seconds), Some(answered)) = (self.hang_up_after, session.answered.take()) {
                hang_up.as_mut().reset(answered + Duration::from_secs(seconds));
            }
        }
    }

    async fn register(&self, output: Output) -> Result<Session, CommandError> {
        let api = HttpApi::new(self.target.server(), self.target.token(&self.user, Role::User)?)?;
        let body = RegisterClient {
            user_id: Some(self.user.clone()),
            device_type: Some("mobile".into()),
            client_id: SentClientId(self.client_id.clone()),
            push_token: None,
            voip_token: None,
            environment: None,
            language: None,
            app_version: Some(env!("CARGO_PKG_VERSION").into()),
            platform: None,
        };
        let registered: ClientRegistered = api.request(Method::POST, "/api/mqtt/clients/register", Some(&body)).await?;
        let client = registered.mqtt_credentials.client_id.clone();
        Ok(Session { output, api, client, registered, call: None, answered: None })
    }
}

impl Session {
    /// Prints a message and reacts to it as the command line says. Returns an exit code when the call has ended.
    async fn on_message(&mut self, phone: &Phone, message: &Message) -> Option<ExitCode> {
        let body = &message.body;
        let call_id = body["call_id"].as_str().unwrap_or_default().to_owned();
        if message.topic.ends_with("/calls/incoming") {
            return self.on_incoming(phone, message, call_id).await;
        }
        let action = body["action"].as_str().unwrap_or_default();
        let by = body["device_id"].as_str().map_or_else(String::new, |by| format!(" by {by}"));
        let text = format!("{action:<8} {call_id}{by}");
        self.output.line(Level::Warning, action, &text, json!({ "topic": message.topic, "message": body }));
        let own = body["device_id"].as_str() == Some(self.client.as_str());
        if self.call.as_deref() != Some(call_id.as_str()) || own {
            return None;
        }
        self.call = None;
        Some(ExitCode::from(match action {
            "hangup" => 0,
            "cancelled" if body["state"] == "missed" => EXIT_MISSED,
            "cancelled" => EXIT_CANCELLED,
            _ => EXIT_LOST_RACE,
        }))
    }

    async fn on_incoming(&mut self, phone: &Phone, message: &Message, call_id: String) -> Option<ExitCode> {
        let body = &message.body;
        let name = body["caller_info"]["name"].as_str().unwrap_or_default();
        let caller = body["caller_id"].as_str().unwrap_or_default();
        let text = format!("incoming {call_id}\n         {name} ({caller})\n         {}", self.room(body));
        self.output.line(Level::Success, "incoming", &text, json!({ "topic": message.topic, "message": body }));
        self.call = Some(call_id);
        self.send("ringing").await;
        let code = if phone.reject {
            self.send("rejected").await;
            EXIT_REJECTED
        } else if phone.accept && self.send("accepted").await.is_none() {
            EXIT_LOST_RACE
        } else {
            return None;
        };
        self.call = None;
        Some(ExitCode::from(code))
    }

    /// The room in an incoming message, and whether its `user_sig` can be decrypted with the key from registration.
    fn room(&self, body: &Value) -> String {
        let room = body["room_info"]["room_id"].as_str().unwrap_or_default();
        let user_sig = match (body["room_info"]["user_sig"].as_str(), &self.registered.payload_key) {
            (Some(encrypted), Some(key)) => match PayloadKeys::open(key, encrypted) {
                Ok(_) => "user_sig decrypted",
                Err(_) => "user_sig cannot be decrypted",
            },
            _ => "no user_sig in the message",
        };
        format!("room {room}, {user_sig}")
    }

    async fn on_key(&mut self, key: &str) {
        match key {
            "a" => drop(self.send("accepted").await),
            "r" => drop(self.send("rejected").await),
            "h" => drop(self.send("hangup").await),
            _ => self.output.warn("unknown key: a answers, r rejects, h hangs up"),
        }
    }

    /// Sends an action on the current call to the backend. Returns none when the backend refuses it.
    async fn send(&mut self, action: &str) -> Option<CallView> {
        let Some(call) = &self.call else {
            self.output.warn("there is no call to act on");
            return None;
        };
        let body = json!({ "call_id": call, "action": action, "client_id": self.client });
        match self.api.request::<CallView>(Method::POST, "/api/calls/callee-action", Some(&body)).await {
            Ok(view) => {
                if action == "accepted" {
                    self.answered = Some(Instant::now());
                }
                let event = format!("sent_{action}");
                self.output.line(Level::Info, &event, &format!("→ {action}"), json!({ "call": view }));
                Some(view)
            }
            Err(error) => {
                self.output.error(&error);
                None
            }
        }
    }
}
