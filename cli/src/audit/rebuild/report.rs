//! What `ilock rebuild` found: printed as it is found, and counted.

use std::process::ExitCode;

use ilock_audit::visible;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;

use crate::ui::error::EXIT_FINDINGS;
use crate::ui::output::{Level, Output};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The log requires it, and it is not stored.
    Missing,
    /// It is stored with another content than the log requires.
    Different,
    /// It is stored, and the log does not require it.
    Extra,
    /// The log cannot be read here, so what it requires is unknown.
    Unreadable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Model {
    #[serde(rename = "inbox")]
    History,
    #[serde(rename = "day_index")]
    DayIndex,
    /// The texts beside the calls.
    #[serde(rename = "text")]
    Text,
}

#[derive(Debug, Serialize)]
pub struct Discrepancy {
    pub kind: Kind,
    pub model: Model,
    pub call_id: String,
    /// The key of the item that is wrong.
    pub key: String,
    pub why: String,
    pub repaired: bool,
}

#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Counts {
    pub calls: u64,
    pub commits: u64,
    #[serde(rename = "lines")]
    pub rows: u64,
    pub missing: u64,
    pub different: u64,
    pub extra: u64,
    pub unreadable: u64,
    /// Rows that are missing or outdated, of commits younger than the grace period.
    pub pending: u64,
    pub repaired: u64,
}

pub struct Report {
    pub counts: Counts,
    pub bar: ProgressBar,
    output: Output,
}

impl Report {
    pub fn new(bar: ProgressBar, output: Output) -> Self {
        Self { counts: Counts::default(), bar, output }
    }

    pub fn next_bar(&mut self, bar: ProgressBar) {
        self.bar.finish_and_clear();
        self.bar = bar;
    }

    pub fn add(&mut self, found: &Discrepancy) {
        let (count, word) = match found.kind {
            Kind::Missing => (&mut self.counts.missing, "missing"),
            Kind::Different => (&mut self.counts.different, "different"),
            Kind::Extra => (&mut self.counts.extra, "extra"),
            Kind::Unreadable => (&mut self.counts.unreadable, "unreadable"),
        };
        *count += 1;
        self.counts.repaired += u64::from(found.repaired);
        let repaired = if found.repaired { "; repaired" } else { "" };
        let text = format!("{word}: {}: {}{repaired}", found.key, found.why);
        self.bar.suspend(|| self.output.line(Level::Warning, "finding", &visible(&text), json!({ "finding": found })));
    }

    /// Prints the counts. The exit code is that of an audit: 0 when nothing is wrong any more.
    pub fn print_summary(self, applied: bool) -> ExitCode {
        self.bar.finish_and_clear();
        let counts = self.counts;
        let Counts { calls, rows, missing, different, extra, unreadable, pending, repaired, .. } = counts;
        let wrong = missing + different + extra + unreadable;
        let details = json!({ "counts": counts });
        let compared = format!("compared {calls} calls with {rows} history rows, {pending} not written yet");
        if wrong == 0 {
            self.output.line(Level::Success, "compared", &format!("{compared}; no findings"), details);
            return ExitCode::SUCCESS;
        }
        let text = format!(
            "{compared}: {missing} missing, {different} different, {extra} extra, {unreadable} unreadable; {repaired} \
             repaired"
        );
        if repaired == wrong {
            self.output.line(Level::Success, "rebuilt", &text, details);
            return ExitCode::SUCCESS;
        }
        self.output.line(Level::Warning, "found", &text, details);
        if repaired < missing + different + extra && !applied {
            self.output.warn("nothing was repaired: --apply repairs histories");
        } else {
            self.output.warn(
                "some findings were not repaired: they are in commits, which are never changed, or the rows changed \
                 during the run",
            );
        }
        ExitCode::from(EXIT_FINDINGS)
    }
}
