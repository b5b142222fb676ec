//! Every fault of AWS, at every step of placing and of answering a call.
//!
//! In every case the client gets 200, or 503 with Retry-After, within a time limit; repeating the request under the same key
//! succeeds; and the log holds each commit once, with every notice delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use ilock_env::Clock;
use ilock_events::{CallEvent, CallId, Commit};
use ilock_log::EventLog;
use ilock_tests::backend::{Backend, BackendParts, OPERATION_TIMEOUT, RecordingTimer, delay_queue, dynamodb};
use ilock_tests::engine::{Engine, unique};
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::localstack;
use ilock_tests::parties::{Answer, Party, call_id};
use reqwest::Method;
use serde_json::json;

use super::engine;

const FAULTS: [Fault; 6] =
    [Fault::Throttled, Fault::Status(500), Fault::Status(503), Fault::Hangs, Fault::AnswerLost, Fault::AnswerCut];

/// One answer waits for at most six requests in sequence: the room, the personal text, the commit, the commit that won
/// instead, deleting the text, the receipt. Each may need all its attempts; the factor two is for a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(2 * 6 * OPERATION_TIMEOUT.as_secs());

/// How many cases run at the same time.
const CONCURRENCY: usize = 8;

/// One door and one person, with a proxy of their own between their functions and AWS.
struct Case {
    faults: Faults,
    backend: Backend,
    door: Party,
    user: Party,
    /// The log, read without the proxy.
    log: EventLog,
}

/// The tables and the queue that all cases share.
struct Fixture<'a> {
    engine: &'a Engine,
    events: String,
    directory: String,
    queue: Option<String>,
}

impl<'a> Fixture<'a> {
    async fn of(engine: &'a Engine) -> Self {
        let queue = if engine.queues { Some(new_queue().await) } else { None };
        Fixture {
            engine,
            events: engine.table(ilock_log::TABLE).await,
            directory: engine.table(ilock_directory::TABLE).await,
            queue,
        }
    }

