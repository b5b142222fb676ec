//! AWS in trouble, in every way, at every step of a press and of an answer.
//!
//! Whatever happens: the one who asks gets 200, or 503 with Retry-After, within bounds; asking again under the same key
//! ends well; and the log has each commit once, chain and all, with everybody told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use ilock_events::{CallId, Commit};
use ilock_functions::clock::Clock;
use ilock_log::EventLog;
use ilock_tests::backend::{ALL_TRIES, Armed, Backend, Ground, delay_queue, dynamodb};
use ilock_tests::engine::{Engine, unique};
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::localstack;
use ilock_tests::parties::{Answer, Party, call_id};
use reqwest::Method;
use serde_json::json;

use super::engine;

const FAULTS: [Fault; 6] =
    [Fault::Throttled, Fault::Status(500), Fault::Status(503), Fault::Hangs, Fault::AnswerLost, Fault::AnswerCut];

/// Requests that wait for each other, for one answer: the room, the words, the commit, what stands there instead, the
/// words dropped, the receipt. Each may take all tries, and a machine that builds beside takes time of its own.
const MUCH_TOO_LONG: Duration = Duration::from_secs(2 * 6 * ALL_TRIES.as_secs());

/// So many houses are in trouble at once.
const AT_ONCE: usize = 8;

/// One door, one person, with a proxy of their own between their functions and AWS.
struct House {
    faults: Faults,
    backend: Backend,
    door: Party,
    user: Party,
    /// The log, seen past the proxy.
    log: EventLog,
}

/// Where all houses stand.
struct Street<'a> {
    engine: &'a Engine,
    events: String,
    directory: String,
    queue: Option<String>,
}

impl<'a> Street<'a> {
    async fn of(engine: &'a Engine) -> Self {
        let queue = if engine.queues { Some(new_queue().await) } else { None };
        Street {
            engine,
            events: engine.table(ilock_log::TABLE).await,
            directory: engine.table(ilock_directory::TABLE).await,
            queue,
        }
    }

    async fn house(&self, number: usize) -> House {
        let faults = Faults::before(&self.engine.at).await;
        let clock = Clock::system();
        let backend = Backend::on(Ground {
            dynamodb: dynamodb(&faults.url()),
            events: self.events.clone(),
            directory: self.directory.clone(),
            timer: match &self.queue {
                Some(queue) => std::sync::Arc::new(delay_queue(&faults.url(), queue.clone(), clock.clone())),
                None => std::sync::Arc::new(Armed::default()),
            },
            push: None,
            fast_path: true,
            clock,
        })
        .await;
        House {
            door: backend.door(&format!("door{number}")),
            user: backend.user(&format!("user{number}")),
            log: EventLog::new(self.engine.client.clone(), &self.events),
            faults,
            backend,
        }
    }

    async fn end(self) {
        if let Some(queue) = self.queue {
            localstack::sqs().delete_queue().queue_url(queue).send().await.unwrap();
        }
    }

    /// Every call that `door` placed, by the table itself.
    async fn calls_of(&self, door: &str) -> Vec<CallId> {
        let mut pages = self
            .engine
            .client
            .scan()
            .table_name(&self.events)
            .filter_expression("begins_with(pk, :door) AND begins_with(sk, :commit)")
            .expression_attribute_values(":door", text(format!("call#call_{door}_")))
            .expression_attribute_values(":commit", text("commit#000001".into()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut found = vec![];
        while let Some(item) = pages.next().await {
            let pk = item.unwrap()["pk"].as_s().unwrap().clone();
            found.push(CallId::new(pk.strip_prefix("call#").unwrap()).unwrap());
        }
        found
    }
}

fn text(value: String) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(value)
}

async fn new_queue() -> String {
    let made = localstack::sqs().create_queue().queue_name(unique("alarms")).send().await.unwrap();
    made.queue_url.unwrap()
}

impl House {
    /// Presses the button; always the same press.
    async fn presses(&self) -> Answer {
        let info = json!({ "name": "前门设备" });
        let body = json!({ "callee_id": self.user.id, "ring_seconds": 120, "caller_info": info });
        self.door.asks_with(Method::POST, "/api/calls", Some(body), &[("idempotency-key", "press")]).await
    }

    /// Answers from the phone `name`; always under the same key.
    async fn answers(&self, call: &str, name: &str) -> Answer {
        let client = format!("{}_{name}", self.user.id);
        let body = json!({ "call_id": call, "action": "accepted", "client_id": client });
        let key = [("idempotency-key", "answer")];
        self.user.asks_with(Method::POST, "/api/calls/callee-action", Some(body), &key).await
    }

    /// The commits as the log has them, each checked as it is read.
    async fn commits(&self, call: &str) -> Vec<Commit> {
        self.log.load(&CallId::new(call).unwrap()).await.unwrap().commits
    }

