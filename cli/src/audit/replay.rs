//! `ilock replay CALL_ID`: prints what happened in a call, step by step. It only reads, and notifies nobody.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use ilock_audit::replay::{Moment, Story, html, jsonl, mermaid, text};
use ilock_audit::{Line, verify};
use ilock_env::Clock;
use ilock_events::CallId;

use crate::audit::source::{Source, find_call};
use crate::ui::error::CommandError;
use crate::ui::output::Output;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("format").args(["jsonl", "mermaid", "html"])))]
pub struct Replay {
    call_id: CallId,
    /// Read from this export instead of the log: a file of `ilock export`, or a folder that DynamoDB exported to S3.
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// Stop at this moment and print the call's state then. A commit number (3), or a time since the call was placed (12s,
    /// 1.5s, 800ms).
    #[arg(long)]
    at: Option<Moment>,
    /// Print one JSON object a line.
    #[arg(long)]
    jsonl: bool,
    /// Print a Mermaid sequence diagram.
    #[arg(long)]
    mermaid: bool,
    /// Print an HTML page with the diagram, the timeline and the raw commits.
    #[arg(long)]
    html: bool,
    #[command(flatten)]
    source: Source,
}

impl Replay {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let line = match &self.file {
            Some(file) => find_call(file, &self.call_id, output)?.text,
            None => self.source.call_line(&self.call_id).await?,
        };
        let Line::Call(call) = Line::read(&line).map_err(CommandError::new)?.1 else {
            return Err(CommandError::new("this line of the export does not hold a call"));
        };
        let story = Story::of(&call);
        let story = match self.at {
            None => story,
            Some(moment) => story
                .until(moment)
                .ok_or_else(|| CommandError::new(format!("--at: {} has no such commit", self.call_id)))?,
        };
        let rendered = match () {
            () if self.html => html(&story, &call),
            () if self.mermaid => mermaid(&story),
            () if self.jsonl || output.is_json() => jsonl(&story).map_err(CommandError::new)?,
            () => text(&story),
        };
        match std::io::stdout().lock().write_all(rendered.as_bytes()) {
            // The reader of a pipe, such as `head`, may close it early.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            written => written.map_err(CommandError::new)?,
        }
        let findings = verify::call(&call, Clock::system().now()).counts.findings;
        if findings > 0 {
            output.warn(&format!("this history has findings: `ilock verify {}` prints them", self.call_id));
        }
        Ok(ExitCode::SUCCESS)
    }
}
