//! What phone and door have in common: a client that is started, and how its troubles are told.

use std::path::Path;
use std::time::Duration;

use ilock_client::{Builder, Ending, Events, Handle, LogoutReason, Problem};

use crate::ui::error::{CommandError, EXIT_CANCELLED, EXIT_LOST_RACE, EXIT_MISSED, EXIT_REJECTED};

/// How long a phone or a door that is told to stop waits to learn what becomes of a call that is being placed or answered.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the client. `ca` is a PEM file to trust instead of the system's certificates.
pub fn start(builder: Builder, ca: Option<&Path>) -> Result<(Handle, Events), CommandError> {
    let builder = builder.app_version(env!("CARGO_PKG_VERSION")).language("en");
    let builder = match ca {
        Some(path) => {
            builder.trust(std::fs::read(path).map_err(|e| CommandError::new(format!("{}: {e}", path.display())))?)
        }
        None => builder,
    };
    builder.start().map_err(CommandError::new)
}

/// What a problem is as an error.
pub fn problem(problem: &Problem, server: &str) -> CommandError {
    if problem.code == 0 {
        return CommandError::new(format!("{}: {server}", problem.message))
            .hint("is it running? `make run` or `ilock dev` starts it; --server or ILOCK_SERVER names another");
    }
    CommandError::new(format!("{} (code {})", problem.message, problem.code)).hint(&problem.hint)
}

/// Why the client cannot go on.
pub fn logged_out(why: LogoutReason) -> CommandError {
    match why {
        LogoutReason::TokenRefused => CommandError::new("the backend does not accept the access token (code 40101)")
            .hint("see `ilock token --help`"),
        LogoutReason::Removed => CommandError::new("this client was logged out (code 40302)")
            .hint("log in again: another access token is needed"),
        LogoutReason::ByUser => CommandError::new("logged out"),
    }
}

/// The word for the end of a call, and the exit code.
pub fn ending(why: Ending) -> (&'static str, u8) {
    match why {
        Ending::Ended => ("hangup", 0),
        Ending::Rejected | Ending::RejectedHere => ("rejected", EXIT_REJECTED),
        Ending::DeclinedHere => ("declined", EXIT_REJECTED),
        Ending::Missed => ("timeout", EXIT_MISSED),
        Ending::Cancelled => ("cancelled", EXIT_CANCELLED),
        Ending::AnsweredHere | Ending::AnsweredElsewhere => ("accepted", EXIT_LOST_RACE),
        Ending::Failed => ("failed", 1),
        Ending::Gone => ("gone", 1),
        Ending::LoggedOut => ("logged_out", 1),
        Ending::TakenOver => ("taken_over", 1),
    }
}
