//! `ilock phone`: a phone that prints what happens and answers calls.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ilock_auth::Role;
use ilock_client::{AccessTokens, CallInfo, Ending, Event, Events, Handle, Problem, Room};
use ilock_events::PartyId;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, sleep_until, timeout};

use crate::play::target::Target;
use crate::play::{client, keyboard};
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};
use crate::ui::stop::StopSignal;

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
    #[command(flatten)]
    reply: Reply,
    /// Hang up this many seconds after answering.
    #[arg(long)]
    hang_up_after: Option<u64>,
    /// Stop when the first call has ended here. The exit code tells how.
    #[arg(long)]
    once: bool,
    /// Trust the certificates in this PEM file on TLS connections to the broker.
    #[arg(long)]
    ca: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Reply {
    /// Accept every call.
    #[arg(long)]
    accept: bool,
    /// Reject every call, for all of the person's phones.
    #[arg(long)]
    reject: bool,
    /// Decline every call: this phone falls silent, the person's others ring on.
    #[arg(long)]
    decline: bool,
}

impl Reply {
    fn is_given(&self) -> bool {
        self.accept || self.reject || self.decline
    }
}

struct Session<'a> {
    phone: &'a Phone,
    output: Output,
    client: Handle,
    /// Whether messages arrived at least once.
    ready: bool,
    /// The last call that rings here. One that was declined here may still be answered.
    ringing: Option<String>,
    /// The calls that are not to be left behind, the last one at the end.
    answered: Vec<Answered>,
}

/// A call that this phone answers or has answered.
struct Answered {
    call_id: String,
    /// Whether the backend has confirmed the answer.
    confirmed: bool,
    hang_up_at: Option<Instant>,
}

impl Phone {
    /// Runs until it is stopped, or with --once until the first call has ended. Calls that it has answered end with it.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let token = self.target.token(&self.user, Role::User)?;
        let stop = StopSignal::listen().map_err(CommandError::new)?;
        let builder = ilock_client::phone(&self.target.server(), AccessTokens::fixed(token));
        let (client, mut events) = client::start(builder.client_id(&self.client_id), self.ca.as_deref())?;
        let mut session = Session { phone: &self, output, client, ready: false, ringing: None, answered: vec![] };
        let ended = session.follow(&mut events, stop).await;
        session.leave(&mut events).await;
        session.client.close().await;
        while let Some(event) = events.next().await {
            session.on_last(event);
        }
        ended.map(ExitCode::from)
    }
}

