//! Many people with disconnected phones are called, and the projector alone sends the pushes. It is built as deployed; SNS
//! and the broker are a server on 127.0.0.1 with a fixed latency. That server and the database share this process.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use ilock_directory::{Client, Directory, PushEndpoint, Taken};
use ilock_env::Clock;
use ilock_events::{CallId, ClientName, Commit, Party, PartyAddress, PartyId, PartyKind, PushService, TenantId};
use ilock_functions::service::push_directory;
use ilock_functions::triggers::projector::Projector;
use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::aws::{Aws, max_concurrent};
use ilock_tests::parties::{call_id, registration};
use tokio::time::Instant;

use crate::process::resident;

const CALLEES: usize = 1000;
/// Each callee's phones; all of them ring.
const PHONES: [PushService; 5] =
    [PushService::Gcm, PushService::Gcm, PushService::ApnsVoip, PushService::ApnsVoip, PushService::Apns];
/// The commits in one batch of the stream: the projector's `BatchSize` in template.yaml.
const BATCH: usize = 100;
/// How long SNS and the broker take for each request.
const LATENCY: Duration = Duration::from_millis(20);
/// How many callees are prepared at the same time.
const CONCURRENCY: usize = 8;
/// All calls are placed and pushed within this: no push is sent for a call that no longer rings.
const RING_SECONDS: u32 = 120;

/// # Panics
/// When an endpoint got no push or two; when more pushes were in flight than the projector allows.
pub async fn measure() {
    let never = Duration::from_hours(1);
    let settings = Box::new(|name: &str| (name == "FAST_PATH").then(|| "off".to_owned()));
    let world = World::with(Options { poll: never, settings, ..Options::anywhere() }).await;
    let aws = Aws::before(world.stack.at.dynamodb, LATENCY).await;
    let mut parts = aws.parts_with(true);
    parts.wiring.dynamodb = world.stack.dynamodb.clone();
    let projector = Projector::new(&parts.wiring).unwrap();

    let endpoints = register_phones(&world.stack.directory).await;
    let commits = place_calls(&world).await;
    let memory = || resident(std::process::id());
    let before = memory();
    let mut highest = before;
    let start = Instant::now();
    for batch in commits.chunks(BATCH) {
        let failed = projector.project(batch.to_vec()).await;
        assert!(failed.is_empty(), "not projected: {:?}", failed.first());
        highest = highest.max(memory());
    }
    let seconds = start.elapsed().as_secs_f64();

    let (mut requests, mut pushed) = (BTreeMap::<String, usize>::new(), BTreeMap::<String, usize>::new());
    let mut pushes = vec![];
    for request in aws.asked() {
        *requests.entry(request.action.clone()).or_default() += 1;
        if request.action == "sns:Publish" {
            *pushed.entry(request.resource.clone()).or_default() += 1;
            pushes.push(request);
        }
    }
    assert_eq!(pushes.len(), CALLEES * PHONES.len(), "pushes");
    assert!(endpoints.iter().all(|endpoint| pushed.get(endpoint) == Some(&1)), "each endpoint is pushed once");
    let (at_once, allowed) = (max_concurrent(&pushes), push_directory::AT_ONCE);
    assert!(at_once <= allowed, "{at_once} pushes at once, of {allowed}");

    let per_call = requests.iter().map(|(action, count)| format!("{:.2} {action}", *count as f64 / CALLEES as f64));
    let per_call = per_call.collect::<Vec<_>>().join(", ");
    println!(
        "\npushes by the projector   {CALLEES} callees × {} endpoints; SNS takes {} ms",
        PHONES.len(),
        LATENCY.as_millis()
    );
    let what = format!("commits in batches of {BATCH}, one shard");
    println!("  {what:<44} {:.0} calls/s, {:.0} pushes/s", CALLEES as f64 / seconds, pushes.len() as f64 / seconds);
    println!("  {:<44} {per_call}", "requests per call");
    println!("  {:<44} at most {at_once}; allowed {allowed}", "pushes on their way at once");
    println!(
        "  {:<44} before {before:.0} MB; at most {highest:.0} MB; after {:.0} MB",
        "memory of this process, database included",
        memory()
    );
    drop(aws);
    world.end().await;
}

fn callee(n: usize) -> String {
    format!("sleeper{n}")
}

/// Registers every callee's phones with an endpoint each; returns all endpoints.
async fn register_phones(directory: &Directory) -> Vec<String> {
    let endpoints = stream::iter(0..CALLEES).map(async |n| {
        let party = Party { kind: PartyKind::User, id: PartyId::new(callee(n)).unwrap() };
        let (tenant, now) = (TenantId::new("default").unwrap(), Clock::system().now());
        let mut endpoints = vec![];
        for (phone, service) in PHONES.into_iter().enumerate() {
            let client = ClientName::new(format!("{}_{phone}", party.id)).unwrap();
            let registration = registration(&party, Client::new(client.clone(), now));
            Box::pin(directory.register(&registration)).await.unwrap();
            let id = format!("arn:aws:sns:local:000000000000:endpoint/{}/app/{client}", service.word());
            let endpoint = PushEndpoint { id: id.clone(), service, since: now, retired: None };
            let at = PartyAddress::of(&tenant, &party);
            assert_eq!(directory.take_endpoint(&at, &client, &endpoint, None).await.unwrap(), Taken::Yes);
            endpoints.push(id);
        }
        endpoints
    });
    endpoints.buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await.concat()
}

/// Calls every callee; returns the commits in order of time.
async fn place_calls(world: &World) -> Vec<Commit> {
    let door = world.door("door");
    let calls = stream::iter(0..CALLEES).map(async |n| {
        let call = CallId::new(call_id(&door.rings(&callee(n), RING_SECONDS).await)).unwrap();
        world.stack.calls.log.load(&call).await.unwrap().commits
    });
    let mut commits = calls.buffer_unordered(CONCURRENCY).collect::<Vec<_>>().await.concat();
    commits.sort_by_key(|commit| commit.at);
    commits
}