    /// What the projector does with them afterwards; then everybody must have been told of everything.
    async fn everybody_is_told(&self, commits: Vec<Commit>) {
        let wanted: BTreeSet<String> = commits
            .iter()
            .flat_map(|commit| (0..2).map(move |index| format!("{}:{}:{index}", commit.call_id, commit.n)))
            .collect();
        let failed = self.backend.projector.project(commits).await;
        assert!(failed.is_empty(), "{failed:?}");
        let told = self.backend.told.all().into_iter().map(|message| message.message_id.as_str().to_owned());
        assert_eq!(told.collect::<BTreeSet<_>>(), wanted);
    }
}

/// 200, or a clear 503; in time.
fn assert_clear(answer: &Answer, asked: Instant, what: &str) {
    assert!(asked.elapsed() < MUCH_TOO_LONG, "{what}: {:?}", asked.elapsed());
    match answer.status.as_u16() {
        200 => assert_eq!(answer.code, 0, "{what}"),
        503 => assert_eq!(answer.data["retry_after"], 1, "{what}: {answer:?}"),
        _ => panic!("{what}: {answer:?}"),
    }
}

/// One fault that the SDK's next try gets past is nothing that a caller sees. After an answer that it cannot read the SDK
/// does not try again; and after one that it waited for, as after any on a machine so busy that the emulator itself is
/// slow, there may be no time left.
fn assert_unseen(answer: &Answer, fault: Fault, when: When, asked: Instant, what: &str) {
    let quick = asked.elapsed() < ALL_TRIES / 3;
    if quick && matches!(when, When::Once(_)) && !matches!(fault, Fault::AnswerCut | Fault::Hangs) {
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }
}

/// Every fault, once and for good, at every one of `steps` requests.
fn troubles(steps: usize) -> Vec<(Fault, When)> {
    let whens = |step| [When::Once(step), When::From(step)];
    FAULTS.into_iter().flat_map(|fault| (0..steps).flat_map(whens).map(move |when| (fault, when))).collect()
}

/// How many requests came out well, and how many were refused for now, by fault.
fn tell(title: &str, steps: &[String], outcomes: &[(Fault, When, u16)]) {
    println!("{title}: {} requests: {}", steps.len(), steps.join(", "));
    let mut counted: BTreeMap<(Fault, bool, u16), usize> = BTreeMap::new();
    for (fault, when, status) in outcomes {
        *counted.entry((*fault, matches!(when, When::Once(_)), *status)).or_default() += 1;
    }
    for ((fault, once, status), times) in counted {
        println!("  {fault:?} {}: {times} × {status}", if once { "once" } else { "for good" });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_in_any_trouble_is_placed_once_or_clearly_refused_and_placed_when_it_is_repeated() {
    let engine = engine().await;
    let street = Street::of(&engine).await;
    let steps = {
        let house = street.house(0).await;
        house.faults.off();
        house.presses().await.well();
        house.faults.off()
    };
    assert!(steps.len() >= 6, "a press is more than {steps:?}");
    let houses = (1..).zip(troubles(steps.len()));
    let outcomes: Vec<_> = stream::iter(houses)
        .map(|(number, (fault, when))| {
            let street = &street;
            async move {
                let what = format!("house {number}, {fault:?} {when:?}");
                let house = street.house(number).await;
                house.faults.plan(fault, when);
                let asked = Instant::now();
                let first = house.presses().await;
                assert_clear(&first, asked, &what);
                assert_unseen(&first, fault, when, asked, &what);
                house.faults.off();

                let again = house.presses().await.well();
                let call = call_id(&again);
                if first.status == 200 {
                    assert_eq!(call_id(&first.data), call, "{what}");
                }
                let placed: Vec<String> =
                    street.calls_of(&house.door.id).await.iter().map(ToString::to_string).collect();
                assert_eq!(placed, std::slice::from_ref(&call), "{what}: one press is one call");
                let commits = house.commits(&call).await;
                assert_eq!(commits.len(), 1, "{what}");
                house.everybody_is_told(commits).await;
                (fault, when, first.status.as_u16())
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    tell("a press", &steps, &outcomes);
    assert!(outcomes.iter().any(|(_, _, status)| *status == 503), "no fault was ever seen: none was made");
    street.end().await;
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_any_trouble_is_committed_once_and_every_other_phone_is_told_who_was_first() {
    let engine = engine().await;
    let street = Street::of(&engine).await;
    let steps = {
        let house = street.house(0).await;
        let call = call_id(&house.presses().await.well());
        house.faults.off();
        house.answers(&call, "phone_1").await.well();
        house.faults.off()
    };
    assert!(steps.len() >= 3, "an answer is more than {steps:?}");
    let houses = (1..).zip(troubles(steps.len()));
    let outcomes: Vec<_> = stream::iter(houses)
        .map(|(number, (fault, when))| {
            let street = &street;
            async move {
                let what = format!("house {number}, {fault:?} {when:?}");
                let house = street.house(number).await;
                let call = call_id(&house.presses().await.well());
                house.faults.plan(fault, when);
                let asked = Instant::now();
                let first = house.answers(&call, "phone_1").await;
                assert_clear(&first, asked, &what);
                assert_unseen(&first, fault, when, asked, &what);
                house.faults.off();

                assert_eq!(house.answers(&call, "phone_1").await.well()["state"], "active", "{what}");
                let late = house.answers(&call, "phone_2").await.refused(409);
                assert_eq!(late["winner"], format!("{}_phone_1", house.user.id), "{what}");
                let commits = house.commits(&call).await;
                assert_eq!(commits.len(), 2, "{what}");
                house.everybody_is_told(commits).await;
                (fault, when, first.status.as_u16())
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    tell("an answer", &steps, &outcomes);
    assert!(outcomes.iter().any(|(_, _, status)| *status == 503), "no fault was ever seen: none was made");
    street.end().await;
    engine.end().await;
}
