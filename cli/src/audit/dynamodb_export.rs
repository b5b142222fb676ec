//! DynamoDB's own export to S3, as it lies in a folder: `manifest-files.json`, and `data/*.json.gz` with one item a line,
//! in no order.
//!
//! A call's items are scattered over all files. They are dealt out to heaps by their call, each heap is put in order by
//! itself, and the heaps are merged: so that only one heap has to be held in memory at a time. There are as many heaps as
//! the folder has megabytes, 256 at most. Measured: 82 MB in all, for folders of 3 and of 13 MB. Above 256 MB heaps grow with
//! the folder: a gigabyte takes some 200 MB.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead, BufReader, BufWriter, Lines as TextLines, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use ilock_audit::dynamodb::{Exported, item};
use ilock_audit::export::{Progress, placed_at};
use ilock_audit::replay::day_and_time;
use ilock_audit::{Finding, Header, Kind, Lines};
use ilock_events::CallId;
use ilock_log::StoredCall;
use serde::Deserialize;
use serde_json::Value;

use crate::audit::range::Range;
use crate::ui::error::CommandError;
use crate::ui::output::Output;
use crate::ui::progress;

const MOST_HEAPS: u64 = 256;

/// So many compressed bytes for each heap, below the most.
const BYTES_A_HEAP: u64 = 1 << 20;

/// A folder with an export of DynamoDB's.
pub struct Folder {
    path: PathBuf,
    files: Vec<DataFile>,
    /// What is wrong with it before a file has been opened.
    findings: Vec<Finding>,
}

struct DataFile {
    path: PathBuf,
    /// How many items the manifest says that it has.
    items: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    item_count: u64,
    data_file_s3_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    output_format: Option<String>,
    export_type: Option<String>,
}

/// What was wrong, and how much of it were lines that could not be read.
#[derive(Default)]
pub struct Trouble {
    pub unreadable_lines: u64,
    pub findings: u64,
}

impl Folder {
    /// Looks what is in `path`.
    pub fn open(path: &Path) -> Result<Self, CommandError> {
        let failed = |error: io::Error| CommandError::new(format!("{}: {error}", path.display()));
        if let Ok(summary) = std::fs::read(path.join("manifest-summary.json")) {
            let summary: Summary = serde_json::from_slice(&summary)
                .map_err(|error| CommandError::new(format!("{}: manifest-summary.json: {error}", path.display())))?;
            let is = |what: &Option<String>, due: &str| what.as_deref().is_none_or(|what| what == due);
            if !is(&summary.output_format, "DYNAMODB_JSON") || !is(&summary.export_type, "FULL_EXPORT") {
                return Err(CommandError::new(format!(
                    "{} is no full export in the form DYNAMODB_JSON",
                    path.display()
                ))
                .hint("aws dynamodb export-table-to-point-in-time --export-format DYNAMODB_JSON"));
            }
        }
        let data = Some(path.join("data")).filter(|data| data.is_dir()).unwrap_or_else(|| path.to_owned());
        let mut there: Vec<PathBuf> = std::fs::read_dir(&data)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        there.retain(|file| file.to_string_lossy().ends_with(".json.gz"));
        there.sort();
        let manifest = path.join("manifest-files.json");
        let mut folder = Self { path: path.to_owned(), files: vec![], findings: vec![] };
        if manifest.is_file() {
            folder.by_manifest(&manifest, &data, &there)?;
        } else {
            folder.files = there.into_iter().map(|path| DataFile { path, items: None }).collect();
        }
        if folder.files.is_empty() && folder.findings.is_empty() {
            return Err(CommandError::new(format!("{} holds no data/*.json.gz", path.display()))
                .hint("it should be the folder of one export: AWSDynamoDB/<its id>"));
        }
        Ok(folder)
    }

