//! What the person, or the app's maker, is told when something does not work.
//!
//! A problem has a code, by which an app finds words in the person's language. The backend's are those of its answers
//! (docs/protocol.md); the client's own stand in codes.rs. docs/apps.md lists both.

use crate::classify::Refused;
use crate::client::Client;
use crate::codes::{
    ANSWER_TOO_LATE, CALL_IS_OVER, NO_ANSWER, NO_OBJECT, NOT_RINGING, OWN_CALL, TOKEN_REFUSED, UNKNOWN_CALL, UNREADABLE,
};
use crate::output::{Event, Problem};
use crate::requests::Purpose;

/// What to do about it.
fn hint(code: u32) -> &'static str {
    match code {
        NO_ANSWER => "check the network and the backend's address, then try again",
        UNREADABLE => "check the backend's address and its version, and what stands between",
        ANSWER_TOO_LATE => "check the network, then call back",
        UNKNOWN_CALL => "use the id that the call came with",
        CALL_IS_OVER => "take it off the screen",
        OWN_CALL => "the callee answers it",
        NOT_RINGING => "enter its room instead",
        NO_OBJECT => "pass an object as JSON text",
        40001 => "correct the field that the message names",
        TOKEN_REFUSED => "check the network and the login service: it is asked again",
        40301 => "this account may not do that: ask the operator",
        40400 | 40500 => "check the backend's address and its version",
        40401 => "there is no such call any more",
        40402 => "nobody with this id can be called: check the id, or ask them to log in on a phone",
        40801 => "check the network, then try again",
        40901 => "somebody else was first",
        40902 => "the call has not been answered",
        41301 => "send less",
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

/// What a refusal is as a problem.
pub(crate) fn refusal(purpose: &Purpose, refused: &Refused) -> Problem {
    let said = refused.rule.as_deref().unwrap_or(&refused.message);
    Problem {
        code: refused.code,
        message: format!("{} was refused: {said}", what(purpose)),
        hint: hint(refused.code).into(),
        retry_after_ms: None,
        call_id: subject(purpose),
    }
}

impl Client {
    /// The backend refused.
    pub(crate) fn report_refusal(&mut self, purpose: &Purpose, refused: &Refused) {
        self.emit(Event::Problem { problem: refusal(purpose, refused) });
    }

    /// The backend could not be reached, or would not take it in time.
    pub(crate) fn report_failure(&mut self, purpose: &Purpose, code: u32, retry_after_ms: Option<u64>) {
        let why = match code {
            NO_ANSWER => "the backend did not answer",
            40801 => "the request took too long to arrive",
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

    /// The app asked for something that cannot be done to this call; `code` is one of the client's own.
    pub(crate) fn report_misuse(&mut self, call_id: &str, code: u32, message: &str) {
        self.emit(Event::Problem {
            problem: Problem {
                code,
                message: message.into(),
                hint: hint(code).into(),
                retry_after_ms: None,
                call_id: Some(call_id.into()),
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::LEAST_OF_BACKEND;

    /// Those of the backend that a problem can have.
    const OF_BACKEND: [u32; 19] = [
        40001, 40101, 40301, 40400, 40402, 40500, 40801, 40902, 41301, 41501, 42201, 42901, 42902, 42903, 42904, 50001,
        50301, 50302, 50303,
    ];
    const OWN: [u32; 8] =
        [NO_ANSWER, UNREADABLE, ANSWER_TOO_LATE, UNKNOWN_CALL, CALL_IS_OVER, OWN_CALL, NOT_RINGING, NO_OBJECT];

    #[test]
    fn app_makers_are_told_of_every_code() {
        for page in ["apps.md", "apps.zh.md"] {
            let file = format!("{}/../../docs/{page}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(file).unwrap();
            let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
            for code in OWN.iter().chain(&OF_BACKEND) {
                let named = rows.iter().filter(|row| row.contains(&format!("`{code}`"))).count();
                assert_eq!(named, 1, "{page}: {code}");
            }
        }
    }

    #[test]
    fn codes_of_the_clients_own_are_told_from_the_backends() {
        let distinct: std::collections::BTreeSet<u32> = OWN.into_iter().collect();
        assert_eq!(distinct.len(), OWN.len());
        assert!(OWN.iter().all(|code| *code < LEAST_OF_BACKEND));
        assert!(OF_BACKEND.iter().all(|code| *code >= LEAST_OF_BACKEND));
    }
}
