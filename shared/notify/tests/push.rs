//! What phones are woken with: the contract's samples, the limits of the push services, and the time that is left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_call::{Call, Placed};
use ilock_env::Clock;
use ilock_events::schema::schemas;
use ilock_events::{
    Actor, Address, Callee, CallerInfo, Carrier, ClientName, Commit, DeliveryPath, Language, Millis, PartyAddress,
    PartyId, Personal, PersonalText, PushService, Receipt, RoomId, TrtcUser,
};
use ilock_notify::push::{
    APNS_LIMIT, Endpoint, FCM_LIMIT, NO_PHONE, Phone, Phones, Push, PushCarrier, PushError, PushRequest, PushSender,
    VOIP_LIMIT, in_order,
};
use ilock_notify::{
    CarrierError, Channel, Delivered, Delivery, MessageCredentials, Mqtt, NO_LONGER_RANG, Notice, Publish, Round,
    StillRinging, notices, settled,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

fn sample(name: &str) -> Value {
    let path = format!("{}/../../events/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

fn call(kinds: &[&str]) -> (Placed, Commit) {
    let commits: Vec<Commit> =
        kinds.iter().map(|kind| serde_json::from_value(sample(&format!("stored.commit.{kind}"))).unwrap()).collect();
    let mut call = Call::new(commits[0].call_id.clone());
    for commit in &commits {
        call.fold(commit).unwrap();
    }
    (call.placed.unwrap(), commits.last().unwrap().clone())
}

fn words() -> PersonalText {
    serde_json::from_value::<Personal>(sample("stored.personal.place")).unwrap().text
}

fn pushed(kinds: &[&str], text: &PersonalText) -> (Notice, Push) {
    let (placed, last) = call(kinds);
    let all = notices(&last, &placed, Some(text)).unwrap();
    let found = all.into_iter().find_map(|notice| match &notice.channel {
        Channel::Push(push) => Some((notice.clone(), (**push).clone())),
        Channel::Mqtt { .. } => None,
    });
    found.expect("a push")
}

fn endpoint(service: PushService) -> Endpoint {
    Endpoint { id: format!("{}-endpoint", service.word()), service, since: Millis(0) }
}

fn phone(name: &str, main: Option<PushService>, voip: Option<PushService>) -> Phone {
    Phone {
        client_id: ClientName::new(format!("user456_{name}")).unwrap(),
        main: main.map(endpoint),
        voip: voip.map(endpoint),
        language: Language::Zh,
        active: false,
        priority: 0,
        heard_of: Millis(0),
    }
}

fn schema_of(form: &str) -> jsonschema::Validator {
    let (_, schema) = schemas().into_iter().find(|(name, _)| name == form).expect("a schema");
    jsonschema::draft202012::new(&schema.to_value()).unwrap()
}

#[test]
fn every_sample_of_a_push_is_what_the_code_makes() {
    use PushService::{Apns, ApnsVoip, Gcm};
    let (zh, en) = (Language::Zh, Language::En);
    let text = words();
    let place: &[&str] = &["place"];
    let accept: &[&str] = &["place", "alert", "accept"];
    for (name, kinds, service, language, at, header) in [
        ("android.video_call", place, Gcm, zh, 1_679_886_453_000, None),
        ("ios.video_call.voip", place, ApnsVoip, zh, 1_679_886_453_000, Some(("voip", 10))),
        ("ios.video_call.alert", place, Apns, en, 1_679_886_453_000, Some(("alert", 10))),
        ("android.call_ended.accepted", accept, Gcm, zh, 1_679_886_500_000, None),
        ("ios.call_ended.accepted", accept, Apns, zh, 1_679_886_500_000, Some(("background", 5))),
        ("android.call_ended.cancelled", &["place", "cancel"], Gcm, zh, 1_679_886_462_000, None),
        ("ios.call_ended.cancelled", &["place", "cancel"], Apns, zh, 1_679_886_462_000, Some(("alert", 5))),
        ("android.missed_call", &["place", "expire"], Gcm, zh, 1_679_886_512_012, None),
        ("ios.missed_call", &["place", "expire"], Apns, zh, 1_679_886_512_012, Some(("alert", 5))),
    ] {
        let (_, push) = pushed(kinds, &text);
        let request = push.request(&endpoint(service), language, Millis(at)).unwrap();
        let payload: Value = serde_json::from_str(&request.payload).unwrap();
        assert_eq!(payload, sample(&format!("push.{name}")), "{name}");
        assert_eq!(request.apns.map(|apns| (apns.push_type, apns.priority)), header, "{name}");
        assert!(!request.payload.contains("user_sig"), "{name}");
    }
}

#[test]
fn what_shows_no_call_never_goes_by_voip_and_who_answered_is_not_told() {
    use PushService::{Apns, ApnsVoip};
    let both = phone("ios_abcd1234", Some(Apns), Some(ApnsVoip));
    let voip_only = phone("ios_2", None, Some(ApnsVoip));
    let text = words();
    let (_, rings) = pushed(&["place"], &text);
    assert_eq!(rings.endpoints(&both), [both.voip.as_ref().unwrap(), both.main.as_ref().unwrap()]);
    for kinds in [&["place", "cancel"][..], &["place", "expire"]] {
        let (_, push) = pushed(kinds, &text);
        assert_eq!(push.endpoints(&both), [both.main.as_ref().unwrap()]);
        assert!(push.endpoints(&voip_only).is_empty());
    }
    let (_, over) = pushed(&["place", "alert", "accept"], &text);
    assert!(over.endpoints(&both).is_empty(), "it answered");
    let other = phone("ios_3", Some(Apns), None);
    assert_eq!(over.endpoints(&other), [other.main.as_ref().unwrap()]);
}

#[test]
fn the_most_awake_is_woken_first() {
    let with = |name, active, priority| Phone { active, priority, ..phone(name, None, None) };
    let mut phones = [with("a", false, 9), with("b", true, 1), with("c", false, 3), with("d", true, 5)];
    in_order(&mut phones);
    assert_eq!(phones.map(|phone| phone.client_id.to_string()), ["user456_d", "user456_b", "user456_a", "user456_c"]);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        prop::collection::vec(
            prop::sample::select(vec!['👩', '\u{200d}', '门', 'a', '"', '\\', '\n', '\u{1}']),
            0..2000
        )
        .prop_map(|chars| chars.into_iter().collect()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_the_texts_are_a_push_is_valid_within_its_limit_and_outlives_no_deadline(
        name in proptest::option::of(any_text()),
        invitation in prop::collection::btree_map("\\PC{0,10}", any_text(), 0..4),
        left in 1000_i64..120_000,
        english in any::<bool>(),
        nth in 0_usize..5,
    ) {
        let invitation: Map<String, Value> = invitation.into_iter().map(|(key, text)| (key, json!({ "deep": [text] }))).collect();
        let info = CallerInfo { name: name.clone(), ..CallerInfo::default() };
        let text = PersonalText { caller_info: Some(info), invitation_data: Some(invitation.clone()), reason: None };
        let service = PushService::ALL[nth];
        let (limit, form) = match service {
            PushService::Gcm => (FCM_LIMIT, "push.android"),
            voip if voip.is_voip() => (VOIP_LIMIT, "push.ios"),
            _ => (APNS_LIMIT, "push.ios"),
        };
        let language = if english { Language::En } else { Language::Zh };
        for (kinds, kind) in [(&["place"][..], "video_call"), (&["place", "expire"], "missed_call")] {
            let (_, push) = pushed(kinds, &text);
            let now = push.kept_until.plus(-left);
            let request = push.request(&endpoint(service), language, now).unwrap();
            prop_assert!(request.payload.len() <= limit, "{} bytes", request.payload.len());
            prop_assert!(request.ttl_seconds >= 1);
            prop_assert!(now.plus(i64::from(request.ttl_seconds) * 1000) <= push.kept_until);
            let payload: Value = serde_json::from_str(&request.payload).unwrap();
            let valid = schema_of(&format!("{form}.{kind}"));
            prop_assert!(valid.is_valid(&payload), "{payload}");
            let data = if service == PushService::Gcm { &payload["fcmV1Message"]["message"]["data"] } else { &payload };
            let shown = data["caller_name"].as_str().unwrap();
            if let Some(name) = &name && !shown.ends_with('…') && shown != "device123" {
                let plain: String = name.chars().filter(|c| !c.is_control()).collect();
                prop_assert_eq!(shown, plain.trim());
            }
            if kind == "video_call" {
                let sent: Value = serde_json::from_str(data["invitation_data"].as_str().unwrap()).unwrap();
                let whole = data.get("truncated").is_none();
                prop_assert_eq!(sent, if whole { Value::Object(invitation.clone()) } else { json!({}) });
            }
        }
    }
}

/// A push service that answers as told, and a clock that goes on with every try.
struct Service {
    answers: Mutex<Vec<Result<(), PushError>>>,
    sent: Mutex<Vec<(Millis, PushRequest)>>,
    now: Arc<AtomicI64>,
    each_try_ms: i64,
    phones: Vec<Phone>,
    /// After so many looks the call does not ring any more.
    looks_left: AtomicI64,
    /// The call as a look finds it; none where it goes on as it was.
    looked_at: Option<Placed>,
    /// The services that take nothing just now.
    down: Vec<PushService>,
    /// The services that never answer.
    hangs: Vec<PushService>,
    /// When the broker was handed a message.
    published: Mutex<Vec<Instant>>,
    broker_is_down: bool,
    /// How many pushes may be on their way at once.
    permits: usize,
}

impl Service {
    fn new(now: Millis, each_try_ms: i64, phones: Vec<Phone>, answers: Vec<Result<(), PushError>>) -> Self {
        Self {
            answers: Mutex::new(answers),
            sent: Mutex::default(),
            now: Arc::new(AtomicI64::new(now.0)),
            each_try_ms,
            phones,
            looks_left: AtomicI64::new(i64::MAX),
            looked_at: None,
            down: vec![],
            hangs: vec![],
            published: Mutex::default(),
            broker_is_down: false,
            permits: 8,
        }
    }

    /// The endpoints that a push was sent to, in order.
    fn endpoints(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(_, request)| request.endpoint.clone()).collect()
    }

    fn now(&self) -> Millis {
        Millis(self.now.load(Ordering::SeqCst))
    }
}

impl PushCarrier for Service {
    fn register(&self, _: PushService, token: String) -> BoxFuture<'_, Result<Option<String>, PushError>> {
        Box::pin(async move { Ok(Some(token)) })
    }

    fn send(&self, request: PushRequest) -> BoxFuture<'_, Result<Option<String>, PushError>> {
        Box::pin(async move {
            let service = request.service;
            self.sent.lock().unwrap().push((self.now(), request));
            self.now.fetch_add(self.each_try_ms, Ordering::SeqCst);
            if self.hangs.contains(&service) {
                std::future::pending::<()>().await;
            }
            if self.down.contains(&service) {
                return Err(PushError::Unavailable("503".into()));
            }
            let mut answers = self.answers.lock().unwrap();
            let answer = if answers.is_empty() { Ok(()) } else { answers.remove(0) };
            answer.map(|()| Some("id".into()))
        })
    }
}

impl Phones for Service {
    fn of<'a>(&'a self, person: &'a PartyAddress) -> BoxFuture<'a, Result<Vec<Phone>, CarrierError>> {
        let theirs = |phone: &&Phone| phone.client_id.owner().is_some_and(|(_, owner)| owner == *person);
        Box::pin(async move { Ok(self.phones.iter().filter(theirs).cloned().collect()) })
    }
}

impl StillRinging for Service {
    fn still_rings<'a>(&'a self, callee: &'a PartyId, phone: &'a ClientName) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let rings = self.looks_left.fetch_sub(1, Ordering::SeqCst) > 0;
            rings && self.looked_at.as_ref().is_none_or(|call| call.rings_on(callee, phone))
        })
    }
}

