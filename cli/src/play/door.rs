//! `ilock door press`: places a call as a door station and follows it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use ilock_auth::Role;
use ilock_client::{AccessTokens, Ending, Event, Events, Handle, Problem, Progress};
use ilock_events::PartyId;
use serde_json::json;
use tokio::time::Instant;

use crate::play::client;
use crate::play::target::Target;
use crate::ui::error::{CommandError, EXIT_CANCELLED};
use crate::ui::output::{Level, Output};
use crate::ui::stop::StopSignal;

/// A timer that is not set yet.
const NEVER: Duration = Duration::from_hours(24);

#[derive(Debug, Subcommand)]
pub enum Door {
    /// Presses the button: places a call and follows it to its end.
    Press(Press),
}

#[derive(Debug, Args)]
pub struct Press {
    /// The user to call. Several times for a household: the first phone of any of them answers for all.
    #[arg(long, required = true)]
    callee: Vec<PartyId>,
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

/// The call of this press.
struct Session<'a> {
    press: &'a Press,
    output: Output,
    client: Handle,
    /// When the button was pressed: as soon as messages arrive.
    pressed: Option<Instant>,
    /// When the call was placed.
    placed: Option<Instant>,
    /// That the call is to be ended as soon as it is placed.
    ends_once_placed: bool,
    /// The press, and from its answer on the call.
    call: Option<String>,
    /// When it was answered. The main loop takes it to set the hang-up timer.
    accepted: Option<Instant>,
    active: bool,
    problem: Option<Problem>,
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
        let token = self.target.token(&self.device, Role::Device)?;
        let builder = ilock_client::door(&self.target.server(), AccessTokens::fixed(token));
        let (client, mut events) = client::start(builder.client_id("ilock-door"), self.ca.as_deref())?;
        let mut session = Session {
            press: &self,
            output,
            client,
            pressed: None,
            placed: None,
            ends_once_placed: false,
            call: None,
            accepted: None,
            active: false,
            problem: None,
        };
        let ended = session.follow(&mut events).await;
        if ended.is_err() {
            session.give_up();
        }
        session.client.close().await;
        ended.map(ExitCode::from)
    }
}

impl Session<'_> {
    /// Follows the call to its end, and ends it when the user asks for it or a timer runs out.
    async fn follow(&mut self, events: &mut Events) -> Result<u8, CommandError> {
        let cancel = tokio::time::sleep(NEVER);
        let hang_up = tokio::time::sleep(NEVER);
        let give_up = tokio::time::sleep(NEVER);
        let mut stop = StopSignal::listen().map_err(CommandError::new)?;
        let stopped = stop.received();
        tokio::pin!(cancel, hang_up, give_up, stopped);
        let mut stopping = false;
        loop {
            let was_placed = self.placed.is_some();
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return Err(CommandError::new("the client has ended")) };
                    if let Some(code) = self.on_event(event)? {
                        return Ok(code);
                    }
                }
                () = &mut cancel, if !self.active => {
                    cancel.as_mut().reset(Instant::now() + NEVER);
                    self.end();
                }
                () = &mut hang_up => {
                    hang_up.as_mut().reset(Instant::now() + NEVER);
                    self.end();
                }
                () = &mut stopped, if !stopping => {
                    if self.pressed.is_none() {
                        return Ok(EXIT_CANCELLED);
                    }
                    stopping = true;
                    give_up.as_mut().reset(Instant::now() + client::STOP_TIMEOUT);
                    self.end();
                }
                () = &mut give_up => {
                    give_up.as_mut().reset(Instant::now() + NEVER);
                    self.give_up();
                }
            }
            if let (false, Some(placed), Some(seconds)) = (was_placed, self.placed, self.press.cancel_after) {
                cancel.as_mut().reset(placed + Duration::from_secs(seconds));
            }
            if let (Some(seconds), Some(accepted)) = (self.press.hang_up_after, self.accepted.take()) {
                hang_up.as_mut().reset(accepted + Duration::from_secs(seconds));
            }
        }
    }

    /// Ends the call, once it is placed: before that it has no name to be found by.
    fn end(&mut self) {
        match (&self.call, self.placed) {
            (Some(call), Some(_)) => self.client.hang_up(call, None),
            _ => self.ends_once_placed = true,
        }
    }

    /// Ends the call now, by its press where it has no other name: should it be placed while the client closes, it is
    /// cancelled. One that is over stays so.
    fn give_up(&self) {
        if let Some(call) = &self.call {
            self.client.hang_up(call, None);
        }
    }

    /// Prints an event. Returns an exit code when the call has ended.
    fn on_event(&mut self, event: Event) -> Result<Option<u8>, CommandError> {
        match event {
            Event::Online { .. } if self.pressed.is_none() => self.on_ready(),
            Event::Offline => self.output.warn("connection lost; reconnecting"),
            Event::Progress { press, call_id, progress, .. } => self.on_progress(press, call_id.as_deref(), progress),
            Event::CallOver { why, by, reason, .. } => {
                if why == Ending::Failed
                    && let Some(problem) = self.problem.take()
                {
                    return Err(client::problem(&problem, &self.press.target.server()));
                }
                let (word, code) = client::ending(why);
                self.print(Level::Warning, word, reason.as_deref(), json!({ "why": why, "by": by, "reason": reason }));
                return Ok(Some(code));
            }
            Event::TakenOver => {
                return Err(CommandError::new("another connection uses this door station's client id")
                    .hint("wait until the other command has ended"));
            }
            Event::LoggedOut { why } => return Err(client::logged_out(why)),
            Event::Problem { problem } if self.pressed.is_none() => {
                return Err(client::problem(&problem, &self.press.target.server()));
            }
            Event::Problem { problem } => self.problem = Some(problem),
            _ => {}
        }
        Ok(None)
    }

    fn on_ready(&mut self) {
        let Press { callee, name, location, ring_seconds, .. } = self.press;
        let callees = callee.iter().map(|id| id.as_str().to_owned()).collect();
        let press = ilock_client::Press::household(callees).named(name).at(location);
        self.pressed = Some(Instant::now());
        self.client.press(match ring_seconds {
            Some(seconds) => press.ring_seconds(*seconds),
            None => press,
        });
    }

    fn on_progress(&mut self, press: String, call_id: Option<&str>, progress: Progress) {
        self.call = Some(call_id.map_or(press, str::to_owned));
        match progress {
            Progress::Placing => {}
            Progress::Placed => {
                let text = format!("placed   {}", call_id.unwrap_or_default());
                self.output.line(Level::Info, "placed", &text, json!({ "call": { "call_id": call_id } }));
                self.placed = Some(Instant::now());
                if self.ends_once_placed {
                    self.end();
                }
            }
            Progress::Ringing => self.print(Level::Success, "ringing", None, json!({})),
            Progress::Alerted => self.print(Level::Success, "alerted", None, json!({})),
            Progress::Unreachable => self.print(Level::Warning, "unreachable", None, json!({})),
            Progress::Accepted => {
                self.accepted = Some(Instant::now());
                self.active = true;
                self.print(Level::Success, "accepted", None, json!({}));
            }
        }
    }

    fn print(&self, level: Level, word: &str, reason: Option<&str>, details: serde_json::Value) {
        let ms = self.pressed.map_or(0, |pressed| pressed.elapsed().as_millis());
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        self.output.line(level, word, &format!("{word:<8} after {ms} ms{reason}"), details);
    }
}
