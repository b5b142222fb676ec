//! The `ilock` command.

mod audit;
#[cfg(feature = "aws")]
mod aws;
mod play;
mod selected_account;
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::ui::error::CommandError;
use crate::ui::output::Output;
use crate::ui::variables;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// iLock Call: a video-intercom call backend.
///
/// Exit codes: 0 success; 1 the command failed; 2 the command line was not understood; 3 the call was rejected; 4 the call
/// was missed; 5 the call was cancelled; 6 another phone answered; 7 an audit reported findings.
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
    /// Without --accept, --reject and --decline it reads the keyboard: a answers, d declines on this phone only, r rejects
    /// for all of the person's phones, h hangs up, each followed by Enter. When it is stopped it hangs up the call that it
    /// has answered; a call that only rings is left to the other phones.
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
    let cli = parse();
    let output = Output::new(cli.json);
    // Two dependencies bring a TLS provider each, so rustls cannot choose one by itself.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let ran = Box::pin(run(cli.command, output)).await;
    match ran.and_then(|code| Output::was_written().map(|()| code)) {
        Ok(code) => code,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit_code)
        }
    }
}

/// The command line and the variables that set options. What is wrong with them is printed, and the process ends.
fn parse() -> Cli {
    let read: variables::Read = |name| std::env::var_os(name);
    let line: Vec<_> = std::env::args_os().collect();
    let command = variables::without_empty(Cli::command(), read);
    let matches = command.clone().try_get_matches_from(&line);
    let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
    cli.unwrap_or_else(|error| variables::named(error, &command, &line, read).exit())
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
            let mut script = vec![];
            clap_complete::generate(shell, &mut Cli::command(), "ilock", &mut script);
            output.write(&script);
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

    /// Every page that may show a command.
    #[cfg(feature = "aws")]
    fn pages() -> Vec<std::path::PathBuf> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut pages = vec![];
        for folder in [".", "docs", "docs/decisions", "infra/runbooks"] {
            let entries = std::fs::read_dir(root.join(folder)).expect("the folder");
            let paths = entries.map(|entry| entry.expect("a page").path());
            pages.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
        }
        pages
    }

    /// Every `ilock …` command in a page, up to the end of the command. What stands in backticks may go on in the next line.
    #[cfg(feature = "aws")]
    fn commands(text: &str) -> Vec<Vec<String>> {
        let before = |at: usize| text[..at].chars().next_back();
        text.match_indices("ilock ")
            .filter(|(at, _)| before(*at).is_none_or(|before| " \n`(".contains(before)))
            .map(|(at, _)| {
                let rest = &text[at..];
                let end = rest.find(if before(at) == Some('`') { '`' } else { '\n' }).unwrap_or(rest.len());
                let command = rest[..end].split(['`', '#', '|', ')']).next().unwrap_or_default();
                command.split_whitespace().map(|word| word.trim_matches(['"', '$']).to_owned()).collect::<Vec<_>>()
            })
            .filter(|words| words[1..].first().is_some_and(|word| word.chars().all(|c| c.is_ascii_lowercase())))
            .collect()
    }

    #[cfg(feature = "aws")]
    #[test]
    fn the_pages_use_commands_that_there_are() {
        let mut seen = 0;
        for page in pages() {
            let text = std::fs::read_to_string(&page).expect("text");
            for words in commands(&text) {
                let Err(error) = Cli::try_parse_from(&words) else {
                    seen += 1;
                    continue;
                };
                // A command that is only named ("a file of `ilock prove`", "`ilock verify --proof` says", "`ilock doctor
                // --clients N`") must exist, and its options too; it needs no values.
                let plain = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
                let placeholder = |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
                let named = words.iter().all(|word| plain(word) || placeholder(word));
                let lacks_values =
                    [ErrorKind::MissingRequiredArgument, ErrorKind::InvalidValue, ErrorKind::ValueValidation];
                let fine = named && lacks_values.contains(&error.kind());
                assert!(fine, "{}: {}: {error}", page.display(), words.join(" "));
            }
        }
        assert!(seen >= 100, "only {seen}");
    }

    /// Whether a command with arguments reads and writes an AWS account with `--aws`, and a running `ilock dev` without.
    #[cfg(feature = "aws")]
    fn reads_either(words: &[String]) -> bool {
        let cli = Cli::command();
        let (mut command, mut has_arguments) = (&cli, false);
        for word in &words[1..] {
            if let Some(found) = command.find_subcommand(word) {
                command = found;
            } else {
                has_arguments = true;
            }
        }
        has_arguments && command.get_arguments().any(|argument| argument.get_long() == Some("aws"))
    }

    #[cfg(feature = "aws")]
    #[test]
    fn what_operators_do_with_a_deployment_is_not_done_with_their_own_machine() {
        let mut seen = 0;
        for page in pages() {
            let runbook = page.parent().is_some_and(|folder| folder.ends_with("infra/runbooks"));
            let name = page.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !runbook && !name.starts_with("operators.") {
                continue;
            }
            let text = std::fs::read_to_string(&page).expect("text");
            for words in commands(&text) {
                // One that is only named need not say what it reads.
                if Cli::try_parse_from(&words).is_err() || !reads_either(&words) {
                    continue;
                }
                let said = words.iter().any(|word| ["--aws", "--file", "--proof"].contains(&word.as_str()));
                assert!(said, "{}: {}: reads a local `ilock dev`", page.display(), words.join(" "));
                seen += 1;
            }
        }
        assert!(seen >= 20, "only {seen}");
    }
}
