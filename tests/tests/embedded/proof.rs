//! Auditors read the proof of a call and the ledger's files by HTTP: the same that `ilock prove` writes, and that stand in the
//! folder.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_audit::{check_proof, check_signatures, read_proof};
use ilock_auth::{Identity, Role, Secret, issue_access_token};
use ilock_env::Clock;
use ilock_events::{PartyId, TenantId};
use ilock_functions::settings::{DEV_AUDIENCE, DEV_SECRET};
use ilock_local::Options;
use ilock_proof::{Checkpoint, Policy, SignKey, VerifyKey};
use ilock_tests::parties::call_id;
use ilock_tests::{Party, World};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

async fn world() -> World {
    let settings = Box::new(|name: &str| (name == "ILOCK_SEQUENCE_SECONDS").then(|| "1".to_owned()));
    World::with(Options { settings, ..Options::anywhere() }).await
}

fn auditor_of(world: &World, tenant: &str) -> Party {
    let id = PartyId::new("auditor7").unwrap();
    let identity = Identity { id, role: Role::Auditor, tenant: TenantId::new(tenant).unwrap() };
    let secret = Secret::new(DEV_SECRET);
    let token = issue_access_token(&secret, &identity, Some(DEV_AUDIENCE), Clock::system().now(), 86_400).unwrap();
    world.bearer("auditor7", token)
}

struct Raw {
    status: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Raw {
    fn code(&self) -> u64 {
        serde_json::from_slice::<Value>(&self.bytes).unwrap()["code"].as_u64().unwrap()
    }
}

async fn read(world: &World, party: &Party, path: &str) -> Raw {
    let url = format!("http://{}/api/audit/{path}", world.stack.at.http);
    let answer = reqwest::Client::new().get(url).bearer_auth(&party.token).send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Raw { status, headers, bytes: answer.bytes().await.unwrap().into() }
}

/// Changes who made the second commit of a call, and leaves its hash.
async fn change(world: &World, call: &str) {
    let word = |word: &str| AttributeValue::S(word.into());
    let update =
        world.stack.dynamodb.update_item().table_name("events").update_expression("SET actor.client = :client");
    let update = update.key("pk", word(&format!("call#{call}"))).key("sk", word("commit#000002"));
    update.expression_attribute_values(":client", word("somebody")).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proof_of_a_call_is_read_by_auditors_of_its_tenant_and_holds_without_the_backend() {
    let world = world().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "rejected", None).await.ok();
    let (ours, theirs) = (auditor_of(&world, "default"), auditor_of(&world, "other"));
    let path = format!("calls/{call}/proof");
    let begun = Instant::now();
    // What waits for the sequencer is asked for again; it takes a moment until everybody was told.
    let file = loop {
        let answer = read(&world, &ours, &path).await;
        assert!(answer.status == 200 || answer.status == 503, "{}", String::from_utf8_lossy(&answer.bytes));
        if answer.status == 200 {
            let file = read_proof(std::str::from_utf8(&answer.bytes).unwrap()).unwrap();
            assert_eq!(file.to_text().unwrap().as_bytes(), answer.bytes, "byte by byte what `ilock prove` writes");
            assert_eq!(answer.headers["content-type"], "application/json");
            assert_eq!(answer.headers["cache-control"], "no-store");
            if file.receipts.len() >= 2 {
                break file;
            }
        } else {
            assert!(answer.headers.contains_key("retry-after"));
        }
        assert!(begun.elapsed() < PATIENCE, "no proof");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let checked = check_proof(&file, None, Clock::system().now());
    assert_eq!((checked.findings, checked.counts.commits), (vec![], 2));
    assert_eq!(file.origin, world.stack.sequencer.origin);
    let (own, other) = (&file.keys[0], SignKey::new(file.origin.as_str(), &[9; 32]).unwrap().verify_key().to_string());
    for (key, signed) in [(own, true), (&other, false)] {
        let policy = Policy::of_log(key).unwrap();
        let checked = check_proof(&file, Some(&policy), Clock::system().now());
        assert_eq!((checked.findings.is_empty(), checked.unvouched), (signed, None));
        assert_eq!(check_signatures(&file, &policy).is_ok(), signed);
    }

    change(&world, &call).await;
    let changed = read(&world, &ours, &path).await;
    assert_eq!((changed.status, changed.code()), (500, 50_001), "no proof that does not hold, and none to wait for");
    assert!(!changed.headers.contains_key("retry-after"));

    let other = read(&world, &theirs, &path).await;
    assert_eq!((other.status, other.code()), (404, 40_401), "to another tenant the call does not exist");
    let none = read(&world, &ours, "calls/call_a_b_1/proof").await;
    assert_eq!((none.status, none.code()), (404, 40_401));
    assert_eq!(read(&world, &ours, "calls/%20/proof").await.status, 400);
    assert_eq!(read(&world, &user, &path).await.status, 403);
    let today = ilock_proof::Day::of(Clock::system().now());
    let asked = ours.gets(&format!("/api/audit/accesses?day={today}&limit=100")).await.ok();
    let looked = |access: &&Value| access["looked_at"] == "proof" && access["call_id"] == json!(call);
    assert!(asked["accesses"].as_array().unwrap().iter().any(|access| looked(&access)), "{asked}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledgers_files_are_read_by_the_auditors_of_every_tenant_and_no_other_file_is() {
    let world = world().await;
    let theirs = auditor_of(&world, "other");
    let begun = Instant::now();
    let checkpoint = loop {
        let answer = read(&world, &theirs, "ledger/checkpoint").await;
        if answer.status == 200 {
            assert_eq!(answer.headers["cache-control"], "no-store");
            break Checkpoint::read(std::str::from_utf8(&answer.bytes).unwrap()).unwrap();
        }
        assert_eq!((answer.status, answer.code()), (404, 40_402), "before the first round");
        assert!(begun.elapsed() < PATIENCE, "no checkpoint");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let key = read(&world, &theirs, "ledger/key").await;
    let key = VerifyKey::read(std::str::from_utf8(&key.bytes).unwrap()).unwrap();
    assert_eq!(checkpoint.verify(&[key]), Ok(()));
    for kind in ["entries", "0"] {
        let name = format!("tile/{kind}/000.p/{}", checkpoint.head.size);
        let tile = read(&world, &theirs, &format!("ledger/{name}")).await;
        assert_eq!((tile.status, tile.headers["content-type"].to_str().unwrap()), (200, "application/octet-stream"));
        assert_eq!(tile.bytes, std::fs::read(world.stack.tlog.join(&name)).unwrap(), "{name}");
    }
    let kept = read(&world, &theirs, &format!("ledger/checkpoints/{}", checkpoint.head.size)).await;
    assert_eq!(kept.status, 200);
    assert!(kept.headers["cache-control"].to_str().unwrap().contains("immutable"));
    for missing in ["tile/0/x001/067", "keys/00.json", "hours/2020-01-01T00"] {
        let answer = read(&world, &theirs, &format!("ledger/{missing}")).await;
        assert_eq!((answer.status, answer.code()), (404, 40_402), "{missing}");
    }
    for bad in ["tlog.key", "..%2ftlog.key", "tile%2f..%2f..%2ftlog.key", ".lock", "tile//0", "tile/"] {
        let answer = read(&world, &theirs, &format!("ledger/{bad}")).await;
        assert_eq!((answer.status, answer.code()), (400, 40_001), "{bad}");
    }
    for party in [world.user("anna"), world.door("door1")] {
        assert_eq!(read(&world, &party, "ledger/checkpoint").await.status, 403);
    }
    world.end().await;
}
