//! `ilock phone`: a phone that prints what happens and answers calls.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ilock_auth::Role;
use ilock_client::{AccessTokens, CallInfo, Ending, Event, Handle, Room};
use ilock_events::PartyId;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::Instant;

use crate::play::client;
use crate::play::stop::StopSignal;
use crate::play::target::Target;
use crate::ui::error::CommandError;
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

struct Session<'a> {
    phone: &'a Phone,
    output: Output,
    client: Handle,
    /// Whether messages arrived at least once.
    ready: bool,
    /// The call that rings or is active.
    call: Option<String>,
    /// When this phone answered it. The main loop takes it to set the hang-up timer.
    answered: Option<Instant>,
}

impl Phone {
    /// Runs until it is stopped, or with --once until the first call has ended.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let token = self.target.token(&self.user, Role::User)?;
        let builder = ilock_client::phone(&self.target.server(), AccessTokens::fixed(token));
        let (client, mut events) = client::start(builder.client_id(&self.client_id), self.ca.as_deref())?;
        let mut session = Session { phone: &self, output, client, ready: false, call: None, answered: None };
        let mut keys = BufReader::new(tokio::io::stdin()).lines();
        let mut keyboard = !(self.accept || self.reject);
        let hang_up = tokio::time::sleep(NEVER);
        tokio::pin!(hang_up);
        let mut stop = StopSignal::listen().map_err(CommandError::new)?;
        let stopped = stop.received();
        tokio::pin!(stopped);
        let code = loop {
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return Ok(ExitCode::SUCCESS) };
                    if let Some(code) = session.on_event(event)? {
                        break code;
                    }
                }
                line = keys.next_line(), if keyboard => match line {
                    Ok(Some(line)) => session.on_key(line.trim()),
                    _ => keyboard = false,
                },
                () = &mut hang_up => {
                    hang_up.as_mut().reset(Instant::now() + NEVER);
                    session.on_key("h");
                }
                () = &mut stopped => break 0,
            }
            if let (Some(seconds), Some(answered)) = (self.hang_up_after, session.answered.take()) {
                hang_up.as_mut().reset(answered + Duration::from_secs(seconds));
            }
        };
        session.client.close().await;
        Ok(ExitCode::from(code))
    }
}

impl Session<'_> {
    /// Prints an event and reacts to it as the command line says. Returns an exit code when there is nothing more to do.
    fn on_event(&mut self, event: Event) -> Result<Option<u8>, CommandError> {
        match event {
            Event::Online { client_id } => self.on_online(&client_id),
            Event::Offline => self.output.warn("connection lost; reconnecting"),
            Event::Ring { call } => self.on_ring(&call),
            Event::EnterRoom { call_id, room } => self.on_room(call_id, &room),
            Event::CallOver { call_id, why, by, .. } => return Ok(self.on_over(&call_id, why, by.as_deref())),
            Event::ClientAdded { client_id } => {
                let text = format!("another client of this person was registered: {client_id}");
                self.output.line(Level::Warning, "client_added", &text, json!({ "client_id": client_id }));
            }
            Event::TakenOver => {
                return Err(CommandError::new("another connection uses this client's id")
                    .hint("start this phone with another --client-id"));
            }
            Event::LoggedOut { why } => return Err(client::logged_out(why)),
            Event::Problem { problem } => {
                let error = client::problem(&problem, &self.phone.target.server());
                if !self.ready {
                    return Err(error);
                }
                self.output.error(&error);
            }
            _ => {}
        }
        Ok(None)
    }

    fn on_online(&mut self, client_id: &str) {
        let event = if self.ready { "online" } else { "ready" };
        self.ready = true;
        self.output.line(Level::Info, event, &format!("{event:<8} {client_id}"), json!({ "client_id": client_id }));
    }

    fn on_ring(&mut self, call: &CallInfo) {
        let CallInfo { call_id, caller_id, caller_name, .. } = call;
        let user_sig = match &call.room {
            Some(room) => format!("room {}, user_sig readable", room.room_id),
            None => "no readable user_sig in the message".to_owned(),
        };
        let text = format!("incoming {call_id}\n         {caller_name} ({caller_id})\n         {user_sig}");
        // Without the way in: what is printed ends up in logs.
        let details = json!({ "call": { "call_id": call_id, "caller_id": caller_id, "caller_name": caller_name } });
        self.output.line(Level::Success, "incoming", &text, details);
        self.call = Some(call_id.clone());
        if self.phone.reject {
            self.client.reject(call_id, None);
        } else if self.phone.accept {
            self.client.answer(call_id);
        }
    }

    fn on_room(&mut self, call_id: String, room: &Room) {
        let text = format!("answered {call_id}\n         room {} as {}", room.room_id, room.user_id);
        let details = json!({ "call_id": call_id, "room_id": room.room_id, "user_id": room.user_id });
        self.output.line(Level::Success, "answered", &text, details);
        self.call = Some(call_id);
        self.answered = Some(Instant::now());
    }

    fn on_over(&mut self, call_id: &str, why: Ending, by: Option<&str>) -> Option<u8> {
        let (word, code) = client::ending(why);
        let who = by.map_or_else(String::new, |by| format!(" by {by}"));
        let details = json!({ "call_id": call_id, "why": why, "by": by });
        self.output.line(Level::Warning, word, &format!("{word:<8} {call_id}{who}"), details);
        self.call.take_if(|call| call == call_id).filter(|_| self.phone.once).map(|_| code)
    }

    fn on_key(&mut self, key: &str) {
        let Some(call) = &self.call else { return self.output.warn("there is no call to act on") };
        match key {
            "a" => self.client.answer(call),
            "r" => self.client.reject(call, None),
            "h" => self.client.hang_up(call, None),
            _ => self.output.warn("unknown key: a answers, r rejects, h hangs up"),
        }
    }
}
