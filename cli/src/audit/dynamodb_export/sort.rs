//! Sorts calls whose items are scattered over all files of an export, with little memory.
//!
//! Each line is written to one of several temporary files, chosen by the hash of its call id, so that all items of a call
//! are in one of them. Each of these partitions is sorted on its own, and then they are merged: only one partition is in
//! memory at a time. There is one partition for each megabyte of the folder, 256 at most. Measured: 82 MB in all, for
//! folders of 3 and of 13 MB. Above 256 MB the partitions grow with the folder: a gigabyte takes some 200 MB.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead, BufReader, BufWriter, Lines, Seek as _, Write as _};

use ilock_audit::dynamodb::item;
use ilock_audit::export::placed_at;
use ilock_proof::StoredCall;
use serde_json::Value;

use crate::audit::range::Range;

const MAX_PARTITIONS: u64 = 256;
/// Compressed bytes for each partition, while there are fewer than the most.
const BYTES_PER_PARTITION: u64 = 1 << 20;

/// What calls are sorted by: when they were placed, in milliseconds, and their id.
type Key = (i64, String);

pub struct Partitions(Vec<BufWriter<File>>);

impl Partitions {
    /// Partitions for an export of so many compressed bytes.
    pub fn for_bytes(bytes: u64) -> io::Result<Self> {
        Self::new((bytes / BYTES_PER_PARTITION).clamp(1, MAX_PARTITIONS))
    }

    pub fn new(count: u64) -> io::Result<Self> {
        (0..count).map(|_| tempfile::tempfile().map(BufWriter::new)).collect::<Result<_, _>>().map(Self)
    }

    /// Adds an item of `call_id`, as the line that it has in the export.
    pub fn add(&mut self, call_id: &str, line: &str) -> io::Result<()> {
        let mut hasher = DefaultHasher::new();
        call_id.hash(&mut hasher);
        let count = u64::try_from(self.0.len()).unwrap_or(u64::MAX);
        let index = usize::try_from(hasher.finish() % count).unwrap_or_default();
        writeln!(self.0[index], "{line}")
    }

    /// Passes the calls of `range` to `on_call`, sorted. Answers how many were archived, and so have nothing to be passed.
    pub fn merge(self, range: &Range, mut on_call: impl FnMut(StoredCall) -> io::Result<()>) -> io::Result<u64> {
        let mut runs = vec![];
        for partition in self.0 {
            runs.push(SortedRun::of(partition, range)?);
        }
        let mut firsts: BinaryHeap<Reverse<(Key, usize)>> = BinaryHeap::new();
        let mut waiting: Vec<Option<StoredCall>> = vec![];
        for (index, run) in runs.iter_mut().enumerate() {
            let first = run.next()?;
            firsts.extend(first.as_ref().map(|(key, _)| Reverse((key.clone(), index))));
            waiting.push(first.map(|(_, call)| call));
        }
        while let Some(Reverse((_, index))) = firsts.pop() {
            if let Some(call) = waiting[index].take() {
                on_call(call)?;
            }
            if let Some((key, call)) = runs[index].next()? {
                firsts.push(Reverse((key, index)));
                waiting[index] = Some(call);
            }
        }
        Ok(runs.iter().map(|run| run.archived).sum())
    }
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

/// The calls of one partition, sorted, in a temporary file with a JSON array of key and call on each line.
struct SortedRun {
    lines: Lines<BufReader<File>>,
    /// Calls of which there is only the mark that they were archived: they are left out.
    archived: u64,
}

impl SortedRun {
    fn of(partition: BufWriter<File>, range: &Range) -> io::Result<Self> {
        let mut partition = partition.into_inner().map_err(io::IntoInnerError::into_error)?;
        partition.rewind()?;
        let mut items: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
        for text in BufReader::new(partition).lines() {
            if let Ok(Some(exported)) = item(&text?) {
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
        let mut run = BufWriter::new(tempfile::tempfile()?);
        for entry in calls {
            serde_json::to_writer(&mut run, &entry)?;
            run.write_all(b"\n")?;
        }
        let mut run = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.rewind()?;
        Ok(Self { lines: BufReader::new(run).lines(), archived })
    }

    fn next(&mut self) -> io::Result<Option<(Key, StoredCall)>> {
        self.lines.next().transpose()?.map(|line| Ok(serde_json::from_str(&line)?)).transpose()
    }
}
