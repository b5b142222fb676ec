//! Pushes straight to FCM, without SNS.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use ilock_env::Clock;
use ilock_events::{CallId, Millis, PushService};
use ilock_functions::service::http_push::{AccountSource, Fcm, GoogleAccess, HttpPush, for_the_log};
use ilock_functions::wiring::Carriers;
use ilock_local::push::LocalPush;
use ilock_notify::push::{PushCarrier, PushError, PushRequest, confirmation};
use ilock_tests::World;
use ilock_tests::aws::{Aws, FCM_ACCOUNT};
use ilock_tests::backend::{Backend, BackendParts, RecordingTimer};
use ilock_tests::engine::Engine;
use ilock_tests::google::{Google, PROJECT, Trouble};
use ilock_tests::parties::{call_id, user_at};
use serde_json::{Value, json};

/// A clock that a test moves.
#[derive(Clone, Default)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000_000)))
    }

    fn clock(&self) -> Clock {
        let at = self.0.clone();
        Clock::new(move || Millis(at.load(Ordering::Relaxed)))
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

/// The service account, where the operator keeps it.
#[derive(Clone)]
struct Kept(Arc<Mutex<String>>);

impl AccountSource for Kept {
    fn read(&self) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move { Ok(self.0.lock().unwrap().clone()) })
    }
}

struct Fixture {
    google: Google,
    time: Time,
    kept: Kept,
    push: Arc<HttpPush>,
    beside: LocalPush,
}

impl Fixture {
    async fn new() -> Self {
        Self::at(Time::new()).await
    }

    async fn at(time: Time) -> Self {
        let google = Google::start(time.clock()).await;
        let kept = Kept(Arc::new(Mutex::new(google.account())));
        let beside = LocalPush::new(time.clock());
        let push = by(&google, kept.clone(), Some(Arc::new(beside.clone())), time.clock());
        Self { google, time, kept, push, beside }
    }

    /// Sends a push to the phone with `token`.
    async fn send(&self, token: &str) -> Result<Option<String>, PushError> {
        let endpoint = self.push.register(PushService::Gcm, token.to_owned()).await.unwrap().unwrap();
        self.push.send(self.request(&endpoint)).await
    }

    fn request(&self, endpoint: &str) -> PushRequest {
        confirmation(endpoint, PushService::Gcm, "nonce".into(), self.time.clock().now()).unwrap()
    }
}

fn by(google: &Google, kept: Kept, beside: Option<Arc<dyn PushCarrier>>, clock: Clock) -> Arc<HttpPush> {
    let access = GoogleAccess::new(Arc::new(kept), clock.clone()).unwrap();
    let fcm = Fcm::new(google.url(), Arc::new(access));
    Arc::new(HttpPush::new(vec![Arc::new(fcm)], beside, clock).unwrap())
}

fn trouble(status: u16, code: &'static str) -> Trouble {
    Trouble { status, code: Some(code), ..Trouble::default() }
}

fn refused(why: &str) -> Result<Option<String>, PushError> {
    Err(PushError::Refused(why.into()))
}

fn is_unavailable(sent: &Result<Option<String>, PushError>) -> bool {
    matches!(sent, Err(PushError::Unavailable(_) | PushError::Later { .. }))
}

#[tokio::test]
async fn fcm_is_given_the_message_that_sns_would_have_been_given_with_the_phones_token() {
    let fixture = Fixture::new().await;
    let sent = fixture.send("phone-1").await.unwrap();
    assert_eq!(sent, Some(format!("projects/{PROJECT}/messages/1")));
    let messages = fixture.google.messages();
    assert_eq!(messages[0].token, "phone-1");
    let payload: Value = serde_json::from_str(&fixture.request("any").payload).unwrap();
    assert_eq!(messages[0].message, payload["fcmV1Message"]["message"]);
}

#[tokio::test]
async fn one_access_token_is_asked_for_and_renewed_before_it_runs_out() {
    let fixture = Fixture::new().await;
    for sent in join_all((0..5).map(|phone| fixture.send(["a", "b", "c", "d", "e"][phone]))).await {
        sent.unwrap();
    }
    assert_eq!(fixture.google.issued(), 1);
    // Four minutes before its end it is still used, while the next one is asked for.
    fixture.time.pass(3599 - 240);
    fixture.send("a").await.unwrap();
    assert_eq!(fixture.google.messages().last().unwrap().access, "ya29.access-1");
    while fixture.google.issued() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Whoever comes after its end finds the next one, or asks for it.
    fixture.time.pass(239);
    fixture.send("a").await.unwrap();
    assert_eq!(fixture.google.messages().last().unwrap().access, "ya29.access-2");
    assert_eq!(fixture.google.issued(), 2);
    fixture.time.pass(7200);
    fixture.send("a").await.unwrap();
    assert_eq!(fixture.google.issued(), 3);
}

