//! Where call histories are read from: an export, a running `ilock dev`, or an AWS account.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;

use clap::Args;
use ilock_audit::export::call_line;
use ilock_directory::{Directory, DirectoryError};
use ilock_events::{CallId, Millis};
use ilock_functions::settings::table_name;
use ilock_local::dynamodb;
use ilock_log::ledger::Ledger;
use ilock_log::{EventLog, LogError};
use ilock_proof::{Day, StoredCall};
use indicatif::ProgressBar;

use crate::audit::audit_api::AuditApi;
use crate::audit::dev_server::{DEFAULT_DYNAMODB, DevServer, Reach};
use crate::audit::proof_input::{ZSTD_MAGIC, refuse_proof};
use crate::selected_account::load_config;
use crate::ui::error::{CommandError, error_chain};

const BUFFER_BYTES: usize = 1 << 18;

/// The name of a table.
pub fn table(text: &str) -> Result<String, String> {
    table_name(text).map(|()| text.to_owned())
}

/// The log in DynamoDB.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The table of the event log.
    #[arg(long, env = "EVENTS_TABLE", default_value = "events", value_parser = table)]
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
    #[arg(long, env = "DIRECTORY_TABLE", default_value = "directory", value_parser = table)]
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
            return Ok(aws_sdk_dynamodb::Client::new(&load_config().await?));
        }
        Ok(dynamodb::client(self.address().await?, None))
    }

    /// Reads a call, as far as it can be read.
    pub async fn stored(&self, call_id: &CallId) -> Result<StoredCall, CommandError> {
        let call = self.log().await?.stored(call_id).await.map_err(read_error)?;
        if call.commits.is_empty() && call.receipts.is_empty() && call.unreadable.is_empty() {
            return Err(no_call(&call, "there is no call"));
        }
        Ok(call)
    }

    /// Reads a call and writes it as a line of an export, with personal text. Refused where some of it cannot be read.
    pub async fn call_line(&self, call_id: &CallId) -> Result<String, CommandError> {
        let call = self.stored(call_id).await?;
        whole(&call)?;
        export_line(&call)
    }
}

/// Refuses a call of which something cannot be read.
pub fn whole(call: &StoredCall) -> Result<(), CommandError> {
    let id = &call.call_id;
    match call.unreadable.first() {
        None => Ok(()),
        Some(item) => Err(CommandError::new(format!("call {id}: {item}")).hint(verify_it(id))),
    }
}

/// What can be done about a call that is not whole.
fn verify_it(call_id: impl std::fmt::Display) -> String {
    format!("`ilock verify {call_id}` names what is wrong with it, and verifies everything else")
}

/// Why one call cannot be read from the log.
pub fn call_error(call_id: &CallId, error: LogError) -> CommandError {
    match error {
        LogError::Item { .. } => {
            CommandError::new(format!("call {call_id}: {}", read_error(error).message)).hint(verify_it(call_id))
        }
        LogError::Broken { .. } => read_error(error).hint(verify_it(call_id)),
        error => read_error(error),
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

/// An error of the log or the directory, with its causes.
#[allow(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
pub fn read_error(error: impl std::error::Error + 'static) -> CommandError {
    let error: &dyn std::error::Error = &error;
    let failed = CommandError::new(error_chain(error));
    match (error.downcast_ref(), error.downcast_ref()) {
        (Some(LogError::Item { .. } | LogError::Broken { .. }), _) => {
            failed.hint("`ilock verify` names what is wrong with the log")
        }
        (Some(LogError::Contended { .. }), _) => failed.hint("others write to it at the same time: run it again"),
        (_, Some(DirectoryError::Item(_))) => failed,
        _ => failed.hint(
            "without --aws: is `ilock dev` running? With it: the tables, AWS_REGION and your permissions must be those of the \
             deployment",
        ),
    }
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
    refuse_proof(path, file.fill_buf().map_err(failed)?)?;
    Ok(Box::new(file))
}