impl Mqtt for Service {
    fn publish(&self, _: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async {
            if self.broker_is_down {
                return Err(CarrierError { carrier: Carrier::Mqtt, why: "down".into() });
            }
            self.published.lock().unwrap().push(Instant::now());
            Ok(None)
        })
    }

    fn end_session(&self, _: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }
}

impl MessageCredentials for Service {
    fn sdk_app_id(&self) -> u32 {
        1
    }

    fn user_sig_in_message(&self, _: &Address, _: &TrtcUser) -> Option<String> {
        None
    }

    fn private_map_key_in_message(&self, _: RoomId, _: &TrtcUser) -> Option<String> {
        None
    }
}

/// The projector's budget.
const SLOW: Duration = Duration::from_secs(5);
/// The fast path's.
const FAST: Duration = Duration::from_millis(200);

async fn round(service: &Service, kinds: &[&str], delivered: &Delivered) -> Round {
    round_within(SLOW, service, kinds, delivered, |_| {}).await
}

async fn round_within(
    budget: Duration,
    service: &Service,
    kinds: &[&str],
    delivered: &Delivered,
    published: impl FnOnce(bool) + Send,
) -> Round {
    let (placed, last) = call(kinds);
    let notices = notices(&last, &placed, Some(&words())).unwrap();
    let due = DueNow { notices: &notices, since: last.at, call: &placed };
    deliver_within(budget, service, due, delivered, published).await
}

