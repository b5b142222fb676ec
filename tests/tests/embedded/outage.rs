//! The broker is slow or down, or the phone is disconnected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents, SharedInterceptor};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::put_item::PutItemInput;

use ilock_directory::leased_until;
use ilock_env::Clock;
use ilock_events::{CallId, CallState, Carrier, DeliveryPath, RoomId};
use ilock_functions::triggers::expire_call::on_queue;
use ilock_local::Options;
use ilock_log::EventLog;
use ilock_notify::Alarm;
use ilock_tests::backend::{RecordingTimer, dynamodb};
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::parties::call_id;
use ilock_tests::throttle::Throttle;
use ilock_tests::{Phone, Version, World};
use reqwest::Method;
use serde_json::json;

/// A caller must wait less than this for a broker that does not answer.
const MAX_WAIT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_down_calls_are_placed_and_they_ring_when_it_is_back() {
    // With a data directory the broker's sessions survive a restart, as IoT Core's do.
    let kept = tempfile::tempdir().unwrap();
    let world = World::with(Options { data_dir: Some(kept.path().into()), ..Options::anywhere() }).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    let broker_at = world.stack.at.broker;
    world.stack.broker.stop().await;

    let asked = Instant::now();
    let call = call_id(&door.rings("user456", 30).await);
    println!("placed in {} ms with the broker down", asked.elapsed().as_millis());
    assert!(asked.elapsed() < MAX_WAIT);
    let told = world.log(&call).await.receipts.into_iter().flat_map(|receipt| receipt.notices.into_values());
    assert!(told.filter(|handed| handed.carrier == Carrier::Mqtt).count() == 0, "nobody was told yet");

    tokio::time::sleep(Duration::from_secs(1)).await;
    world.stack.broker.start(broker_at).await.unwrap();
    let incoming = phone.hears("incoming").await;
    assert_eq!(incoming["call_id"], call.as_str());
    let log = world.log(&call).await;
    let mut by_mqtt =
        log.receipts.iter().filter(|receipt| receipt.notices.values().any(|handed| handed.carrier == Carrier::Mqtt));
    assert!(by_mqtt.all(|receipt| receipt.path == DeliveryPath::Projector), "{:?}", log.receipts);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_broker_does_not_hold_up_the_caller() {
    let throttle = Throttle::default();
    let world = World::with(Options { mqtt_layer: Some(throttle.layer()), ..Options::anywhere() }).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    throttle.set(Duration::from_mins(1));
    let asked = Instant::now();
    let call = call_id(&door.rings("user456", 30).await);
    println!("placed in {} ms with the broker silent", asked.elapsed().as_millis());
    assert!(asked.elapsed() < MAX_WAIT);
    throttle.set(Duration::ZERO);
    let incoming = phone.hears("incoming").await;
    assert_eq!(incoming["call_id"], call.as_str());
    phone.hears_nothing(Duration::from_secs(1)).await;
    world.end().await;
}

/// Fails the first write to the log.
#[derive(Debug, Default)]
struct FirstWriteFails(AtomicBool);

impl Intercept for FirstWriteFails {
    fn name(&self) -> &'static str {
        "FirstWriteFails"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let put = context.input().downcast_ref::<PutItemInput>();
        let to_the_log = put.is_some_and(|put| put.table_name.as_deref() == Some("events"));
        if to_the_log && !self.0.swap(true, Ordering::SeqCst) {
            return Err("the log cannot be written".into());
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_that_failed_half_way_is_refused_clearly_and_rings_and_times_out_when_it_is_repeated() {
    let watch = Some(SharedInterceptor::new(FirstWriteFails::default()));
    let world = World::with(Options { watch, ..Options::anywhere() }).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "android_1").await;
    let press = || {
        let body = json!({ "callee_id": "user456", "ring_seconds": 5 });
        let door = door.clone();
        async move { door.asks_with(Method::POST, "/api/calls", Some(body), &[("idempotency-key", "press")]).await }
    };
    assert_eq!(press().await.refused(503)["retry_after"], 1);
    // Repeated in another millisecond, which would make another call id.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let call = call_id(&press().await.ok());
    assert_eq!(phone.hears("incoming").await["call_id"], call.as_str());
    assert_eq!(phone.hears("cancelled").await["call_id"], call.as_str());
    assert_eq!(call_id(&press().await.ok()), call);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_that_is_repeated_long_after_its_first_try_has_its_room_for_a_day_from_then() {
    let ahead = Arc::<AtomicI64>::default();
    let ms = ahead.clone();
    let clock = Clock::new(move || Clock::system().now().plus(ms.load(Ordering::SeqCst)));
    let watch = Some(SharedInterceptor::new(FirstWriteFails::default()));
    let world = World::with(Options { watch, clock, ..Options::anywhere() }).await;
    world.user("user456").registers("a").await;
    let door = world.door("device123");
    let press = async || {
        let body = json!({ "callee_id": "user456", "ring_seconds": 5 });
        door.asks_with(Method::POST, "/api/calls", Some(body), &[("idempotency-key", "press")]).await
    };
    press().await.refused(503);
    ahead.store(30 * 60_000, Ordering::SeqCst);
    let view = press().await.ok();
    let room = RoomId::new(view["room_info"]["room_id"].as_str().unwrap().parse().unwrap()).unwrap();
    let lease = world.stack.directory.room(room).await.unwrap().unwrap().lease;
    let placed = world.log(&call_id(&view)).await.call.placed.unwrap();
    assert_eq!((lease.call_id.as_str(), lease.until), (call_id(&view).as_str(), leased_until(placed.at)));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_meets_an_outage_of_the_log_is_set_again_for_soon_and_ends_the_ringing() {
    let world = World::new().await;
    let call = {
        world.user("user456").registers("a").await;
        call_id(&world.door("device123").rings("user456", 30).await)
    };
    let (faults, timer) = (Faults::before(&world.stack.at.dynamodb.to_string()).await, RecordingTimer::default());
    let due = world.log(&call).await.call.placed.unwrap().terms.deadline.plus(2_000);
    let mut calls = world.stack.calls.clone();
    calls.log = EventLog::new(dynamodb(&faults.url()), "events");
    calls.timer = Arc::new(timer.clone());
    calls.clock = Clock::fixed(due);
    let goes_off = async |alarm: &Alarm| {
        let body = serde_json::to_string(alarm).unwrap();
        let event =
            json!({ "Records": [{ "messageId": "m", "body": body, "attributes": {}, "messageAttributes": {} }] });
        on_queue(&calls, serde_json::from_value(event).unwrap()).await.batch_item_failures.len()
    };
    faults.plan_for("Query", Fault::Status(500), When::From(0));
    let mut alarm = Alarm::of(CallId::new(call.clone()).unwrap());
    for wait in [1, 2, 4, 8, 16, 32] {
        assert_eq!(goes_off(&alarm).await, 0, "it was set again");
        let (again, at) = timer.all().pop().unwrap();
        assert_eq!(at.since(due), wait * 1000);
        assert_eq!(again.failed, alarm.failed + 1);
        alarm = again;
    }
    assert_eq!(goes_off(&alarm).await, 1, "now the queue shows it again, and keeps it in the end");
    // The log is back before any of that: the first of them ends the ringing.
    faults.off();
    assert_eq!(goes_off(&timer.all()[0].0).await, 0);
    assert_eq!(world.log(&call).await.call.state(), Some(CallState::Missed));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_returns_within_the_deadline_rings_once() {
    for version in [Version::V311, Version::V5] {
        let world = World::new().await;
        let (door, user) = (world.door("device123"), world.user("user456"));
        let mut phone = Phone::connect(&user, "android_1", version).await;
        phone.goes_away();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let call = call_id(&door.rings("user456", 30).await);
        tokio::time::sleep(Duration::from_millis(600)).await;
        phone.comes_back().await;
        let incoming = phone.hears("incoming").await;
        assert_eq!(incoming["call_id"], call.as_str());
        phone.hears_nothing(Duration::from_secs(1)).await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_returns_after_the_deadline_hears_nothing() {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut old = Phone::connect(&user, "android_1", Version::V311).await;
    let mut new = Phone::connect(&user, "android_2", Version::V5).await;
    old.goes_away();
    new.goes_away();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let call = call_id(&door.rings("user456", 5).await);
    tokio::time::sleep(Duration::from_millis(9500)).await;
    assert_eq!(world.log(&call).await.call.state().unwrap().word(), "missed");
    old.comes_back().await;
    new.comes_back().await;
    old.hears_nothing(Duration::from_secs(1)).await;
    new.hears_nothing(Duration::from_millis(200)).await;
    world.end().await;
}
