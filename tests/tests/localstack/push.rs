//! Pushes through a real SNS, which lists what was published to each endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ilock_env::Clock;
use ilock_events::schema::schemas;
use ilock_events::{CallId, PushService};
use ilock_lambda::aws::Sns;
use ilock_notify::push::PushApps;
use ilock_notify::push::{PushCarrier, PushError, PushRequest};
use ilock_tests::Party;
use ilock_tests::backend::{Backend, BackendParts, RecordingTimer};
use ilock_tests::engine::{Engine, unique};
use ilock_tests::faults::{Fault, Faults, When};
use ilock_tests::localstack;
use ilock_tests::parties::call_id;
use serde_json::{Value, json};

struct Fixture {
    engine: Engine,
    backend: Backend,
    client: aws_sdk_sns::Client,
    sns: Arc<Sns>,
}

/// A phone that is not connected.
struct Phone {
    service: PushService,
    endpoint: String,
}

impl Fixture {
    async fn new() -> Self {
        Self::by(localstack::sns(), true).await
    }

    /// Pushes go through `client`.
    async fn by(client: aws_sdk_sns::Client, fast_path: bool) -> Self {
        let engine = localstack::engine();
        let mut apps = PushApps { arns: BTreeMap::new(), bundle_id: Some("com.mop.app".into()) };
        for service in PushService::ALL {
            let create = client.create_platform_application().name(unique("app")).platform(service.word());
            let create =
                create.attributes("PlatformCredential", "credential").attributes("PlatformPrincipal", "principal");
            apps.arns.insert(service, create.send().await.unwrap().platform_application_arn.unwrap());
        }
        let sns = Arc::new(Sns::new(client.clone(), apps));
        let backend = Backend::on(BackendParts {
            dynamodb: engine.client.clone(),
            events: engine.table(ilock_log::TABLE).await,
            directory: engine.table(ilock_directory::TABLE).await,
            timer: Arc::new(RecordingTimer::default()),
            push: Some(sns.clone()),
            fast_path,
            clock: Clock::system(),
        })
        .await;
        Self { engine, backend, client, sns }
    }

    /// The messages that were published to `endpoint`.
    async fn published(&self, endpoint: &str) -> Vec<Value> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("endpointArn", endpoint).append_pair("region", "eu-central-1").finish();
        let url = format!("{}/_aws/sns/platform-endpoint-messages?{query}", localstack::endpoint());
        let all: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        all["platform_endpoint_messages"][endpoint].as_array().cloned().unwrap_or_default()
    }

    /// The same once there are `count`. On a busy machine it takes the projector's share.
    async fn published_to(&self, endpoint: &str, count: usize, call: &str) -> Vec<Value> {
        for _ in 0..20 {
            let published = self.published(endpoint).await;
            if published.len() >= count {
                return published;
            }
            self.projects(call).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{count} messages never came to {endpoint}");
    }

    /// Projects `call`. Returns whether nothing is left to deliver.
    async fn projects(&self, call: &str) -> bool {
        let history = self.backend.calls.log.load(&CallId::new(call).unwrap()).await.unwrap();
        self.backend.projector.project(history.commits).await.is_empty()
    }

    /// How many seconds `call` still rings.
    async fn seconds_left(&self, call: &str) -> u32 {
        let history = self.backend.calls.log.load(&CallId::new(call).unwrap()).await.unwrap();
        let left_ms = history.call.placed.unwrap().terms.deadline.since(Clock::system().now());
        u32::try_from(left_ms / 1000).unwrap()
    }

    /// The phones of `user`: Android, iOS by VoIP, iOS by alerts.
    async fn phones(&self, user: &Party) -> [Phone; 3] {
        let register = async |client: &str, mut body: Value| {
            body["client_id"] = json!(client);
            user.posts("/api/v1/devices/register", body).await.ok();
            self.endpoint_of(user, client).await
        };
        let android = json!({ "platform": "android", "fcm_token": unique("token") });
        let (pixel, _) = register("anna_pixel", android).await;
        let (_, iphone) =
            register("anna_iphone", json!({ "platform": "ios", "voip_token": hex::encode(unique("voip")) })).await;
        let alert = json!({ "platform": "ios", "push_token": hex::encode(unique("alert")) });
        let (ipad, _) = register("anna_ipad", alert).await;
        [(PushService::Gcm, pixel), (PushService::ApnsVoip, iphone), (PushService::Apns, ipad)]
            .map(|(service, endpoint)| Phone { service, endpoint: endpoint.unwrap() })
    }

    async fn endpoint_of(&self, user: &Party, client: &str) -> (Option<String>, Option<String>) {
        let party = ilock_tests::parties::user_at(&user.id);
        let client = ilock_events::ClientName::new(client).unwrap();
        let client = self.backend.directory.client(&party, &client).await.unwrap().unwrap();
        let working = |endpoint: Option<ilock_directory::PushEndpoint>| {
            endpoint.filter(|endpoint| endpoint.retired.is_none()).map(|endpoint| endpoint.id)
        };
        (working(client.main), working(client.voip))
    }

    async fn end(self) {
        self.engine.end().await;
    }
}

