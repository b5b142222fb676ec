//! The file that an export is written to, plain or compressed. An interrupted export is continued.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ilock_audit::export::Progress;
use ilock_audit::{Header, Lines};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use crate::ui::error::CommandError;

/// A compressed export is a sequence of zstd frames with a fixed number of lines. Complete frames survive an interruption,
/// and the bytes are the same whether the export was interrupted or not.
const LINES_PER_FRAME: u64 = 1_000;

/// zstd's own default.
const COMPRESSION_LEVEL: i32 = 3;

pub struct ExportFile {
    out: Out,
    pub progress: Progress,
}

enum Out {
    Plain(BufWriter<File>),
    /// None only between the end of one frame and the start of the next.
    Frames(Option<Encoder<'static, BufWriter<File>>>),
}

/// Refuses what is there and is no file. An export reads what is there already, to go on with it, and of a pipe or a device that
/// has no end.
fn refuse_no_file(path: &Path) -> Result<(), CommandError> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(CommandError::new(format!("{} is there, and is no file", path.display()))
            .hint("choose a file: an export that was interrupted is gone on with, so what is there is read first")),
        _ => Ok(()),
    }
}

impl ExportFile {
    /// Whether the whole of this export is in `path`.
    pub fn is_whole(path: &Path, header: &Header) -> Result<bool, CommandError> {
        let failed = |error: io::Error| CommandError::new(format!("{}: {error}", path.display()));
        let head = header.line().map_err(CommandError::new)?;
        refuse_no_file(path)?;
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        let found = if is_compressed(path) { scan_frames(&mut file, &head) } else { scan_lines(&mut file, &head) };
        Ok(found.map_err(failed)?.progress.ended)
    }

    /// Starts the export in `path`, or continues the one that was interrupted there.
    pub fn open(path: &Path, header: &Header) -> Result<Self, CommandError> {
        let failed = |error: io::Error| CommandError::new(format!("{}: {error}", path.display()));
        let head = header.line().map_err(CommandError::new)?;
        refuse_no_file(path)?;
        let compressed = is_compressed(path);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let found = if compressed { scan_frames(&mut file, &head) } else { scan_lines(&mut file, &head) };
        let Existing { progress, valid_bytes, damaged, .. } = found.map_err(failed)?;
        if progress.lines == 0 && !is_start_of_header(&mut file, &head, compressed).map_err(failed)? {
            return Err(CommandError::new(format!(
                "{} exists and is not the beginning of this export",
                path.display()
            ))
            .hint("choose another file: existing files are not overwritten"));
        }
        if damaged && progress.lines > 0 {
            return Err(CommandError::new(format!("{} is damaged after line {}", path.display(), progress.lines))
                .hint("`ilock verify --file` says how; choose another file to export again"));
        }
        if progress.ended {
            return Err(CommandError::new(format!("{} already holds the whole export", path.display()))
                .hint("`ilock verify --file` reads it; choose another file to export again"));
        }
        file.set_len(valid_bytes).map_err(failed)?;
        file.seek(SeekFrom::Start(valid_bytes)).map_err(failed)?;
        let out = BufWriter::with_capacity(1 << 18, file);
        let out = if compressed {
            Out::Frames(Some(Encoder::new(out, COMPRESSION_LEVEL).map_err(failed)?))
        } else {
            Out::Plain(out)
        };
        let mut export = Self { out, progress };
        if export.progress.lines == 0 {
            export.write(|progress, out| progress.head(out, &head)).map_err(failed)?;
        }
        Ok(export)
    }

    /// Writes a line with `line`, and ends the frame when it is full.
    pub fn write(&mut self, line: impl FnOnce(&mut Progress, &mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(out) => line(&mut self.progress, out),
            Out::Frames(frame) => {
                let open = frame.as_mut().ok_or_else(|| io::Error::other("the export was already finished"))?;
                line(&mut self.progress, open)?;
                if ends_frame(self.progress.lines)
                    && let Some(full) = frame.take()
                {
                    *frame = Some(Encoder::new(full.finish()?, COMPRESSION_LEVEL)?);
                }
                Ok(())
            }
        }
    }

    /// Writes the last line and syncs the file to the disk.
    pub fn finish(mut self) -> io::Result<Progress> {
        self.write(|progress, out| progress.finish(out))?;
        let out = match self.out {
            Out::Plain(out) => out,
            Out::Frames(Some(frame)) => frame.finish()?,
            Out::Frames(None) => return Err(io::Error::other("the export was already finished")),
        };
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(self.progress)
    }
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

/// Whether a file without a complete line is empty or holds the beginning of this export's header.
fn is_start_of_header(file: &mut File, head: &[u8], compressed: bool) -> io::Result<bool> {
    let mut begin = head.to_vec();
    if compressed {
        let mut frame = Encoder::new(vec![], COMPRESSION_LEVEL)?;
        frame.write_all(head)?;
        begin = frame.finish()?;
    }
    file.rewind()?;
    let mut found = vec![];
    let limit = u64::try_from(begin.len()).unwrap_or(u64::MAX);
    (&*file).take(limit).read_to_end(&mut found)?;
    Ok(begin.starts_with(&found))
}

/// Whether a frame ends after so many lines. The header has a frame of its own, so that it is on the disk early.
fn ends_frame(lines: u64) -> bool {
    lines == 1 || lines.is_multiple_of(LINES_PER_FRAME)
}

/// What a file already holds.
#[derive(Default)]
struct Existing {
    progress: Progress,
    /// The length of the part that the export can be continued from.
    valid_bytes: u64,
    /// Whether what follows cannot come from an interruption alone.
    damaged: bool,
    /// How far it had come before the first call that was not over when its line was written.
    settled: Option<(Progress, u64)>,
}

impl Existing {
    fn advance(&mut self, progress: Progress, valid_bytes: u64) {
        if progress.unsettled && self.settled.is_none() {
            self.settled = Some((self.progress.clone(), self.valid_bytes));
        }
        self.progress = progress;
        self.valid_bytes = valid_bytes;
    }

