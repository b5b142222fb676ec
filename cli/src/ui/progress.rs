//! Progress bars, shown only on a terminal and not with `--json`.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use crate::ui::output::Output;

fn bar(length: Option<u64>, template: &str, output: Output) -> ProgressBar {
    if output.is_json() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

pub fn days(days: usize, output: Output) -> ProgressBar {
    bar(u64::try_from(days).ok(), "{bar:30} {pos}/{len} days, {msg} {elapsed}", output)
}

/// Without `length` the bar has no end.
pub fn bytes(length: Option<u64>, output: Output) -> ProgressBar {
    let template = if length.is_some() {
        "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}"
    } else {
        "{bytes} {bytes_per_sec}"
    };
    bar(length, template, output)
}

/// Counts `unit`, such as "calls". Without `length` the bar has no end.
pub fn count(length: Option<u64>, unit: &str, output: Output) -> ProgressBar {
    let template = match length {
        Some(_) => format!("{{bar:30}} {{pos}}/{{len}} {unit}, {{msg}} {{elapsed}}"),
        None => format!("{{pos}} {unit}, {{msg}} {{elapsed}}"),
    };
    bar(length, &template, output)
}
