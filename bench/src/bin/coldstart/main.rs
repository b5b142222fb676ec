//! `make bench`: the cold start of GET /api/calls/{call_id}, as it is deployed, beside the same endpoint written
//! minimally for Node.js and Python; all in one run. `bench/coldstart/run` builds what is started here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss)]

mod endpoint;
mod runtime_api;
mod start;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use endpoint::Trust;
use ilock_auth::{Identity, Role, Secret, issue_access_token};
use ilock_env::Clock;
use ilock_events::{PartyId, TenantId};
use ilock_local::Options;
use ilock_tests::World;
use ilock_tests::aws::Aws;
use ilock_tests::parties::call_id;
use serde_json::{Value, json};
use start::{Environment, Function, Sdk, Secrets, Times};

/// Starts of each function, with the SDK warm and with it cold, unless `COLDSTART_STARTS` says otherwise.
const STARTS: usize = 15;
/// How many of the functions are ours.
const OWN: usize = 2;
const SECRET: &str = "a secret of nobody's but this measurement's";
const AUDIENCE: &str = "ilock";
const MAX_MS: f64 = 25.0;
const MIN_RATIO: f64 = 5.0;

/// What is measured: its name, whether it starts with the process, and how it is read.
type Row = (&'static str, bool, fn(&Times) -> f64);

const ROWS: [Row; 4] = [
    ("process start → first /next", true, |times| times.next),
    ("process start → first response", true, |times| times.first),
    ("first event → response", false, |times| times.event_first),
    ("second event → response", false, |times| times.event_second),
];

/// All starts of one function in one way.
struct Starts(Vec<Times>);

impl Starts {
    fn sorted(&self, read: fn(&Times) -> f64) -> Vec<f64> {
        let mut all: Vec<f64> = self.0.iter().map(read).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn median(&self, read: fn(&Times) -> f64) -> f64 {
        let all = self.sorted(read);
        f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2])
    }

    fn cell(&self, read: fn(&Times) -> f64) -> String {
        let all = self.sorted(read);
        format!("{:.1} ({:.1}–{:.1})", self.median(read), all[0], all[all.len() - 1])
    }
}

/// A function in a language that may be missing here; `bench/coldstart/run` sets the environment for those installed.
fn peer(name: &str, program: &str, arguments: &[&str]) -> Option<Function> {
    let read = |what: &str| std::env::var(format!("COLDSTART_{program}{what}")).ok();
    let Some(folder) = read("_FOLDER") else {
        println!("  {name}: NOT MEASURED: bench/coldstart/run did not find or could not install it");
        return None;
    };
    let command = [read("").unwrap()].into_iter().chain(arguments.iter().map(ToString::to_string)).collect();
    let name = format!("{name} {}", read("_VERSION").unwrap());
    Some(Function {
        name,
        command,
        folder: PathBuf::from(folder),
        handler: "get_call.handler",
        secrets: Secrets::Given,
    })
}

/// The deployed function in two ways, first as it is deployed: it fetches its secrets. Then those of other languages, which have
/// theirs in the environment.
fn functions() -> Vec<Function> {
    let binary = std::env::var("COLDSTART_RUST").expect("COLDSTART_RUST: bench/coldstart/run builds it and sets it");
    let binary = std::fs::canonicalize(&binary).unwrap_or_else(|error| panic!("{binary}: {error}"));
    let folder = binary.parent().unwrap().to_owned();
    let rust = |name: &str, secrets| {
        let command = vec![binary.to_str().unwrap().to_owned()];
        Function { name: name.into(), command, folder: folder.clone(), handler: "get-call", secrets }
    };
    let node = peer("Node.js", "NODE", &["bootstrap.mjs"]);
    let python = peer("Python", "PYTHON", &["-m", "awslambdaric", "get_call.handler"]);
    let own = [rust("Rust, fetching secrets", Secrets::Fetched), rust("Rust, given secrets", Secrets::Given)];
    own.into_iter().chain(node).chain(python).collect()
}

