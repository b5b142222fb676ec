//! The `ilock` command.

mod api;
mod dev;
mod door;
mod failure;
mod link;
mod log;
mod phone;
mod say;
mod target;
mod token;
mod usersig;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::failure::Failure;
use crate::say::Say;

/// iLock Call: a video-intercom call backend.
///
/// Exit codes: 0 all went well; 1 something failed; 2 the command was not understood; 3 the call was rejected; 4 it was
/// missed; 5 it was cancelled; 6 another phone answered or the call could not be acted on.
#[derive(Parser)]
#[command(name = "ilock", version, propagate_version = true)]
struct Cli {
    /// One JSON object a line instead of text for people.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the whole backend in this process.
    Dev(dev::Dev),
    /// Prints an access token, signed with the development secret.
    Token(token::Token),
    /// Plays a door station.
    #[command(subcommand)]
    Door(door::Door),
    /// Plays a phone: registers, connects, shows what arrives, answers.
    Phone(phone::Phone),
    /// Prints a call's commits and receipts.
    Log(log::Log),
    /// Prints a TRTC ticket, or shows what is in one.
    Usersig(usersig::Usersig),
    /// Prints completions for a shell: bash, zsh, fish, elvish, powershell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let say = Say::new(cli.json);
    // Two libraries bring a provider of TLS each; the process must be told which.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Box::pin(run(cli.command, say)).await {
        Ok(code) => code,
        Err(failure) => {
            say.failed(&failure);
            ExitCode::from(failure.code)
        }
    }
}

async fn run(command: Command, say: Say) -> Result<ExitCode, Failure> {
    match command {
        Command::Dev(dev) => dev.run(say).await,
        Command::Token(token) => token.run(say),
        Command::Door(door) => Box::pin(door.run(say)).await,
        Command::Phone(phone) => Box::pin(phone.run(say)).await,
        Command::Log(log) => log.run(say).await,
        Command::Usersig(usersig) => usersig.run(say),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ilock", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
