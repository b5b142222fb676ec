//! Pushes through a real SNS, which shows what was published to each endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ilock_events::PushService;
use ilock_events::schema::schemas;
use ilock_functions::clock::Clock;
use ilock_notify::push::{Parcel, PushCarrier, PushError};
use ilock_notify::sns::{PushApps, Sns};
use ilock_tests::Party;
use ilock_tests::backend::{Armed, Backend, Ground};
use ilock_tests::engine::{Engine, unique};
use ilock_tests::localstack;
use ilock_tests::parties::call_id;
use serde_json::{Value, json};

struct House {
    engine: Engine,
    backend: Backend,
    client: aws_sdk_sns::Client,
    sns: Arc<Sns>,
}

impl House {
    async fn new() -> Self {
        let engine = localstack::engine();
        let client = localstack::sns();
        let mut apps = PushApps { arns: BTreeMap::new(), bundle_id: Some("com.mop.app".into()) };
        for service in PushService::ALL {
            let create = client.create_platform_application().name(unique("app")).platform(service.word());
            let create =
                create.attributes("PlatformCredential", "credential").attributes("PlatformPrincipal", "principal");
            apps.arns.insert(service, create.send().await.unwrap().platform_application_arn.unwrap());
        }
        let sns = Arc::new(Sns::new(client.clone(), apps));
        let backend = Backend::on(Ground {
            dynamodb: engine.client.clone(),
            events: engine.table(ilock_log::TABLE).await,
            directory: engine.table(ilock_directory::TABLE).await,
            timer: Arc::new(Armed::default()),
            push: Some(sns.clone()),
            fast_path: true,
            clock: Clock::system(),
        })
        .await;
        Self { engine, backend, client, sns }
    }

    /// What was published to `endpoint`.
    async fn published(&self, endpoint: &str) -> Vec<Value> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("endpointArn", endpoint).append_pair("region", "eu-central-1").finish();
        let url = format!("{}/_aws/sns/platform-endpoint-messages?{query}", localstack::endpoint());
        let all: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        all["platform_endpoint_messages"][endpoint].as_array().cloned().unwrap_or_default()
    }

    /// The same, once there are `count`: on a busy machine the projector may have to help.
    async fn published_to(&self, endpoint: &str, count: usize, call: &str) -> Vec<Value> {
        for _ in 0..20 {
            let published = self.published(endpoint).await;
            if published.len() >= count {
                return published;
            }
            let call = ilock_events::CallId::new(call).unwrap();
            let history = self.backend.app.log.load(&call).await.unwrap();
            let _ = self.backend.projector.project(history.commits).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{count} messages never came to {endpoint}");
    }

    async fn endpoint_of(&self, user: &Party, client: &str) -> (Option<String>, Option<String>) {
        let party = ilock_events::Party {
            kind: ilock_events::PartyKind::User,
            id: ilock_events::PartyId::new(&user.id).unwrap(),
        };
        let client = ilock_events::ClientId::new(client).unwrap();
        let client = self.backend.app.directory.client(&party, &client).await.unwrap().unwrap();
        let working = |endpoint: Option<ilock_directory::PushEndpoint>| {
            endpoint.filter(|endpoint| endpoint.retired.is_none()).map(|endpoint| endpoint.id)
        };
        (working(client.main), working(client.voip))
    }

    async fn end(self) {
        self.engine.end().await;
    }
}

