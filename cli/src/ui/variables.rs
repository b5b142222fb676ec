//! Options that the environment sets. One that is set to nothing counts as not set, as it does in a deployment; and what is wrong
//! with one is told by the variable's name, because nobody wrote the option.

use std::ffi::{OsStr, OsString};

use clap::builder::{Resettable, StyledStr};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// Reads one variable.
pub type Read = fn(&OsStr) -> Option<OsString>;

/// `command`, and all below it, as if no variable were set to nothing.
pub fn without_empty(command: Command, read: Read) -> Command {
    let is_empty = move |name: &OsStr| read(name).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(Resettable::Reset),
        _ => arg,
    });
    command.mut_subcommands(|below| without_empty(below, read))
}

/// `error`, with the variable that set what is wrong, where one did and the command line did not.
pub fn named(mut error: Error, command: &Command, line: &[OsString], read: Read) -> Error {
    let wrong = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(wrong)) => wrong.split(' ').next().map(str::to_owned),
        _ => None,
    };
    let is_written = |long: &str| {
        let (long, with_value) = (format!("--{long}"), format!("--{long}="));
        line.iter().any(|word| word.to_str().is_some_and(|word| word == long || word.starts_with(&with_value)))
    };
    let mut names = vec![];
    for (long, name) in variables(of_line(command, line)) {
        let Some(value) = read(&name).filter(|_| !is_written(&long)) else { continue };
        let is_wrong = wrong.as_ref().is_some_and(|wrong| *wrong == format!("--{long}"));
        let is_no_text = error.kind() == ErrorKind::InvalidUtf8 && value.to_str().is_none();
        if is_wrong || is_no_text {
            names.push(StyledStr::from(format!("it is set by the variable {}", name.display())));
        }
    }
    if !names.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(names));
    }
    error
}

/// The command that `line` names.
fn of_line<'a>(command: &'a Command, line: &[OsString]) -> &'a Command {
    let words = line.iter().skip(1).filter_map(|word| word.to_str());
    words.fold(command, |command, word| command.find_subcommand(word).unwrap_or(command))
}

/// Its options that a variable sets.
fn variables(command: &Command) -> Vec<(String, OsString)> {
    let of = |arg: &clap::Arg| Some((arg.get_long()?.to_owned(), arg.get_env()?.to_owned()));
    command.get_arguments().filter_map(of).collect()
}
