//! The ring timer: alarms through a real queue, and what `expire-call` does with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_sqs::types::Message;
use ilock_env::Clock;
use ilock_events::{Actor, CallId, Day, TenantId};
use ilock_functions::triggers::expire_call::on_queue;
use ilock_notify::Alarm;
use ilock_tests::backend::{Backend, BackendParts, delay_queue};
use ilock_tests::engine::{Engine, unique};
use ilock_tests::localstack;
use ilock_tests::parties::call_id;
use serde_json::json;

/// A backend whose timer is a queue and whose clock can be moved.
struct Fixture {
    engine: Engine,
    backend: Backend,
    sqs: aws_sdk_sqs::Client,
    queue: String,
    ahead: Arc<AtomicI64>,
}

impl Fixture {
    async fn new() -> Self {
        let engine = localstack::engine();
        let sqs = localstack::sqs();
        let made = sqs.create_queue().queue_name(unique("alarms")).send().await.unwrap();
        let queue = made.queue_url.unwrap();
        let ahead = Arc::new(AtomicI64::new(0));
        let (read, system) = (ahead.clone(), Clock::system());
        let clock = Clock::new(move || system.now().plus(read.load(Ordering::SeqCst)));
        let backend = Backend::on(BackendParts {
            dynamodb: engine.client.clone(),
            events: engine.table(ilock_log::TABLE).await,
            directory: engine.table(ilock_directory::TABLE).await,
            timer: Arc::new(delay_queue(&localstack::endpoint(), queue.clone(), clock.clone())),
            push: None,
            fast_path: true,
            clock,
        })
        .await;
        Self { engine, backend, sqs, queue, ahead }
    }

    /// Puts `body` in the queue, due at once.
    async fn sends(&self, body: &str) {
        self.sqs.send_message().queue_url(&self.queue).message_body(body).send().await.unwrap();
    }

    /// Receives at least `least` messages, which stay invisible to others meanwhile.
    async fn receives(&self, least: usize) -> Vec<Message> {
        let mut received = vec![];
        for _ in 0..30 {
            let receive = self.sqs.receive_message().queue_url(&self.queue).max_number_of_messages(10);
            let batch = receive.wait_time_seconds(2).visibility_timeout(60).send().await.unwrap();
            received.extend(batch.messages.unwrap_or_default());
            if received.len() >= least {
                return received;
            }
        }
        panic!("{} of {least} messages came out of the queue", received.len());
    }

    /// As Lambda does: gives the batch to the function and deletes what did not fail. Returns the bodies of what failed.
    async fn shows(&self, messages: Vec<Message>) -> Vec<String> {
        let answer = on_queue(&self.backend.calls, event(&messages)).await;
        let failed: Vec<String> =
            answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        let mut bodies = vec![];
        for message in messages {
            if failed.contains(message.message_id.as_ref().unwrap()) {
                bodies.push(message.body.unwrap());
            } else {
                let delete = self.sqs.delete_message().queue_url(&self.queue);
                delete.set_receipt_handle(message.receipt_handle).send().await.unwrap();
            }
        }
        bodies
    }

    fn later(&self, ms: i64) {
        self.ahead.fetch_add(ms, Ordering::SeqCst);
    }

    /// The states that the call went through.
    async fn states(&self, call: &str) -> Vec<&'static str> {
        let history = self.backend.calls.log.load(&CallId::new(call).unwrap()).await.unwrap();
        history.commits.iter().map(|commit| commit.state.word()).collect()
    }

    async fn end(self) {
        self.sqs.delete_queue().queue_url(&self.queue).send().await.unwrap();
        self.engine.end().await;
    }
}

