//! How many whole calls a second `ilock dev` carries while phones ring in time, what bounds it, and what a long history
//! changes; how much memory idle phones take.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use ilock_auth::Role;
use ilock_tests::phone::Credentials;
use ilock_tests::{Phone, Version};

use crate::crowd::{Crowd, PHONES, Run};
use crate::process::computed;
use crate::server::Server;

/// Phones ring in time while the 99th percentile is at most this.
const RING_P99_MS: f64 = 50.0;
/// Fewer than one person may have, and may register in an hour.
const CLIENTS_OF_A_PERSON: usize = 32;

/// How long it measures.
#[derive(Clone, Copy)]
pub struct Extent {
    /// At 20 calls a second, whose 99th percentile is a promise: long enough that it is more than the slowest call or two.
    calm: f64,
    /// At each of the rates among which the highest is searched.
    seconds: f64,
    /// After the rate that is too high was found, so often is the range halved.
    halvings: usize,
    /// The calls that are kept before it measures again.
    history: usize,
    idle_phones: usize,
}

impl Extent {
    pub const FULL: Self = Self { calm: 60.0, seconds: 10.0, halvings: 4, history: 100_000, idle_phones: 10_000 };
    pub const SHORT: Self = Self { calm: 10.0, seconds: 3.0, halvings: 2, history: 2_000, idle_phones: 500 };
}

pub async fn measure(extent: Extent) {
    println!(
        "\nwhole calls, {PHONES} phones each, {} s at 20 a second and {} s at each other rate, beside this generator on the same machine",
        extent.calm, extent.seconds
    );
    println!(
        "                                       calls/s    ring p50     p95     p99   failed   cores: server  generator"
    );
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start("on", Some(dir.path())).await;
    let crowd = Crowd::gather(&server).await;
    let (calm, highest) = both(&server, &crowd, "data directory, fresh", extent).await;
    let filled = crowd.as_fast_as_it_goes(extent.history, 16).await;
    println!(
        "  {} calls kept in {:.0} s: {:.0} calls/s; {} failed; memory {:.0} MB",
        filled.whole,
        filled.seconds,
        filled.whole as f64 / filled.seconds,
        filled.failed,
        server.memory()
    );
    drop(crowd);
    server.end().await;
    let server = Server::start("on", Some(dir.path())).await;
    println!("  started again on them in {:.1} s; memory {:.0} MB", server.started_in, server.memory());
    let crowd = Crowd::gather(&server).await;
    let (late_calm, late_highest) = both(&server, &crowd, &format!("behind {} calls", extent.history), extent).await;
    println!(
        "    against fresh: ring p99 at 20 calls/s {:.2} times; highest rate {:.2} times; targets ≤ 1.3, ≥ 1 / 1.3",
        late_calm / calm,
        late_highest / highest
    );
    server.end().await;
    idle_phones(extent.idle_phones).await;
}

/// The ring p99 at 20 calls a second, and the highest rate at which phones ring in time.
async fn both(server: &Server, crowd: &Crowd, what: &str, extent: Extent) -> (f64, f64) {
    let (calm, _) = one(server, crowd, what, 20.0, extent.calm).await;
    let (mut holds, mut fails) = (20.0, f64::INFINITY);
    while fails.is_infinite() {
        let rate = holds * 2.0;
        let (_, in_time) = one(server, crowd, what, rate, extent.seconds).await;
        if in_time { holds = rate } else { fails = rate }
    }
    for _ in 0..extent.halvings {
        let rate = f64::midpoint(holds, fails).round();
        let (_, in_time) = one(server, crowd, what, rate, extent.seconds).await;
        if in_time { holds = rate } else { fails = rate }
    }
    println!(
        "    {what}: the highest rate with ring p99 ≤ {RING_P99_MS} ms is {holds:.0} calls/s; {fails:.0} is too high"
    );
    (calm, holds)
}

/// One run; its ring p99, and whether every call was whole and rang in time.
async fn one(server: &Server, crowd: &Crowd, what: &str, rate: f64, seconds: f64) -> (f64, bool) {
    let own = std::process::id();
    let before = (computed(server.id()), computed(own));
    let mut run: Run = crowd.steady(rate, seconds).await;
    let cores = |process: u32, before: f64| (computed(process) - before) / run.seconds;
    let (server_cores, own_cores) = (cores(server.id(), before.0), cores(own, before.1));
    let (p50, p95, p99) = (run.rings.at(0.5), run.rings.at(0.95), run.rings.at(0.99));
    println!(
        "  {what:<36} {rate:>8.0} {p50:>11.1} {p95:>7.1} {p99:>7.1} {:>8} {server_cores:>15.2} {own_cores:>10.2}",
        run.failed
    );
    // What a run that was too fast left behind is not the next one's.
    tokio::time::sleep(Duration::from_secs(if run.failed > 0 { 10 } else { 2 })).await;
    (p99, run.failed == 0 && p99 <= RING_P99_MS)
}

/// The memory of phones that are connected and subscribed, and wait.
async fn idle_phones(count: usize) {
    let server = Server::start("on", None).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = server.memory();
    let first = server.party("sleeper", Role::User);
    let phones = stream::iter(0..count).map(async |n| {
        let user = first.like(&format!("sleeper{}", n / CLIENTS_OF_A_PERSON), Role::User);
        let credentials = Credentials::of(&user.registers(&format!("phone{n}")).await);
        Phone::with(credentials, Version::V311).await.expect("a registered client is let in")
    });
    let phones: Vec<Phone> = phones.buffer_unordered(16).collect().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = server.memory();
    println!(
        "\nmemory of {} idle phones                   {before:.0} MB before, {after:.0} MB with them: {:.1} KB each",
        phones.len(),
        (after - before) * 1024.0 / phones.len() as f64
    );
    server.end().await;
}