/// What SNS picked for the endpoint's service: had it found nothing under that name, it would be the empty default.
fn payload(message: &Value) -> Value {
    assert_eq!(message["MessageStructure"], "json");
    // LocalStack writes what it picked as JSON once more.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_published_to_android_voip_and_alert_with_the_right_payloads_and_attributes() {
    let house = House::new().await;
    let (door, anna) = (house.backend.door("device123"), house.backend.user("anna"));
    let register = async |client: &str, body: Value| {
        let mut body = body;
        body["client_id"] = json!(client);
        anna.posts("/api/v1/devices/register", body).await.well();
    };
    register("anna_pixel", json!({ "platform": "android", "fcm_token": unique("token") })).await;
    let voip = hex::encode(unique("voip"));
    register("anna_iphone", json!({ "platform": "ios", "voip_token": voip })).await;
    register("anna_ipad", json!({ "platform": "ios", "push_token": hex::encode(unique("alert")) })).await;
    let call = call_id(&door.rings("anna", 60).await);

    let pixel = house.endpoint_of(&anna, "anna_pixel").await.0.unwrap();
    let sent = house.published_to(&pixel, 1, &call).await;
    let message = payload(&sent[0]);
    assert_valid("push.android.video_call", &message);
    assert_eq!(message["fcmV1Message"]["message"]["data"]["call_id"], json!(call));
    assert_eq!(message["fcmV1Message"]["message"]["android"]["priority"], "high");

    for (client, is_voip, service, kind, topic) in [
        ("anna_iphone", true, "APNS_VOIP", "voip", "com.mop.app.voip"),
        ("anna_ipad", false, "APNS", "alert", "com.mop.app"),
    ] {
        let (main, voip) = house.endpoint_of(&anna, client).await;
        let endpoint = if is_voip { voip } else { main }.unwrap();
        let sent = house.published_to(&endpoint, 1, &call).await;
        let message = payload(&sent[0]);
        assert_valid("push.ios.video_call", &message);
        assert_eq!(message["call_id"], json!(call));
        let of = |name: &str| attribute(&sent[0], &format!("AWS.SNS.MOBILE.{name}"));
        assert_eq!(of("APNS.PUSH_TYPE").as_deref(), Some(kind));
        assert_eq!(of("APNS.PRIORITY").as_deref(), Some("10"));
        assert_eq!(of("APNS.TOPIC").as_deref(), Some(topic));
        let ttl: u32 = of(&format!("{service}.TTL")).unwrap().parse().unwrap();
        assert!((1..60).contains(&ttl), "{ttl}");
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_endpoint_is_retired_and_registering_enables_it_again() {
    let house = House::new().await;
    let (door, anna) = (house.backend.door("device123"), house.backend.user("anna"));
    let body = json!({ "platform": "android", "push_token": unique("token"), "client_id": "anna_pixel" });
    anna.posts("/api/v1/devices/register", body.clone()).await.well();
    let endpoint = house.endpoint_of(&anna, "anna_pixel").await.0.unwrap();
    let disable = house.client.set_endpoint_attributes().endpoint_arn(&endpoint);
    disable.attributes("Enabled", "false").send().await.unwrap();
    let call = call_id(&door.rings("anna", 60).await);
    let mut retired = false;
    for _ in 0..20 {
        let history = house.backend.app.log.load(&ilock_events::CallId::new(&call).unwrap()).await.unwrap();
        let _ = house.backend.projector.project(history.commits).await;
        retired = house.endpoint_of(&anna, "anna_pixel").await.0.is_none();
        if retired {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(retired, "the disabled endpoint was not retired");
    assert!(house.published(&endpoint).await.is_empty());

    anna.posts("/api/v1/devices/register", body).await.well();
    assert_eq!(house.endpoint_of(&anna, "anna_pixel").await.0.as_ref(), Some(&endpoint), "the same, enabled again");
    let call = call_id(&door.rings("anna", 60).await);
    house.published_to(&endpoint, 1, &call).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_exists_with_other_attributes_is_found_and_enabled() {
    let house = House::new().await;
    let token = unique("token");
    let first = house.sns.register(PushService::Gcm, token.clone()).await.unwrap().unwrap();
    let change = house.client.set_endpoint_attributes().endpoint_arn(&first).attributes("Enabled", "false");
    change.attributes("CustomUserData", "somebody else's").send().await.unwrap();
    let again = house.sns.register(PushService::Gcm, token).await.unwrap().unwrap();
    assert_eq!(first, again);
    let read = house.client.get_endpoint_attributes().endpoint_arn(&first).send().await.unwrap();
    assert_eq!(read.attributes.unwrap()["Enabled"], "true");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_retired() {
    let house = House::new().await;
    let endpoint = house.sns.register(PushService::Gcm, unique("token")).await.unwrap().unwrap();
    house.client.delete_endpoint().endpoint_arn(&endpoint).send().await.unwrap();
    let payload = json!({ "fcmV1Message": { "message": {} } }).to_string();
    let parcel = Parcel { endpoint, service: PushService::Gcm, payload, apns: None, ttl_seconds: 1 };
    let said = house.sns.send(parcel).await;
    assert!(matches!(said, Err(PushError::Retired(_))), "{said:?}");
    house.end().await;
}