    fn by_manifest(&mut self, manifest: &Path, data: &Path, there: &[PathBuf]) -> Result<(), CommandError> {
        let text = std::fs::read_to_string(manifest)
            .map_err(|error| CommandError::new(format!("{}: {error}", manifest.display())))?;
        for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let named: Named = match serde_json::from_str(line) {
                Ok(named) => named,
                Err(error) => {
                    self.wrong(Kind::Unreadable, format!("manifest-files.json, line {}: {error}", place + 1));
                    continue;
                }
            };
            // Of the key only the name: where it once lay in S3 does not matter, and it must not lead out of here.
            let name = named.data_file_s3_key.rsplit('/').next().unwrap_or_default();
            let path = data.join(name);
            if there.contains(&path) {
                self.files.push(DataFile { path, items: Some(named.item_count) });
            } else {
                self.wrong(Kind::Missing, format!("{name}, which the manifest names: {} items", named.item_count));
            }
        }
        let named = |path: &&PathBuf| self.files.iter().any(|file| file.path == **path);
        let strays: Vec<&PathBuf> = there.iter().filter(|path| !named(path)).collect();
        for path in strays {
            self.wrong(Kind::Forked, format!("{} is not in the manifest; it was not read", name_of(path)));
        }
        Ok(())
    }

    fn wrong(&mut self, kind: Kind, why: String) {
        self.findings.push(Finding::new(kind, why));
    }

    fn compressed(&self) -> u64 {
        self.files.iter().filter_map(|file| std::fs::metadata(&file.path).ok()).map(|file| file.len()).sum()
    }

    /// Reads every item of a call, with its line. What cannot be read is handed to `found`; the rest is read all the same.
    fn each(
        &self,
        output: Output,
        found: &mut dyn FnMut(Finding),
        mut take: impl FnMut(Exported, &str) -> io::Result<()>,
    ) -> Result<Trouble, CommandError> {
        let failed = |error: io::Error| CommandError::new(format!("{}: {error}", self.path.display()));
        let bar = progress::bytes(Some(self.compressed()), output);
        let mut trouble = Trouble::default();
        for finding in &self.findings {
            trouble.findings += 1;
            found(finding.clone());
        }
        for file in &self.files {
            let name = name_of(&file.path);
            let mut say_wrong = |kind: Kind, why: String| {
                trouble.findings += 1;
                trouble.unreadable_lines += u64::from(kind == Kind::Unreadable);
                bar.suspend(|| found(Finding::new(kind, why)));
            };
            let compressed = bar.wrap_read(File::open(&file.path).map_err(failed)?);
            let mut lines = Lines::new(BufReader::new(MultiGzDecoder::new(BufReader::new(compressed))));
            let mut items = 0;
            loop {
                let raw = match lines.next_line() {
                    Ok(Some(raw)) => raw,
                    Ok(None) => break,
                    Err(error) => {
                        let line = lines.read_so_far() + 1;
                        say_wrong(Kind::Unreadable, format!("{name}, line {line}: it cannot be read on: {error}"));
                        break;
                    }
                };
                items += 1;
                let read = if raw.too_long { Err("it is too long".to_owned()) } else { legible(raw.bytes) };
                match read {
                    Ok((text, Some(exported))) => take(exported, text).map_err(failed)?,
                    Ok((_, None)) => {}
                    Err(why) => say_wrong(Kind::Unreadable, format!("{name}, line {}: {why}", raw.number)),
                }
            }
            if let Some(due) = file.items.filter(|due| *due != items) {
                let kind = if items < due { Kind::Missing } else { Kind::Forked };
                say_wrong(kind, format!("{name} has {items} items; the manifest counts {due}"));
            }
        }
        bar.finish_and_clear();
        Ok(trouble)
    }

    /// One call.
    pub fn one(&self, call_id: &CallId, output: Output) -> Result<Option<StoredCall>, CommandError> {
        let mut items: Vec<(String, Value)> = vec![];
        let trouble = self.each(output, &mut |_| {}, |exported, _| {
            if exported.call_id == call_id.as_str() {
                items.push((exported.sk, exported.body));
            }
            Ok(())
        })?;
        if trouble.findings > 0 {
            let folder = self.path.display();
            output.warn(&format!("{folder} is not whole: `ilock verify --file {folder}` says where"));
        }
        Ok((!items.is_empty()).then(|| call_of(call_id.to_string(), items)))
    }

    /// All calls of `range`, in the order of an export.
    pub fn in_order(
        &self,
        range: &Range,
        output: Output,
        found: &mut dyn FnMut(Finding),
        mut take: impl FnMut(StoredCall) -> io::Result<()>,
    ) -> Result<Trouble, CommandError> {
        self.by_heaps((self.compressed() / BYTES_A_HEAP).clamp(1, MOST_HEAPS), range, output, found, &mut take)
    }

    fn by_heaps(
        &self,
        many: u64,
        range: &Range,
        output: Output,
        found: &mut dyn FnMut(Finding),
        take: &mut impl FnMut(StoredCall) -> io::Result<()>,
    ) -> Result<Trouble, CommandError> {
        let failed = |error: io::Error| CommandError::new(format!("a temporary file: {error}"));
        let mut heaps: Vec<BufWriter<File>> =
            (0..many).map(|_| tempfile::tempfile().map(BufWriter::new)).collect::<Result<_, _>>().map_err(failed)?;
        let trouble = self.each(output, found, |exported, text| {
            let mut hasher = DefaultHasher::new();
            exported.call_id.hash(&mut hasher);
            let heap = usize::try_from(hasher.finish() % many).unwrap_or_default();
            writeln!(heaps[heap], "{text}")
        })?;
        let mut rows = vec![];
        for heap in heaps {
            rows.push(Row::of(heap, range).map_err(failed)?);
        }
        merge(rows, take).map_err(failed)?;
        Ok(trouble)
    }

    /// All of it as an export of ours, in a temporary file.
    pub fn as_export(
        &self,
        range: &Range,
        output: Output,
        found: &mut dyn FnMut(Finding),
    ) -> Result<(File, Trouble), CommandError> {
        let failed = |error: io::Error| CommandError::new(format!("a temporary file: {error}"));
        let mut out = BufWriter::new(tempfile::tempfile().map_err(failed)?);
        let mut progress = Progress::default();
        let head = Header { with_personal: true, ..Header::default() }.line().map_err(CommandError::new)?;
        progress.head(&mut out, &head).map_err(failed)?;
        let trouble = self.in_order(range, output, found, |call| progress.call(&mut out, &call, true))?;
        progress.finish(&mut out).map_err(failed)?;
        let mut file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.rewind().map_err(failed)?;
        Ok((file, trouble))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn legible(bytes: &[u8]) -> Result<(&str, Option<Exported>), String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    Ok((text, item(text).map_err(|error| error.to_string())?))
}

