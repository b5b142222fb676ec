//! Lines, judged by several threads at once and handed back in their order. What is in memory is bounded, whatever a file holds.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use ilock_events::Millis;

use crate::verify::call::Room;
use crate::verify::line::{JudgedLine, judge};
use crate::{Lines, RawLine};

/// How many bytes of lines are handed to a thread at once; one line may be longer.
const BATCH_BYTES: usize = 256 << 10;
/// How many lines: an empty one has no bytes, and takes memory all the same.
const BATCH_LINES: usize = 1024;
/// How many batches for each thread are read ahead of the one that is due.
const AHEAD: usize = 4;

/// Lines that stand behind each other.
#[derive(Debug, Default)]
struct Batch {
    place: u64,
    bytes: Vec<u8>,
    lines: Vec<Place>,
    judged: Vec<JudgedLine>,
}

#[derive(Debug)]
struct Place {
    range: Range<usize>,
    number: u64,
    whole: bool,
    too_long: bool,
}

impl Batch {
    /// Reads the next lines; none at the end. An error comes behind the lines that were read before it.
    fn read(&mut self, lines: &mut Lines<impl BufRead>) -> io::Result<()> {
        self.bytes.clear();
        self.lines.clear();
        while self.bytes.len() < BATCH_BYTES && self.lines.len() < BATCH_LINES {
            let Some(RawLine { number, bytes, whole, too_long }) = lines.next_line()? else { break };
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            self.lines.push(Place { range: start..self.bytes.len(), number, whole, too_long });
        }
        Ok(())
    }

    fn judge(&mut self, room: &mut Room, as_of: Millis) {
        let Self { bytes, lines, judged, .. } = self;
        judged.extend(lines.iter().map(|Place { range, number, whole, too_long }| {
            let bytes = bytes.get(range.clone()).unwrap_or_default();
            judge(room, RawLine { number: *number, bytes, whole: *whole, too_long: *too_long }, as_of)
        }));
    }
}

/// Judges all lines on `jobs` threads, and hands them to `take` in their order.
///
/// # Errors
/// What the source says; what was read before it has been handed over.
pub(crate) fn judge_all(
    jobs: usize,
    lines: &mut Lines<impl BufRead>,
    as_of: Millis,
    take: &mut dyn FnMut(JudgedLine),
) -> io::Result<()> {
    if jobs <= 1 {
        let mut room = Room::default();
        while let Some(raw) = lines.next_line()? {
            take(judge(&mut room, raw, as_of));
        }
        return Ok(());
    }
    thread::scope(|scope| {
        let (work, todo) = channel::<Batch>();
        let (done, results) = channel();
        let todo = Arc::new(Mutex::new(todo));
        for _ in 0..jobs {
            let (todo, done) = (Arc::clone(&todo), done.clone());
            scope.spawn(move || work_on(&todo, &done, as_of));
        }
        drop(done);
        let mut order = InOrder { results, next: 0, waiting: BTreeMap::new(), free: vec![], open: 0 };
        let mut read = Ok(());
        for place in 0.. {
            while order.open >= jobs * AHEAD {
                order.receive(take);
            }
            let mut batch = order.free.pop().unwrap_or_default();
            batch.place = place;
            read = batch.read(lines);
            let is_last = read.is_err() || batch.lines.is_empty();
            if !batch.lines.is_empty() && work.send(batch).is_ok() {
                order.open += 1;
            }
            if is_last {
                break;
            }
        }
        drop(work);
        while order.open > 0 {
            order.receive(take);
        }
        read
    })
}

fn work_on(todo: &Mutex<Receiver<Batch>>, done: &Sender<thread::Result<Batch>>, as_of: Millis) {
    let mut room = Room::default();
    loop {
        // The lock is let go before the work begins.
        let next = todo.lock().map(|todo| todo.recv());
        let Ok(Ok(mut batch)) = next else { return };
        // A batch that never came back would be waited for.
        let judged = catch_unwind(AssertUnwindSafe(|| {
            batch.judge(&mut room, as_of);
            batch
        }));
        if done.send(judged).is_err() {
            return;
        }
    }
}

/// Batches that come back, and are due in their order.
struct InOrder {
    results: Receiver<thread::Result<Batch>>,
    next: u64,
    waiting: BTreeMap<u64, Batch>,
    free: Vec<Batch>,
    open: usize,
}

impl InOrder {
    fn receive(&mut self, take: &mut dyn FnMut(JudgedLine)) {
        // All threads end only when there is nothing left to do.
        let Ok(batch) = self.results.recv() else {
            self.open = 0;
            return;
        };
        let batch = batch.unwrap_or_else(|panic| resume_unwind(panic));
        self.waiting.insert(batch.place, batch);
        while let Some(mut batch) = self.waiting.remove(&self.next) {
            batch.judged.drain(..).for_each(&mut *take);
            self.next += 1;
            self.open -= 1;
            self.free.push(batch);
        }
    }
}
