//! `make bench`: how fast phones ring, doors are notified and apps register; what a call costs in DynamoDB; how much memory
//! the process takes. Every figure is measured on `ilock dev`, built for release, on this machine; those of pushes are
//! measured on the deployed projector's code. `bench pushes` measures only pushes; `bench slow` only the functions behind a
//! slow AWS; `bench load` only load, and `bench load --short` in a few minutes, for when other things run on the machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss)]

mod crowd;
mod load;
mod process;
mod pushes;
mod server;
mod slow;
mod times;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::config::SharedInterceptor;
use ilock_auth::Role;
use ilock_local::Options;
use ilock_tests::meter::{Consumed, Meter};
use ilock_tests::parties::call_id;
use ilock_tests::{Phone, Version, World};
use load::Extent;
use serde_json::json;
use server::Server;
use times::{Times, ms};
use tokio::time::{Instant, interval};

const CALLS: usize = 1000;
const CALLS_PER_SECOND: u64 = 20;
const CALLEES: usize = 20;
const REGISTRATIONS: usize = 500;
const ANSWERS: usize = 200;

/// Calls at a steady rate; times from the start of the request to the message at the phone.
async fn rings(server: &Server) -> (Times, Times) {
    let door = server.party("door1", Role::Device);
    let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
    for callee in 0..CALLEES {
        let user = server.party(&format!("user{callee}"), Role::User);
        let mut phone = Phone::connect(&user, "phone", Version::V5).await;
        let heard = heard.clone();
        tokio::spawn(async move {
            while let Some(message) = phone.next_within(Duration::from_hours(1)).await {
                let _ = heard.send((message.body["call_id"].as_str().unwrap().to_owned(), message.at));
            }
        });
    }
    let mut pace = interval(Duration::from_millis(1000 / CALLS_PER_SECOND));
    let mut asked = vec![];
    for n in 0..CALLS {
        pace.tick().await;
        // Each from a door of its own: a second press of one to the same person is no second call.
        let door = door.like(&format!("door1-{n}"), Role::Device);
        asked.push(tokio::spawn(async move {
            let start = Instant::now();
            let view = door.rings(&format!("user{}", n % CALLEES), 60).await;
            let answered = Instant::now();
            let call = call_id(&view);
            // The visitor gives up: nobody is rung by fifty doors at a time.
            let gives_up = tokio::spawn({
                let call = call.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    door.caller_action(&call, "cancelled").await.ok();
                }
            });
            (call, start, answered, gives_up)
        }));
    }
    let mut placed = HashMap::new();
    let (mut answers, mut giving_up) = (Times(vec![]), vec![]);
    for asked in asked {
        let (call, start, answered, gives_up) = asked.await.unwrap();
        answers.0.push(ms(start, answered));
        placed.insert(call, start);
        giving_up.push(gives_up);
    }
    let mut rings = Times(vec![]);
    let deadline = Instant::now() + Duration::from_secs(20);
    while rings.0.len() < CALLS {
        let Ok(Some((call, at))) = tokio::time::timeout_at(deadline, hears.recv()).await else { break };
        if let Some(start) = placed.remove(&call) {
            rings.0.push(ms(start, at));
        }
    }
    println!("  {} of {CALLS} calls rang", rings.0.len());
    for gives_up in giving_up {
        gives_up.await.unwrap();
    }
    (rings, answers)
}

async fn registrations(server: &Server) -> Times {
    let mut times = Times(vec![]);
    for n in 0..REGISTRATIONS {
        let user = server.party(&format!("new{n}"), Role::User);
        let start = Instant::now();
        user.registers("phone").await;
        times.0.push(ms(start, Instant::now()));
    }
    times
}

/// Times from the request that accepts to the message at the door.
async fn answers(server: &Server) -> Times {
    let (door, user) = (server.party("door2", Role::Device), server.party("answerer", Role::User));
    let mut panel = Phone::connect(&door, "panel", Version::V5).await;
    let mut times = Times(vec![]);
    for _ in 0..ANSWERS {
        let call = call_id(&door.rings("answerer", 60).await);
        panel.hears("ringing").await;
        let start = Instant::now();
        let asked = tokio::spawn({
            let (user, call) = (user.clone(), call.clone());
            async move { user.callee_action(&call, "accepted", Some("answerer_phone")).await.ok() }
        });
        panel.hears("accepted").await;
        times.0.push(ms(start, Instant::now()));
        asked.await.unwrap();
        door.caller_action(&call, "hangup").await.ok();
    }
    times
}

