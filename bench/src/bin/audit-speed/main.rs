//! How fast an export is verified and replayed on one core, and in how much memory. `bench/audit/run` calls it:
//!
//! ```text
//! audit-speed make FILE COMMITS    an export of calls that were decided, hashed and delivered as the log does it
//! audit-speed verify FILE          everything that `ilock verify` checks, on one core
//! audit-speed verify-all FILE      the same on all cores, by the clock on the wall
//! audit-speed replay FILE          each line read, each commit folded
//! audit-speed fold FILE CALLS      the fold alone, of the first calls, read before the clock runs
//! audit-speed table < RESULTS      all results, and those of the peers, as a table
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "what goes wrong here is a broken measurement"
)]

#[path = "../../../../audit/tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::time::{Duration, Instant};

use common::a_call;
use ilock_audit::export::Progress;
use ilock_audit::{Header, Line, Lines, verify};
use ilock_call::Call;
use ilock_env::Clock;
use ilock_events::{CallEvent, CallId, Command, Commit, Millis, TenantId};
use serde::{Deserialize, Serialize};

/// As in `ilock`.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// 2026-11-22T00:00:00Z.
const MIDNIGHT: i64 = 1_795_305_600_000;

/// How many calls end in each state: all programs must agree.
type States = BTreeMap<String, u64>;

/// What one program measured.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    who: String,
    what: String,
    commits: u64,
    seconds: f64,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    peak_kb: u64,
    #[serde(default)]
    states: States,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["make", file, commits] => make(file, commits.parse().expect("a number of commits")),
        ["verify", file] => print(&verified(file)),
        ["verify-all", file] => print(&verified_on_all(file)),
        ["replay", file] => print(&replayed(file)),
        ["fold", file, calls] => print(&folded(file, calls.parse().expect("a number of calls"))),
        ["table"] => table(),
        _ => panic!("make FILE COMMITS | verify FILE | verify-all FILE | replay FILE | fold FILE CALLS | table"),
    }
}

/// The CPU time of this process, so that other load does not count. Wall-clock time where the system does not report it.
fn cpu_time() -> Duration {
    let ran = std::fs::read_to_string("/proc/self/schedstat").ok();
    let ran = ran.and_then(|ran| ran.split(' ').next()?.parse().ok()).map(Duration::from_nanos);
    ran.unwrap_or_else(|| Duration::from_millis(Clock::system().now().0.unsigned_abs()))
}

fn make(file: &str, commits: u64) {
    let mut out = BufWriter::with_capacity(1 << 18, File::create(file).unwrap());
    let mut progress = Progress::default();
    progress.head(&mut out, &Header::default().line().unwrap()).unwrap();
    let mut number = 0;
    while progress.end.commits < commits {
        let call = a_call(number, Millis(MIDNIGHT + i64::from(number) * 300));
        progress.call(&mut out, &call, false).unwrap();
        number += 1;
    }
    progress.finish(&mut out).unwrap();
    out.flush().unwrap();
}

fn open(file: &str) -> BufReader<File> {
    BufReader::with_capacity(1 << 18, File::open(file).unwrap())
}

fn measured(what: &str, file: &str, commits: u64, took: Duration, states: States) -> Measured {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Measured {
        who: "ilock".into(),
        what: what.into(),
        commits,
        seconds: took.as_secs_f64(),
        bytes: std::fs::metadata(file).unwrap().len(),
        peak_kb: peak.and_then(|peak| peak.split_whitespace().next()?.parse().ok()).unwrap_or_default(),
        states,
    }
}

fn verified(file: &str) -> Measured {
    let begun = cpu_time();
    let counts = verify::file(open(file), common::LATER, |finding| panic!("{finding:?}"), |_| {});
    let took = cpu_time().saturating_sub(begun);
    assert_eq!(counts.proven, counts.commits);
    measured("verify", file, counts.commits, took, States::new())
}

fn verified_on_all(file: &str) -> Measured {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let begun = Instant::now();
    let counts = verify::file_on(jobs, open(file), common::LATER, |finding| panic!("{finding:?}"), |_| {});
    let took = begun.elapsed();
    assert_eq!(counts.proven, counts.commits);
    measured(&format!("all {jobs}"), file, counts.commits, took, States::new())
}

/// Hands the commits of each call to `take`.
fn each_call(file: &str, mut take: impl FnMut(&str, Vec<Commit>) -> bool) {
    let mut lines = Lines::new(open(file));
    while let Some(raw) = lines.next_line().unwrap() {
        let Line::Call(call) = Line::read(std::str::from_utf8(raw.bytes).unwrap()).unwrap().1 else { continue };
        let commits = call.commits.iter().map(|raw| serde_json::from_str(raw).unwrap()).collect();
        if !take(&call.call_id, commits) {
            return;
        }
    }
}