    async fn case(&self, number: usize) -> Case {
        let faults = Faults::before(&self.engine.at).await;
        let clock = Clock::system();
        let backend = Backend::on(BackendParts {
            dynamodb: dynamodb(&faults.url()),
            events: self.events.clone(),
            directory: self.directory.clone(),
            timer: match &self.queue {
                Some(queue) => std::sync::Arc::new(delay_queue(&faults.url(), queue.clone(), clock.clone())),
                None => std::sync::Arc::new(RecordingTimer::default()),
            },
            push: None,
            fast_path: true,
            clock,
        })
        .await;
        let user = backend.user(&format!("user{number}"));
        for name in ["phone_1", "phone_2"] {
            answered(async || {
                let phone = json!({ "client_id": format!("{}_{name}", user.id) });
                user.posts("/api/mqtt/clients/register", phone).await
            })
            .await
            .ok();
        }
        faults.off();
        Case {
            door: backend.door(&format!("door{number}")),
            user,
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

    /// Every call that `door` placed, read from the table.
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

/// What `asks` is answered without any fault. The emulator may be so busy that a request takes too long: the answer
/// then says when to ask again, and this does, as a client would.
async fn answered(asks: impl AsyncFn() -> Answer) -> Answer {
    let asked = Instant::now();
    loop {
        let answer = asks().await;
        if answer.status != 503 || asked.elapsed() > MAX_WAIT {
            return answer;
        }
        let seconds = answer.data["retry_after"].as_u64().unwrap();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

async fn new_queue() -> String {
    let made = localstack::sqs().create_queue().queue_name(unique("alarms")).send().await.unwrap();
    made.queue_url.unwrap()
}

impl Case {
    /// Places the call, always under the same key.
    async fn presses(&self) -> Answer {
        let info = json!({ "name": "前门设备" });
        let body = json!({ "callee_id": self.user.id, "ring_seconds": 120, "caller_info": info });
        self.door.asks_with(Method::POST, "/api/calls", Some(body), &[("idempotency-key", "press")]).await
    }

    /// Accepts from the phone `name`, always under the same key.
    async fn answers(&self, call: &str, name: &str) -> Answer {
        let client = format!("{}_{name}", self.user.id);
        let body = json!({ "call_id": call, "action": "accepted", "client_id": client });
        let key = [("idempotency-key", "answer")];
        self.user.asks_with(Method::POST, "/api/calls/callee-action", Some(body), &key).await
    }

    /// The commits in the log; loading checks each.
    async fn commits(&self, call: &str) -> Vec<Commit> {
        self.log.load(&CallId::new(call).unwrap()).await.unwrap().commits
    }

    /// Projects `commits`; then every notice must have been published.
    async fn everybody_is_notified(&self, commits: Vec<Commit>) {
        let wanted: BTreeSet<String> = commits
            .iter()
            .flat_map(|commit| {
                (0..messages(commit)).map(move |index| format!("{}:{}:{index}", commit.call_id, commit.n))
            })
            .collect();
        let mut failed = self.backend.projector.project(commits.clone()).await;
        // The stream gives it again what failed, as the note in a history may on a machine that is busy.
        for _ in 0..3 {
            if failed.is_empty() {
                break;
            }
            failed = self.backend.projector.project(commits.clone()).await;
        }
        assert!(failed.is_empty(), "{failed:?}");
        let published = self.backend.broker.all().into_iter().map(|message| message.message_id.as_str().to_owned());
        // That the person has a second phone was told as well.
        let published = published.filter(|id| id.starts_with("call_"));
        assert_eq!(published.collect::<BTreeSet<_>>(), wanted);
    }
}

/// How many messages a commit leads to: one for each side. The caller gets another one where the person's phones, which
/// connect to no broker here, were registered long enough before to count as out of reach.
fn messages(commit: &Commit) -> usize {
    let out_of_reach = |event| match CallEvent::read(event).unwrap() {
        CallEvent::CallPlaced(placed) => !placed.callees.iter().any(|callee| callee.reachable),
        _ => false,
    };
    2 + usize::from(commit.events.iter().any(out_of_reach))
}

/// Asserts a 200, or a 503 with Retry-After, in time.
fn assert_clear(answer: &Answer, asked: Instant, what: &str) {
    assert!(asked.elapsed() < MAX_WAIT, "{what}: {:?}", asked.elapsed());
    match answer.status.as_u16() {
        200 => assert_eq!(answer.code, 0, "{what}"),
        503 => assert_eq!(answer.data["retry_after"], 1, "{what}: {answer:?}"),
        _ => panic!("{what}: {answer:?}"),
    }
}

/// Asserts success where one retry of the SDK gets past the fault. The SDK does not retry after an answer that it cannot
/// parse; after a hang, or on a machine so busy that the emulator is slow, there may be no time left for a retry.
fn assert_unseen(answer: &Answer, fault: Fault, when: When, asked: Instant, what: &str) {
    let quick = asked.elapsed() < OPERATION_TIMEOUT / 3;
    if quick && matches!(when, When::Once(_)) && !matches!(fault, Fault::AnswerCut | Fault::Hangs) {
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }
}

/// Every fault, once and permanently, at each of `steps` requests.
fn all_faults(steps: usize) -> Vec<(Fault, When)> {
    let whens = |step| [When::Once(step), When::From(step)];
    FAULTS.into_iter().flat_map(|fault| (0..steps).flat_map(whens).map(move |when| (fault, when))).collect()
}

/// Prints how many requests succeeded and how many were answered with 503, by fault.
fn report(title: &str, steps: &[String], outcomes: &[(Fault, When, u16)]) {
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
    let fixture = Fixture::of(&engine).await;
    let steps = {
        let case = fixture.case(0).await;
        answered(async || case.presses().await).await.ok();
        case.faults.off()
    };
    assert!(steps.len() >= 4, "a press is more than {steps:?}");
    let cases = (1..).zip(all_faults(steps.len()));
    let outcomes: Vec<_> = stream::iter(cases)
        .map(|(number, (fault, when))| {
            let fixture = &fixture;
            async move {
                let what = format!("case {number}, {fault:?} {when:?}");
                let case = fixture.case(number).await;
                case.faults.plan(fault, when);
                let asked = Instant::now();
                let first = case.presses().await;
                assert_clear(&first, asked, &what);
                assert_unseen(&first, fault, when, asked, &what);
                case.faults.off();

                let again = answered(async || case.presses().await).await.ok();
                let call = call_id(&again);
                if first.status == 200 {
                    assert_eq!(call_id(&first.data), call, "{what}");
                }
                let placed: Vec<String> =
                    fixture.calls_of(&case.door.id).await.iter().map(ToString::to_string).collect();
                assert_eq!(placed, std::slice::from_ref(&call), "{what}: one press is one call");
                let commits = case.commits(&call).await;
                assert_eq!(commits.len(), 1, "{what}");
                case.everybody_is_notified(commits).await;
                (fault, when, first.status.as_u16())
            }
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    report("a press", &steps, &outcomes);
    assert!(outcomes.iter().any(|(_, _, status)| *status == 503), "no fault was ever seen: none was made");
    fixture.end().await;
    engine.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_any_trouble_is_committed_once_and_every_other_phone_is_told_who_was_first() {
    let engine = engine().await;
    let fixture = Fixture::of(&engine).await;
    let steps = {
        let case = fixture.case(0).await;
        let call = call_id(&answered(async || case.presses().await).await.ok());
        case.faults.off();
        answered(async || case.answers(&call, "phone_1").await).await.ok();
        case.faults.off()
    };
    assert!(steps.len() >= 3, "an answer is more than {steps:?}");
    let cases = (1..).zip(all_faults(steps.len()));
    let outcomes: Vec<_> = stream::iter(cases)
        .map(|(number, (fault, when))| {
            let fixture = &fixture;
            async move {
                let what = format!("case {number}, {fault:?} {when:?}");
                let case = fixture.case(number).await;
                let call = call_id(&answered(async || case.presses().await).await.ok());
                case.faults.plan(fault, when);
                let asked = Instant::now();
                let first = case.answers(&call, "phone_1").await;
                assert_clear(&first, asked, &what);
                assert_unseen(&first, fault, when, asked, &what);
                case.faults.off();

                let view = answered(async || case.answers(&call, "phone_1").await).await.ok();
                assert_eq!(view["state"], "active", "{what}");
                let late = answered(async || case.answers(&call, "phone_2").await).await.refused(409);
                assert_eq!(late["winner"], format!("{}_phone_1", case.user.id), "{what}");
                let commits = case.commits(&call).await;
                assert_eq!(commits.len(), 2, "{what}");
                case.everybody_is_notified(commits).await;
                (fault, when, first.status.as_u16())
            }
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    report("an answer", &steps, &outcomes);
    assert!(outcomes.iter().any(|(_, _, status)| *status == 503), "no fault was ever seen: none was made");
    fixture.end().await;
    engine.end().await;
}
