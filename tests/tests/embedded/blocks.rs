//! How many callers a person may block, and what blocks cost those who call.

use aws_sdk_dynamodb::config::SharedInterceptor;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use ilock_directory::{Blocked, Client, Directory, KnownCallee, MAX_BLOCKS, Unblocked};
use ilock_events::{ClientName, Millis, PartyId, PartyKind};
use ilock_local::dynamodb;
use ilock_tests::World;
use ilock_tests::engine::Engine;
use ilock_tests::meter::Meter;
use ilock_tests::parties::{Answer, Party, registration, user_at};
use reqwest::Method;
use serde_json::json;

const NOW: Millis = Millis(1_700_000_000_000);

async fn blocks(person: &Party, caller: &str) -> Answer {
    person.asks(Method::PUT, &format!("/api/blocks?caller_id={caller}"), None).await
}

async fn unblocks(person: &Party, caller: &str) -> Answer {
    person.asks(Method::DELETE, &format!("/api/blocks?caller_id={caller}"), None).await
}

fn pk(person: &str) -> AttributeValue {
    AttributeValue::S(format!("party#user#{}", user_at(person).address))
}

/// How many callers `person` has blocked, as it is stored.
async fn counted(world: &World, person: &str) -> Option<u32> {
    let item = world.stack.dynamodb.get_item().table_name("directory").key("pk", pk(person));
    let item = item.key("sk", AttributeValue::S("blocks".into())).send().await.unwrap().item?;
    item["count"].as_n().unwrap().parse().ok()
}

