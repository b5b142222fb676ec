//! Presence: a client that stays away is offline; one that only changed networks is not, in whatever order events arrive.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::sqs::SqsEvent;
use futures::future::BoxFuture;
use ilock_directory::{Client, Directory};
use ilock_env::Clock;
use ilock_events::{ClientStatus, PartyAddress, TopicPrefix};
use ilock_functions::triggers::presence::{PresenceEvent, PresenceKind, RecheckQueue, on_event, on_queue};
use ilock_local::Options;
use ilock_notify::QueueError;
use ilock_tests::World;
use ilock_tests::parties::{call_id, user_at};
use ilock_tests::phone::{Credentials, Phone, Version, kind};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

const CLIENT: &str = "user456_a";

/// The rechecks that are queued.
#[derive(Default)]
struct Waiting(Mutex<Vec<PresenceEvent>>);

impl RecheckQueue for Waiting {
    fn recheck_later(&self, event: PresenceEvent) -> BoxFuture<'_, Result<(), QueueError>> {
        self.0.lock().unwrap().push(event);
        Box::pin(async { Ok(()) })
    }
}

impl Waiting {
    /// Delivers everything in the queue.
    async fn looked_at(&self, directory: &Directory) {
        let waiting: Vec<PresenceEvent> = self.0.lock().unwrap().drain(..).collect();
        let records: Vec<_> = waiting
            .iter()
            .enumerate()
            .map(|(id, event)| json!({ "messageId": id.to_string(), "body": serde_json::to_string(event).unwrap() }))
            .collect();
        let batch: SqsEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
        assert!(on_queue(directory, &TopicPrefix::default(), batch).await.batch_item_failures.is_empty());
    }
}

fn event(kind: PresenceKind, version: i64, at: i64) -> PresenceEvent {
    PresenceEvent { client_id: CLIENT.into(), timestamp: at, event_type: kind, version_number: version }
}

fn user() -> PartyAddress {
    user_at("user456")
}

async fn client(directory: &Directory) -> Client {
    directory.clients(&user()).await.unwrap().into_iter().find(|client| client.client_id.as_str() == CLIENT).unwrap()
}