#[tokio::test]
async fn an_access_token_that_was_taken_back_is_replaced_once() {
    let fixture = Fixture::new().await;
    fixture.send("a").await.unwrap();
    fixture.google.take_back();
    fixture.send("a").await.unwrap();
    assert_eq!(fixture.google.issued(), 2);
    // Where the next one does not work either, it is not the token.
    let (before, no) = (fixture.google.asked(), Trouble { status: 401, ..Trouble::default() });
    fixture.google.fail(no.clone());
    fixture.google.fail(no);
    assert_eq!(fixture.send("a").await, refused("401 UNAUTHENTICATED"));
    assert_eq!(fixture.google.asked() - before, 2);
}

#[tokio::test]
async fn a_token_that_will_not_work_again_is_retired_and_nothing_else_is() {
    let fixture = Fixture::new().await;
    fixture.google.unregister("gone");
    assert_eq!(fixture.send("gone").await, Err(PushError::Retired("UNREGISTERED".into())));
    let text = "The registration token is not a valid FCM registration token";
    fixture.google.fail(Trouble { text, ..trouble(400, "INVALID_ARGUMENT") });
    assert_eq!(fixture.send("bad").await, Err(PushError::Retired("INVALID_ARGUMENT".into())));
    for (status, code) in [
        (400, "INVALID_ARGUMENT"),
        (403, "SENDER_ID_MISMATCH"),
        (401, "THIRD_PARTY_AUTH_ERROR"),
        (404, "UNSPECIFIED_ERROR"),
    ] {
        fixture.google.fail(trouble(status, code));
        assert_eq!(fixture.send("good").await, refused(code), "{status}");
    }
    assert_eq!(fixture.google.issued(), 1, "another access token would not have helped");
    // A message whose form is wrong names its field, and says nothing about the token.
    let endpoint = fixture.push.register(PushService::Gcm, "good".into()).await.unwrap().unwrap();
    let payload = fixture.request(&endpoint).payload.replace("PUSH_CONFIRM\"", "PUSH_CONFIRM\",\"from\":\"me\"");
    assert_eq!(
        fixture.push.send(PushRequest { payload, ..fixture.request(&endpoint) }).await,
        refused("400 INVALID_ARGUMENT")
    );
}

#[tokio::test]
async fn whoever_asks_for_time_is_given_it() {
    let fixture = Fixture::new().await;
    // A phone's quota: that phone waits, the others do not.
    fixture.google.fail(Trouble { retry_after: Some(10), ..trouble(429, "QUOTA_EXCEEDED") });
    assert!(is_unavailable(&fixture.send("busy").await));
    let asked = fixture.google.asked();
    assert!(is_unavailable(&fixture.send("busy").await));
    assert_eq!(fixture.google.asked(), asked, "FCM was asked again before its time");
    fixture.send("other").await.unwrap();
    fixture.time.pass(11);
    fixture.send("busy").await.unwrap();
    // Without a word of how long, a minute.
    fixture.google.fail(trouble(429, "QUOTA_EXCEEDED"));
    assert!(is_unavailable(&fixture.send("busy").await));
    fixture.time.pass(59);
    assert!(is_unavailable(&fixture.send("busy").await));
    fixture.time.pass(2);
    fixture.send("busy").await.unwrap();
    // The service: all wait.
    fixture.google.fail(Trouble { retry_after: Some(5), ..trouble(503, "UNAVAILABLE") });
    assert!(is_unavailable(&fixture.send("a").await));
    let asked = fixture.google.asked();
    assert!(is_unavailable(&fixture.send("b").await));
    assert_eq!(fixture.google.asked(), asked);
    fixture.time.pass(6);
    fixture.send("b").await.unwrap();
    // Without a word of how long, the delivery's own pauses do.
    fixture.google.fail(trouble(500, "INTERNAL"));
    assert!(is_unavailable(&fixture.send("a").await));
    fixture.send("a").await.unwrap();
}

#[tokio::test]
async fn a_service_account_that_does_not_work_is_refused_and_one_that_was_mended_is_used() {
    let fixture = Fixture::new().await;
    fixture.google.refuse_access(400, "invalid_grant");
    assert_eq!(fixture.send("a").await, refused("Google: 400 invalid_grant as the test wants it"));
    fixture.google.refuse_access(503, "backend_error");
    assert!(is_unavailable(&fixture.send("a").await));
    let good = fixture.google.account();
    *fixture.kept.0.lock().unwrap() = "{}".into();
    assert_eq!(fixture.send("a").await, refused("what is kept as service account is not Google's JSON of one"));
    *fixture.kept.0.lock().unwrap() = good.replace("BEGIN PRIVATE", "BEGIN");
    assert_eq!(fixture.send("a").await, refused("the service account's private_key is no RSA key"));
    *fixture.kept.0.lock().unwrap() = good.replace("push@", "other@");
    assert!(
        matches!(fixture.send("a").await, Err(PushError::Refused(why)) if why.starts_with("Google: 400 invalid_grant"))
    );
    *fixture.kept.0.lock().unwrap() = good;
    fixture.send("a").await.unwrap();
}