impl Session<'_> {
    /// Prints what happens and does what is typed, until there is an exit code.
    async fn follow(&mut self, events: &mut Events, mut stop: StopSignal) -> Result<u8, CommandError> {
        let mut keys = if self.phone.reply.is_given() { unbounded_channel().1 } else { keyboard::lines() };
        let mut keyboard = true;
        loop {
            let hang_up_at = self.answered.iter().filter_map(|call| call.hang_up_at).min();
            let hang_up_at = hang_up_at.unwrap_or_else(|| Instant::now() + NEVER);
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return Ok(0) };
                    if let Some(code) = self.on_event(event)? {
                        return Ok(code);
                    }
                }
                line = keys.recv(), if keyboard => match line {
                    Some(line) => self.on_key(line.trim()),
                    None => keyboard = false,
                },
                () = sleep_until(hang_up_at) => self.hang_up_due(),
                () = stop.received() => return Ok(0),
            }
        }
    }

    /// Ends what this phone has answered. A call that only rings here is left to the person's other phones.
    async fn leave(&mut self, events: &mut Events) {
        if timeout(client::STOP_TIMEOUT, self.hang_up_all(events)).await.is_err() {
            // Nothing was heard of an answer. Should it have counted, the call is not to last without anybody.
            for call in &self.answered {
                self.client.hang_up(&call.call_id, None);
            }
        }
    }

    /// Hangs up each call that this phone answers as soon as its answer is confirmed: before that it would be rejected, for
    /// all of the person's phones.
    async fn hang_up_all(&mut self, events: &mut Events) {
        while !self.answered.is_empty() {
            for call in self.answered.iter().filter(|call| call.confirmed) {
                self.client.hang_up(&call.call_id, None);
            }
            let Some(event) = events.next().await else { return };
            self.on_last(event);
        }
    }

    /// Prints an event and reacts to it as the command line says. Returns an exit code when there is nothing more to do.
    fn on_event(&mut self, event: Event) -> Result<Option<u8>, CommandError> {
        match event {
            Event::Online { client_id } => self.on_online(&client_id),
            Event::Offline => self.output.warn("connection lost; reconnecting"),
            Event::Ring { call } => self.on_ring(&call),
            Event::EnterRoom { call_id, room, .. } => self.on_room(call_id, &room),
            Event::CallOver { call_id, why, by, .. } => {
                let code = self.on_over(&call_id, why, by.as_deref());
                return Ok(self.phone.once.then_some(code));
            }
            Event::ClientAdded { client_id } => {
                let text = format!("another client of this person was registered: {client_id}");
                self.output.line(Level::Warning, "client_added", &text, json!({ "client_id": client_id }));
            }
            Event::TakenOver => {
                return Err(CommandError::new("another connection uses this client's id")
                    .hint("start this phone with another --client-id"));
            }
            Event::LoggedOut { why } => return Err(client::logged_out(why)),
            Event::RegistrationRefused { problem } => {
                return Err(CommandError::new("the backend does not register this phone: no call rings here")
                    .hint(&problem.hint));
            }
            Event::Problem { problem } if !self.ready => {
                return Err(client::problem(&problem, &self.phone.target.server()));
            }
            Event::Problem { problem } => self.on_problem(&problem),
            _ => {}
        }
        Ok(None)
    }

    /// Prints an event of a phone that is about to end: it answers nothing any more.
    fn on_last(&mut self, event: Event) {
        match event {
            Event::EnterRoom { call_id, room, .. } => self.on_room(call_id, &room),
            Event::CallOver { call_id, why, by, .. } => {
                self.on_over(&call_id, why, by.as_deref());
            }
            Event::Problem { problem } => self.on_problem(&problem),
            _ => {}
        }
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
        self.ringing = Some(call_id.clone());
        let reply = &self.phone.reply;
        if reply.accept {
            self.answer(call_id);
        } else if reply.reject {
            self.client.reject(call_id, None);
        } else if reply.decline {
            self.client.decline(call_id);
        }
    }

    fn answer(&mut self, call_id: &str) {
        self.client.answer(call_id);
        self.rings_no_more(call_id);
        self.answered.push(Answered { call_id: call_id.to_owned(), confirmed: false, hang_up_at: None });
    }

    fn on_room(&mut self, call_id: String, room: &Room) {
        let text = format!("answered {call_id}\n         room {} as {}", room.room_id, room.user_id);
        let details = json!({ "call_id": call_id, "room_id": room.room_id, "user_id": room.user_id });
        self.output.line(Level::Success, "answered", &text, details);
        let lasts = self.phone.hang_up_after.map(Duration::from_secs);
        let hang_up_at = lasts.and_then(|lasts| Instant::now().checked_add(lasts));
        self.answered.retain(|call| call.call_id != call_id);
        self.answered.push(Answered { call_id, confirmed: true, hang_up_at });
    }

    /// The exit code that tells how the call ended.
    fn on_over(&mut self, call_id: &str, why: Ending, by: Option<&str>) -> u8 {
        let (word, code) = client::ending(why);
        let who = by.map_or_else(String::new, |by| format!(" by {by}"));
        let details = json!({ "call_id": call_id, "why": why, "by": by });
        self.output.line(Level::Warning, word, &format!("{word:<8} {call_id}{who}"), details);
        // A call that was declined here may be answered here after all.
        if why != Ending::DeclinedHere {
            self.rings_no_more(call_id);
            self.answered.retain(|call| call.call_id != call_id);
        }
        code
    }

    fn rings_no_more(&mut self, call_id: &str) {
        if self.ringing.as_deref() == Some(call_id) {
            self.ringing = None;
        }
    }

    fn on_problem(&mut self, problem: &Problem) {
        self.output.error(&client::problem(problem, &self.phone.target.server()));
        // A call that was declined here may be over when it is answered after all.
        let of_call = problem.call_id.as_deref();
        self.answered.retain(|call| call.confirmed || of_call != Some(call.call_id.as_str()));
    }

    fn on_key(&mut self, key: &str) {
        let ringing = self.ringing.clone();
        let answered = self.answered.last().map(|call| call.call_id.clone());
        match (key, ringing, answered) {
            ("a", Some(call), _) => self.answer(&call),
            ("d", Some(call), _) => self.client.decline(&call),
            ("r", Some(call), _) => self.client.reject(&call, None),
            ("h", _, Some(call)) | ("h", Some(call), None) => self.client.hang_up(&call, None),
            ("a" | "d" | "r", None, _) => self.output.warn("no call rings"),
            ("h", None, None) => self.output.warn("there is no call to hang up"),
            _ => self.output.warn("unknown key: a answers, d declines (this phone only), r rejects, h hangs up"),
        }
    }

    /// Hangs up what has lasted as long as --hang-up-after says.
    fn hang_up_due(&mut self) {
        let now = Instant::now();
        for call in &mut self.answered {
            if call.hang_up_at.take_if(|at| *at <= now).is_some() {
                self.client.hang_up(&call.call_id, None);
            }
        }
    }
}
