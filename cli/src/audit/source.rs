//! Where histories are read from: a file, a running `ilock dev`, or an AWS account.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use clap::Args;
use ilock_audit::export::call_line;
use ilock_audit::{Line, Lines};
use ilock_directory::Directory;
use ilock_events::CallId;
use ilock_local::dynamodb;
use ilock_log::{EventLog, Ledger, StoredCall};

use crate::audit::dynamodb_export::Folder;
use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// The log in DynamoDB.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The table of the log.
    #[arg(long, env = "EVENTS_TABLE", default_value = "events")]
    table: String,
    /// Read from the AWS account of the environment instead of a running `ilock dev`.
    #[arg(long)]
    aws: bool,
    /// Where the DynamoDB of a running `ilock dev` is.
    #[arg(long, env = "ILOCK_DYNAMODB", default_value = "127.0.0.1:18000")]
    dynamodb: std::net::SocketAddr,
}

/// The log, and the directory beside it.
#[derive(Debug, Clone, Args)]
pub struct LogAndDirectory {
    #[command(flatten)]
    source: Source,
    /// The table of the directory.
    #[arg(long, env = "DIRECTORY_TABLE", default_value = "directory")]
    directory_table: String,
}

impl LogAndDirectory {
    /// Both, over one client.
    pub async fn open(&self) -> (EventLog, Directory) {
        let client = self.source.client().await;
        (EventLog::new(client.clone(), self.source.table.clone()), Directory::new(client, self.directory_table.clone()))
    }
}

impl Source {
    /// The log.
    pub async fn log(&self) -> EventLog {
        EventLog::new(self.client().await, self.table.clone())
    }

    /// The ledger beside it.
    pub async fn ledger(&self, table: &str) -> Ledger {
        Ledger::new(self.client().await, table)
    }

    /// DynamoDB.
    pub async fn client(&self) -> aws_sdk_dynamodb::Client {
        if self.aws {
            let behavior = aws_sdk_dynamodb::config::BehaviorVersion::latest();
            aws_sdk_dynamodb::Client::new(&aws_config::load_defaults(behavior).await)
        } else {
            dynamodb::client(self.dynamodb, None)
        }
    }

    /// One call, as a line of an export with all that there is.
    pub async fn one(&self, call_id: &CallId) -> Result<String, CommandError> {
        let call = self.log().await.stored(call_id).await.map_err(read_error)?;
        if call.commits.is_empty() && call.receipts.is_empty() {
            return Err(CommandError::new(format!("there is no call {call_id}")));
        }
        export_line(&call)
    }
}

/// A line of its own for a call that stands in no file.
pub fn export_line(call: &StoredCall) -> Result<String, CommandError> {
    let line = call_line(1, call, true).map_err(CommandError::new)?;
    String::from_utf8(line).map(|line| line.trim_end().to_owned()).map_err(CommandError::new)
}

/// What the log, or the directory, did not do.
#[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub fn read_error(error: impl std::error::Error) -> CommandError {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    CommandError::new(format!("{error}{cause}")).hint("is `ilock dev` running? --aws reads from an AWS account")
}

/// An export to read, compressed or not.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, CommandError> {
    let failed = |error: std::io::Error| CommandError::new(format!("{}: {error}", path.display()));
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
    if file.fill_buf().map_err(failed)?.starts_with(&ZSTD) {
        let decoder = zstd::stream::read::Decoder::with_buffer(file).map_err(failed)?;
        return Ok(Box::new(BufReader::with_capacity(1 << 18, decoder)));
    }
    Ok(Box::new(file))
}

/// What every zstd frame begins with.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The line of `call_id` in an export, and where it stands, if that means something; none when it is not there.
pub fn find(path: &Path, call_id: &CallId, output: Output) -> Result<Option<(Option<u64>, String)>, CommandError> {
    if path.is_dir() {
        let call = Folder::open(path)?.one(call_id, output)?;
        return call.map(|call| Ok((None, export_line(&call)?))).transpose();
    }
    let failed = |error: std::io::Error| CommandError::new(format!("{}: {error}", path.display()));
    let mut lines = Lines::new(open(path)?);
    let needle = format!("\"{call_id}\"");
    while let Some(raw) = lines.next_line().map_err(failed)? {
        let Ok(text) = std::str::from_utf8(raw.bytes) else { continue };
        // Most lines need not be read to know that they are another's.
        if !text.get(..needle.len().saturating_add(64).min(text.len())).is_some_and(|head| head.contains(&needle)) {
            continue;
        }
        if let Ok((_, Line::Call(call))) = Line::read(text)
            && call.call_id == call_id.as_str()
        {
            return Ok(Some((Some(raw.number), text.to_owned())));
        }
    }
    Ok(None)
}
