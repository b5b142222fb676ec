//! The `ilock` command.

mod audit;
#[cfg(feature = "aws")]
mod aws;
mod play;
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::ui::error::CommandError;
use crate::ui::output::Output;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// iLock Call: a video-intercom call backend.
///
/// Exit codes: 0 success; 1 the command failed; 2 the command line was not understood; 3 the call was rejected; 4 the call
/// was missed; 5 the call was cancelled; 6 another phone answered first, or the call could no longer be acted on; 7 an
/// audit reported findings.
#[derive(Parser)]
#[command(name = "ilock", version, propagate_version = true)]
struct Cli {
    /// Print one JSON object a line instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the whole backend in this process.
    Dev(play::dev::Dev),
    /// Prints an access token, signed with AUTH_SECRET or the development secret.
    Token(play::token::Token),
    /// Logs a person or a door station out everywhere: their access tokens, MQTT connections and payload key end.
    Revoke(play::revoke::Revoke),
    /// Acts as a door station.
    #[command(subcommand)]
    Door(play::door::Door),
    /// Acts as a phone: registers, connects, prints messages, answers calls.
    ///
    /// Without --accept and --reject it reads the keyboard: a answers, r rejects, h hangs up, each followed by Enter.
    Phone(play::phone::Phone),
    /// Prints a call's commits and receipts.
    Log(audit::log::Log),
    /// Prints what happened in a call, step by step.
    Replay(audit::replay::Replay),
    /// Checks that call histories were not changed, are possible, and were delivered.
    Verify(audit::verify::Verify),
    /// Writes a file that proves a call: others check it without us.
    Prove(audit::prove::Prove),
    /// What an operator does with the ledger.
    #[command(subcommand)]
    Ledger(audit::ledger::LedgerCommand),
    /// Writes the calls of a range to a file that can be verified and replayed.
    Export(audit::export::Export),
    /// Writes the calls of a day that is long past to a file, and with --delete deletes them from the log.
    Archive(audit::archive::command::Archive),
    /// Deletes the personal text of all of a person's calls. Everything that proves the calls stays.
    Forget(audit::forget::Forget),
    /// Compares histories and day index with the log, and repairs histories with --apply.
    Rebuild(audit::rebuild::Rebuild),
    /// Prints a TRTC UserSig or PrivateMapKey, or decodes one.
    Usersig(play::usersig::Usersig),
    /// Registers a door station with a deployment, or revokes it.
    #[cfg(feature = "aws")]
    #[command(subcommand)]
    Provision(aws::provision::Provision),
    /// Checks a deployment and says how to fix what is wrong. The exit code is 1 when a check failed.
    #[cfg(feature = "aws")]
    Doctor(aws::doctor::Doctor),
    /// Processes dead letters of a deployment again. The exit code is 1 when some remain.
    #[cfg(feature = "aws")]
    Redrive(aws::redrive::Redrive),
    /// Prints shell completions: bash, zsh, fish, elvish, powershell.
    Completions { shell: clap_complete::Shell },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    // Two dependencies bring a TLS provider each, so rustls cannot choose one by itself.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Box::pin(run(cli.command, output)).await {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code)
        }
    }
}

async fn run(command: Command, output: Output) -> Result<ExitCode, CommandError> {
    match command {
        Command::Dev(dev) => dev.run(output).await,
        Command::Token(token) => token.run(output),
        Command::Revoke(revoke) => Box::pin(revoke.run(output)).await,
        Command::Door(door) => Box::pin(door.run(output)).await,
        Command::Phone(phone) => Box::pin(phone.run(output)).await,
        Command::Log(log) => log.run(output).await,
        Command::Replay(replay) => Box::pin(replay.run(output)).await,
        Command::Verify(verify) => Box::pin(verify.run(output)).await,
        Command::Prove(prove) => Box::pin(prove.run(output)).await,
        Command::Ledger(ledger) => Box::pin(ledger.run(output)).await,
        Command::Export(export) => Box::pin(export.run(output)).await,
        Command::Archive(archive) => Box::pin(archive.run(output)).await,
        Command::Forget(forget) => Box::pin(forget.run(output)).await,
        Command::Rebuild(rebuild) => Box::pin(rebuild.run(output)).await,
        Command::Usersig(usersig) => usersig.run(output),
        #[cfg(feature = "aws")]
        Command::Provision(provision) => Box::pin(provision.run(output)).await,
        #[cfg(feature = "aws")]
        Command::Doctor(doctor) => Box::pin(doctor.run(output)).await,
        #[cfg(feature = "aws")]
        Command::Redrive(redrive) => Box::pin(redrive.run(output)).await,
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ilock", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
mod tests {
    #[cfg(feature = "aws")]
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        Cli::command().debug_assert();
    }

    /// Every `ilock …` command in a page, up to the end of the command.
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
                    let Err(error) = Cli::try_parse_from(&words) else {
                        seen += 1;
                        continue;
                    };
                    // A command that is only named ("a file of `ilock prove`", "`ilock verify --proof` says") must
                    // exist, and its options too; it needs no values.
                    let named = words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
                    let lacks_values = [ErrorKind::MissingRequiredArgument, ErrorKind::InvalidValue];
                    let fine = named && lacks_values.contains(&error.kind());
                    assert!(fine, "{}: {}: {error}", page.display(), words.join(" "));
                }
            }
        }
        assert!(seen >= 20, "only {seen}");
    }
}
