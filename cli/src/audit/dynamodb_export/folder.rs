//! Reads the calls of an export that DynamoDB wrote.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use ilock_audit::dynamodb::{Exported, NotAnItem, item};
use ilock_audit::export::Progress;
use ilock_audit::{Finding, Findings, Header, Kind, Lines};
use ilock_events::CallId;
use ilock_proof::StoredCall;
use indicatif::ProgressBar;
use serde_json::Value;

use crate::audit::dynamodb_export::manifest::{DataFile, DataFiles, check_summary};
use crate::audit::dynamodb_export::sort::{CallTooLong, LIMITS, Partitions, call_from_items};
use crate::audit::range::Range;
use crate::ui::error::CommandError;
use crate::ui::output::Output;
use crate::ui::progress;

pub struct ExportFolder {
    path: PathBuf,
    data: DataFiles,
}

/// How many findings there were, and how many of them were unreadable lines.
#[derive(Default)]
pub struct FindingCounts {
    pub unreadable_lines: u64,
    pub findings: u64,
}

/// Counts findings and passes them on.
struct FindingSink<'a> {
    counts: FindingCounts,
    bar: ProgressBar,
    on_finding: &'a mut dyn FnMut(Finding),
}

impl FindingSink<'_> {
    fn add(&mut self, finding: Finding) {
        self.counts.findings += 1;
        self.bar.suspend(|| (self.on_finding)(finding));
    }

    fn add_in_file(&mut self, finding: Finding) {
        self.counts.unreadable_lines += u64::from(finding.kind == Kind::Unreadable);
        self.add(finding);
    }
}

impl ExportFolder {
    pub fn open(path: &Path) -> Result<Self, CommandError> {
        check_summary(path)?;
        let data = DataFiles::list(path)?;
        if data.files.is_empty() && data.findings.is_empty() {
            return Err(CommandError::new(format!("{} has no data/*.json.gz", path.display()))
                .hint("name the folder of one export: AWSDynamoDB/<export id>"));
        }
        Ok(Self { path: path.to_owned(), data })
    }

    fn compressed_bytes(&self) -> u64 {
        self.data.files.iter().filter_map(|file| std::fs::metadata(&file.path).ok()).map(|file| file.len()).sum()
    }

    /// Passes every item of a call to `on_item`, with its line. What cannot be read is a finding; the rest is still read.
    fn read_items(
        &self,
        output: Output,
        on_finding: &mut dyn FnMut(Finding),
        mut on_item: impl FnMut(Exported, &str) -> io::Result<()>,
    ) -> Result<FindingCounts, CommandError> {
        let bar = progress::bytes(Some(self.compressed_bytes()), output);
        let mut sink = FindingSink { counts: FindingCounts::default(), bar, on_finding };
        for finding in &self.data.findings {
            sink.add(finding.clone());
        }
        for file in &self.data.files {
            read_file(file, &mut sink, &mut on_item)
                .map_err(|error| CommandError::new(format!("{}: {error}", self.path.display())))?;
        }
        sink.bar.finish_and_clear();
        Ok(sink.counts)
    }

    /// One call, and what of it cannot be read.
    pub fn find_call(
        &self,
        call_id: &CallId,
        output: Output,
    ) -> Result<Option<(StoredCall, Vec<Finding>)>, CommandError> {
        let (mut items, mut bytes): (Vec<(String, Value)>, u64) = (vec![], 0);
        let mut findings = Findings::of_a_call();
        let mut on_finding = |finding: Finding| {
            if finding.call_id.as_deref() == Some(call_id.as_str()) {
                findings.push(finding);
            }
        };
        let counts = self.read_items(output, &mut on_finding, |exported, line| {
            if exported.call_id == call_id.as_str() {
                bytes += u64::try_from(line.len()).unwrap_or(u64::MAX);
                if bytes > LIMITS.call {
                    return Err(io::Error::other(CallTooLong::new(call_id.as_str(), LIMITS)));
                }
                items.push((exported.sk, exported.body));
            }
            Ok(())
        })?;
        if counts.findings > 0 {
            let folder = self.path.display();
            output.warn(&format!("{folder} is damaged or incomplete: `ilock verify --file {folder}` says where"));
        }
        let findings = findings.told();
        let is_there = !items.is_empty() || !findings.is_empty();
        Ok(is_there.then(|| (call_from_items(call_id.to_string(), items), findings)))
    }

