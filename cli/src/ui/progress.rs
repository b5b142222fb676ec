//! How far something has come: shown on a terminal, to a person, and nowhere else.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use crate::ui::output::Say;

fn bar(length: Option<u64>, template: &str, say: Say) -> ProgressBar {
    if say.is_json() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// By days.
pub fn days(days: usize, say: Say) -> ProgressBar {
    bar(u64::try_from(days).ok(), "{bar:30} {pos}/{len} days, {msg} {elapsed}", say)
}

/// By bytes; without an end where that is not known.
pub fn bytes(length: Option<u64>, say: Say) -> ProgressBar {
    let template = if length.is_some() {
        "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{bytes} {bytes_per_sec}"
    };
    bar(length, template, say)
}

/// By a count of something; without an end where that is not known.
pub fn count(length: Option<u64>, what: &str, say: Say) -> ProgressBar {
    let template = match length {
        Some(_) => format!("{{bar:30}} {{pos}}/{{len}} {what}, {{msg}} {{elapsed}}"),
        None => format!("{{pos}} {what}, {{msg}} {{elapsed}}"),
    };
    bar(length, &template, say)
}
