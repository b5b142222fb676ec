//! Every fault of IoT Core: the call is placed all the same, nobody waits long, and every message is delivered after
//! recovery.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use ilock_events::Carrier;
use ilock_functions::settings::Settings;
use ilock_lambda::aws::{OnAws, RetryPolicy};
use ilock_local::Options;
use ilock_notify::Mqtt;
use ilock_tests::World;
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::iot_core::IotCore;
use ilock_tests::parties::call_id;

const FAULTS: [Fault; 6] =
    [Fault::Throttled, Fault::Status(500), Fault::Status(503), Fault::Hangs, Fault::AnswerLost, Fault::AnswerCut];

/// The fast path gives up after 200 ms; a caller must wait less than this.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The carrier that the binary of create-call makes, with IoT Core at `url`.
fn carrier(url: String, prefix: &'static str) -> Arc<dyn Mqtt> {
    let settings = Settings::for_dev(move |name| match name {
        "IOT_ENDPOINT" => Some(url.clone()),
        "TOPIC_PREFIX" => Some(prefix.to_owned()),
        _ => None,
    });
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test")))
        .build();
    OnAws::new(settings, sdk, RetryPolicy::CallerWaiting).wiring.calls().unwrap().notifier.mqtt
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_stands_before_every_topic_that_the_functions_publish_on() {
    let iot = IotCore::start().await;
    let mqtt = carrier(format!("http://{}", iot.at), "blue");
    let world = World::with(Options { mqtt_layer: Some(Box::new(move |_| mqtt)), ..Options::anywhere() }).await;
    let (door, anna) = (world.door("device123"), world.user("anna"));
    anna.registers("phone").await;
    let call = call_id(&door.rings("anna", 30).await);
    anna.callee_action(&call, "accepted", Some("phone")).await.ok();
    let told = BTreeSet::from([
        "blue/users/anna/calls/incoming".to_owned(),
        "blue/users/anna/devices/sync".to_owned(),
        "blue/devices/device123/calls/control".to_owned(),
    ]);
    for _ in 0..400 {
        let topics: BTreeSet<String> = iot.published().into_iter().map(|message| message.topic).collect();
        if topics.is_superset(&told) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(iot.published().into_iter().map(|message| message.topic).collect::<BTreeSet<_>>(), told);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_iot_core_is_in_trouble_calls_are_placed_at_once_and_everybody_is_told_when_it_is_well() {
    let iot = IotCore::start().await;
    let faults = Faults::before(&iot.at.to_string()).await;
    let mqtt = carrier(faults.url(), "");
    let world = World::with(Options { mqtt_layer: Some(Box::new(move |_| mqtt)), ..Options::anywhere() }).await;
    let whens = [When::Once(0), When::Once(1), When::From(0)];
    let troubles = FAULTS.into_iter().flat_map(|fault| whens.map(|when| (fault, when)));
    for (number, (fault, when)) in troubles.enumerate() {
        let what = format!("{fault:?} {when:?}");
        let (door, callee) = (world.door(&format!("door{number}")), format!("user{number}"));
        faults.plan(fault, when);
        let asked = Instant::now();
        let call = call_id(&door.rings(&callee, 120).await);
        let placed_in = asked.elapsed();
        assert!(placed_in < MAX_WAIT, "{what}: {placed_in:?}");
        faults.off();

        let told = |log: &ilock_log::History| {
            let settled: BTreeSet<u32> = log
                .receipts
                .iter()
                .flat_map(|kept| &kept.notices)
                .filter(|(_, handed)| handed.carrier == Carrier::Mqtt)
                .map(|(index, _)| *index)
                .collect();
            settled == BTreeSet::from([0, 1])
        };
        let mut log = world.log(&call).await;
        for _ in 0..100 {
            if told(&log) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            log = world.log(&call).await;
        }
        assert!(told(&log), "{what}: {:?}", log.receipts);
        assert_eq!(log.commits.len(), 1, "{what}: the call was placed once");
        let own: Vec<_> = iot.published().into_iter().filter(|message| message.message_id.starts_with(&call)).collect();
        let topics: BTreeSet<&str> = own.iter().map(|message| message.topic.as_str()).collect();
        let (incoming, control) =
            (format!("users/{callee}/calls/incoming"), format!("devices/door{number}/calls/control"));
        assert_eq!(topics, BTreeSet::from([incoming.as_str(), control.as_str()]), "{what}");
        for taken in &own {
            assert_eq!((taken.qos, taken.content_type.as_str()), (1, "application/json"), "{what}");
            assert!((1..=120).contains(&taken.expiry_seconds), "{what}: {taken:?}");
            let index = usize::from(taken.topic == control);
            assert_eq!(taken.message_id, format!("{call}:1:{index}"), "{what}: a repetition has the same id");
        }
        println!("{what}: placed in {} ms, {} messages", placed_in.as_millis(), own.len());
    }
    world.end().await;
}