fn cost(what: &str, used: &Consumed) {
    let requests: Vec<String> = used.requests.iter().map(|(operation, count)| format!("{count} {operation}")).collect();
    println!("  {what:<44} {:>4} {:>6.1} {:>6.1}   {}", used.total(), used.wcu, used.rcu, requests.join(", "));
}

/// The cost of each request without the projector's share, and of a whole call with it.
async fn costs() {
    let meter = Meter::default();
    // The poller must not run during the measurement.
    let never = Duration::from_hours(1);
    let world =
        World::with(Options { watch: Some(SharedInterceptor::new(meter.clone())), poll: never, ..Options::anywhere() })
            .await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let client = Some("user456_phone");
    let _ = meter.take();
    user.registers("phone").await;
    cost("POST /api/mqtt/clients/register", &meter.take());
    let status = json!({ "client_id": "user456_phone", "status": "active", "priority": 10, "last_active": 1_679_886_400_000_i64 });
    user.asks(reqwest::Method::PUT, "/api/mqtt/clients/status", Some(status)).await.ok();
    cost("PUT /api/mqtt/clients/status", &meter.take());
    let call = call_id(&door.rings("user456", 30).await);
    cost("POST /api/calls", &meter.take());
    user.callee_action(&call, "ringing", client).await.ok();
    cost("POST callee-action ringing", &meter.take());
    user.callee_action(&call, "accepted", client).await.ok();
    cost("POST callee-action accepted", &meter.take());
    user.gets(&format!("/api/calls/{call}")).await.ok();
    cost("GET /api/calls/{call_id}", &meter.take());
    door.caller_action(&call, "hangup").await.ok();
    cost("POST caller-action hangup", &meter.take());
    user.gets("/api/calls").await.ok();
    cost("GET /api/calls", &meter.take());
    world.end().await;

    let used = ilock_tests::whole_call(&meter).await;
    cost("whole call: place, alert, accept, hang up", &used);
    println!(
        "    with receipts, personal text, room, day index, both histories; the ledger's share at ten calls a second is at most \
         0.3 WCU a commit more; target with it: 18 WCU, 14 RCU"
    );
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => everything().await,
        ["pushes"] => pushes::measure().await,
        ["slow"] => slow::measure().await,
        ["load"] => load::measure(Extent::FULL).await,
        ["load", "--short"] => load::measure(Extent::SHORT).await,
        _ => panic!("{arguments:?}: nothing, `pushes`, `slow`, `load` or `load --short`"),
    }
}

async fn everything() {
    println!(
        "{} cores; {CALLS} calls at {CALLS_PER_SECOND}/s to {CALLEES} phones; stream polled 4 times a second",
        std::thread::available_parallelism().unwrap()
    );
    println!("\nmilliseconds                                         p50     p95     p99   worst");
    let on = Server::start("on", None).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = on.memory();
    let mut registered = registrations(&on).await;
    let (mut ring_on, mut answer_on) = rings(&on).await;
    let mut notified = answers(&on).await;
    let busy = on.memory();
    drop(on);
    let off = Server::start("off", None).await;
    let (mut ring_off, mut answer_off) = rings(&off).await;
    drop(off);

    ring_on.line("place → message at the phone, fast path on");
    ring_off.line("place → message at the phone, fast path off");
    answer_on.line("place → answer to the door, fast path on");
    answer_off.line("place → answer to the door, fast path off");
    notified.line("accept → door told");
    registered.line("register → answer");
    println!("    targets: ring p99 ≤ 10 with the fast path on; register p99 ≤ 100");

    println!("\nrequests to AWS                                   all  in turn  until told");
    for trips in ilock_tests::round_trips().await {
        let told = trips.until_told.map_or("–".to_owned(), |told| told.to_string());
        println!("  {:<44} {:>7} {:>8} {told:>11}   {}", trips.endpoint, trips.all, trips.in_turn, trips.kinds);
    }
    println!(
        "    targets: until told POST /api/calls ≤ 4, accepted ≤ 3; behind that come the caller's `ringing` and the receipt"
    );

    println!("\nDynamoDB                                     requests    WCU    RCU");
    costs().await;

    pushes::measure().await;

    slow::measure().await;
    load::measure(Extent::FULL).await;

    println!(
        "\nmemory of `ilock dev`                         idle {idle:.0} MB; after the above {busy:.0} MB; target: idle ≤ 100 MB"
    );
}
