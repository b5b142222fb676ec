//! Where histories are read from: a file, a running `ilock dev`, or an AWS account.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use clap::Args;
use ilock_audit::export::call_line;
use ilock_audit::{Line, Lines};
use ilock_directory::Directory;
use ilock_events::{CallId, Millis, TenantId};
use ilock_local::dynamodb;
use ilock_log::{Day, DayPages, EventLog, Ledger, LogError, StoredCall};

use crate::dynamodb_export::Folder;
use crate::failure::Failure;
use crate::say::Say;

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
pub struct Both {
    #[command(flatten)]
    source: Source,
    /// The table of the directory.
    #[arg(long, env = "DIRECTORY_TABLE", default_value = "directory")]
    directory_table: String,
}

impl Both {
    /// Both, over one client.
    pub async fn open(&self) -> (EventLog, Directory) {
        let client = self.source.client().await;
        (EventLog::new(client.clone(), self.source.table.clone()), Directory::new(client, self.directory_table.clone()))
    }
}

/// Which calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct Range {
    /// The first day (UTC), as 2026-11-22.
    #[arg(long)]
    pub from: Option<Day>,
    /// The last day, which is included.
    #[arg(long)]
    pub to: Option<Day>,
    /// Only this tenant's calls. May be said more than once.
    #[arg(long = "tenant")]
    pub tenants: Vec<TenantId>,
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
    pub async fn one(&self, call_id: &CallId) -> Result<String, Failure> {
        let call = self.log().await.stored(call_id).await.map_err(unread)?;
        if call.commits.is_empty() && call.receipts.is_empty() {
            return Err(Failure::new(format!("there is no call {call_id}")));
        }
        line_of(&call)
    }
}

/// A line of its own for a call that stands in no file.
pub fn line_of(call: &StoredCall) -> Result<String, Failure> {
    let line = call_line(1, call, true).map_err(Failure::new)?;
    String::from_utf8(line).map(|line| line.trim_end().to_owned()).map_err(Failure::new)
}

/// What the log, or the directory, did not do.
#[allow(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
pub fn unread(error: impl std::error::Error) -> Failure {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::new(format!("{error}{cause}")).hint("is `ilock dev` running? --aws reads from an AWS account")
}

/// An export to read, compressed or not.
pub fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
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
pub fn find(path: &Path, call_id: &CallId, say: Say) -> Result<Option<(Option<u64>, String)>, Failure> {
    if path.is_dir() {
        let call = Folder::open(path)?.one(call_id, say)?;
        return call.map(|call| Ok((None, line_of(&call)?))).transpose();
    }
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
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

/// Calls are read so many at a time: most are a few kilobytes.
const AT_ONCE: usize = 16;

/// The calls of a range, in the order in which they were placed; those of one moment in the order of their ids.
pub struct InOrder {
    log: EventLog,
    days: VecDeque<Vec<String>>,
    open: Vec<Open>,
    /// Calls of one and the same moment.
    ready: VecDeque<(Millis, CallId)>,
    /// How many days there are to read.
    pub days_in_all: usize,
}

/// One key of the day index, as far as it has been read.
struct Open {
    pages: DayPages,
    read: VecDeque<(Millis, CallId)>,
}

impl Open {
    /// The next call under this key, left where it is.
    async fn peek(&mut self) -> Result<Option<Millis>, LogError> {
        while self.read.is_empty() {
            match self.pages.next().await? {
                Some(page) => self.read.extend(page),
                None => return Ok(None),
            }
        }
        Ok(self.read.front().map(|(at, _)| *at))
    }
}

impl InOrder {
    /// The calls of `range`.
    pub async fn of(log: EventLog, range: &Range) -> Result<Self, LogError> {
        let wanted = |date: &str| {
            range.from.as_ref().is_none_or(|from| date >= from.as_str())
                && range.to.as_ref().is_none_or(|to| date <= to.as_str())
        };
        let of_tenant = |key: &String| {
            range.tenants.is_empty()
                || range.tenants.iter().any(|tenant| key.split('#').next() == Some(tenant.as_str()))
        };
        let days = log.days().await?;
        let days: VecDeque<Vec<String>> = days
            .into_iter()
            .filter(|(date, _)| wanted(date))
            .map(|(_, keys)| keys.into_iter().filter(of_tenant).collect())
            .collect();
        Ok(Self { log, days_in_all: days.len(), days, open: vec![], ready: VecDeque::new() })
    }

    /// How many days have been begun.
    pub fn days_begun(&self) -> usize {
        self.days_in_all - self.days.len()
    }

    /// The next call's name; none after the last.
    pub async fn next(&mut self) -> Result<Option<(Millis, CallId)>, LogError> {
        while self.ready.is_empty() {
            let mut first = None;
            for open in &mut self.open {
                if let Some(at) = open.peek().await? {
                    first = Some(first.map_or(at, |first: Millis| first.min(at)));
                }
            }
            let Some(first) = first else {
                let Some(keys) = self.days.pop_front() else { return Ok(None) };
                let open = |key| Open { pages: self.log.placed_under(key), read: VecDeque::new() };
                self.open = keys.into_iter().map(open).collect();
                continue;
            };
            // The index does not order calls of one moment.
            let mut same = vec![];
            for open in &mut self.open {
                while open.peek().await? == Some(first) {
                    same.extend(open.read.pop_front());
                }
            }
            same.sort_by(|(_, a), (_, b)| a.cmp(b));
            self.ready = same.into();
        }
        Ok(self.ready.pop_front())
    }

    /// The next calls as they are stored, those that `skip` names left out; none after the last.
    pub async fn next_calls(&mut self, skip: impl Fn(Millis, &CallId) -> bool) -> Result<Vec<StoredCall>, LogError> {
        let mut named = vec![];
        while named.len() < AT_ONCE {
            match self.next().await? {
                Some((at, call_id)) if skip(at, &call_id) => {}
                Some((_, call_id)) => named.push(call_id),
                None => break,
            }
        }
        futures::future::try_join_all(named.iter().map(|call_id| self.log.stored(call_id))).await
    }
}