    /// Passes the calls of `range` to `on_call`, in the order of an export by `ilock export`.
    pub fn calls_in_order(
        &self,
        range: &Range,
        output: Output,
        on_finding: &mut dyn FnMut(Finding),
        on_call: impl FnMut(StoredCall) -> io::Result<()>,
    ) -> Result<FindingCounts, CommandError> {
        let mut partitions = Partitions::for_bytes(self.compressed_bytes()).map_err(temporary_file_error)?;
        let counts = self.read_into(&mut partitions, output, on_finding)?;
        let archived = partitions.merge(range, on_call).map_err(temporary_file_error)?;
        if archived > 0 {
            output.warn(&format!("{archived} calls are left out: they were moved into the archives of their days"));
        }
        Ok(counts)
    }

    fn read_into(
        &self,
        partitions: &mut Partitions,
        output: Output,
        on_finding: &mut dyn FnMut(Finding),
    ) -> Result<FindingCounts, CommandError> {
        self.read_items(output, on_finding, |exported, line| partitions.add(&exported.call_id, line))
    }

    /// Writes the calls of `range` to a temporary file in the format of `ilock export`, with personal text.
    pub fn to_export(
        &self,
        range: &Range,
        output: Output,
        on_finding: &mut dyn FnMut(Finding),
    ) -> Result<(File, FindingCounts), CommandError> {
        let mut out = BufWriter::new(tempfile::tempfile().map_err(temporary_file_error)?);
        let mut progress = Progress::default();
        let head = Header { with_personal: true, ..Header::default() }.line().map_err(CommandError::new)?;
        progress.head(&mut out, &head).map_err(temporary_file_error)?;
        let counts = self.calls_in_order(range, output, on_finding, |call| progress.call(&mut out, &call, true))?;
        progress.finish(&mut out).map_err(temporary_file_error)?;
        let mut file = out.into_inner().map_err(|error| temporary_file_error(error.into_error()))?;
        file.rewind().map_err(temporary_file_error)?;
        Ok((file, counts))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn temporary_file_error(error: io::Error) -> CommandError {
    if error.get_ref().and_then(|inner| inner.downcast_ref::<CallTooLong>()).is_some() {
        return CommandError::new(error);
    }
    CommandError::new(format!("cannot write or read a temporary file: {error}"))
}

fn read_file(
    file: &DataFile,
    sink: &mut FindingSink<'_>,
    on_item: &mut impl FnMut(Exported, &str) -> io::Result<()>,
) -> io::Result<()> {
    let name = file.name();
    let compressed = sink.bar.wrap_read(File::open(&file.path)?);
    let mut lines = Lines::new(BufReader::new(MultiGzDecoder::new(BufReader::new(compressed))));
    let mut items = 0;
    loop {
        let raw = match lines.next_line() {
            Ok(Some(raw)) => raw,
            Ok(None) => break,
            Err(error) => {
                let line = lines.read_so_far() + 1;
                let why = format!("{name}, line {line}: the rest of the file cannot be read: {error}");
                sink.add_in_file(Finding::new(Kind::Unreadable, why));
                break;
            }
        };
        items += 1;
        let parsed =
            if raw.too_long { Err(NotAnItem::Line("it is too long".to_owned())) } else { parse_item(raw.bytes) };
        match parsed {
            Ok((text, Some(exported))) => on_item(exported, text)?,
            Ok((_, None)) => {}
            Err(not) => {
                let finding = Finding::new(Kind::Unreadable, format!("{name}, line {}: {not}", raw.number));
                let call_id = if let NotAnItem::Item(call_id, _) = not { call_id } else { None };
                sink.add_in_file(Finding { call_id, ..finding });
            }
        }
    }
    if let Some(expected) = file.items.filter(|expected| *expected != items) {
        let kind = if items < expected { Kind::Missing } else { Kind::Forked };
        sink.add_in_file(Finding::new(kind, format!("{name} has {items} items; the manifest says {expected}")));
    }
    Ok(())
}

/// The line as text, and its item when it belongs to a call.
fn parse_item(bytes: &[u8]) -> Result<(&str, Option<Exported>), NotAnItem> {
    let text = std::str::from_utf8(bytes).map_err(|error| NotAnItem::Line(error.to_string()))?;
    Ok((text, item(text)?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ilock_audit::export::placed_at;
    use serde_json::json;

    use super::*;
    use crate::audit::dynamodb_export::sort::Limits;

    /// Writes calls whose items are scattered over three files, last first; three calls of each moment. Their keys.
    fn scattered(folder: &Path, calls: i64) -> Vec<(i64, String)> {
        let mut files: Vec<_> = (0..3)
            .map(|n| GzEncoder::new(File::create(folder.join(format!("{n}.json.gz"))).unwrap(), Compression::fast()))
            .collect();
        let mut due = vec![];
        for n in (1..=3).rev() {
            for call in (0..calls).rev() {
                let at = 1_795_305_600_000 + call / 3 * 40_000;
                let id = format!("call_door{}_user_{at}", call % 7);
                let line = json!({"Item": {
                    "pk": {"S": format!("call#{id}")}, "sk": {"S": format!("commit#{n:06}")},
                    "n": {"N": n.to_string()}, "at": {"N": (at + n - 1).to_string()}, "tenant": {"S": "default"},
                }});
                let file = usize::try_from((call + n) % 3).unwrap();
                writeln!(files[file], "{line}").unwrap();
                if n == 1 {
                    due.push((at, id));
                }
            }
        }
        // Of one more only the mark is left.
        let mark = json!({"Item": {
            "pk": {"S": "call#call_door1_user_1"}, "sk": {"S": "archived"}, "at": {"N": "1"}, "tenant": {"S": "default"},
        }});
        writeln!(files[0], "{mark}").unwrap();
        for file in files {
            file.finish().unwrap();
        }
        due.sort();
        due
    }

    #[test]
    fn however_many_partitions_there_are_the_calls_come_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let due = scattered(folder.path(), 200);
        for many in [1, 2, 7, 64] {
            let mut came: Vec<StoredCall> = vec![];
            let folder = ExportFolder::open(folder.path()).unwrap_or_else(|error| panic!("{}", error.message));
            // All that is left of the longest ones is divided again, and once more.
            let limits = Limits { partition: if many == 2 { 400 } else { LIMITS.partition }, ..LIMITS };
            let mut partitions = Partitions::new(many, limits).unwrap();
            let counts = folder.read_into(&mut partitions, Output::new(true), &mut |_| {});
            assert_eq!(counts.map_or(1, |counts| counts.findings), 0);
            let merged = partitions.merge(&Range::default(), |call| {
                came.push(call);
                Ok(())
            });
            assert_eq!(merged.unwrap(), 1, "one call was archived");
            let keys: Vec<(i64, String)> = came.iter().map(|call| (placed_at(call).0, call.call_id.clone())).collect();
            assert_eq!(keys, due, "{many} partitions");
            for call in came {
                let numbers: Vec<u64> = call.commits.iter().filter_map(|commit| commit["n"].as_u64()).collect();
                assert_eq!(numbers, [1, 2, 3], "{}", call.call_id);
            }
        }
    }

    #[test]
    fn a_call_of_more_items_than_fit_into_memory_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let _ = scattered(folder.path(), 20);
        let folder = ExportFolder::open(folder.path()).unwrap_or_else(|error| panic!("{}", error.message));
        let merged = |call: u64| {
            let mut partitions = Partitions::new(3, Limits { partition: 100, call }).unwrap();
            let counts = folder.read_into(&mut partitions, Output::new(true), &mut |_| {});
            assert!(counts.is_ok());
            partitions.merge(&Range::default(), |_| Ok(())).map_err(|error| temporary_file_error(error).message)
        };
        assert_eq!(merged(10_000), Ok(1));
        let refused = merged(100).unwrap_err();
        assert!(refused.contains("has more than 100 bytes of items"), "{refused}");
        assert!(refused.contains("call call_door"), "{refused}");
    }
}
