//! The file of a day's archive: an export of all calls of that day, of all tenants, without personal text.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use ilock_audit::{CallLine, Finding, Findings, Header, Kind, Line, Lines, verify};
use ilock_events::Millis;
use ilock_proof::{Day, StoredCall, TextDigest};
use indicatif::ProgressBar;
use serde_json::Value;

use crate::audit::source::open_export;
use crate::ui::error::CommandError;
use crate::ui::output::Output;
use crate::ui::progress;

const BUFFER_BYTES: usize = 1 << 18;
/// How many of its findings are kept until the whole day was judged.
const MOST_FINDINGS: usize = 10_000;

/// The archive of a day, read and verified from its beginning to its end.
pub struct ArchiveFile {
    pub path: PathBuf,
    /// SHA-256 of its text, which the marks of its calls name.
    pub digest: String,
    /// What is wrong with it, whatever the log says.
    pub findings: Vec<Finding>,
}

/// Where the archive of `day` is in a folder of archives.
pub fn path_in(folder: &Path, day: &Day) -> PathBuf {
    folder.join(format!("{day}.jsonl.zst"))
}

/// What the archive of `day` says of itself.
pub fn header(day: &Day) -> Header {
    let day = Some(day.to_string());
    Header { from: day.clone(), to: day, tenants: vec![], with_personal: false }
}

/// Digests what is read through it.
struct Digesting<R> {
    source: R,
    digest: TextDigest,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.digest.update(&buffer[..count]);
        Ok(count)
    }
}

impl ArchiveFile {
    pub fn read(folder: &Path, day: &Day, now: Millis, output: Output) -> Result<Self, CommandError> {
        let path = path_in(folder, day);
        let bar = progress::bytes(std::fs::metadata(&path).ok().map(|file| file.len()), output);
        let source = open_export(&path, &bar).map_err(|error| {
            error.hint(
                "copy the archive of the day there, from where it is kept: aws s3 cp s3://BUCKET/DAY.jsonl.zst DIR/",
            )
        })?;
        let digesting = Digesting { source, digest: TextDigest::default() };
        let mut source = BufReader::with_capacity(BUFFER_BYTES, digesting);
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let mut findings = Findings::at_most(MOST_FINDINGS);
        verify::file_on(jobs, &mut source, now, |finding| findings.push(finding), |_| {});
        bar.finish_and_clear();
        let digest = source.into_inner().digest.finish();
        let archive = Self { path, digest, findings: findings.told() };
        archive.with_head_of(day)
    }

    /// Held against the head that the archive of `day` has: one of another day may be sound by itself.
    fn with_head_of(mut self, day: &Day) -> Result<Self, CommandError> {
        let mut lines = self.lines()?;
        let first = lines.next_line().map_err(|error| self.unread(&error))?;
        let head = header(day).line().map_err(CommandError::new)?;
        if first.is_none_or(|first| first.bytes != head.trim_ascii_end()) {
            let why =
                format!("its head is not that of the archive of {day}, with all tenants and without personal text");
            self.findings.push(Finding { line: Some(1), ..Finding::new(Kind::Changed, why) });
        }
        Ok(self)
    }

    /// Its calls, from the first.
    pub fn calls(&self) -> Result<ArchivedCalls, CommandError> {
        Ok(ArchivedCalls { path: self.path.clone(), lines: self.lines()? })
    }

    fn lines(&self) -> Result<Lines<Box<dyn BufRead>>, CommandError> {
        Ok(Lines::new(open_export(&self.path, &ProgressBar::hidden())?))
    }

    fn unread(&self, error: &io::Error) -> CommandError {
        unread(&self.path, error)
    }
}

fn unread(path: &Path, error: &io::Error) -> CommandError {
    CommandError::new(format!("{}: {error}", path.display()))
}

/// The calls of an archive, one after the other.
pub struct ArchivedCalls {
    path: PathBuf,
    lines: Lines<Box<dyn BufRead>>,
}

impl ArchivedCalls {
    /// The next call; none after the last. What is no call has been found when the file was read.
    pub fn next_call(&mut self) -> Result<Option<StoredCall>, CommandError> {
        while let Some(raw) = self.lines.next_line().map_err(|error| unread(&self.path, &error))? {
            if let Ok(text) = std::str::from_utf8(raw.bytes)
                && let Ok((_, Line::Call(call))) = Line::read(text)
            {
                return Ok(Some(stored(&call)));
            }
        }
        Ok(None)
    }
}

/// A call of an export, as it was stored.
pub fn stored(call: &CallLine<'_>) -> StoredCall {
    let items = |texts: &[&str]| texts.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok()).collect();
    StoredCall {
        call_id: call.call_id.to_string(),
        commits: items(&call.commits),
        alerts: items(&call.alerts),
        receipts: items(&call.receipts),
        personal: vec![],
        forgotten: items(&call.forgotten),
        archived: None,
        unreadable: vec![],
    }
}