/// A call of its items.
fn call_of(call_id: String, mut items: Vec<(String, Value)>) -> StoredCall {
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut call = StoredCall { call_id, ..StoredCall::default() };
    for (sk, body) in items {
        call.place(&sk, body);
    }
    call
}

/// The calls of one heap, in order: their keys and what they are, a line each.
struct Row {
    lines: TextLines<BufReader<File>>,
}

type Key = (i64, String);

impl Row {
    /// Puts a heap in order.
    fn of(heap: BufWriter<File>, range: &Range) -> io::Result<Self> {
        let mut heap = heap.into_inner().map_err(io::IntoInnerError::into_error)?;
        heap.rewind()?;
        let mut calls: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
        for text in BufReader::new(heap).lines() {
            if let Ok(Some(exported)) = item(&text?) {
                calls.entry(exported.call_id).or_default().push((exported.sk, exported.body));
            }
        }
        let mut calls: Vec<(Key, StoredCall)> = calls
            .into_iter()
            .map(|(call_id, items)| call_of(call_id, items))
            // Text that no commit came to name is no call.
            .filter(|call| !(call.commits.is_empty() && call.receipts.is_empty()) && is_in(call, range))
            .map(|call| ((placed_at(&call).0, call.call_id.clone()), call))
            .collect();
        calls.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut row = BufWriter::new(tempfile::tempfile()?);
        for entry in calls {
            serde_json::to_writer(&mut row, &entry)?;
            row.write_all(b"\n")?;
        }
        let mut row = row.into_inner().map_err(io::IntoInnerError::into_error)?;
        row.rewind()?;
        Ok(Self { lines: BufReader::new(row).lines() })
    }

    fn next(&mut self) -> io::Result<Option<(Key, StoredCall)>> {
        self.lines.next().transpose()?.map(|line| Ok(serde_json::from_str(&line)?)).transpose()
    }
}

fn merge(mut rows: Vec<Row>, take: &mut impl FnMut(StoredCall) -> io::Result<()>) -> io::Result<()> {
    let mut firsts: BinaryHeap<Reverse<(Key, usize)>> = BinaryHeap::new();
    let mut waiting: Vec<Option<StoredCall>> = vec![];
    for (place, row) in rows.iter_mut().enumerate() {
        let first = row.next()?;
        firsts.extend(first.as_ref().map(|(key, _)| Reverse((key.clone(), place))));
        waiting.push(first.map(|(_, call)| call));
    }
    while let Some(Reverse((_, place))) = firsts.pop() {
        if let Some(call) = waiting[place].take() {
            take(call)?;
        }
        if let Some((key, call)) = rows[place].next()? {
            firsts.push(Reverse((key, place)));
            waiting[place] = Some(call);
        }
    }
    Ok(())
}

fn is_in(call: &StoredCall, range: &Range) -> bool {
    let moment = day_and_time(placed_at(call));
    let date = moment.split('T').next().unwrap_or_default();
    let tenant = call.commits.first().and_then(|commit| commit["tenant"].as_str()).unwrap_or_default();
    range.from.as_ref().is_none_or(|from| date >= from.as_str())
        && range.to.as_ref().is_none_or(|to| date <= to.as_str())
        && (range.tenants.is_empty() || range.tenants.iter().any(|own| own.as_str() == tenant))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use serde_json::json;

    use super::*;

    /// Calls whose items are scattered over three files, last first; some of one moment.
    fn scattered(folder: &Path, calls: i64) -> Vec<Key> {
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
        for file in files {
            file.finish().unwrap();
        }
        due.sort();
        due
    }

    #[test]
    fn however_many_heaps_there_are_the_calls_come_whole_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let due = scattered(folder.path(), 200);
        for many in [1, 2, 7, 64] {
            let mut came: Vec<StoredCall> = vec![];
            let mut take = |call| {
                came.push(call);
                Ok(())
            };
            let folder = Folder::open(folder.path()).unwrap_or_else(|failure| panic!("{}", failure.message));
            let trouble = folder.by_heaps(many, &Range::default(), Output::new(true), &mut |_| {}, &mut take);
            assert_eq!(trouble.map_or(1, |trouble| trouble.findings), 0);
            let keys: Vec<Key> = came.iter().map(|call| (placed_at(call).0, call.call_id.clone())).collect();
            assert_eq!(keys, due, "{many} heaps");
            for call in came {
                let numbers: Vec<u64> = call.commits.iter().filter_map(|commit| commit["n"].as_u64()).collect();
                assert_eq!(numbers, [1, 2, 3], "{}", call.call_id);
            }
        }
    }
}
