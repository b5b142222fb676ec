//! `ilock export --output FILE`: the calls of a range, as they are stored, in a file that can be verified and replayed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ilock_audit::export::placed_at;
use ilock_audit::{Finding, Header};
use ilock_events::CallId;
use serde_json::json;

use crate::audit::dynamodb_export::Folder;
use crate::audit::export_file::ExportFile;
use crate::audit::in_order::CallsInOrder;
use crate::audit::range::Range;
use crate::audit::source::{Source, read_error};
use crate::ui::error::{CommandError, EXIT_FINDINGS};
use crate::ui::output::{Level, Output};
use crate::ui::progress;

/// Which calls, and where to.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    range: Range,
    /// From the folder of an export that DynamoDB wrote to S3, instead of the log.
    #[arg(long = "from-dynamodb-export", value_name = "DIR")]
    dynamodb_folder: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Where to: .jsonl, or .jsonl.zst to compress. An export that was interrupted is gone on with.
    #[arg(long, short)]
    output: PathBuf,
    /// With personal text: names, reasons, what apps sent along.
    #[arg(long)]
    personal: bool,
}

impl Export {
    /// Writes it.
    pub async fn run(self, output: Output) -> Result<ExitCode, CommandError> {
        let failed = |error: std::io::Error| CommandError::new(format!("{}: {error}", self.output.display()));
        let header = Header {
            from: self.range.from.as_ref().map(ToString::to_string),
            to: self.range.to.as_ref().map(ToString::to_string),
            tenants: self.range.tenants.iter().map(ToString::to_string).collect(),
            with_personal: self.personal,
        };
        if let Some(folder) = &self.dynamodb_folder {
            return self.of_folder(folder, &header, output);
        }
        let mut calls = CallsInOrder::of(self.source.log().await, &self.range).await.map_err(read_error)?;
        let mut file = ExportFile::open(&self.output, &header)?;
        if file.progress.end.calls > 0 {
            output.warn(&format!("going on after {} calls that are there already", file.progress.end.calls));
        }
        let bar = progress::days(calls.days_in_all, output);
        loop {
            let found = calls.next_calls(|at, call_id| file.progress.has(at, call_id)).await.map_err(read_error)?;
            if found.is_empty() {
                break;
            }
            for call in &found {
                file.write(|progress, out| progress.call(out, call, self.personal)).map_err(failed)?;
            }
            bar.set_position(u64::try_from(calls.days_begun().saturating_sub(1)).unwrap_or_default());
            bar.set_message(format!("{} calls", file.progress.end.calls));
        }
        bar.finish_and_clear();
        self.finish(file, output)?;
        Ok(ExitCode::SUCCESS)
    }

    fn of_folder(&self, folder: &Path, header: &Header, output: Output) -> Result<ExitCode, CommandError> {
        let mut wrong = 0_u64;
        let mut found = |finding: Finding| {
            wrong += 1;
            output.warn(&format!("{}: {}", finding.kind.words(), finding.why));
        };
        let folder = Folder::open(folder)?;
        let mut file = ExportFile::open(&self.output, header)?;
        let already = file.progress.clone();
        folder.in_order(&self.range, output, &mut found, |call| {
            let is_there = CallId::new(&call.call_id).is_ok_and(|call_id| already.has(placed_at(&call), &call_id));
            if is_there {
                return Ok(());
            }
            file.write(|progress, out| progress.call(out, &call, self.personal))
        })?;
        self.finish(file, output)?;
        Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FINDINGS) })
    }

    fn finish(&self, file: ExportFile, output: Output) -> Result<(), CommandError> {
        let failed = |error: std::io::Error| CommandError::new(format!("{}: {error}", self.output.display()));
        let end = file.finish().map_err(failed)?.end;
        let text = format!("{} calls with {} commits in {}", end.calls, end.commits, self.output.display());
        output.line(
            Level::Success,
            "exported",
            &text,
            json!({ "calls": end.calls, "commits": end.commits, "file": self.output }),
        );
        Ok(())
    }
}
