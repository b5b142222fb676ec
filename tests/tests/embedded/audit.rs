//! Auditors find calls, read all that is stored of one, see nothing of another tenant, and every access is recorded.

use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_auth::{Identity, Role, Secret, issue_access_token};
use ilock_env::Clock;
use ilock_events::{Millis, PartyId, TenantId};
use ilock_functions::settings::{DEV_AUDIENCE, DEV_SECRET};
use ilock_local::Options;
use ilock_proof::Day;
use ilock_tests::backend::{Backend, BackendParts, RecordingTimer, dynamodb};
use ilock_tests::engine::Engine;
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::parties::call_id;
use ilock_tests::{Party, World};
use serde_json::{Value, json};

/// 2026-11-22T10:00:00Z.
const MORNING: i64 = 1_795_341_600_000;
const DAY: &str = "2026-11-22";

/// A stack whose clock stands still until a test moves it.
async fn on_that_day() -> (World, Arc<AtomicI64>) {
    let at = Arc::new(AtomicI64::new(MORNING));
    let read = at.clone();
    let clock = Clock::new(move || Millis(read.load(Ordering::SeqCst)));
    (World::with(Options { clock, ..Options::anywhere() }).await, at)
}

fn at(world: &World, tenant: &str, id: &str, role: Role, now: i64) -> Party {
    let identity = Identity { id: PartyId::new(id).unwrap(), role, tenant: TenantId::new(tenant).unwrap() };
    let secret = Secret::new(DEV_SECRET);
    let token = issue_access_token(&secret, &identity, Some(DEV_AUDIENCE), Millis(now), 86_400);
    world.bearer(id, token.unwrap())
}

fn ids(page: &Value) -> Vec<String> {
    page["calls"].as_array().unwrap().iter().map(|call| call["call_id"].as_str().unwrap().to_owned()).collect()
}

