//! The file that an export is written to: plain or compressed, begun or gone on with.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use ilock_audit::export::Progress;
use ilock_audit::{Header, Lines};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use crate::ui::error::CommandError;

/// A compressed export is a row of frames of so many lines each: whatever is whole can be gone on with, and the bytes
/// are the same whether it was interrupted or not.
const LINES_IN_A_FRAME: u64 = 1_000;

/// zstd's own default.
const LEVEL: i32 = 3;

/// What is written to.
pub struct ExportFile {
    out: Out,
    /// How far it has come.
    pub progress: Progress,
}

enum Out {
    Plain(BufWriter<File>),
    /// None only while one frame ends and the next begins.
    Frames(Option<Encoder<'static, BufWriter<File>>>),
}

impl ExportFile {
    /// Begins the export in `path`, or goes on with the one that was begun there.
    pub fn open(path: &Path, header: &Header) -> Result<Self, CommandError> {
        let failed = |error: io::Error| CommandError::new(format!("{}: {error}", path.display()));
        let head = header.line().map_err(CommandError::new)?;
        let compressed = path.extension().is_some_and(|extension| extension == "zst");
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let found = if compressed { frames(&mut file, &head) } else { plain(&mut file, &head) };
        let Begun { progress, whole, damaged } = found.map_err(failed)?;
        if progress.lines == 0 && !is_begun(&mut file, &head, compressed).map_err(failed)? {
            return Err(CommandError::new(format!(
                "{} is there and is not the beginning of this export",
                path.display()
            ))
            .hint("choose another file; nothing is written over"));
        }
        if damaged && progress.lines > 0 {
            return Err(CommandError::new(format!("{} is damaged behind line {}", path.display(), progress.lines))
                .hint("`ilock verify --file` says how; choose another file to export anew"));
        }
        if progress.ended {
            return Err(CommandError::new(format!("{} is there and whole", path.display()))
                .hint("`ilock verify --file` reads it; choose another file to export anew"));
        }
        file.set_len(whole).map_err(failed)?;
        file.seek(SeekFrom::Start(whole)).map_err(failed)?;
        let out = BufWriter::with_capacity(1 << 18, file);
        let out =
            if compressed { Out::Frames(Some(Encoder::new(out, LEVEL).map_err(failed)?)) } else { Out::Plain(out) };
        let mut export = Self { out, progress };
        if export.progress.lines == 0 {
            export.write(|progress, out| progress.head(out, &head)).map_err(failed)?;
        }
        Ok(export)
    }

    /// Writes what `line` writes, and ends the frame where one is to end.
    pub fn write(&mut self, line: impl FnOnce(&mut Progress, &mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(out) => line(&mut self.progress, out),
            Out::Frames(frame) => {
                let open = frame.as_mut().ok_or_else(|| io::Error::other("the export was ended"))?;
                line(&mut self.progress, open)?;
                if is_full(self.progress.lines)
                    && let Some(full) = frame.take()
                {
                    *frame = Some(Encoder::new(full.finish()?, LEVEL)?);
                }
                Ok(())
            }
        }
    }

    /// Writes the end, and sees to it that all of it is on the disk.
    pub fn finish(mut self) -> io::Result<Progress> {
        self.write(|progress, out| progress.finish(out))?;
        let out = match self.out {
            Out::Plain(out) => out,
            Out::Frames(Some(frame)) => frame.finish()?,
            Out::Frames(None) => return Err(io::Error::other("the export was ended")),
        };
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(self.progress)
    }
}

/// Whether a file in which no whole line of ours stands is empty, or holds the beginning of one that does.
fn is_begun(file: &mut File, head: &[u8], compressed: bool) -> io::Result<bool> {
    let mut begin = head.to_vec();
    if compressed {
        let mut frame = Encoder::new(vec![], LEVEL)?;
        frame.write_all(head)?;
        begin = frame.finish()?;
    }
    file.rewind()?;
    let mut found = vec![];
    let limit = u64::try_from(begin.len()).unwrap_or(u64::MAX);
    (&*file).take(limit).read_to_end(&mut found)?;
    Ok(begin.starts_with(&found))
}

/// Whether a frame ends behind so many lines. The head has its own, so that a file shows early whose it is.
fn is_full(lines: u64) -> bool {
    lines == 1 || lines.is_multiple_of(LINES_IN_A_FRAME)
}

/// What stands in a file already.
struct Begun {
    progress: Progress,
    /// So many bytes can be gone on with.
    whole: u64,
    /// Whether more than an interruption is wrong with what comes behind.
    damaged: bool,
}

/// What of a plain export can be gone on with: its whole lines.
fn plain(file: &mut File, head: &[u8]) -> io::Result<Begun> {
    file.rewind()?;
    let mut lines = Lines::new(BufReader::new(&*file));
    let mut begun = Begun { progress: Progress::default(), whole: 0, damaged: false };
    while let Some(line) = lines.next_line()? {
        if !line.whole || !begun.progress.take(line.bytes, head) {
            begun.damaged = line.whole;
            break;
        }
        begun.whole += u64::try_from(line.bytes.len()).unwrap_or(u64::MAX) + 1;
    }
    Ok(begun)
}

/// What of a compressed export can be gone on with: its whole frames.
fn frames(file: &mut File, head: &[u8]) -> io::Result<Begun> {
    file.rewind()?;
    let mut rest = BufReader::new(&*file);
    let mut begun = Begun { progress: Progress::default(), whole: 0, damaged: false };
    while !rest.fill_buf()?.is_empty() {
        let mut frame = Decoder::with_buffer(&mut rest)?.single_frame();
        let mut then = begun.progress.clone();
        let mut lines = Lines::new(BufReader::new(&mut frame));
        let ended = loop {
            match lines.next_line() {
                Ok(None) => break true,
                Ok(Some(line)) if line.whole && then.take(line.bytes, head) => {}
                Ok(Some(line)) => {
                    begun.damaged = line.whole;
                    break false;
                }
                Err(error) => {
                    begun.damaged = error.kind() != io::ErrorKind::UnexpectedEof;
                    break false;
                }
            }
        };
        if !ended || !(then.ended || is_full(then.lines)) {
            break;
        }
        drop(lines);
        begun.progress = then;
        begun.whole = rest.stream_position()?;
    }
    Ok(begun)
}
