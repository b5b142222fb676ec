//! The deployed functions behind an AWS that takes its time: 1 to 50 times as long as it usually does. How soon phones ring
//! then, how much of Lambda a call takes, and what gives way first. Calls come at random, to households of three phones; at
//! the end all phones register again within half a minute, as after a changed secret.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use fastrand::Rng;
use futures::stream::{self, StreamExt};
use ilock_auth::Role;
use ilock_events::{CallId, Commit};
use ilock_functions::http::router::{all_routes, service};
use ilock_functions::triggers::projector::Projector;
use ilock_lambda::aws::RetryPolicy;
use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::aws::Aws;
use ilock_tests::parties::{Party, call_id, token};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, interval, sleep, sleep_until};

use crate::times::{Times, ms};

const PHONES: [&str; 3] = ["phone", "tablet", "watch"];
/// What the product promises.
const RINGS_WITHIN_MS: f64 = 500.0;
/// The template's `Timeout`.
const FUNCTION_MS: f64 = 10_000.0;
/// The longest that a call rings, and how often it is looked whether it does.
const RING_SECONDS: u32 = 60;
const LOOKS: Duration = Duration::from_millis(5);
/// How long phones spread their registrations when all must.
const STORM: Duration = Duration::from_secs(30);
/// How often Lambda polls a stream, and how many records it hands over at most.
const POLL: Duration = Duration::from_millis(250);
const BATCH: usize = 100;

/// How long AWS usually takes, in milliseconds: median and 99th percentile. Assumed: AWS says "single-digit milliseconds" of
/// DynamoDB and publishes no figure for the others; SQS's were measured by others.
const USUAL: [(&str, f64, f64); 5] =
    [("dynamodb:", 4.0, 12.0), ("iot:", 20.0, 60.0), ("sns:", 30.0, 100.0), ("sqs:", 16.0, 105.0), ("", 10.0, 40.0)];

/// How many times as long as usual AWS takes.
const FACTORS: [f64; 6] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
/// The calls at each factor, each to a household of its own.
const CALLS: usize = 300;
const CALLS_PER_SECOND: f64 = 10.0;

/// Log-normal, which has a tail as networks do.
fn takes(action: &str, factor: f64, rng: &Mutex<Rng>) -> Duration {
    let (_, median, p99) = USUAL.iter().find(|(kind, ..)| action.starts_with(kind)).unwrap();
    let (u, v) = {
        let mut rng = rng.lock().unwrap();
        (1.0 - rng.f64(), rng.f64())
    };
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    // 2.326 deviations are the 99th percentile.
    Duration::from_secs_f64(factor * median * (normal * (p99 / median).ln() / 2.326).exp() / 1000.0)
}

/// What ran, by route: as Lambda would count and charge it.
#[derive(Default)]
struct Runs {
    now: usize,
    most: usize,
    ms: BTreeMap<String, Times>,
    failed: usize,
}

type Counted = Arc<Mutex<Runs>>;

fn begins(runs: &Counted) -> Instant {
    let mut runs = runs.lock().unwrap();
    runs.now += 1;
    runs.most = runs.most.max(runs.now);
    Instant::now()
}

fn ends(runs: &Counted, what: &str, begun: Instant, failed: bool) {
    let mut runs = runs.lock().unwrap();
    runs.now -= 1;
    runs.failed += usize::from(failed);
    runs.ms.entry(what.to_owned()).or_default().0.push(ms(begun, Instant::now()));
}

async fn counted(State(runs): State<Counted>, route: MatchedPath, request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), route.as_str());
    let begun = begins(&runs);
    let response = next.run(request).await;
    ends(&runs, &what, begun, response.status().is_server_error());
    response
}

