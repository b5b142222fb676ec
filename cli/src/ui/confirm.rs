//! Asks before something is deleted.

use std::io::{IsTerminal as _, Write as _};

use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// Asks `question`, which is answered with yes or no.
pub fn confirm(question: &str, output: Output) -> Result<(), CommandError> {
    if output.is_json() || !std::io::stdin().is_terminal() {
        return Err(CommandError::new("cannot ask for confirmation: stdin is not a terminal, or --json was given")
            .hint("pass --yes to delete without asking, or --dry-run to count"));
    }
    let mut stderr = std::io::stderr();
    let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    asked.map_err(|error| CommandError::new(format!("cannot ask for confirmation: {error}")))?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(CommandError::new)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CommandError::new("nothing was deleted")),
    }
}