/// As if `person` had blocked so many callers already, whom nobody knows.
async fn has_blocked(world: &World, person: &str, count: u32) {
    let item = world.stack.dynamodb.put_item().table_name("directory").item("pk", pk(person));
    let item = item.item("sk", AttributeValue::S("blocks".into())).item("count", AttributeValue::N(count.to_string()));
    item.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_blocks_a_thousand_callers_and_for_one_more_lets_one_through_again() {
    let world = World::new().await;
    let anna = world.user("anna");
    blocks(&anna, "first").await.ok();
    assert_eq!(counted(&world, "anna").await, Some(1));
    has_blocked(&world, "anna", MAX_BLOCKS - 1).await;
    for _ in 0..3 {
        blocks(&anna, "last").await.ok();
    }
    assert_eq!(counted(&world, "anna").await, Some(MAX_BLOCKS), "the same counts once");
    let refused = blocks(&anna, "one-more").await;
    assert_eq!((refused.code, refused.message.as_str()), (40_906, "最多屏蔽 1000 个来电者，请先解除一个屏蔽"));
    let data = refused.refused(409);
    assert_eq!(data, json!({ "reason": "at most 1000 blocks: DELETE /api/blocks?caller_id= ends one" }));
    blocks(&anna, "first").await.ok();

    unblocks(&anna, "last").await.ok();
    for _ in 0..2 {
        assert_eq!(unblocks(&anna, "last").await.code, 40_402);
    }
    assert_eq!(counted(&world, "anna").await, Some(MAX_BLOCKS - 1), "and ends once");
    blocks(&anna, "one-more").await.ok();
    assert_eq!(blocks(&anna, "last").await.code, 40_906);
    blocks(&world.user("bert"), "last").await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_named_by_a_badly_encoded_id_is_refused_and_nobody_is_blocked() {
    let world = World::new().await;
    let anna = world.user("anna");
    let auditor = world.party("auditor7", ilock_auth::Role::Auditor);
    // GBK, no digits, cut, and a phone number as it is.
    for id in ["%C3%C5%BF%DA", "%zz", "a%2", "+8613800"] {
        for method in [Method::PUT, Method::GET, Method::DELETE] {
            let told = anna.asks(method.clone(), &format!("/api/blocks?caller_id={id}"), None).await.refused(400);
            assert_eq!(told["field"], "caller_id", "{method} {id}");
            assert!(told["rule"].as_str().unwrap().contains("percent-encoded"), "{told}");
        }
        let told = auditor.gets(&format!("/api/audit/calls?day=2026-11-28&caller={id}")).await.refused(400);
        assert_eq!(told["field"], "caller", "{id}");
    }
    let told = anna.asks(Method::DELETE, "/api/mqtt/clients?except=%ff", None).await.refused(400);
    assert_eq!(told["field"], "except");
    assert_eq!(anna.gets("/api/blocks").await.ok()["blocks"], json!([]));
    blocks(&anna, "%2B8613800").await.ok();
    let blocked = anna.gets("/api/blocks").await.ok();
    assert_eq!(blocked["blocks"][0]["caller_id"], "+8613800", "{blocked}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_block_at_once_there_are_never_more_than_there_may_be() {
    let world = World::new().await;
    let anna = world.user("anna");
    has_blocked(&world, "anna", MAX_BLOCKS - 5).await;
    let names: Vec<String> = (0..12).map(|n| format!("caller-{n}")).collect();
    // Whoever was not quick enough asks again.
    for _ in 0..3 {
        let answers = join_all(names.iter().map(|name| blocks(&anna, name))).await;
        assert!(answers.iter().all(|answer| [0, 40_906, 50_301].contains(&answer.code)), "{answers:?}");
    }
    for name in &names {
        assert!([0, 40_906].contains(&blocks(&anna, name).await.code));
    }
    let listed = anna.gets("/api/blocks").await.ok()["blocks"].as_array().unwrap().len();
    assert_eq!((listed, counted(&world, "anna").await), (5, Some(MAX_BLOCKS)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_block_counts_once_and_ends_once_however_many_ask_at_once() {
    let world = World::new().await;
    let anna = world.user("anna");
    for round in 0..5 {
        let answers = join_all((0..6).map(|_| blocks(&anna, "bert"))).await;
        assert!(answers.iter().any(|answer| answer.code == 0), "round {round}: {answers:?}");
        assert_eq!(counted(&world, "anna").await, Some(1), "round {round}");
        let answers = join_all((0..6).map(|_| unblocks(&anna, "bert"))).await;
        let ended = answers.iter().filter(|answer| answer.code == 0).count();
        assert_eq!((ended, counted(&world, "anna").await), (1, Some(0)), "round {round}: {answers:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_reads_one_block_of_a_person_who_has_many_and_nothing_more_of_one_who_has_none() {
    let (engine, meter) = (Engine::embedded().await, Meter::default());
    let table = engine.table(ilock_directory::TABLE).await;
    let watched = dynamodb::client(engine.at.parse().unwrap(), Some(SharedInterceptor::new(meter.clone())));
    let directory = Directory::new(watched, table);
    let anna = ilock_events::Party { kind: PartyKind::User, id: PartyId::new("anna").unwrap() };
    let phone = Client::new(ClientName::new("anna_phone").unwrap(), NOW);
    directory.register(&registration(&anna, phone)).await.unwrap();
    let at = user_at("anna");
    // As long as an id may be.
    let caller = |n: usize| PartyId::new(format!("{}{n:03}", "门".repeat(125))).unwrap();
    let calls = async |n: usize| -> (KnownCallee, f64, Vec<&'static str>) {
        let _ = meter.take();
        let known = directory.callee(&at, &caller(n), NOW).await.unwrap();
        let used = meter.take();
        (known, used.rcu, used.requests.into_iter().flat_map(|(name, times)| vec![name; times]).collect())
    };
    let (known, without, asked) = calls(0).await;
    assert_eq!((known.blocked, known.clients.len(), asked), (false, 1, vec!["Query"]));

    for n in 0..200 {
        assert_eq!(directory.put_block(&at, &caller(n), NOW).await.unwrap(), Blocked::Yes);
    }
    for (n, blocked) in [(0, true), (199, true), (200, false)] {
        let (known, with, asked) = calls(n).await;
        assert_eq!((known.blocked, known.clients.len(), asked), (blocked, 1, vec!["GetItem", "Query"]));
        assert!(with <= without + 1.0, "{with} read units, and without blocks {without}");
    }
    let (account, clients) = directory.account_and_clients(&at, NOW).await.unwrap();
    assert_eq!((account.key_version, clients.len()), (0, 1));

    for n in 0..200 {
        assert_eq!(directory.drop_block(&at, &caller(n)).await.unwrap(), Unblocked::Yes);
    }
    let (known, again, asked) = calls(0).await;
    assert_eq!((known.blocked, asked), (false, vec!["Query"]));
    assert!(again <= without, "{again}");
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_thousand_blocks_is_called_by_others_and_not_by_those() {
    let world = World::new().await;
    let (anna, bert, clara) = (world.user("anna"), world.user("bert"), world.user("clara"));
    let mut phone = world.phone(&anna, "phone").await;
    has_blocked(&world, "anna", MAX_BLOCKS - 1).await;
    blocks(&anna, "bert").await.ok();
    let press = json!({ "callee_id": "anna", "ring_seconds": 5 });
    bert.posts("/api/calls", press.clone()).await.ok();
    phone.hears_nothing(std::time::Duration::from_secs(1)).await;
    clara.posts("/api/calls", press).await.ok();
    phone.hears("incoming").await;
    world.end().await;
}