/// All pages of `path`, each of `limit` calls at most.
async fn paged(auditor: &Party, path: &str, limit: usize) -> Vec<Vec<String>> {
    let mut pages = vec![];
    let mut cursor = String::new();
    loop {
        let page = auditor.gets(&format!("{path}&limit={limit}{cursor}")).await.ok();
        pages.push(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

/// The sort keys of the recorded accesses by auditors of `tenant`.
async fn written_down(world: &World, tenant: &str, day: &str) -> Vec<String> {
    let query = world.stack.dynamodb.query().table_name("events").key_condition_expression("pk = :pk");
    let pk = AttributeValue::S(format!("audit#{tenant}#{day}"));
    let found = query.expression_attribute_values(":pk", pk).send().await.unwrap();
    found.items().iter().map(|item| item["sk"].as_s().unwrap().clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_a_day_are_found_in_order_page_by_page_and_those_of_no_other_day() {
    let (world, now) = on_that_day().await;
    let door = at(&world, "default", "device123", Role::Device, MORNING);
    let mut placed = vec![];
    for n in 0..7 {
        // Two and two in the same millisecond.
        now.store(MORNING + n / 2, Ordering::SeqCst);
        placed.push((MORNING + n / 2, call_id(&door.rings(&format!("user{n}"), 30).await)));
    }
    placed.sort();
    let placed: Vec<String> = placed.into_iter().map(|(_, call)| call).collect();
    now.store(MORNING + 15 * 3_600_000, Ordering::SeqCst);
    let tomorrow = call_id(&door.rings("user456", 30).await);

    let auditor = at(&world, "default", "auditor7", Role::Auditor, MORNING);
    let path = format!("/api/audit/calls?day={DAY}");
    for limit in [1, 2, 3, 7, 100] {
        let pages = paged(&auditor, &path, limit).await;
        assert!(pages.iter().all(|page| page.len() <= limit), "{pages:?}");
        assert_eq!(pages.concat(), placed, "{limit} a page");
    }
    assert_eq!(ids(&auditor.gets("/api/audit/calls?day=2026-11-23").await.ok()), [tomorrow]);
    assert_eq!(ids(&auditor.gets("/api/audit/calls?day=2026-11-21").await.ok()), [""; 0]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_found_by_who_called_who_was_called_and_how_it_ended() {
    let world = World::new().await;
    let (door, other) = (world.door("device123"), world.door("device9"));
    let user = world.user("user456");
    let rejected = call_id(&door.rings("user456", 30).await);
    user.callee_action(&rejected, "rejected", None).await.ok();
    let missed_by_nobody = call_id(&door.rings("user456", 30).await);
    let elsewhere = call_id(&other.rings("user789", 30).await);
    let auditor = world.party("auditor7", Role::Auditor);
    let day = Day::of(world.log(&elsewhere).await.commits[0].at);
    let find = async |filter: &str| paged(&auditor, &format!("/api/audit/calls?day={day}{filter}"), 1).await.concat();
    assert_eq!(find("&caller=device9").await, slice::from_ref(&elsewhere));
    assert_eq!(find("&callee=user456").await, [rejected.clone(), missed_by_nobody.clone()]);
    assert_eq!(find("&outcome=rejected").await, slice::from_ref(&rejected));
    assert_eq!(find("&outcome=ringing&caller=device123&tenant=default").await, slice::from_ref(&missed_by_nobody));
    assert_eq!(find("&outcome=ended").await, [""; 0]);

    let page = auditor.gets(&format!("/api/audit/calls?day={day}&outcome=rejected")).await.ok();
    let call = &page["calls"][0];
    assert_eq!((&call["caller_id"], &call["callee_ids"]), (&json!("device123"), &json!(["user456"])));
    assert_eq!((&call["state"], &call["seq"]), (&json!("rejected"), &json!(2)));
    assert!(call["ended_at"].as_i64() >= call["timestamp"].as_i64(), "{call}");

    // No filter hides a call whose log is inconsistent.
    let text = |text: String| AttributeValue::S(text);
    let delete = world.stack.dynamodb.update_item().table_name("events").key("pk", text(format!("call#{elsewhere}")));
    let change = delete.key("sk", text("commit#000001".into())).update_expression("SET actor = :nobody");
    let nobody = AttributeValue::M([("kind".to_owned(), text("system".into()))].into());
    change.expression_attribute_values(":nobody", nobody).send().await.unwrap();
    let page = auditor.gets(&format!("/api/audit/calls?day={day}&outcome=ended")).await.ok();
    assert_eq!(ids(&page), [elsewhere]);
    assert!(page["calls"][0]["broken"].as_str().unwrap().contains('1'), "{page}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_stored_of_a_call_is_read_as_it_is_stored_and_personal_text_when_asked_for() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let call = call_id(&door.rings("user456", 30).await);
    user.callee_action(&call, "accepted", Some("user456_a")).await.ok();
    let auditor = world.party("auditor7", Role::Auditor);
    let path = format!("/api/audit/calls/{call}/events");
    let shown = auditor.gets(&path).await.ok();
    let history = world.log(&call).await;
    assert_eq!(shown["commits"], serde_json::to_value(&history.commits).unwrap());
    assert!(!shown["receipts"].as_array().unwrap().is_empty(), "{shown}");
    assert!(shown["personal"].is_null() && !shown.to_string().contains("前门设备"), "{shown}");

    let with_text = auditor.gets(&format!("{path}?personal=true")).await.ok();
    assert_eq!(with_text["personal"], serde_json::to_value(&history.personal).unwrap());
    assert!(with_text.to_string().contains("前门设备"));

    // Forgotten text is gone, and the commits are unchanged.
    let text = |text: String| AttributeValue::S(text);
    let sk = format!("personal#{:.16}", history.personal[0].digest);
    let found = world.stack.dynamodb.query().table_name("events").key_condition_expression("pk = :pk");
    let items = found.expression_attribute_values(":pk", text(format!("call#{call}"))).send().await.unwrap();
    assert!(items.items().iter().any(|item| item["sk"] == text(sk.clone())), "{sk}");
    let delete = world.stack.dynamodb.delete_item().table_name("events");
    delete.key("pk", text(format!("call#{call}"))).key("sk", text(sk)).send().await.unwrap();
    let forgotten = auditor.gets(&format!("{path}?personal=true")).await.ok();
    assert_eq!(forgotten["personal"], json!([]));
    assert_eq!(forgotten["commits"], shown["commits"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_nothing_of_another_tenant_and_nobody_else_sees_anything() {
    let world = World::new().await;
    let theirs = world.party_of("theirs", "device123", Role::Device);
    world.party_of("theirs", "user456", Role::User).registers("phone").await;
    let call = call_id(&theirs.rings("user456", 30).await);
    let day = Day::of(world.log(&call).await.commits[0].at);
    let (ours, their_own) =
        (world.party("auditor7", Role::Auditor), world.party_of("theirs", "auditor8", Role::Auditor));
    let of_day = format!("/api/audit/calls?day={day}");
    let of_call = format!("/api/audit/calls/{call}/events");
    let accesses = format!("/api/audit/accesses?day={day}");
    assert_eq!(ids(&their_own.gets(&of_day).await.ok()), slice::from_ref(&call));
    their_own.gets(&of_call).await.ok();

    assert_eq!(ids(&ours.gets(&of_day).await.ok()), [""; 0]);
    let of_theirs = ours.gets(&of_call).await;
    let of_none = ours.gets("/api/audit/calls/call_device123_user456_1/events").await;
    assert_eq!((of_theirs.status.as_u16(), of_theirs.code, &of_theirs.data), (404, of_none.code, &of_none.data));
    for path in [format!("{of_day}&tenant=theirs"), format!("{accesses}&tenant=theirs")] {
        ours.gets(&path).await.refused(403);
    }
    // A cursor of another tenant leads into the reader's own day only.
    let door = world.door("device7");
    let own = call_id(&door.rings("user789", 30).await);
    let page = their_own.gets(&format!("{of_day}&limit=1")).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&ours.gets(&format!("{of_day}&cursor={cursor}")).await.ok()), [own]);
    let looked = ours.gets(&accesses).await.ok();
    assert!(!looked.to_string().contains("auditor8"), "{looked}");

    for other in [world.user("user456"), theirs.clone(), world.door("device123")] {
        for path in [&of_day, &of_call, &accesses] {
            other.gets(path).await.refused(403);
        }
    }
    for path in [&of_day, &of_call, &accesses] {
        world.bearer("nobody", "x".into()).gets(path).await.refused(401);
    }
    ours.gets("/api/calls").await.refused(403);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_somebody_looked_stands_in_the_log_and_is_shown_to_auditors() {
    let (world, now) = on_that_day().await;
    let door = at(&world, "default", "device123", Role::Device, MORNING);
    let call = call_id(&door.rings("user456", 30).await);
    let (first, second) = (
        at(&world, "default", "auditor7", Role::Auditor, MORNING),
        at(&world, "default", "auditor8", Role::Auditor, MORNING),
    );
    first.gets(&format!("/api/audit/calls?day={DAY}&callee=user456&outcome=ringing")).await.ok();
    now.store(MORNING + 5, Ordering::SeqCst);
    second.gets(&format!("/api/audit/calls/{call}/events?personal=true")).await.ok();
    now.store(MORNING + 9, Ordering::SeqCst);
    // An attempt to read a call that does not exist is recorded too.
    second.gets("/api/audit/calls/call_a_b_1/events").await.refused(404);
    // Refused before anything was read: no access is recorded.
    second.gets("/api/audit/calls?day=yesterday").await.refused(400);
    door.gets(&format!("/api/audit/calls?day={DAY}")).await.refused(403);

    let wanted = json!([
        { "at": MORNING, "auditor": "auditor7", "looked_at": "calls",
          "asked": { "day": DAY, "callee": "user456", "outcome": "ringing" } },
        { "at": MORNING + 5, "auditor": "auditor8", "looked_at": "events", "call_id": call, "asked": { "personal": "true" } },
        { "at": MORNING + 9, "auditor": "auditor8", "looked_at": "events", "call_id": "call_a_b_1" },
    ]);
    let written = written_down(&world, "default", DAY).await;
    assert!(written.len() == 3 && written.iter().all(|sk| sk.starts_with("access#")), "{written:?}");

    now.store(MORNING + 20, Ordering::SeqCst);
    let path = format!("/api/audit/accesses?day={DAY}&limit=2");
    let page = first.gets(&path).await.ok();
    assert_eq!(page["accesses"], json!(wanted.as_array().unwrap()[..2]));
    let next = first.gets(&format!("{path}&cursor={}", page["next_cursor"].as_str().unwrap())).await.ok();
    assert_eq!(next["accesses"][0], wanted[2]);
    assert_eq!(next["accesses"][1]["looked_at"], "accesses", "looking at who looked is looking too");
    // None of it is a call.
    assert_eq!(ids(&first.gets(&format!("/api/audit/calls?day={DAY}")).await.ok()), [call]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_that_cannot_be_read_is_named_and_hides_no_other() {
    let (world, now) = on_that_day().await;
    let auditor = at(&world, "default", "auditor7", Role::Auditor, MORNING);
    auditor.gets(&format!("/api/audit/calls?day={DAY}")).await.ok();
    let [looked] = &written_down(&world, "default", DAY).await[..] else { panic!("one looked") };
    let alien = |sk: &str, field: &str| {
        let key = AttributeValue::S(format!("audit#default#{DAY}"));
        let put = world.stack.dynamodb.put_item().table_name("events").item("pk", key);
        put.item("sk", AttributeValue::S(sk.into())).item(field, AttributeValue::S("x".into())).send()
    };
    // One stands before and one behind what can be read; the last is no access by its key either.
    alien("access#000", "looked_at").await.unwrap();
    alien("zzz", "note").await.unwrap();
    now.store(MORNING + 20, Ordering::SeqCst);
    let path = format!("/api/audit/accesses?day={DAY}&limit=1");
    let (mut unreadable, mut looks, mut cursor) = (vec![], 0, String::new());
    loop {
        let page = auditor.gets(&format!("{path}{cursor}")).await.ok();
        looks += page["accesses"].as_array().unwrap().iter().filter(|access| access["looked_at"] == "calls").count();
        for item in page["unreadable"].as_array().into_iter().flatten() {
            assert!(item["why"].as_str().is_some_and(|why| !why.is_empty()), "{page}");
            unreadable.push(item["item"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((unreadable, looks), (vec!["access#000".to_owned(), "zzz".to_owned()], 1), "{looked}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_cannot_be_written_down_is_refused() {
    let engine = Engine::embedded().await;
    let faults = Faults::before(&engine.at).await;
    let backend = Backend::on(BackendParts {
        dynamodb: dynamodb(&faults.url()),
        events: engine.table(ilock_log::TABLE).await,
        directory: engine.table(ilock_directory::TABLE).await,
        timer: Arc::new(RecordingTimer::default()),
        push: None,
        fast_path: true,
        clock: Clock::system(),
    })
    .await;
    let call = call_id(&backend.door("device123").rings("user456", 30).await);
    let day = Day::of(Clock::system().now());
    let auditor = backend.auditor("auditor7");
    auditor.gets(&format!("/api/audit/calls/{call}/events")).await.ok();
    // Writes fail from here on; reads work.
    faults.plan_for("PutItem", Fault::Status(500), When::From(0));
    for path in [
        format!("/api/audit/calls?day={day}"),
        format!("/api/audit/calls/{call}/events"),
        format!("/api/audit/accesses?day={day}"),
    ] {
        let refused = auditor.gets(&path).await;
        assert_eq!((refused.status.as_u16(), refused.code), (503, 50_302), "{path}: {refused:?}");
        assert_eq!(refused.data, json!({ "retry_after": 1 }), "nothing is shown");
    }
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_breaks_a_rule_is_told_which() {
    let world = World::new().await;
    let auditor = world.party("auditor7", Role::Auditor);
    let of_another_day = {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("{MORNING:015}#call_a_b_1"))
    };
    for (path, field) in [
        ("/api/audit/calls", "day"),
        ("/api/audit/calls?day=", "day"),
        ("/api/audit/calls?day=2026-02-30", "day"),
        ("/api/audit/calls?day=2026-11-22%23", "day"),
        ("/api/audit/calls?day=2026-11-22&tenant=a%23b", "tenant"),
        ("/api/audit/calls?day=2026-11-22&caller=a%0Ab", "caller"),
        ("/api/audit/calls?day=2026-11-22&callee=", "callee"),
        ("/api/audit/calls?day=2026-11-22&outcome=answered", "outcome"),
        ("/api/audit/calls?day=2026-11-22&limit=0", "limit"),
        ("/api/audit/calls?day=2026-11-22&limit=101", "limit"),
        ("/api/audit/calls?day=2026-11-22&cursor=x", "cursor"),
        (&format!("/api/audit/calls?day=2026-11-23&cursor={of_another_day}"), "cursor"),
        ("/api/audit/calls/call_a_b_1/events?personal=yes", "personal"),
        ("/api/audit/calls/%E9%97%A8/events", "call_id"),
        ("/api/audit/accesses", "day"),
        ("/api/audit/accesses?day=2026-11-22&cursor=x", "cursor"),
        ("/api/audit/accesses?day=2026-11-22&limit=many", "limit"),
        ("/api/audit/accesses?day=2026-11-22&tenant=", "tenant"),
    ] {
        let refused = auditor.gets(path).await.refused(400);
        assert_eq!(refused["field"], field, "{path}");
        assert!(!refused["rule"].as_str().unwrap().is_empty(), "{path}");
    }
    world.end().await;
}