/// A batch as Lambda delivers it.
fn event(messages: &[Message]) -> SqsEvent {
    let records: Vec<_> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.message_id, "receiptHandle": message.receipt_handle, "body": message.body,
                "md5OfBody": message.md5_of_body, "attributes": {}, "messageAttributes": {}, "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:expire", "awsRegion": "eu-central-1",
            })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn alarm(call: &str) -> String {
    json!({ "call_id": call, "failed": 0 }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_answers_is_missed_when_its_alarm_comes_out_of_the_queue_and_not_before() {
    let fixture = Fixture::new().await;
    fixture.backend.user("user456").registers("phone").await;
    let pressed = Instant::now();
    let call = call_id(&fixture.backend.door("device123").rings("user456", 5).await);
    let alarms = fixture.receives(1).await;
    assert!(pressed.elapsed() >= Duration::from_secs(7), "never early: {:?}", pressed.elapsed());
    assert_eq!(alarms[0].body.as_deref(), Some(alarm(&call).as_str()));
    assert_eq!(fixture.states(&call).await, ["ringing"]);
    assert!(fixture.shows(alarms.clone()).await.is_empty());
    assert_eq!(fixture.states(&call).await, ["ringing", "missed"]);
    let history = fixture.backend.calls.log.load(&CallId::new(&call).unwrap()).await.unwrap();
    assert_eq!(history.commits[1].actor, Actor::Timer);
    assert_eq!(history.commits[1].events[0].name, "CallMissed");
    // SQS delivers a message at least once.
    assert!(fixture.shows(alarms).await.is_empty());
    assert_eq!(fixture.states(&call).await, ["ringing", "missed"]);
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_for_a_call_that_is_over_or_was_never_placed_does_nothing_and_does_not_come_again() {
    let fixture = Fixture::new().await;
    let (door, user) = (fixture.backend.door("device123"), fixture.backend.user("user456"));
    let active = call_id(&door.rings("user456", 60).await);
    user.callee_action(&active, "accepted", Some("user456_a")).await.ok();
    // A press of the door that talks would be for the call that it is in.
    let other = fixture.backend.door("device124");
    let cancelled = call_id(&other.rings("user456", 60).await);
    other.caller_action(&cancelled, "cancelled").await.ok();
    fixture.later(63_000);
    for call in [&active, &cancelled, "call_device123_user456_1"] {
        fixture.sends(&alarm(call)).await;
    }
    assert!(fixture.shows(fixture.receives(3).await).await.is_empty());
    assert_eq!(fixture.states(&active).await, ["ringing", "active"]);
    assert_eq!(fixture.states(&cancelled).await, ["ringing", "cancelled"]);
    assert!(fixture.states("call_device123_user456_1").await.is_empty());
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_alarm_that_cannot_be_read_fails_alone_and_the_others_of_its_batch_go_off() {
    let fixture = Fixture::new().await;
    let call = call_id(&fixture.backend.door("device123").rings("user456", 60).await);
    fixture.later(63_000);
    let unreadable = ["?", r#"{"call":"x"}"#, r#"{"call_id":"前门"}"#, "{\"call_id\":\"\"}"];
    for body in unreadable {
        fixture.sends(body).await;
    }
    fixture.sends(&alarm(&call)).await;
    let mut failed = fixture.shows(fixture.receives(5).await).await;
    failed.sort_unstable();
    let mut wanted = unreadable.map(ToOwned::to_owned).to_vec();
    wanted.sort_unstable();
    assert_eq!(failed, wanted);
    assert_eq!(fixture.states(&call).await, ["ringing", "missed"]);
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_comes_too_early_is_set_again() {
    let fixture = Fixture::new().await;
    let call = call_id(&fixture.backend.door("device123").rings("user456", 60).await);
    // The function's clock is two seconds behind the moment from which an answer does not count.
    fixture.later(60_000);
    fixture.sends(&alarm(&call)).await;
    assert!(fixture.shows(fixture.receives(1).await).await.is_empty());
    assert_eq!(fixture.states(&call).await, ["ringing"]);
    let again = fixture.receives(1).await;
    assert_eq!(again[0].body.as_deref(), Some(alarm(&call).as_str()));
    fixture.later(2_000);
    assert!(fixture.shows(again).await.is_empty());
    assert_eq!(fixture.states(&call).await, ["ringing", "missed"]);
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_beyond_what_sqs_gives_is_taken_at_its_most() {
    let fixture = Fixture::new().await;
    let timer = fixture.backend.calls.timer.clone();
    let hour = Clock::system().now().plus(3_600_000);
    timer.arm(Alarm::of(CallId::new("call_device123_user456_1").unwrap()), hour).await.unwrap();
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_queue_no_call_is_placed() {
    let fixture = Fixture::new().await;
    fixture.sqs.delete_queue().queue_url(&fixture.queue).send().await.unwrap();
    let body = json!({ "callee_id": "user456" });
    let refused = fixture.backend.door("device123").posts("/api/calls", body).await;
    assert_eq!((refused.refused(503))["retry_after"], 1);
    let (tenant, today) = (TenantId::new("default").unwrap(), Day::of(Clock::system().now()));
    assert_eq!(fixture.backend.calls.log.placed_on(&tenant, &today, None, 10).await.unwrap(), []);
    fixture.engine.end().await;
}