/// What a round delivers of a call that stands as `call` has it.
struct DueNow<'a> {
    notices: &'a [Notice],
    since: Millis,
    call: &'a Placed,
}

async fn deliver_within(
    budget: Duration,
    service: &Service,
    DueNow { notices, since, call }: DueNow<'_>,
    delivered: &Delivered,
    published: impl FnOnce(bool) + Send,
) -> Round {
    let now = service.now.clone();
    let clock = Clock::new(move || Millis(now.load(Ordering::SeqCst)));
    let in_flight = Semaphore::new(service.permits);
    let delivery = Delivery {
        mqtt: service,
        credentials: service,
        push: Some(PushSender { carrier: service, phones: service, in_flight: &in_flight }),
        clock: &clock,
        since,
        call,
        still_ringing: service,
        budget,
        push_budget: budget,
    };
    delivery.deliver(notices, delivered, published).await
}

fn receipt(round: Round) -> Receipt {
    Receipt {
        n: ilock_events::CommitNo(1),
        path: DeliveryPath::Fast,
        at: Millis(0),
        notices: round.settled,
        phones: round.phones,
    }
}

const PLACED: Millis = Millis(1_679_886_450_000);
const PUSH: u32 = 2;
const VOIP: &str = "APNS_VOIP-endpoint";
const ALERT: &str = "APNS-endpoint";