/// The projector, fed as Lambda feeds it: batch after batch, what failed once more, but for what waits in its queue.
async fn project(projector: Projector, mut commits: UnboundedReceiver<(Commit, Instant)>, runs: Counted) -> Times {
    let (mut behind, mut pending, mut poll) = (Times::default(), vec![], interval(POLL));
    let mut open = true;
    while open || !pending.is_empty() {
        poll.tick().await;
        while pending.len() < BATCH {
            match commits.try_recv() {
                Ok(commit) => pending.push(commit),
                Err(error) => {
                    open = error != tokio::sync::mpsc::error::TryRecvError::Disconnected;
                    break;
                }
            }
        }
        if pending.is_empty() {
            continue;
        }
        let begun = begins(&runs);
        let failed = projector.project(pending.iter().map(|(commit, _)| commit.clone()).collect()).await;
        ends(&runs, "projector", begun, !failed.is_empty());
        let again = |commit: &Commit| {
            failed.iter().any(|(one, why)| !why.is_rest() && (&one.call_id, one.n) == (&commit.call_id, commit.n))
        };
        let (left, done) = pending.into_iter().partition(|(commit, _)| again(commit));
        pending = left;
        let done: Vec<(Commit, Instant)> = done;
        behind.0.extend(done.iter().map(|(_, since)| ms(*since, Instant::now())));
    }
    behind
}

struct Town {
    world: World,
    aws: Aws,
    /// Whose connections all use: to make them for each of the hundreds takes seconds, in which calls would be due.
    anybody: Party,
    runs: Counted,
    commits: UnboundedSender<(Commit, Instant)>,
}

impl Town {
    fn party(&self, id: &str, role: Role) -> Party {
        self.anybody.like(id, role)
    }

    async fn registers(&self, household: usize, phone: &str) -> bool {
        let user = self.party(&format!("person{household}"), Role::User);
        let body = json!({ "client_id": phone, "platform": "android", "push_token": format!("{household}-{phone}") });
        user.posts("/api/mqtt/clients/register", body).await.code == 0
    }

    /// Shows the projector what `call` has from its commit `from` on.
    async fn shows(&self, call: &str, from: usize) -> usize {
        let history = self.world.stack.calls.log.load(&CallId::new(call).unwrap()).await.unwrap();
        for commit in &history.commits[from..] {
            let _ = self.commits.send((commit.clone(), Instant::now()));
        }
        history.commits.len()
    }

    /// When the household has heard of a call that was due then; none where it never does.
    async fn hears(&self, household: usize, due: Instant) -> Option<Instant> {
        let topic = format!("users/person{household}/calls/incoming");
        while due.elapsed() < Duration::from_secs(RING_SECONDS.into()) {
            if let Some(at) = self.aws.first_published(&topic) {
                return Some(at);
            }
            sleep(LOOKS).await;
        }
        None
    }

    /// One call to a household: three phones hear of it and say that they ring, one accepts, the door hangs up. When they
    /// heard of it, and whether all of it went well.
    async fn call(&self, household: usize, due: Instant) -> (Option<Instant>, bool) {
        let door = self.party(&format!("door{household}"), Role::Device);
        let user = self.party(&format!("person{household}"), Role::User);
        sleep_until(due).await;
        let press = async {
            let placed = door.presses(&format!("person{household}"), RING_SECONDS).await;
            let call = (placed.code == 0).then(|| call_id(&placed.data))?;
            let shown = self.shows(&call, 0).await;
            Some((call, shown))
        };
        let (pressed, heard) = futures::join!(press, self.hears(household, due));
        let (Some((call, mut shown)), Some(_)) = (pressed, heard) else { return (heard, false) };
        let mut well = true;
        for phone in PHONES {
            well &= user.callee_action(&call, "ringing", Some(phone)).await.code == 0;
            shown = self.shows(&call, shown).await;
        }
        well &= user.callee_action(&call, "accepted", Some(PHONES[0])).await.code == 0;
        shown = self.shows(&call, shown).await;
        sleep(Duration::from_secs(1)).await;
        well &= door.caller_action(&call, "hangup").await.code == 0;
        self.shows(&call, shown).await;
        (heard, well)
    }
}

pub async fn measure() {
    println!(
        "\nthe functions behind a slow AWS: {CALLS} calls at {CALLS_PER_SECOND} a second, at random, {} phones each\n\
         \x20                 ring ms          within   not    function-s  at once   projector behind ms   registering   not\n\
         \x20 AWS takes    p50      p99    500 ms   whole     a call    at most      p50       p99       p99 ms       in",
        PHONES.len()
    );
    for factor in FACTORS {
        one(factor).await;
    }
    println!(
        "    a call takes function-s × calls a second of Lambda's concurrency; a function is ended after {} s",
        FUNCTION_MS / 1000.0
    );
}

