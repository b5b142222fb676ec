//! `ilock export --output FILE`: writes the calls of a range to a file that can be verified and replayed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ilock_audit::export::placed_at;
use ilock_audit::{Finding, Header, verify, visible};
use ilock_events::CallId;
use serde_json::json;

use crate::audit::dynamodb_export::ExportFolder;
use crate::audit::export_file::ExportFile;
use crate::audit::find_call::finding_text;
use crate::audit::in_order::CallsInOrder;
use crate::audit::range::Range;
use crate::audit::source::{Source, read_error};
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::{Level, Output};
use crate::ui::progress;

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    range: Range,
    /// Read from the folder of an export that DynamoDB wrote to S3, instead of the log.
    #[arg(long = "from-dynamodb-export", value_name = "DIR")]
    dynamodb_folder: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// The file to write: .jsonl, or .jsonl.zst to compress it. An interrupted export is continued.
    #[arg(long, short)]
    output: PathBuf,
    /// Include personal text: names, reasons and what apps sent with a call.
    #[arg(long)]
    personal: bool,
}

impl Export {
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        self.range.check()?;
        let header = Header {
            from: self.range.from.as_ref().map(ToString::to_string),
            to: self.range.to.as_ref().map(ToString::to_string),
            tenants: self.range.tenants.iter().map(ToString::to_string).collect(),
            with_personal: self.personal,
        };
        match &self.dynamodb_folder {
            Some(folder) => self.export_folder(folder, &header, output),
            None => self.export_log(&header, output).await,
        }
    }

    async fn export_log(&self, header: &Header, output: Output) -> Result<ExitCode, CommandError> {
        let mut calls = CallsInOrder::of(self.source.log().await?, &self.range).await.map_err(read_error)?;
        let mut file = ExportFile::open(&self.output, header)?;
        if file.progress.end.calls > 0 {
            output.warn(&format!("continuing after the {} calls in the file", file.progress.end.calls));
        }
        let bar = progress::days(calls.total_days, output);
        let (mut archived, mut findings) = (0_u64, 0_u64);
        let mut on_finding = |finding: &Finding| {
            findings += 1;
            bar.suspend(|| output.warn(&visible(&finding_text(finding))));
        };
        loop {
            let found = calls.next_calls(|at, call_id| file.progress.has(at, call_id)).await.map_err(read_error)?;
            calls.take_not_calls().iter().for_each(&mut on_finding);
            if found.is_empty() {
                break;
            }
            archived += found.iter().map(|call| u64::from(call.is_archived())).sum::<u64>();
            for call in found.iter().filter(|call| !call.is_archived()) {
                verify::unreadable(call).iter().for_each(&mut on_finding);
                file.write(|progress, out| progress.call(out, call, self.personal))
                    .map_err(|e| self.write_error(&e))?;
            }
            bar.set_position(u64::try_from(calls.finished_days()).unwrap_or_default());
            bar.set_message(format!("{} calls", file.progress.end.calls));
        }
        bar.finish_and_clear();
        if archived > 0 {
            output.warn(&format!("{archived} calls are left out: they were moved into the archives of their days"));
        }
        self.finish(file, output)?;
        Ok(exit_code(findings))
    }

    fn export_folder(&self, folder: &Path, header: &Header, output: Output) -> Result<ExitCode, CommandError> {
        let mut findings = 0_u64;
        let mut on_finding = |finding: Finding| {
            findings += 1;
            output.warn(&visible(&finding_text(&finding)));
        };
        let folder = ExportFolder::open(folder)?;
        let mut file = ExportFile::open(&self.output, header)?;
        let written = file.progress.clone();
        folder.calls_in_order(&self.range, output, &mut on_finding, |call| {
            if CallId::new(&call.call_id).is_ok_and(|call_id| written.has(placed_at(&call), &call_id)) {
                return Ok(());
            }
            file.write(|progress, out| progress.call(out, &call, self.personal))
        })?;
        self.finish(file, output)?;
        Ok(exit_code(findings))
    }

    fn finish(&self, file: ExportFile, output: Output) -> Result<(), CommandError> {
        let end = file.finish().map_err(|error| self.write_error(&error))?.end;
        let text = format!("exported {} calls with {} commits to {}", end.calls, end.commits, self.output.display());
        let details = json!({ "calls": end.calls, "commits": end.commits, "file": self.output });
        output.line(Level::Success, "exported", &text, details);
        Ok(())
    }

    fn write_error(&self, error: &std::io::Error) -> CommandError {
        CommandError::new(format!("{}: {error}", self.output.display()))
    }
}

pub fn exit_code(findings: u64) -> ExitCode {
    if findings == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FINDINGS) }
}