#[tokio::test(start_paused = true)]
async fn a_disabled_endpoint_is_retired_and_the_other_phones_ring() {
    let phones = vec![phone("a", Some(PushService::Gcm), None), phone("b", Some(PushService::Gcm), None)];
    let service = Service::new(PLACED, 0, phones, vec![Err(PushError::Retired("EndpointDisabled".into()))]);
    let round = round(&service, &["place"], &Delivered::default()).await;
    assert!(round.failed.is_empty());
    assert_eq!(round.retired.len(), 1);
    let errors: Vec<_> = round.phones.values().filter_map(|handed| handed.error.as_deref()).collect();
    assert_eq!((errors, round.phones.len()), (vec!["EndpointDisabled"], 2));
    assert_eq!(round.settled[&PUSH].error, None, "one was reached");
}

#[tokio::test(start_paused = true)]
async fn an_iphone_whose_voip_endpoint_does_not_work_gets_its_alert_in_the_same_round() {
    for (broken, retired) in [
        (PushError::Retired("EndpointDisabled".into()), 1),
        (PushError::Refused("PlatformApplicationDisabled".into()), 0),
    ] {
        let phones = vec![phone("ios", Some(PushService::Apns), Some(PushService::ApnsVoip))];
        let service = Service::new(PLACED, 0, phones, vec![Err(broken)]);
        let round = round(&service, &["place"], &Delivered::default()).await;
        assert_eq!(service.endpoints(), [VOIP, ALERT]);
        assert!(round.failed.is_empty());
        assert_eq!(round.retired.len(), retired);
        let handed = round.phones.values().next().unwrap();
        assert_eq!((handed.target.as_str(), handed.error.as_deref()), ("APNS", None));
        assert_eq!(round.settled[&PUSH].error, None, "it was reached");
    }
}

