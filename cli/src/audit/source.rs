//! Where call histories are read from: an export, a running `ilock dev`, or an AWS account.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;

use clap::Args;
use ilock_audit::export::call_line;
use ilock_audit::{Line, Lines};
use ilock_directory::Directory;
use ilock_events::{CallId, Millis};
use ilock_local::dynamodb;
use ilock_log::EventLog;
use ilock_log::ledger::Ledger;
use ilock_proof::{Day, StoredCall};
use indicatif::ProgressBar;

use crate::audit::audit_api::AuditApi;
use crate::audit::dev_server::{DEFAULT_DYNAMODB, DevServer, Reach};
use crate::audit::dynamodb_export::ExportFolder;
use crate::ui::error::CommandError;
use crate::ui::output::Output;

/// The magic number of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BUFFER_BYTES: usize = 1 << 18;
/// The call id stands within so many bytes of the beginning of its line.
const BYTES_BEFORE_CALL_ID: usize = 64;

/// The log in DynamoDB.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The table of the event log.
    #[arg(long, env = "EVENTS_TABLE", default_value = "events")]
    table: String,
    /// Read from the AWS account that the environment selects, instead of a running `ilock dev`.
    #[arg(long)]
    aws: bool,
    /// The DynamoDB address of a running `ilock dev`. [default: that of the `ilock dev` at ILOCK_SERVER, else
    /// 127.0.0.1:18000]
    #[arg(long, env = "ILOCK_DYNAMODB")]
    dynamodb: Option<SocketAddr>,
    #[command(flatten)]
    dev: DevServer,
}

#[derive(Debug, Clone, Args)]
pub struct LogAndDirectory {
    #[command(flatten)]
    source: Source,
    /// The table of the directory.
    #[arg(long, env = "DIRECTORY_TABLE", default_value = "directory")]
    directory_table: String,
}

impl LogAndDirectory {
    pub async fn open(&self) -> Result<(EventLog, Directory), CommandError> {
        let client = self.source.client().await?;
        let log = EventLog::new(client.clone(), self.source.table.clone());
        Ok((log, Directory::new(client, self.directory_table.clone())))
    }
}

impl Source {
    pub async fn log(&self) -> Result<EventLog, CommandError> {
        Ok(EventLog::new(self.client().await?, self.table.clone()))
    }

    pub async fn ledger(&self, table: &str) -> Result<Ledger, CommandError> {
        Ok(Ledger::new(self.client().await?, table))
    }

    /// The `ilock dev` that the ledger is read from, where the command line names no ledger.
    pub fn dev_server(&self) -> Option<&DevServer> {
        (!self.aws).then_some(&self.dev)
    }

    /// The backend that is asked by HTTP, because its stores are out of reach; none where they are not.
    pub async fn api(&self) -> Result<Option<AuditApi>, CommandError> {
        if self.aws || self.dynamodb.is_some() {
            return Ok(None);
        }
        match self.dev.reach().await? {
            Some(Reach::Api(api)) => Ok(Some(api)),
            _ => Ok(None),
        }
    }

    /// Which log is read, in words.
    pub async fn described(&self) -> Result<String, CommandError> {
        if self.aws {
            return Ok(format!("table {} of the AWS account", self.table));
        }
        Ok(format!("table {} at {}", self.table, self.address().await?))
    }

    async fn address(&self) -> Result<SocketAddr, CommandError> {
        match self.dynamodb {
            Some(address) => Ok(address),
            None => match self.dev.reach().await? {
                None => Ok(DEFAULT_DYNAMODB),
                Some(Reach::Stores(stores)) => Ok(stores.dynamodb),
                Some(Reach::Api(api)) => Err(CommandError::new(format!("{} does not hand out its log", api.described()))
                    .hint("--aws reads the log of an AWS account, --file an export; `ilock prove` and `ilock verify --since` ask the backend")),
            },
        }
    }

    async fn client(&self) -> Result<aws_sdk_dynamodb::Client, CommandError> {
        if self.aws {
            let behavior = aws_sdk_dynamodb::config::BehaviorVersion::latest();
            return Ok(aws_sdk_dynamodb::Client::new(&aws_config::load_defaults(behavior).await));
        }
        Ok(dynamodb::client(self.address().await?, None))
    }

