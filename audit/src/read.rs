//! Reading a file line by line, in bounded memory, whatever it holds.

use std::io::{self, BufRead};

use memchr::memchr;

use crate::MAX_LINE;

/// One line, as it stands there.
#[derive(Debug, Clone, Copy)]
pub struct RawLine<'a> {
    /// From 1, as editors count.
    pub number: u64,
    /// Without its newline; empty when it is too long.
    pub bytes: &'a [u8],
    /// Whether a newline ends it.
    pub whole: bool,
    /// Whether it is longer than [`MAX_LINE`] and was passed over.
    pub too_long: bool,
}

/// The lines of `source`.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// From where `source` stands.
    pub fn new(source: R) -> Self {
        Self { source, buffer: vec![], number: 0 }
    }

    /// How many lines have been read.
    pub fn read_so_far(&self) -> u64 {
        self.number
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// What `source` says.
    pub fn next_line(&mut self) -> io::Result<Option<RawLine<'_>>> {
        self.buffer.clear();
        let mut whole = self.take_line()?;
        if self.buffer.is_empty() && !whole {
            return Ok(None);
        }
        self.number += 1;
        let too_long = self.buffer.len() >= MAX_LINE;
        if too_long {
            self.buffer.clear();
            whole = self.pass_over()?;
        }
        Ok(Some(RawLine { number: self.number, bytes: &self.buffer, whole, too_long }))
    }

    /// Reads to behind the next newline, and at most [`MAX_LINE`] bytes; whether there was one.
    fn take_line(&mut self) -> io::Result<bool> {
        while self.buffer.len() < MAX_LINE {
            let found = match self.source.fill_buf() {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if found.is_empty() {
                break;
            }
            let found = &found[..found.len().min(MAX_LINE - self.buffer.len())];
            let newline = memchr(b'\n', found);
            self.buffer.extend_from_slice(&found[..newline.unwrap_or(found.len())]);
            let used = newline.map_or(found.len(), |at| at + 1);
            self.source.consume(used);
            if newline.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Skips to behind the next newline; whether there was one.
    fn pass_over(&mut self) -> io::Result<bool> {
        loop {
            let found = self.source.fill_buf()?;
            if found.is_empty() {
                return Ok(false);
            }
            let newline = memchr(b'\n', found);
            let used = newline.map_or(found.len(), |at| at + 1);
            self.source.consume(used);
            if newline.is_some() {
                return Ok(true);
            }
        }
    }
}
