//! The process is killed with signal 9 at every step between the button and the last receipt, and restarted.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::SharedInterceptor;
use ilock_auth::Role;
use ilock_env::Clock;
use ilock_events::{CallId, CallState};
use ilock_local::{Options, Stack};
use ilock_notify::Alarm;
use ilock_tests::meter::Meter;
use ilock_tests::parties::{self, Answer, Party, call_id};
use ilock_tests::phone::{Heard, kind};
use ilock_tests::{Phone, Version, World};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(20);

/// An upper bound on the steps of a request.
const MAX_STEPS: u32 = 60;

/// A stack in a process of its own.
struct Victim {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    http: SocketAddr,
    mqtt: SocketAddr,
}

impl Victim {
    async fn start(data_dir: &std::path::Path, at: Option<(SocketAddr, SocketAddr)>) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (http, mqtt) = at.unwrap_or((any, any));
        let mut child = Command::new(env!("CARGO_BIN_EXE_victim"))
            .arg(data_dir)
            .args([http.to_string(), mqtt.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let up = timeout(TIMEOUT, output.next_line()).await.unwrap().unwrap().expect("it comes up");
        let mut words = up.split(' ').skip(1).map(|address| address.parse().unwrap());
        let (http, mqtt) = (words.next().unwrap(), words.next().unwrap());
        Self { child, input, output, http, mqtt }
    }

    async fn line(&mut self) -> String {
        self.output.next_line().await.unwrap().expect("it lives")
    }

    async fn arm(&mut self, step: u32) {
        self.input.write_all(format!("arm {step}\n").as_bytes()).await.unwrap();
        assert_eq!(timeout(TIMEOUT, self.line()).await.unwrap(), "armed");
    }

    /// Kills it with signal 9 and starts another at the same addresses.
    async fn replace(&mut self, data_dir: &std::path::Path) {
        self.child.kill().await.unwrap();
        *self = Self::start(data_dir, Some((self.http, self.mqtt))).await;
    }
}

fn party(victim: &Victim, id: &str, role: Role) -> Party {
    Party::at(victim.http, id, parties::token(id, role, "default"))
}

/// The request during which the process dies, and the message that must follow.
struct Scenario {
    path: &'static str,
    /// The message that the listener must hear.
    hears: &'static str,
    /// Whether the listener is disconnected meanwhile and reconnects after the restart.
    away: bool,
}

/// A door, a phone, and the call as far as the scenario needs it.
struct Scene {
    data: tempfile::TempDir,
    victim: Victim,
    door: Party,
    user: Party,
    panel: Phone,
    phone: Phone,
}

impl Scene {
    async fn set() -> Self {
        let data = tempfile::tempdir().unwrap();
        let victim = Victim::start(data.path(), None).await;
        let door = party(&victim, "device123", Role::Device);
        let user = party(&victim, "user456", Role::User);
        let panel = Phone::connect(&door, "panel", Version::V5).await;
        let phone = Phone::connect(&user, "android_1", Version::V5).await;
        Self { data, victim, door, user, panel, phone }
    }
}

enum Died {
    /// At the chosen step, before an answer.
    Unanswered,
    /// The request has fewer steps than that.
    AfterAnswer(Answer),
}

/// Sends the request and kills the process at `step`, then starts a new one on the same directory and addresses.
async fn ask_and_kill(scene: &mut Scene, asker: &Party, path: &str, body: &Value, step: u32) -> Died {
    scene.victim.arm(step).await;
    let key = [("idempotency-key", "again")];
    let died = tokio::select! {
        biased;
        line = scene.victim.line() => {
            assert_eq!(line, "here");
            Died::Unanswered
        }
        answer = asker.asks_with(Method::POST, path, Some(body.clone()), &key) => Died::AfterAnswer(answer),
    };
    scene.victim.replace(scene.data.path()).await;
    died
}

/// The number of different messages of `action`.
fn distinct(heard: &[Heard], action: &str) -> usize {
    let mut ids: Vec<&str> = heard
        .iter()
        .filter(|heard| kind(heard) == action)
        .map(|heard| heard.body["message_id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

/// Listens until `action` was heard, and a little longer for unexpected messages.
async fn hear_out(listener: &mut Phone, action: &str, time: Duration) -> Vec<Heard> {
    let mut all = vec![];
    let until = tokio::time::Instant::now() + time;
    while distinct(&all, action) == 0 && tokio::time::Instant::now() < until {
        all.extend(listener.next_within(Duration::from_millis(100)).await);
    }
    all.extend(listener.all_within(Duration::from_millis(800)).await);
    all
}

/// Kills the process at every step of one request, each time on a new stack. What was committed must be delivered without a
/// further request; what was not is requested again under the same key, as clients do.
async fn at_every_step(scenario: Scenario, prepare: impl AsyncFn(&mut Scene) -> (Party, Value)) {
    let (mut repeated, mut steps) = (0, 0);
    for step in 1..MAX_STEPS {
        let mut scene = Scene::set().await;
        let (asker, body) = prepare(&mut scene).await;
        let listener = if scenario.hears == "incoming" { &mut scene.phone } else { &mut scene.panel };
        if scenario.away {
            listener.goes_away();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let died = ask_and_kill(&mut scene, &asker, scenario.path, &body, step).await;
        let answered = matches!(&died, Died::AfterAnswer(answer) if answer.status == 200);
        let listener = if scenario.hears == "incoming" { &mut scene.phone } else { &mut scene.panel };
        if scenario.away {
            listener.comes_back().await;
        }
        let mut heard =
            hear_out(listener, scenario.hears, Duration::from_millis(if answered { 8000 } else { 2500 })).await;
        let told_unasked = distinct(&heard, scenario.hears);

        let key = [("idempotency-key", "again")];
        let again = asker.asks_with(Method::POST, scenario.path, Some(body.clone()), &key).await.ok();
        if told_unasked == 0 {
            assert!(!answered, "step {step}: it was answered, and nobody was told");
            heard = hear_out(listener, scenario.hears, Duration::from_secs(8)).await;
        } else {
            heard.extend(listener.all_within(Duration::from_millis(300)).await);
        }
        assert_eq!(distinct(&heard, scenario.hears), 1, "step {step}: {} is heard once: {heard:?}", scenario.hears);
        repeated += heard.iter().filter(|heard| kind(heard) == scenario.hears).count() - 1;

        // Loading checks numbers, hashes and chain. Nothing was done twice.
        let call = again["call_id"].as_str().unwrap().to_owned();
        let data = scene.data;
        scene.victim.child.kill().await.unwrap();
        let stack = Stack::start(Options { data_dir: Some(data.path().into()), ..Options::anywhere() }).await.unwrap();
        let log = stack.calls.log.load(&ilock_events::CallId::new(call).unwrap()).await.unwrap();
        let same = log.commits.iter().filter(|commit| commit.cmd.id.as_str() == "again").count();
        assert_eq!(same, 1, "step {step}: the command stands once");
        let n = log.commits.iter().find(|commit| commit.cmd.id.as_str() == "again").unwrap().n;
        assert!(log.receipts.iter().any(|receipt| receipt.n == n), "step {step}: there is a receipt");
        stack.stop().await;
        steps = step;
        if answered {
            break;
        }
    }
    println!("{}: killed at each of {steps} steps; {repeated} messages came again under their id", scenario.path);
    assert!((8..MAX_STEPS - 1).contains(&steps), "{steps} steps");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_of_placing_a_call_the_phone_still_rings_once() {
    at_every_step(Scenario { path: "/api/calls", hears: "incoming", away: false }, async |scene: &mut Scene| {
        let info = json!({ "name": "前门设备" });
        (scene.door.clone(), json!({ "callee_id": "user456", "ring_seconds": 60, "caller_info": info }))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_of_placing_a_call_a_phone_that_was_away_rings_once_when_it_returns() {
    at_every_step(Scenario { path: "/api/calls", hears: "incoming", away: true }, async |scene: &mut Scene| {
        (scene.door.clone(), json!({ "callee_id": "user456", "ring_seconds": 60 }))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_of_an_answer_the_door_is_still_told_once() {
    at_every_step(
        Scenario { path: "/api/calls/callee-action", hears: "accepted", away: false },
        async |scene: &mut Scene| {
            let placed = scene.door.rings("user456", 60).await;
            scene.phone.hears("incoming").await;
            scene.panel.hears("ringing").await;
            let body = json!({ "call_id": placed["call_id"], "action": "accepted", "client_id": "user456_android_1" });
            (scene.user.clone(), body)
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_call_was_placed_a_repeated_press_rings_and_times_out() {
    // The steps from the room's reservation to the commit.
    for step in [2, 5, 8] {
        let mut scene = Scene::set().await;
        let door = scene.door.clone();
        let body = json!({ "callee_id": "user456", "ring_seconds": 5 });
        ask_and_kill(&mut scene, &door, "/api/calls", &body, step).await;
        let key = [("idempotency-key", "again")];
        door.asks_with(Method::POST, "/api/calls", Some(body), &key).await.ok();
        scene.phone.hears("incoming").await;
        scene.phone.hears("cancelled").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_that_outlives_a_restart_still_times_out_and_registrations_stay() {
    let mut scene = Scene::set().await;
    let placed = scene.door.rings("user456", 5).await;
    scene.phone.hears("incoming").await;
    scene.panel.hears("ringing").await;
    scene.victim.replace(scene.data.path()).await;
    scene.panel.hears("timeout").await;
    let call = placed["call_id"].as_str().unwrap();
    let seen = scene.user.gets(&format!("/api/calls/{call}")).await.ok();
    assert_eq!(seen["state"], "missed");
    let history = scene.user.gets("/api/calls").await.ok();
    assert_eq!(history["calls"][0]["call_id"], call);
    let body = json!({ "client_id": "user456_android_1", "status": "active", "priority": 5, "last_active": 1_679_886_400_000_i64 });
    scene.user.asks(Method::PUT, "/api/mqtt/clients/status", Some(body)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_reads_no_call_however_many_there_are_and_forgets_no_timer() {
    let data = tempfile::tempdir().unwrap();
    let meter = Meter::default();
    let world = async |watched: bool| {
        let watch = watched.then(|| SharedInterceptor::new(meter.clone()));
        World::with(Options { data_dir: Some(data.path().into()), watch, ..Options::anywhere() }).await
    };
    let first = world(false).await;
    let (door, user) = (first.door("device123"), first.user("user456"));
    user.registers("phone").await;
    let rings = call_id(&door.rings("user456", 5).await);
    // Of a press that came no further there is an alarm and no call.
    let never = CallId::new("call_device123_user456_1").unwrap();
    first.stack.calls.timer.arm(Alarm::of(never), Clock::system().now().plus(3_000)).await.unwrap();
    // Projector and ledger have done their work.
    let settled = Duration::from_secs(1);
    tokio::time::sleep(settled).await;
    first.end().await;

    let again = world(true).await;
    let used = meter.take().requests;
    assert!(!used.contains_key("other"), "a table is scanned: {used:?}");
    let until = Instant::now() + TIMEOUT;
    while again.log(&rings).await.call.state() != Some(CallState::Missed) {
        assert!(Instant::now() < until, "it still rings");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(settled).await;
    again.end().await;
    // What went off is not set again: a start comes after which there is nothing to do.
    for left in (0..5).rev() {
        let next = world(true).await;
        let _ = meter.take();
        tokio::time::sleep(settled).await;
        let used = meter.take().requests;
        next.end().await;
        if used.is_empty() {
            break;
        }
        assert!(left > 0, "{used:?}");
    }
}

/// Whether the caller is told that a call to `callee` reaches nobody.
async fn is_unreachable(door: &Party, panel: &mut Phone, callee: &str) -> bool {
    let call = call_id(&door.rings(callee, 30).await);
    let heard = panel.all_within(Duration::from_millis(1_500)).await;
    door.caller_action(&call, "cancelled").await.ok();
    let of_call: Vec<String> = heard.iter().filter(|heard| heard.body["call_id"] == call.as_str()).map(kind).collect();
    assert!(of_call.iter().any(|kind| kind == "ringing"), "{heard:?}");
    of_call.iter().any(|kind| kind == "unreachable")
}

/// Longer than a client may be away until it counts as offline.
const AWAY: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_does_not_come_back_after_a_kill_is_out_of_reach_and_one_that_does_is_not() {
    let mut scene = Scene::set().await;
    let anna = party(&scene.victim, "anna", Role::User);
    let mut annas = Phone::connect(&anna, "phone", Version::V5).await;
    assert!(!is_unreachable(&scene.door, &mut scene.panel, "user456").await);
    scene.victim.child.kill().await.unwrap();
    scene.phone.goes_away();
    let at = Some((scene.victim.http, scene.victim.mqtt));
    scene.victim = Victim::start(scene.data.path(), at).await;
    // It may still be on its way back.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!is_unreachable(&scene.door, &mut scene.panel, "user456").await);
    tokio::time::sleep(AWAY).await;
    assert!(is_unreachable(&scene.door, &mut scene.panel, "user456").await);
    assert!(!is_unreachable(&scene.door, &mut scene.panel, "anna").await);
    let _ = annas.all_within(Duration::from_millis(1)).await;
    // A second kill changes nothing for either, and whoever comes back after all can be reached.
    scene.victim.replace(scene.data.path()).await;
    tokio::time::sleep(AWAY).await;
    assert!(is_unreachable(&scene.door, &mut scene.panel, "user456").await);
    assert!(!is_unreachable(&scene.door, &mut scene.panel, "anna").await);
    scene.phone.comes_back().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!is_unreachable(&scene.door, &mut scene.panel, "user456").await);
}

/// A stop ends every connection, and the process with it before it looks who has come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_does_not_come_back_after_a_stop_is_out_of_reach() {
    let data = tempfile::tempdir().unwrap();
    let start = async || World::with(Options { data_dir: Some(data.path().into()), ..Options::anywhere() }).await;
    let first = start().await;
    let phone = first.phone(&first.user("user456"), "phone").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    first.end().await;
    drop(phone);
    let second = start().await;
    tokio::time::sleep(AWAY).await;
    let door = second.door("device123");
    let mut panel = second.phone(&door, "panel").await;
    assert!(is_unreachable(&door, &mut panel, "user456").await);
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_share_a_directory() {
    let data = tempfile::tempdir().unwrap();
    let options = || Options { data_dir: Some(data.path().into()), ..Options::anywhere() };
    let first = Stack::start(options()).await.unwrap();
    let refused = Stack::start(options()).await.err().unwrap();
    assert!(refused.to_string().contains("in use"), "{refused}");
    first.stop().await;
    Stack::start(options()).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_alarms_of_thousands_of_calls_go_off_at_once_requests_are_answered() {
    let world = World::new().await;
    let clock = Clock::system();
    let (begun, count) = (clock.now(), 5_000);
    // As a start finds those of the calls of its last minute.
    let due = begun.plus(8_000);
    for n in 0..count {
        let alarm = Alarm::of(CallId::new(format!("call_gate{n}_anna_{}_abcdefghijklm", begun.0)).unwrap());
        world.stack.calls.timer.arm(alarm, due).await.unwrap();
    }
    let left = u64::try_from(due.since(clock.now())).expect("all are set before they are due");
    tokio::time::sleep(Duration::from_millis(left)).await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let mut phone = world.phone(&anna, "phone").await;
    let call = call_id(&door.rings("anna", 30).await);
    assert_eq!(phone.hears("incoming").await["call_id"], call.as_str());
    world.end().await;
}
