//! `ilock replay CALL_ID`: prints what happened in a call, step by step. It only reads, and notifies nobody.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use ilock_audit::export::call_line;
use ilock_audit::replay::{Moment, Proven, Story, html, jsonl, mermaid, text};
use ilock_audit::{CheckedProof, Line, check_proof};
use ilock_env::Clock;
use ilock_events::{CallId, Millis};

use crate::audit::find_call::find_call;
use crate::audit::ledger_args::believed;
use crate::audit::proof_input::read_proof_file;
use crate::audit::source::Source;
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::Output;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("format").args(["jsonl", "mermaid", "html"])))]
pub struct Replay {
    call_id: CallId,
    /// Read from this export instead of the log: a file of `ilock export`, or a folder that DynamoDB exported to S3.
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// Read from this file of `ilock prove` instead of the log, and check its proofs.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    proof: Option<PathBuf>,
    /// Whom you believe about a proof: a C2SP tlog-policy.
    #[arg(long, requires = "proof", conflicts_with = "file")]
    policy: Option<PathBuf>,
    /// The ledger's key, as you keep it yourself, instead of a policy.
    #[arg(long, requires = "proof", conflicts_with_all = ["policy", "file"])]
    ledger_key: Option<String>,
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
        let now = Clock::system().now();
        let proof = self.proof.as_ref().map(|file| self.checked_proof(file, now)).transpose()?;
        let in_file = self.file.as_ref().map(|file| Ok((file, find_call(file, &self.call_id, output)?))).transpose()?;
        let line = match (&proof, &in_file) {
            (Some((checked, _)), _) => proven_line(checked)?,
            (None, Some((file, found))) => found.text(file)?.to_owned(),
            (None, None) => self.source.call_line(&self.call_id).await?,
        };
        let Line::Call(call) = Line::read(line.trim_end()).map_err(CommandError::new)?.1 else {
            return Err(CommandError::new("this line of the export does not hold a call"));
        };
        let mut story = Story::of(&call, now);
        if let Some((_, found)) = in_file {
            let findings = found.with_place(std::mem::take(&mut story.verdict.findings));
            story.verdict = story.verdict.with(findings);
        }
        if let Some((checked, origin)) = &proof {
            let (proven, verdict) = Proven::of(checked, origin);
            (story.proven, story.verdict) = (Some(proven), verdict);
        }
        let (sound, findings) = (story.verdict.sound, story.verdict.counts.findings);
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
        output.write(rendered.as_bytes());
        if sound {
            return Ok(ExitCode::SUCCESS);
        }
        output.warn(&format!("this history is not sound: {findings} findings, which stand in what was printed"));
        Ok(ExitCode::from(EXIT_FINDINGS))
    }

    /// What a file of `ilock prove` proves, and of which ledger.
    fn checked_proof(&self, path: &Path, now: Millis) -> Result<(CheckedProof, String), CommandError> {
        let file = read_proof_file(path)?;
        if file.call_id != self.call_id.as_str() {
            let why = format!("{}: it proves the call {}", path.display(), file.call_id);
            return Err(CommandError::new(why));
        }
        let believed = believed(self.policy.as_deref(), self.ledger_key.as_deref())?;
        Ok((check_proof(&file, believed.as_ref(), now), file.origin))
    }
}

/// The line that an export would have for a call that was proven: personal text is in no proof.
fn proven_line(checked: &CheckedProof) -> Result<String, CommandError> {
    let line = call_line(1, &checked.stored, false).map_err(CommandError::new)?;
    String::from_utf8(line).map_err(CommandError::new)
}
