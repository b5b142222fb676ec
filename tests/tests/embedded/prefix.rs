//! A topic prefix: what a stack beside others in one AWS account and region puts before its topics and client ids.

use std::time::Duration;

use ilock_local::Options;
use ilock_tests::phone::{Credentials, Phone, Version};
use ilock_tests::{World, parties::call_id};
use serde_json::{Value, json};

async fn world_of(prefix: &str) -> World {
    let prefix = prefix.to_owned();
    let settings = Box::new(move |name: &str| (name == "TOPIC_PREFIX").then(|| prefix.clone()));
    World::with(Options { settings, ..Options::anywhere() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_heard_on_topics_with_the_prefix_and_its_log_has_them_without() {
    let world = world_of("blue").await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    let registered = anna.registers("phone").await;
    assert_eq!(registered["mqtt_credentials"]["client_id"], "blue.anna_phone");
    assert_eq!(
        registered["topics"],
        json!({
            "incoming_calls": "blue/users/anna/calls/incoming",
            "call_control": "blue/users/anna/calls/control",
            "device_sync": "blue/users/anna/devices/sync",
        })
    );
    let mut phone = Phone::with(Credentials::of(&registered), Version::V5).await.unwrap();
    let mut tablet = world.phone(&anna, "tablet").await;
    let mut station = world.phone(&door, "station").await;
    assert_eq!(station.credentials.client_id, "blue.d.device123_station");
    assert_eq!(station.credentials.topics, ["blue/devices/device123/calls/control"]);

    let call = call_id(&door.rings("anna", 30).await);
    assert_eq!(phone.hears("incoming").await["call_id"], call.as_str());
    tablet.hears("incoming").await;
    station.hears("ringing").await;
    // The own part, that behind the address, and the whole name are the same client, as without a prefix.
    for sent in ["phone", "anna_phone", "blue.anna_phone"] {
        anna.callee_action(&call, "ringing", Some(sent)).await.ok();
    }
    station.hears("alerted").await;
    anna.callee_action(&call, "accepted", Some("anna_phone")).await.ok();
    assert_eq!(tablet.hears("accepted").await["device_id"], "blue.anna_phone", "as registering answered it");
    station.hears("accepted").await;
    door.caller_action(&call, "hangup").await.ok();
    phone.hears("accepted").await;
    phone.hears("hangup").await;

    let receipts = serde_json::to_string(&world.log(&call).await.receipts).unwrap();
    assert!(!receipts.contains("blue/"), "{receipts}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_client_ends_its_session_and_its_password() {
    let world = world_of("blue").await;
    let anna = world.user("anna");
    let (phone, _) = (world.phone(&anna, "phone").await, world.phone(&anna, "tablet").await);
    for own in ["anna_phone", "blue.anna_tablet"] {
        anna.asks(reqwest::Method::DELETE, &format!("/api/mqtt/clients/{own}"), None).await.ok();
    }
    let refused = Phone::with(phone.credentials.clone(), Version::V5).await;
    assert!(refused.is_err(), "a client that was removed is not let in");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_no_topic_without_the_prefix() {
    let world = world_of("blue").await;
    let anna = world.user("anna");
    let own = Credentials::of(&anna.registers("phone").await);
    for topic in ["users/anna/calls/incoming", "green/users/anna/calls/incoming", "+/users/anna/calls/incoming"] {
        let other = Credentials { topics: vec![topic.into()], ..own.clone() };
        // The broker refuses the subscription and the session stays silent, or it ends the connection.
        let Ok(mut phone) = Phone::with(other, Version::V5).await else { continue };
        let call = call_id(&world.door("device123").rings("anna", 30).await);
        phone.hears_nothing(Duration::from_millis(500)).await;
        world.door("device123").caller_action(&call, "cancelled").await.ok();
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_one_stack_opens_no_other() {
    let (blue, plain) = (world_of("blue").await, World::new().await);
    let registered: Value = blue.user("anna").registers("phone").await;
    plain.user("anna").registers("phone").await;
    let there = Credentials::of(&plain.user("anna").registers("phone").await).broker;
    let credentials = Credentials { broker: there, ..Credentials::of(&registered) };
    assert!(Phone::with(credentials, Version::V5).await.is_err());
    blue.end().await;
    plain.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_would_bend_a_topic_stops_the_start() {
    for bad in ["d", "a/b", "Blue", "ninechars"] {
        let settings = Box::new(move |name: &str| (name == "TOPIC_PREFIX").then(|| bad.to_owned()));
        let refused = ilock_local::Stack::start(Options { settings, ..Options::anywhere() }).await;
        let said = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains("TOPIC_PREFIX"), "{bad}: {said:?}");
    }
}
