//! `ilock replay CALL_ID`: what happened, step by step. It only reads: no carrier is made.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use ilock_audit::replay::{Moment, Story, html, jsonl, mermaid, text};
use ilock_audit::{Line, verify};
use ilock_events::CallId;
use ilock_functions::clock::Clock;

use crate::audit::source::{Source, find};
use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// Which call, and how to tell it.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("form").args(["jsonl", "mermaid", "html"])))]
pub struct Replay {
    /// Which call.
    call_id: CallId,
    /// An export, instead of the log: of `ilock export`, or the folder of one that DynamoDB wrote to S3.
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// Up to this moment, and how the call stood then: a commit's number (3), or a time since it was placed (12s, 1.5s,
    /// 800ms).
    #[arg(long)]
    at: Option<Moment>,
    /// One JSON object a line.
    #[arg(long)]
    jsonl: bool,
    /// A Mermaid sequence diagram.
    #[arg(long)]
    mermaid: bool,
    /// One page with the diagram, the timeline and the raw commits.
    #[arg(long)]
    html: bool,
    #[command(flatten)]
    source: Source,
}

impl Replay {
    /// Tells it.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let line = match &self.file {
            Some(file) => {
                let absent = || CommandError::new(format!("there is no call {} in {}", self.call_id, file.display()));
                find(file, &self.call_id, output)?.ok_or_else(absent)?.1
            }
            None => self.source.one(&self.call_id).await?,
        };
        let Line::Call(call) = Line::read(&line).map_err(CommandError::new)?.1 else {
            return Err(CommandError::new("this line is no call"));
        };
        let story = Story::of(&call);
        let story = match self.at {
            None => story,
            Some(moment) => {
                story.until(moment).ok_or_else(|| CommandError::new(format!("{} has no such commit", self.call_id)))?
            }
        };
        let told = match () {
            () if self.html => html(&story, &call),
            () if self.mermaid => mermaid(&story),
            () if self.jsonl || output.is_json() => jsonl(&story).map_err(CommandError::new)?,
            () => text(&story),
        };
        match std::io::stdout().lock().write_all(told.as_bytes()) {
            // Whoever reads along may stop when they have seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            written => written.map_err(CommandError::new)?,
        }
        let findings = verify::call(&call, Clock::system().now()).counts.findings;
        if findings > 0 {
            output.warn(&format!("this history is not sound: `ilock verify {}` says why", self.call_id));
        }
        Ok(ExitCode::SUCCESS)
    }
}
