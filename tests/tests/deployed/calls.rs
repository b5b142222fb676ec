//! A call from the button to the end, through the deployed API and the broker.

use std::time::Duration;

use ilock_env::Clock;
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::phone::Phone;

#[tokio::test]
async fn a_door_rings_both_phones_one_accepts_and_the_door_hangs_up() {
    let deployment = Deployment::here();
    let (door, anna) = (deployment.door("front"), deployment.user("anna"));
    let mut station = Phone::of(&deployment, &door, "station").await;
    let mut phone = Phone::of(&deployment, &anna, "phone").await;
    let mut tablet = Phone::of(&deployment, &anna, "tablet").await;

    let call = door.rings(&anna, 30).await;
    let incoming = phone.hears("incoming").await;
    assert_eq!(incoming.topic, deployment.topic(&format!("users/{}/calls/incoming", anna.id)));
    assert_eq!(incoming.body["call_id"], call);
    assert_eq!(incoming.body["caller_info"], json!({ "name": "前门设备", "location": "小区大门" }));
    // A compact JWE under the payload key of the registration: five parts, the second empty.
    let encrypted = incoming.body["room_info"]["user_sig"].as_str().unwrap().split('.').collect::<Vec<_>>();
    assert!(encrypted.len() == 5 && encrypted[1].is_empty(), "{encrypted:?}");
    let told = incoming.properties;
    let expiry = told.message_expiry_interval.expect("a ring expires");
    assert!((1..=30).contains(&expiry), "no more than what is left of the ringing: {expiry}");
    assert_eq!(told.content_type.as_deref(), Some("application/json"));
    assert_eq!(told.payload_format_indicator, Some(1));
    let id = incoming.body["message_id"].as_str().unwrap();
    assert_eq!(told.user_properties, [("message_id".to_owned(), id.to_owned())]);
    tablet.hears("incoming").await;
    station.hears("ringing").await;

    anna.as_callee(&call, "ringing", phone.client_id()).await;
    station.hears("alerted").await;
    let accepted = anna.as_callee(&call, "accepted", phone.client_id()).await;
    assert_eq!(accepted["room_info"]["room_id"], incoming.body["room_info"]["room_id"]);
    assert_eq!(station.hears("accepted").await.topic, deployment.topic(&format!("devices/{}/calls/control", door.id)));
    let sync = tablet.hears("accepted").await;
    assert_eq!(
        (sync.topic, &sync.body["device_id"]),
        (deployment.topic(&sync_topic(&anna.id)), &json!(phone.client_id()))
    );

    door.as_caller(&call, "hangup").await;
    assert_eq!(
        phone.hears("accepted").await.topic,
        deployment.topic(&sync_topic(&anna.id)),
        "its own answer, on devices/sync"
    );
    assert_eq!(phone.hears("hangup").await.body["call_id"], call);
    assert_eq!(anna.state_of(&call).await, "ended");
    anna.history_comes_to_say(&call, "ended").await;
    door.history_comes_to_say(&call, "ended").await;
}

fn sync_topic(user: &str) -> String {
    format!("users/{user}/devices/sync")
}

#[tokio::test]
async fn a_phone_that_comes_back_in_time_rings_and_one_that_comes_late_does_not() {
    let deployment = Deployment::here();
    let (door, bob) = (deployment.door("side"), deployment.user("bob"));
    let mut phone = Phone::of(&deployment, &bob, "phone").await;

    phone.goes_away().await;
    let call = door.rings(&bob, 60).await;
    phone.comes_back().await;
    let kept = phone.hears("incoming").await;
    assert_eq!(kept.body["call_id"], call);
    assert!(kept.properties.message_expiry_interval.is_some_and(|left| left <= 60), "{kept:?}");
    door.as_caller(&call, "cancelled").await;
    phone.hears("cancelled").await;

    phone.goes_away().await;
    let missed = door.rings(&bob, 5).await;
    let view = door.asks("GET", &format!("/api/calls/{missed}"), None).await.ok();
    door.history_comes_to_say(&missed, "missed").await;
    // The timer's commit comes two seconds after the deadline, and MQTT counts in whole seconds: this long after the deadline
    // every message of that call has expired.
    let late = view["expires_at"].as_i64().unwrap() + 6000 - Clock::system().now().0;
    tokio::time::sleep(Duration::from_millis(u64::try_from(late).unwrap_or(0))).await;
    phone.comes_back().await;
    let next = door.rings(&bob, 30).await;
    let heard = phone.hears("incoming").await;
    assert_eq!(heard.body["call_id"], next, "what came first is the next call, not the one that was missed");
    door.as_caller(&next, "cancelled").await;
}

#[tokio::test]
async fn a_client_is_told_the_hosts_that_the_stack_asked_iot_core_for() {
    let deployment = Deployment::here();
    let registered = deployment.user("carla").registers("phone").await;
    let url = |name: &str| registered["mqtt_credentials"][name].clone();
    assert_eq!(url("broker_url"), format!("ssl://{}:443", deployment.output("MqttHost")));
    assert_eq!(url("websocket_url"), format!("wss://{}/mqtt", deployment.output("WebsocketHost")));
    assert_ne!(registered["payload_key"], Value::Null);
}