async fn one(factor: f64) {
    let world = World::with(Options { poll: Duration::from_hours(1), ..Options::anywhere() }).await;
    let rng = Mutex::new(Rng::with_seed(1));
    let aws = Aws::taking(world.stack.at.dynamodb, Box::new(move |action| takes(action, factor, &rng))).await;
    let runs = Counted::default();
    let http = aws.parts_as_deployed(RetryPolicy::CallerWaiting);
    let app = service(all_routes(&http.wiring).unwrap()).layer(middleware::from_fn_with_state(runs.clone(), counted));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (commits, shown) = unbounded_channel();
    let projector = Projector::new(&aws.parts_as_deployed(RetryPolicy::Background).wiring).unwrap();
    let projecting = tokio::spawn(project(projector, shown, runs.clone()));
    let anybody = Party::at(at, "anybody", token("anybody", Role::User, "default"));
    let town = Town { world, aws, anybody, runs, commits };

    let phones = || (0..CALLS).flat_map(|household| PHONES.map(|phone| (household, phone)));
    let first = stream::iter(phones()).map(|(household, phone)| town.registers(household, phone));
    let _: Vec<bool> = first.buffer_unordered(32).collect().await;
    *town.runs.lock().unwrap() = Runs::default();
    town.aws.asked();

    let (start, mut rng, mut after) = (Instant::now(), Rng::with_seed(2), 0.0);
    let due: Vec<Instant> = (0..CALLS)
        .map(|_| {
            after -= (1.0 - rng.f64()).ln() / CALLS_PER_SECOND;
            start + Duration::from_secs_f64(after)
        })
        .collect();
    let all = stream::iter(due.iter().enumerate()).map(|(household, due)| town.call(household, *due));
    let (heard, well): (Vec<_>, Vec<bool>) = all.buffered(CALLS).unzip().await;
    // Those that never rang are the last.
    let rang = due.iter().zip(&heard).map(|(due, heard)| heard.map_or(f64::INFINITY, |at| ms(*due, at)));
    let (mut rings, evening) = (Times(rang.collect()), std::mem::take(&mut *town.runs.lock().unwrap()));
    town.runs.lock().unwrap().now = evening.now;

    let storm = stream::iter(phones()).map(async |(household, phone)| {
        sleep(STORM.mul_f64(fastrand::f64())).await;
        town.registers(household, phone).await
    });
    let registered: Vec<bool> = storm.buffer_unordered(CALLS * PHONES.len()).collect().await;
    let Town { world, aws, runs, commits, .. } = town;
    drop(commits);
    let mut behind = projecting.await.unwrap();
    report(factor, &mut rings, &well, evening, &mut behind, (&runs, &registered));
    server.abort();
    drop(aws);
    world.end().await;
}

fn report(
    factor: f64,
    rings: &mut Times,
    well: &[bool],
    mut evening: Runs,
    behind: &mut Times,
    (runs, registered): (&Counted, &[bool]),
) {
    let calls = well.len() as f64;
    let soon = rings.0.iter().filter(|ring| **ring <= RINGS_WITHIN_MS).count() as f64 / calls;
    let seconds: f64 = evening.ms.values().flat_map(|times| &times.0).sum::<f64>() / 1000.0 / calls;
    let mut storm = std::mem::take(&mut *runs.lock().unwrap());
    let registering = storm.ms.entry("POST /api/mqtt/clients/register".to_owned()).or_default();
    println!(
        "  {factor:>8} × {:>7.0} {:>8.0} {:>8.1} % {:>6} {seconds:>11.2} {:>10} {:>9.0} {:>9.0} {:>12.0} {:>7}",
        rings.at(0.5),
        rings.at(0.99),
        soon * 100.0,
        well.iter().filter(|well| !**well).count(),
        evening.most,
        behind.at(0.5),
        behind.at(0.99),
        registering.at(0.99),
        registered.iter().filter(|well| !**well).count(),
    );
    for (what, times) in &mut evening.ms {
        if times.at(1.0) > FUNCTION_MS {
            println!("    {what}: took up to {:.1} s", times.at(1.0) / 1000.0);
        }
    }
}