/// The payload that SNS picked for the endpoint's service. Without one of that name it would be the empty default.
fn payload(message: &Value) -> Value {
    assert_eq!(message["MessageStructure"], "json");
    // LocalStack encodes the payload as JSON once more.
    let picked: String = serde_json::from_str(message["Message"].as_str().unwrap()).unwrap();
    serde_json::from_str(&picked).unwrap()
}

fn attribute(message: &Value, name: &str) -> Option<String> {
    let value = &message["MessageAttributes"][name];
    value["StringValue"].as_str().or_else(|| value["Value"].as_str()).map(str::to_owned)
}

fn assert_valid(form: &str, payload: &Value) {
    let (_, schema) = schemas().into_iter().find(|(name, _)| name == form).unwrap();
    assert!(jsonschema::draft202012::new(&schema.to_value()).unwrap().is_valid(payload), "{form}: {payload}");
}

/// Asserts that `message` makes `phone` ring for `call`, and expires before the call has rung for `seconds_left`.
fn assert_rings(phone: &Phone, message: &Value, call: &str, seconds_left: u32) {
    let payload = payload(message);
    let of = |name: &str| attribute(message, &format!("AWS.SNS.MOBILE.{name}"));
    let service = phone.service.word();
    let (data, ttl) = if phone.service == PushService::Gcm {
        assert_valid("push.android.video_call", &payload);
        let fcm = &payload["fcmV1Message"]["message"];
        assert_eq!(fcm["android"]["priority"], "high");
        assert_eq!(of("APNS.PUSH_TYPE"), None);
        (fcm["data"].clone(), fcm["android"]["ttl"].as_str().unwrap().trim_end_matches('s').to_owned())
    } else {
        assert_valid("push.ios.video_call", &payload);
        let (kind, topic) =
            if phone.service.is_voip() { ("voip", "com.mop.app.voip") } else { ("alert", "com.mop.app") };
        assert_eq!(of("APNS.PUSH_TYPE").as_deref(), Some(kind));
        assert_eq!(of("APNS.PRIORITY").as_deref(), Some("10"));
        assert_eq!(of("APNS.TOPIC").as_deref(), Some(topic));
        (payload, of(&format!("{service}.TTL")).unwrap())
    };
    assert_eq!(data["call_id"], json!(call));
    let ttl: u32 = ttl.parse().unwrap();
    assert!((1..=seconds_left).contains(&ttl), "{service}: {ttl} of {seconds_left} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_published_to_android_voip_and_alert_with_the_right_payloads_and_attributes() {
    let fixture = Fixture::new().await;
    let (door, anna) = (fixture.backend.door("device123"), fixture.backend.user("anna"));
    let phones = fixture.phones(&anna).await;
    let call = call_id(&door.rings("anna", 60).await);
    for phone in &phones {
        let sent = fixture.published_to(&phone.endpoint, 1, &call).await;
        assert_rings(phone, &sent[0], &call, 59);
    }
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_sns_is_out_of_trouble_every_phone_has_the_call_once_and_as_if_nothing_had_been() {
    let faults = Faults::before(&localstack::engine().at).await;
    let fixture = Fixture::by(localstack::sns_at(faults.url()), false).await;
    let (door, anna) = (fixture.backend.door("device123"), fixture.backend.user("anna"));
    let phones = fixture.phones(&anna).await;
    let counts = async || {
        let published = phones.iter().map(|phone| fixture.published(&phone.endpoint));
        futures::future::join_all(published).await.iter().map(Vec::len).collect::<Vec<_>>()
    };
    for (round, fault) in [Fault::Throttled, Fault::Status(503)].into_iter().enumerate() {
        let call = call_id(&door.rings("anna", 60).await);
        // One push succeeds; the others are retried until the projector gives up.
        faults.plan_for("Publish", fault, When::From(1));
        let at_first = fixture.seconds_left(&call).await;
        assert!(!fixture.projects(&call).await, "{fault:?}: all was told");
        let early = counts().await;
        assert_eq!(early.iter().sum::<usize>(), 3 * round + 1, "{fault:?}");
        let tried = faults.off();
        assert!(tried.len() > 4, "{fault:?}: {tried:?}");

        let left = fixture.seconds_left(&call).await;
        assert!(fixture.projects(&call).await, "{fault:?}: something was not told");
        assert!(fixture.projects(&call).await);
        for (phone, early) in phones.iter().zip(early) {
            let sent = fixture.published(&phone.endpoint).await;
            assert_eq!(sent.len(), round + 1, "{fault:?}: {sent:?}");
            assert_rings(phone, &sent[round], &call, if early > round { at_first } else { left });
        }
    }
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_endpoint_is_retired_and_registering_enables_it_again() {
    let fixture = Fixture::new().await;
    let (door, anna) = (fixture.backend.door("device123"), fixture.backend.user("anna"));
    let body = json!({ "platform": "android", "push_token": unique("token"), "client_id": "anna_pixel" });
    anna.posts("/api/v1/devices/register", body.clone()).await.ok();
    let endpoint = fixture.endpoint_of(&anna, "anna_pixel").await.0.unwrap();
    let disable = fixture.client.set_endpoint_attributes().endpoint_arn(&endpoint);
    disable.attributes("Enabled", "false").send().await.unwrap();
    let call = call_id(&door.rings("anna", 60).await);
    let mut retired = false;
    for _ in 0..20 {
        fixture.projects(&call).await;
        retired = fixture.endpoint_of(&anna, "anna_pixel").await.0.is_none();
        if retired {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(retired, "the disabled endpoint was not retired");
    assert!(fixture.published(&endpoint).await.is_empty());

    anna.posts("/api/v1/devices/register", body).await.ok();
    assert_eq!(fixture.endpoint_of(&anna, "anna_pixel").await.0.as_ref(), Some(&endpoint), "the same, enabled again");
    let call = call_id(&door.rings("anna", 60).await);
    fixture.published_to(&endpoint, 1, &call).await;
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_exists_with_other_attributes_is_found_and_enabled() {
    let fixture = Fixture::new().await;
    let token = unique("token");
    let first = fixture.sns.register(PushService::Gcm, token.clone()).await.unwrap().unwrap();
    let change = fixture.client.set_endpoint_attributes().endpoint_arn(&first).attributes("Enabled", "false");
    change.attributes("CustomUserData", "somebody else's").send().await.unwrap();
    let again = fixture.sns.register(PushService::Gcm, token).await.unwrap().unwrap();
    assert_eq!(first, again);
    let read = fixture.client.get_endpoint_attributes().endpoint_arn(&first).send().await.unwrap();
    assert_eq!(read.attributes.unwrap()["Enabled"], "true");
    fixture.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_retired() {
    let fixture = Fixture::new().await;
    let endpoint = fixture.sns.register(PushService::Gcm, unique("token")).await.unwrap().unwrap();
    fixture.client.delete_endpoint().endpoint_arn(&endpoint).send().await.unwrap();
    let payload = json!({ "fcmV1Message": { "message": {} } }).to_string();
    let parcel = PushRequest { endpoint, service: PushService::Gcm, payload, apns: None, ttl_seconds: 1 };
    let said = fixture.sns.send(parcel).await;
    assert!(matches!(said, Err(PushError::Retired(_))), "{said:?}");
    fixture.end().await;
}

/// It could never succeed, and was answered "try again".
#[tokio::test]
async fn a_token_for_a_platform_application_that_is_gone_is_not_asked_for_again() {
    let fixture = Fixture::new().await;
    let gone = "arn:aws:sns:eu-central-1:000000000000:app/GCM/gone".to_owned();
    let apps = PushApps { arns: BTreeMap::from([(PushService::Gcm, gone)]), bundle_id: None };
    let sns = Sns::new(fixture.client.clone(), apps);
    let refused = sns.register(PushService::Gcm, "token".into()).await.unwrap_err();
    assert!(matches!(refused, PushError::Unusable(_)), "{refused}");
    fixture.end().await;
}
