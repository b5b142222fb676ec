//! The `ilock` command.

mod api;
mod audit;
#[cfg(feature = "aws")]
mod aws;
mod dev;
mod door;
mod dynamodb_export;
mod export;
mod export_file;
mod failure;
mod forget;
mod link;
mod log;
mod phone;
mod progress;
mod rebuild;
mod replay;
mod say;
mod seal;
mod seals;
mod target;
mod token;
mod usersig;
mod verify;
mod verify_day;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::failure::Failure;
use crate::say::Say;

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// iLock Call: a video-intercom call backend.
///
/// Exit codes: 0 all went well; 1 something failed; 2 the command was not understood; 3 the call was rejected; 4 it was
/// missed; 5 it was cancelled; 6 another phone answered or the call could not be acted on; 7 an audit
/// found something.
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
    /// Tells a call's story, step by step. It only reads.
    Replay(replay::Replay),
    /// Proves that histories are what was written, could happen, and were told.
    Verify(verify::Verify),
    /// Puts the ledger under seal now, as `ilock dev` does after every hour.
    Seal(seal::Seal),
    /// Writes the calls of a range to a file, to be verified and replayed from there.
    Export(export::Export),
    /// Deletes the personal text of all of a person's calls. What proves the calls stays.
    Forget(forget::Forget),
    /// Makes the histories and the day index anew from the log, compares, and repairs on --apply.
    Rebuild(rebuild::Rebuild),
    /// Prints a TRTC ticket, or shows what is in one.
    Usersig(usersig::Usersig),
    /// Makes a door station known to a deployment, or takes that back.
    #[cfg(feature = "aws")]
    #[command(subcommand)]
    Provision(aws::provision::Provision),
    /// Checks a deployment, and says what to do about what is wrong.
    #[cfg(feature = "aws")]
    Doctor(aws::doctor::Doctor),
    /// Brings back what a deployment gave up on.
    #[cfg(feature = "aws")]
    Redrive(aws::redrive::Redrive),
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
        Command::Replay(replay) => Box::pin(replay.run(say)).await,
        Command::Verify(verify) => Box::pin(verify.run(say)).await,
        Command::Seal(seal) => Box::pin(seal.run(say)).await,
        Command::Export(export) => Box::pin(export.run(say)).await,
        Command::Forget(forget) => Box::pin(forget.run(say)).await,
        Command::Rebuild(rebuild) => Box::pin(rebuild.run(say)).await,
        Command::Usersig(usersig) => usersig.run(say),
        #[cfg(feature = "aws")]
        Command::Provision(provision) => Box::pin(provision.run(say)).await,
        #[cfg(feature = "aws")]
        Command::Doctor(doctor) => Box::pin(doctor.run(say)).await,
        #[cfg(feature = "aws")]
        Command::Redrive(redrive) => Box::pin(redrive.run(say)).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ilock", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// Every `ilock …` in the operators' pages, up to where the shell or the prose goes on.
    #[cfg(feature = "aws")]
    fn commands(text: &str) -> Vec<Vec<String>> {
        let begins = |at: usize| text[..at].chars().next_back().is_none_or(|before| " \n`(".contains(before));
        text.match_indices("ilock ")
            .filter(|(at, _)| begins(*at))
            .map(|(at, _)| {
                let line = text[at..].lines().next().unwrap_or_default();
                let command = line.split(['`', '#', '|', ')']).next().unwrap_or_default();
                command.split_whitespace().map(|word| word.trim_matches(['"', '$']).to_owned()).collect::<Vec<_>>()
            })
            .filter(|words| words[1..].first().is_some_and(|word| word.chars().all(|c| c.is_ascii_lowercase())))
            .collect()
    }

    #[cfg(feature = "aws")]
    #[test]
    fn the_operators_pages_use_commands_that_there_are() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut seen = 0;
        for folder in ["docs", "infra/runbooks"] {
            for page in std::fs::read_dir(root.join(folder)).expect("the folder") {
                let page = page.expect("a page").path();
                if page.is_dir() {
                    continue;
                }
                let text = std::fs::read_to_string(&page).expect("text");
                for words in commands(&text) {
                    if let Err(error) = Cli::try_parse_from(&words) {
                        panic!("{}: {}: {error}", page.display(), words.join(" "));
                    }
                    seen += 1;
                }
            }
        }
        assert!(seen >= 20, "only {seen}");
    }
}