#[tokio::test]
async fn a_push_that_was_given_up_leaves_the_access_token_for_the_next() {
    let fixture = Fixture::new().await;
    fixture.google.issue_after(Duration::from_millis(300));
    // As the fast path does, which has 200 ms.
    tokio::time::timeout(Duration::from_millis(50), fixture.send("a")).await.unwrap_err();
    fixture.send("a").await.unwrap();
    assert_eq!(fixture.google.issued(), 1);
}

#[tokio::test]
async fn what_is_not_of_fcm_goes_to_the_carrier_beside_it() {
    let fixture = Fixture::new().await;
    let apple = fixture.push.register(PushService::Apns, "abcd".into()).await.unwrap().unwrap();
    let old = fixture.beside.register(PushService::Gcm, "registered before".into()).await.unwrap().unwrap();
    fixture.push.send(PushRequest { service: PushService::Apns, ..fixture.request(&apple) }).await.unwrap();
    fixture.push.send(fixture.request(&old)).await.unwrap();
    assert_eq!(fixture.beside.shown().len(), 2);
    assert_eq!(fixture.google.asked(), 0);
    let alone = by(&fixture.google, fixture.kept.clone(), None, fixture.time.clock());
    assert_eq!(alone.register(PushService::Apns, "abcd".into()).await, Ok(None));
    assert!(matches!(alone.send(fixture.request(&old)).await, Err(PushError::Refused(_))));
    assert!(matches!(alone.register(PushService::Gcm, "t".repeat(1501)).await, Err(PushError::Refused(_))));
}

#[tokio::test]
async fn no_log_has_a_phones_token() {
    let fixture = Fixture::new().await;
    let endpoint = fixture.push.register(PushService::Gcm, "phone-1".into()).await.unwrap().unwrap();
    let logged = for_the_log(&endpoint);
    assert!(logged.starts_with("http:GCM:sha256-") && !logged.contains("phone-1"), "{logged}");
    assert_eq!(for_the_log("arn:aws:sns:x:1:endpoint/GCM/a/b"), "arn:aws:sns:x:1:endpoint/GCM/a/b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_wakes_the_phone_by_fcm_and_a_token_that_fcm_forgot_is_retired() {
    let engine = Engine::embedded().await;
    let fixture = Fixture::at(Time(Arc::new(AtomicI64::new(Clock::system().now().0)))).await;
    let backend = Backend::on(BackendParts {
        dynamodb: engine.client.clone(),
        events: engine.table(ilock_log::TABLE).await,
        directory: engine.table(ilock_directory::TABLE).await,
        timer: Arc::new(RecordingTimer::default()),
        push: Some(fixture.push.clone()),
        fast_path: false,
        clock: Clock::system(),
    })
    .await;
    let (door, anna) = (backend.door("device123"), backend.user("anna"));
    let body = json!({ "client_id": "pixel", "platform": "android", "push_token": "annas" });
    let registered = anna.posts("/api/v1/devices/register", body).await;
    assert_eq!(registered.ok()["services"], json!(["GCM"]));
    let place = async || {
        let call = call_id(&door.rings("anna", 60).await);
        let history = backend.calls.log.load(&CallId::new(&call).unwrap()).await.unwrap();
        assert!(backend.projector.project(history.commits).await.is_empty(), "something was not told");
        call
    };
    let call = place().await;
    let messages = fixture.google.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!((&messages[0].message["data"]["call_id"], messages[0].token.as_str()), (&json!(call), "annas"));
    assert_eq!(messages[0].message["android"]["priority"], "high");

    door.posts("/api/calls/caller-action", json!({ "call_id": call, "action": "cancelled" })).await;
    fixture.google.unregister("annas");
    place().await;
    let client = ilock_events::ClientName::new("anna_pixel").unwrap();
    let client = backend.directory.client(&user_at("anna"), &client).await.unwrap().unwrap();
    assert_eq!(client.main.unwrap().retired.unwrap().why, "UNREGISTERED");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_aws_the_service_account_is_read_from_its_own_entry() {
    let world = World::new().await;
    let aws = Aws::before(world.stack.at.dynamodb, Duration::ZERO).await;
    let google = Google::start(Clock::system()).await;
    // An account that the double does not know: without an access token nothing is sent to the true FCM.
    let parts = aws.parts_with_fcm(&google.account().replace("push@", "other@"));
    let push = parts.carriers.push().unwrap().unwrap();
    let endpoint = push.register(PushService::Gcm, "phone".into()).await.unwrap().unwrap();
    let request = confirmation(&endpoint, PushService::Gcm, "nonce".into(), Clock::system().now()).unwrap();
    let sent = push.send(request).await;
    assert!(matches!(&sent, Err(PushError::Refused(why)) if why.starts_with("Google: 400 invalid_grant")), "{sent:?}");
    let asked = aws.asked();
    let read = |request: &&ilock_tests::aws::Request| request.action == "secretsmanager:GetSecretValue";
    assert!(asked.iter().any(|request| read(&request) && request.resource == FCM_ACCOUNT), "{asked:?}");
}
