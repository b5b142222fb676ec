//! `ilock phone`: registers, connects, shows what arrives, answers.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ilock_auth::{PayloadKeys, Role};
use ilock_events::{CallView, ClientId, ClientRegistered, PartyId, RegisterClient};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::Instant;

use crate::play::http::HttpApi;
use crate::play::mqtt::{Message, MqttConnection};
use crate::play::target::Target;
use crate::ui::error::{CommandError, EXIT_LOST_RACE};
use crate::ui::output::{Level, Output};

/// Whose phone, and what it does when it rings. Without --accept and --reject it listens to the keyboard: a answers, r
/// refuses, h hangs up, each with Enter.
#[derive(Debug, Args)]
pub struct Phone {
    /// Whose phone this is.
    #[arg(long)]
    user: PartyId,
    /// Which of their phones. [default: the user's id and `_ilock-phone`]
    #[arg(long)]
    client_id: Option<ClientId>,
    /// Answer every call.
    #[arg(long, conflicts_with = "reject")]
    accept: bool,
    /// Refuse every call.
    #[arg(long)]
    reject: bool,
    /// Hang up so many seconds after answering.
    #[arg(long)]
    hang_up_after: Option<u64>,
    /// Stop after the first call is over, with its exit code.
    #[arg(long)]
    once: bool,
    /// Trust this PEM file on TLS connections to the broker.
    #[arg(long)]
    ca: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

struct Session {
    api: HttpApi,
    client: ClientId,
    registered: ClientRegistered,
    /// The call that rings or is spoken on.
    call: Option<String>,
    /// When this phone has just answered it.
    answered: Option<Instant>,
}

impl Phone {
    /// Plays the phone until Ctrl-C.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let api = HttpApi::new(self.target.server(), self.target.token(&self.user, Role::User)?)?;
        let client = match &self.client_id {
            Some(client) => client.clone(),
            None => ClientId::new(format!("{}_ilock-phone", self.user)).map_err(CommandError::new)?,
        };
        let register = RegisterClient {
            user_id: Some(self.user.clone()),
            device_type: Some("mobile".into()),
            client_id: client.clone(),
            push_token: None,
            voip_token: None,
            environment: None,
            language: None,
            app_version: Some(env!("CARGO_PKG_VERSION").into()),
            platform: None,
        };
        let registered: ClientRegistered = api.ask(Method::POST, "/api/mqtt/clients/register", Some(&register)).await?;
        let mut link = MqttConnection::open(&registered, self.ca.as_deref()).await?;
        output.line(Level::Info, "ready", &format!("ready    {client}"), json!({ "client_id": client }));

        let mut session = Session { api, client, registered, call: None, answered: None };
        let mut keys = BufReader::new(tokio::io::stdin()).lines();
        let mut keyboard = !(self.accept || self.reject);
        let far = Duration::from_hours(24);
        let hang_up = tokio::time::sleep(far);
        tokio::pin!(hang_up);
        loop {
            tokio::select! {
                arrived = link.next(|why| output.warn(&format!("connection lost: {why}; trying again"))) => {
                    let over = session.arrived(&self, output, &arrived?).await?;
                    if let Some(code) = over.filter(|_| self.once) {
                        return Ok(code);
                    }
                }
                line = keys.next_line(), if keyboard => match line {
                    Ok(Some(line)) => session.key(output, line.trim()).await,
                    _ => keyboard = false,
                },
                () = &mut hang_up => {
                    hang_up.as_mut().reset(Instant::now() + far);
                    session.act(output, "hangup").await;
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
}

impl Session {
    /// Shows a message and does what the phone was told to do about it. Returns how the call ended, once it has.
    async fn arrived(
        &mut self,
        phone: &Phone,
        output: Output,
        arrived: &Message,
    ) -> Result<Option<ExitCode>, CommandError> {
        let body = &arrived.body;
        let call_id = body["call_id"].as_str().unwrap_or_default().to_owned();
        if arrived.topic.ends_with("/calls/incoming") {
            let name = body["caller_info"]["name"].as_str().unwrap_or_default();
            let caller = body["caller_id"].as_str().unwrap_or_default();
            let text = format!("incoming {call_id}\n         {name} ({caller}){}", self.ticket(body));
            output.line(Level::Success, "incoming", &text, json!({ "topic": arrived.topic, "message": body }));
            self.call = Some(call_id);
            self.act(output, "ringing").await;
            if phone.accept && self.act(output, "accepted").await.is_none() || phone.reject {
                if phone.reject {
                    self.act(output, "rejected").await;
                }
                self.call = None;
                return Ok(Some(ExitCode::from(if phone.reject { 3 } else { EXIT_LOST_RACE })));
            }
            return Ok(None);
        }
        let action = body["action"].as_str().unwrap_or_default();
        let by = body["device_id"].as_str().map_or_else(String::new, |by| format!(" by {by}"));
        output.line(
            Level::Warning,
            action,
            &format!("{action:<8} {call_id}{by}"),
            json!({ "topic": arrived.topic, "message": body }),
        );
        let own = body["device_id"].as_str() == Some(self.client.as_str());
        if self.call.as_deref() != Some(call_id.as_str()) || own {
            return Ok(None);
        }
        self.call = None;
        Ok(Some(ExitCode::from(match action {
            "hangup" => 0,
            "timeout" => 4,
            "cancelled" => 5,
            _ => EXIT_LOST_RACE,
        })))
    }

    fn ticket(&self, body: &Value) -> String {
        let room = body["room_info"]["room_id"].as_str().unwrap_or_default();
        let opened = match (body["room_info"]["user_sig"].as_str(), &self.registered.payload_key) {
            (Some(sealed), Some(key)) => match PayloadKeys::open(key, sealed) {
                Ok(_) => "ticket opened",
                Err(_) => "ticket not opened",
            },
            _ => "no ticket in the message",
        };
        format!("\n         room {room}, {opened}")
    }

    async fn key(&mut self, output: Output, key: &str) {
        match key {
            "a" => drop(self.act(output, "accepted").await),
            "r" => drop(self.act(output, "rejected").await),
            "h" => drop(self.act(output, "hangup").await),
            _ => output.warn("a answers, r refuses, h hangs up"),
        }
    }

    /// Tells the backend; none when it refuses.
    async fn act(&mut self, output: Output, action: &str) -> Option<CallView> {
        let Some(call) = &self.call else {
            output.warn("no call");
            return None;
        };
        let ask = json!({ "call_id": call, "action": action, "client_id": self.client });
        match self.api.ask::<CallView>(Method::POST, "/api/calls/callee-action", Some(&ask)).await {
            Ok(view) => {
                if action == "accepted" {
                    self.answered = Some(Instant::now());
                }
                output.line(Level::Info, &format!("sent_{action}"), &format!("→ {action}"), json!({ "call": view }));
                Some(view)
            }
            Err(failure) => {
                output.error(&failure);
                None
            }
        }
    }
}