fn count(states: &mut States, call: &Call) {
    *states.entry(call.state().expect("it was placed").word().to_owned()).or_default() += 1;
}

fn replayed(file: &str) -> Measured {
    let (mut folded, mut states) = (0, States::new());
    let begun = cpu_time();
    each_call(file, |id, commits| {
        let mut call = Call::new(CallId::new(id).unwrap());
        for commit in &commits {
            call.fold(commit).unwrap();
            folded += 1;
        }
        count(&mut states, &call);
        true
    });
    measured("replay", file, folded, cpu_time().saturating_sub(begun), states)
}

type PastEvent = (CallEvent, Command, Millis, TenantId);

fn folded(file: &str, calls: usize) -> Measured {
    let mut read: Vec<(CallId, Vec<PastEvent>)> = vec![];
    each_call(file, |id, commits| {
        let of = |commit: Commit| {
            let Commit { events, cmd, actor, at, tenant, .. } = commit;
            let command = Command::read(&cmd, actor).unwrap();
            let event = move |event| (CallEvent::read(&event).unwrap(), command.clone(), at, tenant.clone());
            events.into_iter().map(event).collect::<Vec<_>>()
        };
        read.push((CallId::new(id).unwrap(), commits.into_iter().flat_map(of).collect()));
        read.len() < calls
    });
    let (mut folded, mut states) = (0, States::new());
    let begun = cpu_time();
    for (id, events) in &read {
        let mut call = Call::new(id.clone());
        for (event, command, at, tenant) in events {
            call.apply(event, command, *at, tenant);
            folded += 1;
        }
        count(&mut states, &call);
    }
    measured("fold", file, folded, cpu_time().saturating_sub(begun), states)
}

fn print(measured: &Measured) {
    println!("{}", serde_json::to_string(measured).unwrap());
}

fn table() {
    let results: Vec<Measured> =
        std::io::stdin().lines().map(|line| serde_json::from_str(&line.unwrap()).expect("a result")).collect();
    let rate = |one: &Measured| one.commits as f64 / one.seconds;
    println!(
        "{:<26} {:<8} {:>10} {:>9} {:>12} {:>7} {:>9}",
        "", "", "commits", "CPU s", "commits/s", "MB/s", "peak MB"
    );
    for one in &results {
        let Measured { who, what, commits, seconds, bytes, peak_kb, .. } = one;
        let speed = if *what == "fold" { "–".into() } else { format!("{:.0}", *bytes as f64 / 1e6 / seconds) };
        let peak = *peak_kb as f64 / 1024.0;
        println!("{who:<26} {what:<8} {commits:>10} {seconds:>9.2} {:>12.0} {speed:>7} {peak:>9.1}", rate(one));
    }
    // All programs that folded as many commits must agree.
    for one in &results {
        let same = results.iter().filter(|other| other.commits == one.commits && !other.states.is_empty());
        for other in same.filter(|_| !one.states.is_empty()) {
            assert_eq!(one.states, other.states, "{} and {} do not fold the same", one.who, other.who);
        }
    }
    let best = |what: &str, own: bool| {
        let of = results.iter().filter(|one| one.what == what && (one.who == "ilock") == own);
        of.map(|one| (rate(one), one.who.as_str())).max_by(|(a, _), (b, _)| a.total_cmp(b))
    };
    let verified = best("verify", true);
    println!();
    let against = |what: &str, name: &str| match (best(what, true), best(what, false)) {
        (Some((own, _)), Some((other, who))) => println!("{name}: {:.1} times the fastest peer, {who}", own / other),
        _ => println!("{name}: no peer was measured"),
    };
    against("fold", "the same fold, of events in memory");
    against("replay", "the same fold, of the export");
    if let (Some((verified, _)), Some((other, who))) = (verified, best("replay", false)) {
        println!("fully verified, against merely folded by the fastest peer, {who}: {:.1} times", verified / other);
    }
    if let Some((verified, _)) = verified {
        println!("fully verified: {verified:.0} commits/s per core; target: 400000");
    }
    let whole: Option<f64> = results.iter().filter(|one| one.what.starts_with("all ")).map(rate).max_by(f64::total_cmp);
    if let Some(rate) = whole {
        println!("fully verified: {rate:.0} commits/s on all cores, by the clock on the wall; target on two: 700000");
    }
    let verifying = |one: &&Measured| one.what == "verify" || one.what.starts_with("all ");
    let peaks: Vec<u64> =
        results.iter().filter(|one| one.who == "ilock").filter(verifying).map(|one| one.peak_kb).collect();
    if let (Some(least), Some(most)) = (peaks.iter().min(), peaks.iter().max()) {
        println!(
            "peak memory of verifying: {} to {} MB over all sizes; target: 200 at most, and flat",
            least / 1024,
            most / 1024
        );
    }
}