/// A call that has ended, so that its answer does not change: 4 commits, personal text and receipts.
async fn call(world: &World) -> String {
    let (door, user) = (world.door("device123"), world.user("user456"));
    let client = Some("user456_phone");
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "ringing", client).await.ok();
    user.callee_action(&call, "accepted", client).await.ok();
    door.caller_action(&call, "hangup").await.ok();
    call
}

/// What template.yaml sets for get-call, with its secrets in their places.
fn settings() -> Vec<(&'static str, String)> {
    [
        ("EVENTS_TABLE", "events"),
        ("DIRECTORY_TABLE", "directory"),
        ("AUTH_ALGORITHMS", "HS256"),
        ("AUTH_JWKS", ""),
        ("AUTH_ISSUER", ""),
        ("AUTH_AUDIENCE", AUDIENCE),
        ("TRTC_SDK_APP_ID", "1400000000"),
        ("MAX_CALL_SECONDS", "7200"),
        ("RUST_LOG", "info"),
        ("METRICS_NAMESPACE", "iLockCall"),
        ("STAGE", "dev"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// The secrets of get-call, by setting.
fn secrets() -> [(&'static str, String); 2] {
    [("AUTH_SECRET", SECRET.into()), ("TRTC_SECRET_KEY", "the key of no application".into())]
}

/// The request as API Gateway delivers it (payload format 2.0).
fn event(call: &str, signed_with: &str) -> Value {
    let identity =
        Identity { id: PartyId::new("user456").unwrap(), role: Role::User, tenant: TenantId::new("default").unwrap() };
    let now = Clock::system().now();
    let token = issue_access_token(&Secret::new(signed_with), &identity, Some(AUDIENCE), now, 3600).unwrap();
    let (route, path) = ("GET /api/calls/{call_id}", format!("/api/calls/{call}"));
    let host = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com";
    json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": "", "isBase64Encoded": false,
        "headers": {
            "accept": "*/*", "authorization": format!("Bearer {token}"), "content-length": "0", "host": host,
            "user-agent": "okhttp/4.12.0", "x-forwarded-for": "192.0.2.1", "x-forwarded-port": "443", "x-forwarded-proto": "https",
        },
        "pathParameters": { "call_id": call },
        "requestContext": {
            "accountId": "123456789012", "apiId": "a1b2c3d4e5", "domainName": host, "domainPrefix": "a1b2c3d4e5",
            "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "okhttp/4.12.0" },
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": route, "stage": "$default",
            "time": "10/Mar/2026:05:16:23 +0000", "timeEpoch": 1_773_119_783_000_i64,
        },
    })
}

/// Measures the functions in turn, so that other load on the machine affects all of them.
async fn measured(functions: &[Function], environment: &Environment, count: usize) -> Vec<[Starts; 2]> {
    let mut all: Vec<_> = functions.iter().map(|_| [Starts(vec![]), Starts(vec![])]).collect();
    let mut right = None;
    for function in functions {
        function.refuses_a_forged_token(environment).await;
    }
    for round in 0..=count {
        for (function, [warm, cold]) in functions.iter().zip(&mut all) {
            for (sdk, starts) in [(Sdk::Warm, warm), (Sdk::Cold, cold)] {
                let times = function.start(environment, sdk).await;
                let right = right.get_or_insert_with(|| times.answer.clone());
                assert_eq!(&times.answer, right, "{} answers something else", function.name);
                // The first only brings the files into memory.
                if round > 0 {
                    starts.0.push(times);
                }
            }
        }
    }
    all
}

fn line(what: &str, cells: &[String], last: &str) {
    let cells = cells.iter().map(|cell| format!("{cell:>22}")).collect::<Vec<_>>().concat();
    println!("  {what:<34}{cells}   {last}");
}

fn word(met: bool) -> &'static str {
    if met { "met" } else { "missed" }
}

fn report(functions: &[Function], all: &[[Starts; 2]]) {
    let names: Vec<_> = functions.iter().map(|function| function.name.clone()).collect();
    println!();
    line("milliseconds: median (least–most)", &names, "Rust to the faster other");
    let mut worst: Option<(f64, String)> = None;
    for (sdk, title) in
        ["SDK warm: connected in init", "SDK cold: not connected before the first event"].iter().enumerate()
    {
        println!("  {title}");
        for (what, from_start, read) in ROWS {
            let cells: Vec<_> = all.iter().map(|starts| starts[sdk].cell(read)).collect();
            let others = all[OWN..].iter().map(|starts| starts[sdk].median(read));
            let ratio = others.min_by(f64::total_cmp).map(|fastest| fastest / all[0][sdk].median(read));
            line(&format!("  {what}"), &cells, &ratio.map_or("–".into(), |ratio| format!("{ratio:.1}×")));
            if let Some(ratio) = ratio.filter(|_| from_start)
                && worst.as_ref().is_none_or(|(least, _)| ratio < *least)
            {
                worst = Some((ratio, format!("{what}, {title}")));
            }
        }
    }
    println!("  of the process, SDK warm, both responses given");
    let cpu: Vec<_> = all.iter().map(|[warm, _]| warm.cell(|times| times.cpu)).collect();
    line("  processor time, all threads", &cpu, "");
    let memory: Vec<_> = all.iter().map(|[warm, _]| format!("{:.0}", warm.median(|times| times.memory))).collect();
    line("  peak memory, MB", &memory, "");
    let next = all[0][0].median(|times| times.next);
    println!("    targets: first /next, as deployed (SDK warm) ≤ {MAX_MS} ms: {next:.1}, {}", word(next <= MAX_MS));
    match worst {
        Some((ratio, at)) => {
            let met =
                if functions.len() == OWN + 2 { word(ratio >= MIN_RATIO) } else { "not known: not all were measured" };
            println!("    from process start at least {MIN_RATIO}× faster than both: least {ratio:.1}× ({at}), {met}");
        }
        None => println!("    from process start at least {MIN_RATIO}× faster than both: NOT MEASURED"),
    }
}

#[tokio::main]
async fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let count = std::env::var("COLDSTART_STARTS").map_or(STARTS, |count| {
        count.parse().unwrap_or_else(|_| panic!("COLDSTART_STARTS must be a whole number, not {count:?}"))
    });
    println!("cold start of GET /api/calls/{{call_id}}: {count} starts each, in turn; load before it: {load}");
    let functions = functions();
    let world = World::with(Options { poll: Duration::from_hours(1), ..Options::anywhere() }).await;
    let call = call(&world).await;
    let dir = tempfile::tempdir().unwrap();
    let secrets_manager = Aws::before(world.stack.at.dynamodb, Duration::ZERO).await;
    secrets_manager.keeps(start::SECRET_NAME, &json!(BTreeMap::from(secrets())).to_string());
    let environment = Environment {
        dynamodb: world.stack.at.dynamodb,
        trust: Trust::create_in(dir.path()),
        secrets_manager: secrets_manager.at().parse().unwrap(),
        settings: settings(),
        secrets: secrets().into(),
        event: event(&call, SECRET),
        forged: event(&call, "a secret that somebody else has made up"),
    };
    println!(
        "  Rust: get-call as deployed, for this machine; it fetches its secrets, and for comparison is given them.\n  Node.js: one bundled file, a minimal runtime loop. Python: boto3, awslambdaric."
    );
    println!(
        "  A local Runtime API; DynamoDB and Secrets Manager over TLS on this machine, {} trusted roots; files in memory, all cores: Lambda has less.",
        environment.trust.system_roots
    );
    println!(
        "  Cold: both refuse connections until the first event is handed over. The binary tries once in init; the others do not try."
    );
    let all = measured(&functions, &environment, count).await;
    report(&functions, &all);
    world.end().await;
}