use PresenceKind::{Connected, Disconnected};

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_away_is_offline_and_who_is_back_at_once_is_not() {
    let world = World::new().await;
    let directory = world.stack.directory.clone();
    world.user("user456").registers("a").await;
    let waiting = Waiting::default();
    for (told, offline) in [
        (vec![event(Connected, 0, 1), event(Disconnected, 0, 2), event(Connected, 1, 3)], false),
        (vec![event(Disconnected, 1, 4)], true),
    ] {
        for event in told {
            on_event(&directory, &waiting, &TopicPrefix::default(), event).await.unwrap();
        }
        waiting.looked_at(&directory).await;
        assert_eq!(client(&directory).await.offline_since.is_some(), offline);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_only_phone_never_connected_is_out_of_reach_until_it_does() {
    let ahead = Arc::<AtomicI64>::default();
    let ms = ahead.clone();
    let clock = Clock::new(move || Clock::system().now().plus(ms.load(Ordering::SeqCst)));
    let world = World::with(Options { clock, ..Options::anywhere() }).await;
    let (door, person) = (world.door("device123"), world.user("user456"));
    let mut panel = world.phone(&door, "panel").await;
    let rings = async || call_id(&door.rings("user456", 30).await);
    let gives_up = async |call: &str| door.caller_action(call, "cancelled").await.ok();
    let registered = person.registers("a").await;
    let call = rings().await;
    panel.hears("ringing").await;
    gives_up(&call).await;
    panel.hears_nothing(Duration::from_millis(500)).await;

    // It had the time, and registering again is no connection.
    ahead.store(6_000, Ordering::SeqCst);
    person.registers("a").await;
    let call = rings().await;
    let mut heard = vec![];
    while heard.len() < 2 {
        heard.push(kind(&panel.next_within(Duration::from_secs(5)).await.unwrap()));
    }
    assert_eq!(heard, ["ringing", "unreachable"], "the last is what the caller is to know");
    gives_up(&call).await;

    let mut phone = Phone::with(Credentials::of(&registered), Version::V5).await.unwrap();
    while client(&world.stack.directory).await.offline_since.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    person.registers("a").await;
    rings().await;
    panel.hears("ringing").await;
    phone.hears("incoming").await;
    panel.hears_nothing(Duration::from_millis(500)).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_app_said_of_itself_stands_whatever_its_clock_says_and_the_mark_goes_when_it_is_back() {
    let world = World::new().await;
    let directory = world.stack.directory.clone();
    let person = world.user("user456");
    person.registers("a").await;
    let waiting = Waiting::default();
    let now = ilock_env::Clock::system().now().0;
    on_event(&directory, &waiting, &TopicPrefix::default(), event(Disconnected, 0, now - 1000)).await.unwrap();
    let body = json!({ "client_id": CLIENT, "status": "active", "priority": 7, "last_active": now });
    person.asks(reqwest::Method::PUT, "/api/mqtt/clients/status", Some(body)).await.ok();
    waiting.looked_at(&directory).await;
    let away = client(&directory).await;
    assert_eq!((away.status, away.priority), (Some(ClientStatus::Active), Some(7)));
    assert_eq!(away.offline_since.unwrap().0, now - 1000);
    // The client's clock is an hour slow.
    let slow = json!({ "client_id": CLIENT, "status": "background", "priority": 7, "last_active": now - 3_600_000 });
    person.asks(reqwest::Method::PUT, "/api/mqtt/clients/status", Some(slow)).await.ok();
    on_event(&directory, &waiting, &TopicPrefix::default(), event(Connected, 1, now)).await.unwrap();
    let back = client(&directory).await;
    assert_eq!((back.status, back.offline_since), (Some(ClientStatus::Active), None));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_began_anew_is_newer() {
    let world = World::new().await;
    let directory = world.stack.directory.clone();
    world.user("user456").registers("a").await;
    let waiting = Waiting::default();
    let hour = 60 * 60 * 1000;
    on_event(&directory, &waiting, &TopicPrefix::default(), event(Disconnected, 41, 1)).await.unwrap();
    on_event(&directory, &waiting, &TopicPrefix::default(), event(Connected, 0, hour)).await.unwrap();
    waiting.looked_at(&directory).await;
    assert_eq!(client(&directory).await.offline_since, None, "it is back");
    on_event(&directory, &waiting, &TopicPrefix::default(), event(Disconnected, 41, 1)).await.unwrap();
    assert!(waiting.0.lock().unwrap().is_empty(), "the old disconnect, again");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_clients_and_broken_messages_are_no_trouble() {
    let world = World::new().await;
    let directory = world.stack.directory.clone();
    let waiting = Waiting::default();
    for id in ["iotconsole-1 2", "somebody_else", ""] {
        let stranger = PresenceEvent { client_id: id.into(), ..event(Disconnected, 0, 1) };
        on_event(&directory, &waiting, &TopicPrefix::default(), stranger).await.unwrap();
    }
    waiting.looked_at(&directory).await;
    let broken = json!({ "Records": [{ "messageId": "1", "body": "{}" }, { "messageId": "2", "body": "?" }] });
    let answer = on_queue(&directory, &TopicPrefix::default(), serde_json::from_value(broken).unwrap()).await;
    let failed: Vec<_> = answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
    assert_eq!(failed, ["1", "2"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_stack_of_the_account_is_none_of_this_one() {
    let world = World::new().await;
    let directory = world.stack.directory.clone();
    world.user("user456").registers("a").await;
    let (waiting, name) = (Waiting::default(), ilock_events::ClientName::new(CLIENT).unwrap());
    on_event(&directory, &waiting, &TopicPrefix::new("blue").unwrap(), event(Disconnected, 1, 1)).await.unwrap();
    let theirs = PresenceEvent { client_id: format!("blue.{CLIENT}"), ..event(Disconnected, 1, 1) };
    on_event(&directory, &waiting, &TopicPrefix::default(), theirs).await.unwrap();
    assert!(waiting.0.lock().unwrap().is_empty());
    assert_eq!(directory.presence(&name).await.unwrap(), None);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_no_presence() {
    let world = World::new().await;
    let directory = world.stack.directory.clone();
    let waiting = Waiting::default();
    let told = json!({
        "clientId": CLIENT, "timestamp": 1_460_065_214_626_i64, "eventType": "connect_failed",
        "connectFailureReason": "AUTHORIZATION_FAILED", "principalIdentifier": "a1b2", "sessionIdentifier": "c3d4",
        "ipAddress": "192.0.2.0",
    });
    let refused: PresenceEvent = serde_json::from_value(told).unwrap();
    on_event(&directory, &waiting, &TopicPrefix::default(), refused).await.unwrap();
    assert!(waiting.0.lock().unwrap().is_empty());
    let client = ilock_events::ClientName::new(CLIENT).unwrap();
    assert_eq!(directory.presence(&client).await.unwrap(), None);
    world.end().await;
}

#[test]
fn it_reads_what_iot_core_sends() {
    let told = json!({
        "clientId": "user456_a", "timestamp": 1_573_002_230_757_i64, "eventType": "disconnected",
        "sessionIdentifier": "a4666d2a7d844ae4ac5d7b38c9cb7967", "principalIdentifier": "12345678901234567890123456789012",
        "clientInitiatedDisconnect": true, "disconnectReason": "CLIENT_INITIATED_DISCONNECT", "versionNumber": 3,
    });
    let read: PresenceEvent = serde_json::from_value(told).unwrap();
    assert_eq!(read, PresenceEvent { timestamp: 1_573_002_230_757, ..event(Disconnected, 3, 0) });
}

/// Whatever the order and number of a client's connection events: in the end it is offline exactly when its last connection
/// has ended.
#[test]
fn the_order_and_number_of_tellings_do_not_matter() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let directory = world.stack.directory.clone();
    let person = runtime.block_on(async {
        let person = world.user("user456");
        person.registers("a").await;
        person
    });
    let rounds = std::sync::atomic::AtomicI64::new(0);
    let told = (1..5_usize, any::<bool>()).prop_flat_map(|(connections, ended)| {
        let mut events = vec![];
        for number in 0..connections {
            let at = i64::try_from(number).unwrap() * 10;
            let version = i64::try_from(number).unwrap();
            events.push(event(Connected, version, at));
            if ended || number + 1 < connections {
                events.push(event(Disconnected, version, at + 5));
            }
        }
        let again = prop::collection::vec(0..events.len(), 0..4);
        (Just(events), again, Just(ended)).prop_flat_map(|(mut events, again, ended)| {
            events.extend(again.into_iter().map(|which| events[which].clone()).collect::<Vec<_>>());
            (Just(events).prop_shuffle(), Just(ended))
        })
    });
    let mut runner = TestRunner::new(Config { cases: 40, ..Config::default() });
    let held = runner.run(&told, |(events, ended)| {
        // Long after the last round, and a fresh registration: each case stands for itself.
        let base = (1 + rounds.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) * 24 * 60 * 60 * 1000;
        runtime.block_on(async {
            person.asks(reqwest::Method::DELETE, &format!("/api/mqtt/clients/{CLIENT}"), None).await;
            // By a new login: the earlier one was logged out.
            world.user("user456").registers("a").await;
            let waiting = Waiting::default();
            for mut event in events.clone() {
                event.timestamp += base;
                on_event(&directory, &waiting, &TopicPrefix::default(), event).await.unwrap();
            }
            waiting.looked_at(&directory).await;
            let offline = client(&directory).await.offline_since.is_some();
            prop_assert_eq!(offline, ended);
            Ok(())
        })
    });
    held.unwrap();
    runtime.block_on(world.end());
}