#[tokio::test(start_paused = true)]
async fn an_iphone_of_which_neither_endpoint_works_is_told_of_both() {
    let phones = vec![phone("ios", Some(PushService::Apns), Some(PushService::ApnsVoip))];
    let answers = vec![Err(PushError::Retired("EndpointDisabled".into())), Err(PushError::Refused("no".into()))];
    let service = Service::new(PLACED, 0, phones, answers);
    let round = round(&service, &["place"], &Delivered::default()).await;
    let error = round.phones.values().next().unwrap().error.clone().unwrap();
    assert!(error.starts_with("EndpointDisabled; ") && error.ends_with("no"), "{error}");
    assert_eq!(round.settled[&PUSH].error.as_deref(), Some("no phone was reached"));
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_has_its_receipt_is_not_woken_again_and_the_rest_is() {
    let phones = vec![phone("a", Some(PushService::Gcm), None), phone("b", Some(PushService::Gcm), None)];
    let down = || Err(PushError::Unavailable("down".into()));
    let service = Service::new(PLACED, 0, phones, vec![Ok(())]);
    *service.answers.lock().unwrap() = std::iter::once(Ok(())).chain(std::iter::repeat_with(down).take(50)).collect();
    let first = round(&service, &["place"], &Delivered::default()).await;
    assert_eq!((first.phones.len(), first.failed.len()), (1, 1));
    assert!(!first.settled.contains_key(&PUSH), "not yet: one phone is open");
    let delivered = settled([&receipt(first)]);
    service.answers.lock().unwrap().clear();
    let before = service.sent.lock().unwrap().len();
    let second = round(&service, &["place"], &delivered).await;
    assert_eq!(second.phones.len(), 1);
    assert!(second.failed.is_empty() && second.settled.contains_key(&PUSH));
    assert_eq!(service.sent.lock().unwrap().len(), before + 1);
    assert_eq!(second.settled.len(), 1, "what MQTT had is not told again");
}

#[tokio::test(start_paused = true)]
async fn a_push_that_is_tried_again_does_not_ring_for_a_call_that_is_over_meanwhile() {
    let phones = vec![phone("a", Some(PushService::Gcm), None), phone("ios", None, Some(PushService::ApnsVoip))];
    let down = || Err(PushError::Unavailable("down".into()));
    let service = Service::new(PLACED, 0, phones.clone(), std::iter::repeat_with(down).take(10).collect());
    service.looks_left.store(1, Ordering::SeqCst);
    let ended = round(&service, &["place"], &Delivered::default()).await;
    assert!(ended.failed.is_empty(), "{:?}", ended.failed);
    let errors: Vec<_> = ended.phones.values().filter_map(|handed| handed.error.as_deref()).collect();
    assert_eq!(errors, [NO_LONGER_RANG; 2]);
    assert_eq!(ended.settled[&PUSH].error.as_deref(), Some("no phone was reached"));
    // One that says that it is over is tried on.
    let service = Service::new(PLACED.plus(5_000), 0, phones, std::iter::repeat_with(down).take(4).collect());
    service.looks_left.store(0, Ordering::SeqCst);
    let over = round(&service, &["place", "cancel"], &Delivered::default()).await;
    assert!(over.failed.is_empty() && over.phones.values().all(|handed| handed.error.is_none()), "{over:?}");
    assert_eq!(service.looks_left.load(Ordering::SeqCst), 0, "nobody looked");
}

/// The sample's call, to one person more; and a phone of each: the sample's callee has an Android, the other an iPhone.
fn household() -> (Placed, Commit, Vec<Phone>) {
    let (mut placed, last) = call(&["place"]);
    let client_id = ClientName::new("user789_b").unwrap();
    let other = Callee {
        id: PartyId::new("user789").unwrap(),
        clients: vec![client_id.clone()],
        primary: None,
        reachable: true,
        busy: None,
    };
    placed.terms.callees.push(other);
    let other = Phone { client_id, ..phone("b", Some(PushService::Apns), None) };
    (placed, last, vec![phone("a", Some(PushService::Gcm), None), other])
}

/// The call after the sample's callee has rejected it.
fn rejected(mut placed: Placed) -> Placed {
    let id = PartyId::new("user456").unwrap();
    placed.rejected.insert(id.clone(), Some(Actor::User { id, client: None }));
    placed
}

fn errors(round: &Round) -> Vec<Option<&str>> {
    round.phones.values().map(|handed| handed.error.as_deref()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_push_that_is_tried_again_does_not_ring_a_person_who_has_rejected_meanwhile_and_rings_the_others() {
    let (placed, last, phones) = household();
    let notices = notices(&last, &placed, Some(&words())).unwrap();
    let down = || Err(PushError::Unavailable("503".into()));
    let looked_at = Some(rejected(placed.clone()));
    let answers = vec![down(), Ok(()), down(), down()];
    let service = Service { looked_at, ..Service::new(PLACED, 0, phones, answers) };
    let due = DueNow { notices: &notices, since: last.at, call: &placed };
    let told = deliver_within(SLOW, &service, due, &Delivered::default(), |_| {}).await;
    assert_eq!(service.endpoints(), ["GCM-endpoint", ALERT, "GCM-endpoint", "GCM-endpoint"], "and no fourth time");
    assert_eq!(errors(&told), [Some(NO_LONGER_RANG), None]);
    assert!(told.failed.is_empty(), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_has_rejected_before_a_round_is_not_rung_by_it_and_neither_is_a_phone_that_has_declined() {
    let (placed, last, phones) = household();
    let notices = notices(&last, &placed, Some(&words())).unwrap();
    let service = Service::new(PLACED, 0, phones.clone(), vec![]);
    let after = rejected(placed.clone());
    let due = DueNow { notices: &notices, since: last.at, call: &after };
    let told = deliver_within(SLOW, &service, due, &Delivered::default(), |_| {}).await;
    assert_eq!(service.endpoints(), [ALERT]);
    let handed: Vec<_> = told.settled.values().map(|handed| handed.error.as_deref()).collect();
    // An incoming call for each, `ringing` for the caller, a push for each.
    assert_eq!(handed, [Some(NO_LONGER_RANG), None, None, Some(NO_LONGER_RANG), None]);
    assert_eq!(service.published.lock().unwrap().len(), 2);

    let second = phone("second", Some(PushService::Gcm), None);
    let service = Service::new(PLACED, 0, phones.into_iter().chain([second]).collect(), vec![]);
    let mut after = placed.clone();
    after.declined.insert(ClientName::new("user456_a").unwrap());
    let due = DueNow { notices: &notices, since: last.at, call: &after };
    let told = deliver_within(SLOW, &service, due, &Delivered::default(), |_| {}).await;
    assert_eq!(errors(&told), [Some(NO_LONGER_RANG), None, None], "the one that declined, and the two others");
    assert!(told.settled.values().all(|handed| handed.error.is_none()), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_a_longer_wait_than_the_call_rings_holds_nobody_up() {
    let phones = vec![phone("ios", Some(PushService::Apns), Some(PushService::ApnsVoip))];
    let later = |seconds| Err(PushError::Later { why: "429".into(), wait: Duration::from_secs(seconds) });
    let service = Service::new(PLACED, 0, phones.clone(), vec![later(60)]);
    let started = tokio::time::Instant::now();
    let given_up = round(&service, &["place"], &Delivered::default()).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
    let handed = given_up.phones.values().next().unwrap();
    assert_eq!((handed.target.as_str(), handed.error.as_deref()), ("APNS", None), "it gets its alert");
    let service = Service::new(PLACED, 0, phones.clone(), vec![later(60), later(60)]);
    let given_up = round(&service, &["place"], &Delivered::default()).await;
    assert!(given_up.failed.is_empty());
    let error = given_up.phones.values().next().unwrap().error.clone().unwrap();
    assert_eq!(error, "held back for 60 s: 429; held back for 60 s: 429");
    // A wait that the round has time for is waited, unless there is an alert.
    for (phone, waits, target) in [
        (phone("voip", None, Some(PushService::ApnsVoip)), Duration::from_secs(2), "APNS_VOIP"),
        (phones[0].clone(), Duration::ZERO, "APNS"),
    ] {
        let service = Service::new(PLACED, 0, vec![phone], vec![later(2)]);
        let started = Instant::now();
        let waited = round(&service, &["place"], &Delivered::default()).await;
        assert_eq!((started.elapsed(), waited.failed.len()), (waits, 0), "{target}");
        let handed = waited.phones.values().next().unwrap();
        assert_eq!((handed.target.as_str(), handed.error.as_deref()), (target, None));
    }
}

fn iphone() -> Vec<Phone> {
    vec![phone("ios", Some(PushService::Apns), Some(PushService::ApnsVoip))]
}

#[tokio::test(start_paused = true)]
async fn an_iphone_whose_voip_service_is_down_gets_its_alert_in_the_same_round_and_one_receipt() {
    for budget in [FAST, SLOW] {
        let service = Service { down: vec![PushService::ApnsVoip], ..Service::new(PLACED, 0, iphone(), vec![]) };
        let started = Instant::now();
        let told = round_within(budget, &service, &["place"], &Delivered::default(), |_| {}).await;
        assert_eq!(started.elapsed(), Duration::from_millis(50));
        assert_eq!(service.endpoints(), [VOIP, VOIP, ALERT]);
        assert!(told.failed.is_empty() && told.retired.is_empty(), "{told:?}");
        let handed = told.phones.values().next().unwrap();
        assert_eq!((handed.target.as_str(), handed.error.as_deref()), ("APNS", None));
        assert_eq!((told.phones.len(), &told.settled[&PUSH].error), (1, &None));
        // It has its receipt: neither endpoint is tried again.
        let again = round(&service, &["place"], &settled([&receipt(told)])).await;
        assert_eq!((again, service.endpoints().len()), (Round::default(), 3));
    }
}

#[tokio::test(start_paused = true)]
async fn an_iphone_whose_voip_service_does_not_answer_gets_its_alert_in_the_same_round() {
    let service = Service { hangs: vec![PushService::ApnsVoip], ..Service::new(PLACED, 0, iphone(), vec![]) };
    // The fast path has no time to tell what hangs from what is slow: a phone that has the call by VoIP gets no alert.
    let fast = round_within(FAST, &service, &["place"], &Delivered::default(), |_| {}).await;
    assert_eq!((fast.phones.len(), fast.failed.len(), service.endpoints()), (0, 1, vec![VOIP.to_owned()]));
    let started = Instant::now();
    let delivered = settled([&receipt(fast)]);
    let slow = round(&service, &["place"], &delivered).await;
    assert_eq!(started.elapsed(), Duration::from_millis(700));
    assert_eq!(service.endpoints(), [VOIP, VOIP, ALERT]);
    let handed = slow.phones.values().next().unwrap();
    assert_eq!((handed.target.as_str(), handed.error.as_deref()), ("APNS", None));
    assert!(slow.failed.is_empty() && slow.settled[&PUSH].error.is_none(), "{slow:?}");
}

#[tokio::test(start_paused = true)]
async fn while_the_voip_service_does_not_answer_a_call_that_is_over_shows_no_alert() {
    let service = Service { hangs: vec![PushService::ApnsVoip], ..Service::new(PLACED, 0, iphone(), vec![]) };
    service.looks_left.store(0, Ordering::SeqCst);
    let over = round(&service, &["place"], &Delivered::default()).await;
    assert_eq!(service.endpoints(), [VOIP]);
    let handed = over.phones.values().next().unwrap();
    assert_eq!((handed.error.as_deref(), over.failed.len()), (Some(NO_LONGER_RANG), 0));
}

#[tokio::test(start_paused = true)]
async fn an_iphone_of_which_neither_service_takes_anything_stays_open_and_costs_the_budget_and_no_more() {
    let both = vec![PushService::Apns, PushService::ApnsVoip];
    for budget in [FAST, SLOW] {
        for (down, hangs) in [(both.clone(), vec![]), (vec![], both.clone())] {
            let what = format!("{budget:?}, down: {down:?}");
            let service = Service { down, hangs, ..Service::new(PLACED, 0, iphone(), vec![]) };
            let started = Instant::now();
            let open = round_within(budget, &service, &["place"], &Delivered::default(), |_| {}).await;
            assert!(started.elapsed() <= budget, "{what}: {:?}", started.elapsed());
            assert!(open.phones.is_empty() && open.failed.contains_key(&PUSH), "{what}: {open:?}");
            assert!(!open.settled.contains_key(&PUSH), "{what}: the next round tries again");
        }
    }
    // What does not work any more is retired, and what may work later is tried again.
    let broken = vec![Err(PushError::Unavailable("503".into())), Err(PushError::Unavailable("503".into()))];
    let disabled = Err(PushError::Retired("EndpointDisabled".into()));
    let service = Service::new(PLACED, 0, iphone(), broken.into_iter().chain([disabled]).collect());
    let open = round(&service, &["place"], &Delivered::default()).await;
    assert_eq!((open.phones.len(), open.retired.len()), (0, 1));
    assert_eq!(open.failed[&PUSH].why, "unavailable: 503; EndpointDisabled");
}

#[tokio::test(start_paused = true)]
async fn what_goes_by_mqtt_is_through_before_a_push_is_and_says_whether_everything_went() {
    let both = vec![PushService::Apns, PushService::ApnsVoip];
    for broker_is_down in [false, true] {
        let service = Service { hangs: both.clone(), broker_is_down, ..Service::new(PLACED, 0, iphone(), vec![]) };
        let (started, told) = (Instant::now(), Mutex::new(None));
        let published = |all: bool| *told.lock().unwrap() = Some((all, started.elapsed()));
        let open = round_within(SLOW, &service, &["place"], &Delivered::default(), published).await;
        assert_eq!(started.elapsed(), SLOW, "the pushes hang");
        assert_eq!(*told.lock().unwrap(), Some((!broker_is_down, Duration::ZERO)));
        let at_once = service.published.lock().unwrap().iter().filter(|at| **at == started).count();
        assert_eq!((at_once, open.failed.len()), if broker_is_down { (0, 3) } else { (2, 1) });
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_tries_are_on_their_way_than_there_are_permits_and_a_pause_between_two_holds_none() {
    let phones: Vec<Phone> = (0..5).map(|n| phone(&format!("p{n}"), Some(PushService::Gcm), None)).collect();
    let service = Service { hangs: vec![PushService::Gcm], permits: 2, ..Service::new(PLACED, 0, phones, vec![]) };
    let hanging = round(&service, &["place"], &Delivered::default()).await;
    assert_eq!((service.endpoints().len(), hanging.failed.len()), (2, 1));

    // The one that works comes last.
    let down = (0..5).map(|n| Phone { active: true, ..phone(&format!("p{n}"), None, Some(PushService::ApnsVoip)) });
    let phones = down.chain([phone("works", Some(PushService::Gcm), None)]).collect();
    let service = Service { down: vec![PushService::ApnsVoip], permits: 1, ..Service::new(PLACED, 0, phones, vec![]) };
    let told = round(&service, &["place"], &Delivered::default()).await;
    assert_eq!((told.phones.len(), told.failed.len()), (1, 1));
    assert_eq!(service.endpoints()[5], "GCM-endpoint");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_has_a_phone_the_receipt_says_so() {
    let service = Service::new(PLACED, 0, vec![phone("a", None, None)], vec![]);
    let round = round(&service, &["place"], &Delivered::default()).await;
    assert_eq!(round.settled[&PUSH].error.as_deref(), Some(NO_PHONE));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn over_all_retries_and_clocks_no_push_outlives_its_deadline(
        start in 0_i64..70_000,
        each_try_ms in 0_i64..20_000,
        refusals in 0_usize..8,
    ) {
        let phones = (0..3).map(|n| phone(&format!("p{n}"), Some(PushService::Gcm), None)).collect();
        let answers = std::iter::repeat_with(|| Err(PushError::Unavailable("busy".into()))).take(refusals).collect();
        let service = Service::new(PLACED.plus(start), each_try_ms, phones, answers);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(round(&service, &["place"], &Delivered::default()));
        let deadline = call(&["place"]).0.terms.deadline;
        for (at, request) in service.sent.lock().unwrap().iter() {
            prop_assert!(request.ttl_seconds >= 1);
            prop_assert!(at.plus(i64::from(request.ttl_seconds) * 1000) <= deadline, "{at} + {} s", request.ttl_seconds);
            prop_assert_eq!(i64::from(request.ttl_seconds), deadline.since(*at) / 1000, "counted anew");
            let payload: Value = serde_json::from_str(&request.payload).unwrap();
            prop_assert_eq!(&payload["fcmV1Message"]["message"]["android"]["ttl"], &json!(format!("{}s", request.ttl_seconds)));
        }
    }
}
