//! Sorts calls whose items are scattered over all files of an export, with little memory.
//!
//! Each line is written to one of several temporary files, chosen by the hash of its call id, so that all items of a call
//! are in one of them. Each of these partitions is sorted on its own, and then they are merged: only one partition is in
//! memory at a time. There is one partition for each megabyte of the folder, 256 at most. How long a partition becomes shows only
//! when it was unpacked: one that is too long is divided again, so that memory does not grow with the folder.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufRead, BufReader, BufWriter, Lines, Seek as _, Write as _};

use ilock_audit::dynamodb::item;
use ilock_audit::export::placed_at;
use ilock_proof::StoredCall;
use serde_json::Value;

use crate::audit::dynamodb_export::runs::{Key, Runs, SortedRun};
use crate::audit::range::Range;

const MAX_PARTITIONS: u64 = 256;
/// Compressed bytes for each partition, while there are fewer than the most.
const BYTES_PER_PARTITION: u64 = 1 << 20;
/// How many partitions one that is too long is divided into.
const DIVIDED: u64 = 16;

/// How many bytes of lines are in memory at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Of a partition of several calls.
    pub partition: u64,
    /// Of one call, all of which is in memory at once: twice as many as the line of an export may have, since DynamoDB writes the type
    /// of each value, too.
    pub call: u64,
}

pub const LIMITS: Limits = Limits { partition: 8 << 20, call: 16 << 20 };

/// A call has more items than any call of ours.
#[derive(Debug)]
pub struct CallTooLong {
    call_id: String,
    most: u64,
}

impl CallTooLong {
    pub fn new(call_id: &str, limits: Limits) -> Self {
        Self { call_id: call_id.to_owned(), most: limits.call }
    }
}

impl std::fmt::Display for CallTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { call_id, most } = self;
        write!(f, "call {call_id} has more than {most} bytes of items, and no call of this backend has")
    }
}

impl std::error::Error for CallTooLong {}

/// Lines of some calls, in a temporary file.
struct Partition {
    lines: BufWriter<File>,
    bytes: u64,
    /// The first of the calls.
    call_id: String,
    has_several: bool,
}

impl Partition {
    fn new() -> io::Result<Self> {
        let lines = BufWriter::new(tempfile::tempfile()?);
        Ok(Self { lines, bytes: 0, call_id: String::new(), has_several: false })
    }

    fn add(&mut self, call_id: &str, line: &str) -> io::Result<()> {
        if self.bytes == 0 {
            call_id.clone_into(&mut self.call_id);
        }
        self.has_several |= self.call_id != call_id;
        self.bytes += u64::try_from(line.len()).unwrap_or(u64::MAX);
        writeln!(self.lines, "{line}")
    }

    fn read(self) -> io::Result<Lines<BufReader<File>>> {
        let mut lines = self.lines.into_inner().map_err(io::IntoInnerError::into_error)?;
        lines.rewind()?;
        Ok(BufReader::new(lines).lines())
    }
}

pub struct Partitions {
    all: Vec<Partition>,
    limits: Limits,
    /// Which partition a call is in. Nobody who made the export knows.
    hasher: RandomState,
}

impl Partitions {
    /// Partitions for an export of so many compressed bytes.
    pub fn for_bytes(bytes: u64) -> io::Result<Self> {
        Self::new((bytes / BYTES_PER_PARTITION).clamp(1, MAX_PARTITIONS), LIMITS)
    }

    pub fn new(count: u64, limits: Limits) -> io::Result<Self> {
        let all = (0..count).map(|_| Partition::new()).collect::<Result<_, _>>()?;
        Ok(Self { all, limits, hasher: RandomState::new() })
    }

    /// Adds an item of `call_id`, as the line that it has in the export.
    pub fn add(&mut self, call_id: &str, line: &str) -> io::Result<()> {
        let count = u64::try_from(self.all.len()).unwrap_or(u64::MAX);
        let index = usize::try_from(self.hasher.hash_one(call_id) % count).unwrap_or_default();
        self.all[index].add(call_id, line)
    }

    /// Passes the calls of `range` to `on_call`, sorted. Answers how many were archived, and so have nothing to be passed.
    pub fn merge(self, range: &Range, mut on_call: impl FnMut(StoredCall) -> io::Result<()>) -> io::Result<u64> {
        let Self { all: mut left, limits, .. } = self;
        let (mut runs, mut archived) = (Runs::default(), 0);
        while let Some(partition) = left.pop() {
            if !partition.has_several && partition.bytes > limits.call {
                return Err(io::Error::other(CallTooLong::new(&partition.call_id, limits)));
            }
            if partition.has_several && partition.bytes > limits.partition {
                left.extend(divided(partition, limits)?.all);
                continue;
            }
            let (run, of_run) = sorted(partition, range)?;
            archived += of_run;
            runs.add(run)?;
        }
        runs.merge(|_, call| on_call(serde_json::from_str(&call)?))?;
        Ok(archived)
    }
}

/// The calls of a partition, each in one of several.
fn divided(partition: Partition, limits: Limits) -> io::Result<Partitions> {
    let mut parts = Partitions::new(DIVIDED, limits)?;
    for line in partition.read()? {
        let line = line?;
        if let Ok(Some(exported)) = item(&line) {
            parts.add(&exported.call_id, &line)?;
        }
    }
    Ok(parts)
}

/// The calls of a partition, sorted; and how many there are of which there is only the mark that they were archived: they are left
/// out.
fn sorted(partition: Partition, range: &Range) -> io::Result<(SortedRun, u64)> {
    let mut items: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for line in partition.read()? {
        if let Ok(Some(exported)) = item(&line?) {
            items.entry(exported.call_id).or_default().push((exported.sk, exported.body));
        }
    }
    let calls = items.into_iter().map(|(call_id, items)| call_from_items(call_id, items));
    let calls: Vec<StoredCall> = calls.filter(|call| range.has_call(call)).collect();
    let archived = calls.iter().map(|call| u64::from(call.is_archived())).sum();
    let mut calls: Vec<(Key, StoredCall)> = calls
        .into_iter()
        // Personal text whose commit was never written is not a call.
        .filter(|call| !(call.commits.is_empty() && call.receipts.is_empty()))
        .map(|call| ((placed_at(&call).0, call.call_id.clone()), call))
        .collect();
    calls.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut run = SortedRun::writing()?;
    for (key, call) in calls {
        run.write(&key, &serde_json::to_string(&call)?)?;
    }
    Ok((run.written()?, archived))
}

/// Builds a call from its items: sort keys and bodies.
pub fn call_from_items(call_id: String, mut items: Vec<(String, Value)>) -> StoredCall {
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut call = StoredCall { call_id, ..StoredCall::default() };
    for (sk, body) in items {
        call.place(&sk, body);
    }
    call
}
