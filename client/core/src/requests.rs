//! Requests under way, and those that wait for their next attempt.

use serde::{Deserialize, Serialize};

use crate::output::{Command, Method};

/// How long an answer is waited for.
pub(crate) const TIMEOUT_MS: u64 = 10_000;
/// How much later an attempt counts as failed when the driver never says so.
const FORGOTTEN_MS: u64 = 5_000;
/// The longest random wait before an attempt.
const LONGEST_WAIT_MS: u64 = 30_000;

/// What a person, or the client by itself, does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Ringing,
    Accepted,
    Rejected,
    Declined,
    /// As the callee.
    HangUp,
    Cancelled,
    /// As the caller.
    CallerHangUp,
}

impl Act {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ringing => "ringing",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::HangUp | Self::CallerHangUp => "hangup",
        }
    }

    /// Whether it ends the call.
    pub fn ends(self) -> bool {
        matches!(self, Self::Rejected | Self::HangUp | Self::Cancelled | Self::CallerHangUp)
    }

    pub fn path(self) -> &'static str {
        match self {
            Self::Cancelled | Self::CallerHangUp => "/api/calls/caller-action",
            _ => "/api/calls/callee-action",
        }
    }
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    Register,
    Status,
    LogOut,
    Place { press: String },
    Act { call_id: String, act: Act },
    Get { call_id: String, preview: bool },
    List,
    Seen { until: i64 },
}

impl Purpose {
    /// Whether it ends this call.
    pub fn ends(&self, call: &str) -> bool {
        matches!(self, Self::Act { call_id, act } if call_id == call && act.ends())
    }
}

/// A request to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub purpose: Purpose,
    pub method: Method,
    pub path: String,
    pub body: Option<String>,
    pub key: Option<String>,
    /// How long it is worth trying; none: for ever.
    pub worth_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    /// Sent; taken as failed at this time.
    Sent(u64),
    /// To be sent at this time; as soon as there is a network, where its lack was the reason.
    Waiting { at: u64, for_network: bool },
    /// Waits for a fresh access token.
    NeedsToken,
    /// Waits until another request is through: see order.rs.
    Held,
}

/// A request with its attempts.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub id: u64,
    pub request: Request,
    pub stage: Stage,
    pub attempts: u32,
    pub give_up_at: Option<u64>,
    /// Whether the attempt before was refused for its token, and this one has a fresh one.
    pub renewed: bool,
    /// Whether an attempt may have been carried out.
    pub uncertain: bool,
}

impl Pending {
    pub fn new(id: u64, request: Request, now: u64) -> Self {
        let stage = Stage::Waiting { at: now, for_network: false };
        Self { id, request, stage, attempts: 0, give_up_at: None, renewed: false, uncertain: false }
    }

    /// Sends it.
    pub fn send(&mut self, now: u64) -> Command {
        self.stage = Stage::Sent(now.saturating_add(TIMEOUT_MS + FORGOTTEN_MS));
        self.attempts = self.attempts.saturating_add(1);
        self.give_up_at = self.give_up_at.or_else(|| self.worth_until(now));
        Command::Request {
            id: self.id,
            method: self.request.method,
            path: self.request.path.clone(),
            body: self.request.body.clone(),
            idempotency_key: self.request.key.clone(),
            timeout_ms: TIMEOUT_MS,
        }
    }

    /// Makes it wait for another request. A logout that waits loses none of its time: what it waits for ends.
    pub fn hold(&mut self, now: u64) {
        self.stage = Stage::Held;
        if self.request.purpose != Purpose::LogOut {
            self.give_up_at = self.give_up_at.or_else(|| self.worth_until(now));
        }
    }

    fn worth_until(&self, now: u64) -> Option<u64> {
        self.request.worth_ms.map(|worth| now.saturating_add(worth))
    }

    /// The bound of the random wait before the next attempt.
    pub fn spread_ms(&self) -> u64 {
        spread_ms(self.attempts)
    }

    /// When something is to be done about it.
    pub fn due(&self) -> Option<u64> {
        match self.stage {
            Stage::Sent(at) | Stage::Waiting { at, .. } => Some(at),
            Stage::NeedsToken | Stage::Held => self.give_up_at,
        }
    }

    /// Whether it is of no use any more at `now`.
    pub fn is_late(&self, now: u64) -> bool {
        self.give_up_at.is_some_and(|end| end <= now)
    }
}

/// The bound of the random wait after so many failed attempts: 1, 2, 4 … 30 seconds.
pub(crate) fn spread_ms(attempts: u32) -> u64 {
    let doubled = attempts.saturating_sub(1).min(5);
    (1_000_u64 << doubled).min(LONGEST_WAIT_MS)
}

/// All requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests {
    last_id: u64,
    pub pending: Vec<Pending>,
    /// When to ask for a token again, after the login service could not be asked.
    pub ask_token_at: Option<u64>,
    /// How often it could not be asked since a token came.
    pub token_failures: u32,
    /// Whether the app was told that registering fails, since it last worked.
    pub told_registering_fails: bool,
}

impl Requests {
    pub fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    pub fn position(&self, id: u64) -> Option<usize> {
        self.pending.iter().position(|pending| pending.id == id)
    }

    pub fn has(&self, purpose: &Purpose) -> bool {
        self.pending.iter().any(|pending| pending.request.purpose == *purpose)
    }

    /// Whether any waits for a fresh access token.
    pub fn needs_token(&self) -> bool {
        self.pending.iter().any(|pending| matches!(pending.stage, Stage::NeedsToken))
    }

    /// Forgets all others, and what failed; and that a token was asked for, unless one of these waits for it.
    pub fn keep(&mut self, wanted: impl Fn(&Purpose) -> bool) {
        self.pending.retain(|pending| wanted(&pending.request.purpose));
        if !self.needs_token() {
            self.ask_token_at = None;
            self.token_failures = 0;
        }
        self.told_registering_fails = false;
    }

    /// Forgets all but what ends a call. That comes to `stage`: it is made again by another login, and what it was answered
    /// before does not matter any more.
    pub fn only_ends_calls(&mut self, stage: Stage) {
        for pending in std::mem::take(&mut self.pending) {
            if matches!(&pending.request.purpose, Purpose::Act { act, .. } if act.ends()) {
                let id = self.next_id();
                self.pending.push(Pending { id, stage, renewed: false, ..pending });
            }
        }
        self.keep(|_| true);
    }

    pub fn is_placing(&self) -> bool {
        self.pending.iter().any(|pending| matches!(pending.request.purpose, Purpose::Place { .. }))
    }

    pub fn drop_where(&mut self, unwanted: impl Fn(&Purpose) -> bool) {
        self.pending.retain(|pending| !unwanted(&pending.request.purpose));
    }
}