    /// Reads a call and writes it as a line of an export, with personal text.
    pub async fn call_line(&self, call_id: &CallId) -> Result<String, CommandError> {
        let call = self.log().await?.stored(call_id).await.map_err(read_error)?;
        if call.commits.is_empty() && call.receipts.is_empty() {
            return Err(no_call(&call, "there is no call"));
        }
        export_line(&call)
    }
}

/// What is said of a call without commits: `unknown`, with its id, or that it was archived.
pub fn no_call(call: &StoredCall, unknown: &str) -> CommandError {
    let id = &call.call_id;
    match call.archived.as_ref().and_then(|mark| mark["at"].as_i64()) {
        None => CommandError::new(format!("{unknown} {id}")),
        Some(at) => {
            let day = Day::of(Millis(at));
            CommandError::new(format!("call {id} was moved into the archive of its day, {day}")).hint(format!(
                "`ilock replay`, `ilock verify` and `ilock prove` read it there: --file DIR/{day}.jsonl.zst {id}"
            ))
        }
    }
}

/// The line that an export would have for `call`, with personal text.
pub fn export_line(call: &StoredCall) -> Result<String, CommandError> {
    let line = call_line(1, call, true).map_err(CommandError::new)?;
    String::from_utf8(line).map(|line| line.trim_end().to_owned()).map_err(CommandError::new)
}

/// An error of the log or the directory, with its cause.
#[allow(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
pub fn read_error(error: impl std::error::Error) -> CommandError {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    CommandError::new(format!("{error}{cause}")).hint("is `ilock dev` running? --aws reads from an AWS account")
}

/// Opens an export, compressed with zstd or not. `bar` shows how many bytes of the file were read.
pub fn open_export(path: &Path, bar: &ProgressBar) -> Result<Box<dyn BufRead>, CommandError> {
    let failed = |error: std::io::Error| CommandError::new(format!("{}: {error}", path.display()));
    let file = bar.wrap_read(File::open(path).map_err(failed)?);
    let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
    if file.fill_buf().map_err(failed)?.starts_with(&ZSTD_MAGIC) {
        let decoder = zstd::stream::read::Decoder::with_buffer(file).map_err(failed)?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder)));
    }
    Ok(Box::new(file))
}

/// The line of a call, with its number where it stands in a file.
pub struct FoundLine {
    pub number: Option<u64>,
    pub text: String,
}

/// Finds a call in an export: a file of `ilock export`, or a folder that DynamoDB exported to S3.
pub fn find_call(path: &Path, call_id: &CallId, output: Output) -> Result<FoundLine, CommandError> {
    let found = if path.is_dir() {
        let call = ExportFolder::open(path)?.find_call(call_id, output)?;
        call.map(|call| Ok(FoundLine { number: None, text: export_line(&call)? })).transpose()?
    } else {
        find_line(path, call_id)?
    };
    found.ok_or_else(|| CommandError::new(format!("there is no call {call_id} in {}", path.display())))
}

fn find_line(path: &Path, call_id: &CallId) -> Result<Option<FoundLine>, CommandError> {
    let failed = |error: std::io::Error| CommandError::new(format!("{}: {error}", path.display()));
    let mut lines = Lines::new(open_export(path, &ProgressBar::hidden())?);
    let needle = format!("\"{call_id}\"");
    while let Some(raw) = lines.next_line().map_err(failed)? {
        let Ok(text) = std::str::from_utf8(raw.bytes) else { continue };
        // Looking for the id is much faster than parsing every line.
        let head = text.get(..(needle.len() + BYTES_BEFORE_CALL_ID).min(text.len()));
        if !head.is_some_and(|head| head.contains(&needle)) {
            continue;
        }
        if let Ok((_, Line::Call(call))) = Line::read(text)
            && call.call_id == call_id.as_str()
        {
            return Ok(Some(FoundLine { number: Some(raw.number), text: text.to_owned() }));
        }
    }
    Ok(None)
}
