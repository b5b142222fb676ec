//! What the person, or the app's maker, is told when something does not work.

use crate::classify::{Refused, TOKEN_REFUSED};
use crate::client::Client;
use crate::output::{Event, Problem};
use crate::requests::Purpose;

/// What to do about a refusal.
fn hint(code: u32) -> &'static str {
    match code {
        0 => "check the network and the backend's address, then try again",
        40001 => "correct the field that the message names",
        TOKEN_REFUSED => "check the network and the login service: it is asked again",
        40301 => "this account may not do that: ask the operator",
        40401 => "there is no such call any more",
        40402 => "nobody with this id can be called: check the id, or ask them to log in on a phone",
        40901 => "somebody else was first",
        40902 => "the call has not been answered",
        42201 => "press again",
        42900..=42999 => "wait, then try again",
        50001 => "report this to the operator",
        50300..=50399 => "try again in a moment",
        _ => "report this to the app's maker",
    }
}

/// The call, or the press, that a request is about.
fn subject(purpose: &Purpose) -> Option<String> {
    match purpose {
        Purpose::Place { press } => Some(press.clone()),
        Purpose::Act { call_id, .. } | Purpose::Get { call_id, .. } => Some(call_id.clone()),
        Purpose::Register | Purpose::Status | Purpose::LogOut | Purpose::List | Purpose::Seen { .. } => None,
    }
}

fn what(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Register => "registering this client",
        Purpose::Status => "reporting the status",
        Purpose::LogOut => "logging out",
        Purpose::Place { .. } => "placing the call",
        Purpose::Act { .. } => "acting on the call",
        Purpose::Get { .. } => "asking about the call",
        Purpose::List => "asking for the calls",
        Purpose::Seen { .. } => "marking the calls as seen",
    }
}

impl Client {
    /// The backend refused.
    pub(crate) fn report_refusal(&mut self, purpose: &Purpose, refused: &Refused) {
        let said = refused.rule.as_deref().unwrap_or(&refused.message);
        self.emit(Event::Problem {
            problem: Problem {
                code: refused.code,
                message: format!("{} was refused: {said}", what(purpose)),
                hint: hint(refused.code).into(),
                retry_after_ms: None,
                call_id: subject(purpose),
            },
        });
    }

    /// The backend could not be reached, or would not take it in time.
    pub(crate) fn report_failure(&mut self, purpose: &Purpose, code: u32, retry_after_ms: Option<u64>) {
        let why = match code {
            0 => "the backend did not answer",
            TOKEN_REFUSED => "there is no access token that the backend accepts, and the login service did not answer",
            _ => "the backend is busy, or limits how often",
        };
        self.emit(Event::Problem {
            problem: Problem {
                code,
                message: format!("{} failed: {why}", what(purpose)),
                hint: hint(code).into(),
                retry_after_ms,
                call_id: subject(purpose),
            },
        });
    }

    /// Registering is tried for ever, and nothing works before it is done: the app is told once.
    pub(crate) fn registering_fails(&mut self, code: u32, retry_after_ms: Option<u64>) {
        if !std::mem::replace(&mut self.requests.told_registering_fails, true) {
            self.report_failure(&Purpose::Register, code, retry_after_ms);
        }
    }

    /// The app asked for something that cannot be done to this call.
    pub(crate) fn report_misuse(&mut self, call_id: &str, message: &str, hint: &str) {
        self.emit(Event::Problem {
            problem: Problem {
                code: 0,
                message: message.into(),
                hint: hint.into(),
                retry_after_ms: None,
                call_id: Some(call_id.into()),
            },
        });
    }
}
