//! Calls that were sorted part by part, merged: however many parts there are, few files are open and few calls in memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Lines, Seek as _, Write as _};

/// How many runs are merged at once.
const AT_ONCE: usize = 64;

/// What calls are sorted by: when they were placed, in milliseconds, and their id.
pub type Key = (i64, String);

/// Calls in their order, in a temporary file: on each line a key and a call, as JSON with a tab between them.
pub struct SortedRun(Lines<BufReader<File>>);

/// A run that is being written.
pub struct WrittenRun(BufWriter<File>);

impl SortedRun {
    pub fn writing() -> io::Result<WrittenRun> {
        Ok(WrittenRun(BufWriter::new(tempfile::tempfile()?)))
    }

    fn next(&mut self) -> io::Result<Option<(Key, String)>> {
        let Some(line) = self.0.next().transpose()? else { return Ok(None) };
        // JSON has no tab but an escaped one.
        let (key, call) = line.split_once('\t').unwrap_or((&line, ""));
        Ok(Some((serde_json::from_str(key)?, call.to_owned())))
    }
}

impl WrittenRun {
    pub fn write(&mut self, key: &Key, call: &str) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, key)?;
        writeln!(self.0, "\t{call}")
    }

    pub fn written(self) -> io::Result<SortedRun> {
        let mut run = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.rewind()?;
        Ok(SortedRun(BufReader::new(run).lines()))
    }
}

/// Runs by how often their calls were merged before: as many of one level become one of the next, so that each call is written a
/// few times at most.
#[derive(Default)]
pub struct Runs(Vec<Vec<SortedRun>>);

impl Runs {
    pub fn add(&mut self, mut run: SortedRun) -> io::Result<()> {
        for level in &mut self.0 {
            level.push(run);
            if level.len() < AT_ONCE {
                return Ok(());
            }
            let mut merged = SortedRun::writing()?;
            merge(std::mem::take(level), |key, call| merged.write(&key, &call))?;
            run = merged.written()?;
        }
        self.0.push(vec![run]);
        Ok(())
    }

    /// Passes all calls on, in their order.
    pub fn merge(self, take: impl FnMut(Key, String) -> io::Result<()>) -> io::Result<()> {
        merge(self.0.into_iter().flatten().collect(), take)
    }
}

fn merge(mut runs: Vec<SortedRun>, mut take: impl FnMut(Key, String) -> io::Result<()>) -> io::Result<()> {
    let mut firsts: BinaryHeap<Reverse<(Key, usize)>> = BinaryHeap::new();
    let mut waiting: Vec<String> = vec![];
    for (index, run) in runs.iter_mut().enumerate() {
        let first = run.next()?;
        firsts.extend(first.as_ref().map(|(key, _)| Reverse((key.clone(), index))));
        waiting.push(first.map(|(_, call)| call).unwrap_or_default());
    }
    while let Some(Reverse((key, index))) = firsts.pop() {
        take(key, std::mem::take(&mut waiting[index]))?;
        if let Some((key, call)) = runs[index].next()? {
            firsts.push(Reverse((key, index)));
            waiting[index] = call;
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn however_many_runs_there_are_few_files_are_open_and_all_come_in_order() {
        let mut runs = Runs::default();
        for n in 0..5_000_i64 {
            let mut run = SortedRun::writing().unwrap();
            for at in [n, n + 10_000] {
                run.write(&(at, format!("call_{at}")), &format!("{{\"at\":{at}}}")).unwrap();
            }
            runs.add(run.written().unwrap()).unwrap();
        }
        assert!(runs.0.iter().map(Vec::len).sum::<usize>() < 3 * AT_ONCE);
        let mut came = vec![];
        runs.merge(|(at, _), call| {
            assert_eq!(call, format!("{{\"at\":{at}}}"));
            came.push(at);
            Ok(())
        })
        .unwrap();
        assert_eq!(came, (0..5_000).chain(10_000..15_000).collect::<Vec<_>>());
    }
}