    /// What can be continued: a call that was not over is written anew, and so is what stands behind it. Nothing of a whole export
    /// is, nor of a damaged one.
    fn resumable(mut self) -> Self {
        if let Some((progress, valid_bytes)) = self.settled.take().filter(|_| !self.progress.ended && !self.damaged) {
            (self.progress, self.valid_bytes) = (progress, valid_bytes);
        }
        self
    }
}

/// A plain export can be continued after its last complete line.
fn scan_lines(file: &mut File, head: &[u8]) -> io::Result<Existing> {
    file.rewind()?;
    let mut lines = Lines::new(BufReader::new(&*file));
    let mut existing = Existing::default();
    while let Some(line) = lines.next_line()? {
        let mut next = existing.progress.clone();
        if !line.whole || !next.take(line.bytes, head) {
            existing.damaged = line.whole;
            break;
        }
        let length = u64::try_from(line.bytes.len()).unwrap_or(u64::MAX) + 1;
        existing.advance(next, existing.valid_bytes + length);
    }
    Ok(existing.resumable())
}

/// A compressed export can be continued after its last complete frame.
fn scan_frames(file: &mut File, head: &[u8]) -> io::Result<Existing> {
    file.rewind()?;
    let mut rest = BufReader::new(&*file);
    let mut existing = Existing::default();
    while !rest.fill_buf()?.is_empty() {
        let mut frame = Decoder::with_buffer(&mut rest)?.single_frame();
        let mut next = existing.progress.clone();
        let mut lines = Lines::new(BufReader::new(&mut frame));
        let ended = loop {
            match lines.next_line() {
                Ok(None) => break true,
                Ok(Some(line)) if line.whole && next.take(line.bytes, head) => {}
                Ok(Some(line)) => {
                    existing.damaged = line.whole;
                    break false;
                }
                Err(error) => {
                    existing.damaged = error.kind() != io::ErrorKind::UnexpectedEof;
                    break false;
                }
            }
        };
        if !ended || !(next.ended || ends_frame(next.lines)) {
            break;
        }
        drop(lines);
        let valid_bytes = rest.stream_position()?;
        existing.advance(next, valid_bytes);
    }
    Ok(existing.resumable())
}

#[cfg(test)]
mod tests {
    use ilock_proof::StoredCall;
    use serde_json::json;

    use super::*;

    fn call(number: u32, states: &[&str]) -> StoredCall {
        let commit = |(n, state): (u32, &&str)| json!({ "n": n, "at": 1000 + number, "state": state });
        let commits = (1..).zip(states).map(commit).collect();
        StoredCall { call_id: format!("call_a_b_{number}"), commits, ..StoredCall::default() }
    }

    fn write(path: &Path, calls: &[StoredCall], finish: bool) -> Progress {
        let mut file = ExportFile::open(path, &Header::default()).unwrap();
        let before = file.progress.clone();
        let has = |call: &StoredCall| {
            before.has(ilock_audit::export::placed_at(call), &ilock_events::CallId::new(call.call_id.as_str()).unwrap())
        };
        for call in calls.iter().filter(|call| !has(call)) {
            file.write(|progress, out| progress.call(out, call, false)).unwrap();
        }
        if finish {
            return file.finish().unwrap();
        }
        // As a process leaves it that is killed: what was buffered may be there or not.
        match file.out {
            Out::Plain(mut out) => out.flush().unwrap(),
            Out::Frames(frame) => drop(frame.map(|frame| frame.finish().unwrap().flush().unwrap())),
        }
        before
    }

    #[test]
    fn a_call_that_was_not_over_when_its_line_was_written_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        for (whole, cut, count) in [("whole.jsonl", "cut.jsonl", 12), ("whole.jsonl.zst", "cut.jsonl.zst", 2_500)] {
            let mut calls: Vec<StoredCall> = (0..count).map(|number| call(number, &["ringing", "missed"])).collect();
            let over = usize::try_from(count).unwrap() / 2;
            calls[over] = call(u32::try_from(over).unwrap(), &["ringing"]);
            write(&folder.path().join(cut), &calls, false);
            calls[over] = call(u32::try_from(over).unwrap(), &["ringing", "active", "ended"]);
            let continued = write(&folder.path().join(cut), &calls, true);
            write(&folder.path().join(whole), &calls, true);
            let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
            assert!(read(cut) == read(whole), "{cut}");
            assert_eq!(continued.end.calls, u64::from(count));
        }
    }
}
