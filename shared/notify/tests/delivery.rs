//! Who is told what, read off the contract's own samples; and what a round of delivery leaves behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use ilock_call::{Call, Placed, decide};
use ilock_env::Clock;
use ilock_events::{
    Act, Actor, Address, Busy, CallEvent, CallId, Callee, Carrier, ClientName, Command, Commit, ControlAction,
    DeliveryPath, Millis, Nonce, PartyId, PersonalText, Reason, Receipt, RoomId, TenantId, TrtcUser,
};
use ilock_notify::push::PushKind;
use ilock_notify::{
    CarrierError, Channel, Delivered, Delivery, Message, MessageCredentials, Mqtt, Notice, Publish, StillRinging,
    notices, settled,
};
use serde_json::Value;

fn sample(name: &str) -> Value {
    let path = format!("{}/../../events/samples/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

fn commit(kind: &str) -> Commit {
    serde_json::from_value(sample(&format!("stored.commit.{kind}"))).unwrap()
}

/// The call as of these commits.
fn call(kinds: &[&str]) -> (Placed, Commit) {
    let commits: Vec<Commit> = kinds.iter().map(|kind| commit(kind)).collect();
    let mut call = Call::new(commits[0].call_id.clone());
    for commit in &commits {
        call.fold(commit).unwrap();
    }
    (call.placed.unwrap(), commits.last().unwrap().clone())
}

fn told(kinds: &[&str], text: Option<&PersonalText>) -> Vec<Notice> {
    let (placed, last) = call(kinds);
    notices(&last, &placed, text).unwrap()
}

fn topics(notices: &[Notice]) -> Vec<(&str, String)> {
    let said = |message: &Message| match message {
        Message::Incoming { .. } => "incoming".to_owned(),
        Message::Control(control) => serde_json::to_value(control.action).unwrap().as_str().unwrap().to_owned(),
        Message::Sync(sync) => format!("sync {}", serde_json::to_value(sync.action).unwrap().as_str().unwrap()),
    };
    notices
        .iter()
        .map(|notice| match &notice.channel {
            Channel::Mqtt { topic, message } => (topic.as_str(), said(message)),
            Channel::Push(push) => match push.kind {
                PushKind::Rings { .. } => (PHONES, "rings".to_owned()),
                PushKind::Over { .. } => (PHONES, "over".to_owned()),
                PushKind::Missed => (PHONES, "missed".to_owned()),
            },
        })
        .collect()
}

/// What is told by MQTT.
fn by_mqtt(notices: Vec<Notice>) -> Vec<Notice> {
    notices.into_iter().filter(|notice| matches!(notice.channel, Channel::Mqtt { .. })).collect()
}

const DOOR: &str = "devices/device123/calls/control";
const INCOMING: &str = "users/user456/calls/incoming";
const CONTROL: &str = "users/user456/calls/control";
const SYNC: &str = "users/user456/devices/sync";
const PHONES: &str = "the phones";

#[test]
fn every_event_tells_whom_the_design_says() {
    let line = |topic, said: &str| (topic, said.to_owned());
    let rings = line(PHONES, "rings");
    assert_eq!(topics(&told(&["place"], None)), [line(INCOMING, "incoming"), line(DOOR, "ringing"), rings]);
    assert_eq!(topics(&told(&["place", "alert"], None)), [line(DOOR, "alerted")]);
    assert_eq!(topics(&told(&["place", "decline"], None)), [line(SYNC, "sync declined")]);
    let over = line(PHONES, "over");
    let accepted = told(&["place", "alert", "accept"], None);
    assert_eq!(topics(&accepted), [line(DOOR, "accepted"), line(SYNC, "sync accepted"), over.clone()]);
    let ended = told(&["place", "alert", "accept", "hang_up"], None);
    assert_eq!(topics(&ended), [line(CONTROL, "hangup")], "the door hung up");
    let limit = told(&["place", "alert", "accept", "end"], None);
    assert_eq!(topics(&limit), [line(DOOR, "hangup"), line(CONTROL, "hangup")]);
    let rejected = [line(SYNC, "sync rejected"), over.clone(), line(DOOR, "rejected")];
    assert_eq!(topics(&told(&["place", "reject"], None)), rejected);
    assert_eq!(topics(&told(&["place", "cancel"], None)), [line(CONTROL, "cancelled"), over.clone()]);
    let missed = [line(DOOR, "timeout"), line(CONTROL, "cancelled"), line(PHONES, "missed")];
    assert_eq!(topics(&told(&["place", "expire"], None)), missed);
    assert_eq!(topics(&told(&["place", "fail"], None)), [line(DOOR, "hangup"), line(CONTROL, "hangup"), over]);
}

#[test]
fn the_ringing_is_told_only_after_the_incoming_call() {
    let placed = told(&["place"], None);
    assert_eq!((&placed[0].after, &placed[1].after), (&vec![], &vec![0]));
}

#[test]
fn an_incoming_call_always_has_a_name_to_show() {
    let placed = told(&["place"], None);
    let Channel::Mqtt { message: Message::Incoming { incoming, .. }, .. } = &placed[0].channel else {
        panic!("no incoming call")
    };
    assert_eq!(incoming.caller_info.name.as_deref(), Some("device123"));
}

fn callee(id: &str, phones: &[&str]) -> Callee {
    let clients = phones.iter().map(|phone| ClientName::new(*phone).unwrap()).collect();
    Callee { id: PartyId::new(id).unwrap(), clients, primary: None, reachable: false, busy: None }
}

/// A household in which mum has two phones and dad one, and nothing reaches any of them.
fn household(asked: &[(Actor, Act)]) -> (Placed, Commit) {
    called(vec![callee("mum", &["mum_1", "mum_2"]), callee("dad", &["dad_1"])], asked)
}

/// A call to these people, after this was asked.
fn called(callees: Vec<Callee>, asked: &[(Actor, Act)]) -> (Placed, Commit) {
    let room_id = RoomId::new(7).unwrap();
    let place = Act::Place { callees, ring_seconds: 30, room_id, max_call_seconds: 60, personal: None };
    let door = Actor::User { id: PartyId::new("eva").unwrap(), client: Some(ClientName::new("eva_1").unwrap()) };
    let mut call = Call::new(CallId::new("call_eva_mum_1").unwrap());
    let mut commits: Vec<Commit> = vec![];
    for (n, (actor, act)) in std::iter::once(&(door, place)).chain(asked).enumerate() {
        let (id, at) = (format!("key{n}").parse().unwrap(), Millis(1000 * i64::try_from(n).unwrap()));
        let command = Command { id, nonce: Nonce::of([0; 8]), client_is: None, actor: actor.clone(), act: act.clone() };
        let events = decide(&call, &command, at).unwrap();
        let mut after = call.clone();
        let tenant = TenantId::new("default").unwrap();
        for event in &events {
            after.apply(event, &command, at, &tenant);
        }
        let (n, hash) = (call.next(), format!("{n}"));
        let commit = Commit {
            call_id: call.id.clone(),
            n,
            prev: commits.last().map(|commit| commit.hash.clone()).unwrap_or_default(),
            tenant,
            cmd: command.stored(),
            events: events.iter().map(CallEvent::stored).collect(),
            state: after.state().unwrap(),
            actor: actor.clone(),
            at,
            personal_until: None,
            hash,
        };
        call.fold(&commit).unwrap();
        commits.push(commit);
    }
    (call.placed.unwrap(), commits.pop().unwrap())
}

fn by(person: &str, phone: &str) -> Actor {
    Actor::User { id: PartyId::new(person).unwrap(), client: Some(ClientName::new(phone).unwrap()) }
}

fn said(asked: &[(Actor, Act)]) -> Vec<String> {
    let (placed, last) = household(asked);
    let mut said: Vec<String> = vec![];
    for notice in notices(&last, &placed, None).unwrap() {
        said.push(match &notice.channel {
            Channel::Mqtt { topic, message: Message::Incoming { .. } } => format!("{topic}: incoming"),
            Channel::Mqtt { topic, message: Message::Control(control) } => {
                format!("{topic}: {} ({})", control.action.word(), control.reason)
            }
            Channel::Mqtt { topic, message: Message::Sync(sync) } => {
                format!("{topic}: {} by {}", sync.action.word(), sync.device_id)
            }
            Channel::Push(push) => {
                let kind = match &push.kind {
                    PushKind::Rings { .. } => "rings",
                    PushKind::Over { missed: true, .. } => "over, missed",
                    PushKind::Over { .. } => "over",
                    PushKind::Missed => "missed",
                };
                let skip: Vec<&str> = push.skip.iter().map(ClientName::as_str).collect();
                format!("push {}: {kind}, not to [{}]", push.callee.address, skip.join(" "))
            }
        });
    }
    said
}

#[test]
fn of_a_household_everybody_rings_and_the_caller_hears_once_that_nobody_can_be_reached() {
    assert_eq!(
        said(&[]),
        [
            "users/mum/calls/incoming: incoming",
            "users/dad/calls/incoming: incoming",
            "users/eva/calls/control: ringing (ringing)",
            "users/eva/calls/control: unreachable (unreachable)",
            "push mum: rings, not to []",
            "push dad: rings, not to []",
        ]
    );
}

#[test]
fn who_answers_silences_all_the_others_and_nobody_who_has_rejected() {
    let reject = Act::Reject { reason: Reason::Busy, personal: None };
    let rejected = (by("dad", "dad_1"), reject);
    assert_eq!(
        said(std::slice::from_ref(&rejected)),
        ["users/dad/devices/sync: rejected by dad_1", "push dad: over, not to [dad_1]"]
    );
    let answered = said(&[rejected, (by("mum", "mum_2"), Act::Accept {})]);
    assert_eq!(
        answered,
        [
            "users/eva/calls/control: accepted (accepted)",
            "users/mum/devices/sync: accepted by mum_2",
            "push mum: over, not to [mum_2]",
        ]
    );
}

#[test]
fn whoever_has_declined_or_rejected_does_not_see_a_missed_call() {
    let declined = (by("mum", "mum_1"), Act::Decline {});
    let cancel = (by("eva", "eva_1"), Act::Cancel { personal: None });
    assert_eq!(
        said(&[declined, cancel]),
        [
            "users/eva/devices/sync: cancelled by eva_1",
            "users/mum/calls/control: cancelled (cancelled)",
            "push mum: over, missed, not to [mum_1]",
            "users/dad/calls/control: cancelled (cancelled)",
            "push dad: over, missed, not to []",
        ]
    );
}

#[test]
fn the_last_phone_that_declines_tells_the_caller() {
    let mum = [(by("mum", "mum_1"), Act::Decline {}), (by("mum", "mum_2"), Act::Decline {})];
    let all: Vec<(Actor, Act)> = mum.into_iter().chain([(by("dad", "dad_1"), Act::Decline {})]).collect();
    let told = said(&all);
    assert_eq!(
        told[..2],
        ["users/dad/devices/sync: declined by dad_1", "users/eva/calls/control: rejected (declined)"]
    );
}

#[test]
fn who_hangs_up_from_one_phone_tells_the_persons_others_and_nobody_else_of_the_household() {
    let answer = (by("mum", "mum_2"), Act::Accept {});
    let hang_up = |person, phone| (by(person, phone), Act::HangUp { personal: None });
    assert_eq!(
        said(&[answer.clone(), hang_up("mum", "mum_1")]),
        ["users/eva/calls/control: hangup (hangup)", "users/mum/devices/sync: hangup by mum_1"]
    );
    assert_eq!(
        said(&[answer, hang_up("eva", "eva_1")]),
        ["users/mum/calls/control: hangup (hangup)", "users/eva/devices/sync: hangup by eva_1"]
    );
}

/// What the caller is told when the call is placed: the action, the message's id, and how many other notices it waits for.
fn told_to_the_caller(callees: Vec<Callee>) -> Vec<(ControlAction, String, usize)> {
    let (placed, last) = called(callees, &[]);
    let to_caller = |notice: Notice| match notice.channel {
        Channel::Mqtt { message: Message::Control(control), .. } => {
            Some((control.action, control.message_id.to_string(), notice.after.len()))
        }
        _ => None,
    };
    notices(&last, &placed, None).unwrap().into_iter().filter_map(to_caller).collect()
}

#[test]
fn that_nobody_can_be_reached_is_told_behind_the_ringing_and_waits_for_the_same() {
    let told = told_to_the_caller(vec![callee("mum", &["mum_1"]), callee("dad", &["dad_1"])]);
    let id = |index| format!("call_eva_mum_1:1:{index}");
    assert_eq!(told, [(ControlAction::Ringing, id(2), 2), (ControlAction::Unreachable, id(3), 2)]);
}

#[test]
fn a_blocked_caller_is_told_under_the_same_ids_what_a_caller_of_somebody_out_of_reach_is() {
    let told = |callees: &[Callee]| {
        let told = told_to_the_caller(callees.to_vec());
        told.into_iter().map(|(action, id, _)| (action, id)).collect::<Vec<_>>()
    };
    let away = callee("mum", &["mum_1"]);
    let blocked = Callee { busy: Some(Busy::Blocked), ..away.clone() };
    assert_eq!(told(std::slice::from_ref(&blocked)), told(std::slice::from_ref(&away)));
    for reachable in [false, true] {
        let dad = Callee { reachable, ..callee("dad", &["dad_1"]) };
        for before in [false, true] {
            let with = |mum: &Callee| if before { [mum.clone(), dad.clone()] } else { [dad.clone(), mum.clone()] };
            assert_eq!(told(&with(&blocked)), told(&with(&away)), "reachable: {reachable}, before: {before}");
        }
    }
    let both = |mum: &Callee| [mum.clone(), Callee { id: PartyId::new("dad").unwrap(), ..mum.clone() }];
    assert_eq!(told(&both(&blocked)), told(&both(&away)));
}

struct Broker {
    /// Topics that fail, and how often still.
    failing: Mutex<BTreeMap<&'static str, usize>>,
    published: Mutex<Vec<Publish>>,
    slow: Duration,
}

impl Broker {
    fn failing(topics: &[(&'static str, usize)]) -> Self {
        Self {
            failing: Mutex::new(topics.iter().copied().collect()),
            published: Mutex::default(),
            slow: Duration::ZERO,
        }
    }

    fn published(&self) -> Vec<String> {
        self.published.lock().unwrap().iter().map(|message| message.topic.clone()).collect()
    }
}

impl Mqtt for Broker {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async move {
            tokio::time::sleep(self.slow).await;
            if let Some(left) = self.failing.lock().unwrap().get_mut(message.topic.as_str()).filter(|left| **left > 0) {
                *left -= 1;
                return Err(CarrierError { carrier: Carrier::Mqtt, why: "down".into() });
            }
            self.published.lock().unwrap().push(message);
            Ok(Some("id".into()))
        })
    }

    fn end_session(&self, _: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }
}

struct Rings;

impl StillRinging for Rings {
    fn still_rings<'a>(&'a self, _: &'a PartyId, _: &'a ClientName) -> BoxFuture<'a, bool> {
        Box::pin(async { true })
    }
}

struct NoCredentials;

impl MessageCredentials for NoCredentials {
    fn sdk_app_id(&self) -> u32 {
        1_400_000_001
    }

    fn user_sig_in_message(&self, _: &Address, _: &TrtcUser) -> Option<String> {
        None
    }

    fn private_map_key_in_message(&self, _: RoomId, _: &TrtcUser) -> Option<String> {
        None
    }
}

async fn round(
    broker: &Broker,
    notices: &[Notice],
    delivered: &Delivered,
    since: Millis,
    now: Millis,
) -> ilock_notify::Round {
    let (placed, _) = call(&["place"]);
    round_of(&placed, broker, notices, delivered, (since, now)).await
}

/// A round for a call that stands as `call` has it.
async fn round_of(
    call: &Placed,
    broker: &Broker,
    notices: &[Notice],
    delivered: &Delivered,
    (since, now): (Millis, Millis),
) -> ilock_notify::Round {
    let clock = Clock::fixed(now);
    let delivery = Delivery {
        mqtt: broker,
        credentials: &NoCredentials,
        push: None,
        clock: &clock,
        since,
        call,
        still_ringing: &Rings,
        budget: Duration::from_millis(200),
        push_budget: Duration::from_millis(200),
    };
    delivery.deliver(notices, delivered, |_| {}).await
}

#[tokio::test]
async fn whatever_is_told_of_a_call_that_rings_says_when_it_was_handed_over_and_how_long_it_still_rang() {
    let decline = (by("mum", "mum_1"), Act::Decline {});
    let reject = (by("dad", "dad_1"), Act::Reject { reason: Reason::Busy, personal: None });
    let alert = (by("mum", "mum_2"), Act::Alert {});
    let (mut topics, mut of_rejected) = (BTreeSet::new(), 0);
    for asked in [vec![], vec![alert], vec![decline.clone()], vec![decline, reject]] {
        let broker = Broker::failing(&[]);
        let (placed, last) = household(&asked);
        let notices = by_mqtt(notices(&last, &placed, None).unwrap());
        let now = last.at.plus(700);
        let told = round_of(&placed, &broker, &notices, &Delivered::default(), (last.at, now)).await;
        assert_eq!(told.settled.len(), notices.len());
        for message in broker.published.lock().unwrap().iter() {
            let body: Value = serde_json::from_slice(&message.payload).unwrap();
            assert_eq!(body["state"], "ringing", "{body}");
            let rejected = body["action"] == "rejected";
            let left = if rejected { 0 } else { placed.terms.deadline.since(now) };
            assert_eq!((body["sent_at"].as_i64(), body["remaining_ms"].as_i64()), (Some(now.0), Some(left)), "{body}");
            topics.insert(message.topic.rsplit('/').next().unwrap().to_owned());
            of_rejected += usize::from(rejected);
        }
    }
    assert_eq!(topics, BTreeSet::from(["control", "incoming", "sync"].map(str::to_owned)));
    assert_eq!(of_rejected, 1);
    // Once the call does not ring any more there is nothing to say of that.
    let broker = Broker::failing(&[]);
    let (placed, last) = household(&[(by("mum", "mum_2"), Act::Accept {})]);
    let notices = by_mqtt(notices(&last, &placed, None).unwrap());
    round_of(&placed, &broker, &notices, &Delivered::default(), (last.at, last.at)).await;
    for message in broker.published.lock().unwrap().iter() {
        let body: Value = serde_json::from_slice(&message.payload).unwrap();
        assert!(body.get("sent_at").is_none() && body.get("remaining_ms").is_none(), "{body}");
    }
}

#[tokio::test]
async fn a_message_lives_no_longer_than_its_ring() {
    let broker = Broker::failing(&[]);
    let (placed, last) = call(&["place"]);
    let notices = by_mqtt(notices(&last, &placed, None).unwrap());
    let now = placed.terms.deadline.plus(-1500);
    let round = round(&broker, &notices, &Delivered::default(), last.at, now).await;
    assert!(round.failed.is_empty() && round.settled.len() == 2);
    let published = broker.published.lock().unwrap();
    assert_eq!(published[0].expiry_seconds, 1);
    let body: Value = serde_json::from_slice(&published[0].payload).unwrap();
    assert_eq!(body["message_id"], published[0].message_id.as_str());
    assert_eq!(round.settled[&0].ms, now.since(last.at));
}

#[tokio::test]
async fn while_the_phones_cannot_be_told_the_door_does_not_hear_that_they_ring() {
    let broker = Broker::failing(&[(INCOMING, 1)]);
    let (placed, last) = call(&["place"]);
    let notices = by_mqtt(notices(&last, &placed, None).unwrap());
    let first = round(&broker, &notices, &Delivered::default(), last.at, last.at).await;
    assert!(first.settled.is_empty() && first.failed.len() == 2 && broker.published().is_empty());
    let second = round(&broker, &notices, &Delivered::default(), last.at, last.at).await;
    assert_eq!((second.settled.len(), second.failed.len()), (2, 0));
    assert_eq!(broker.published(), [INCOMING, DOOR]);
}

#[tokio::test]
async fn what_has_a_receipt_is_not_told_again_and_the_rest_is() {
    let broker = Broker::failing(&[(DOOR, 1)]);
    let (placed, last) = call(&["place"]);
    let notices = by_mqtt(notices(&last, &placed, None).unwrap());
    let first = round(&broker, &notices, &Delivered::default(), last.at, last.at).await;
    let receipt =
        Receipt { n: last.n, path: DeliveryPath::Fast, at: last.at, notices: first.settled, phones: BTreeMap::new() };
    let delivered = settled([&receipt]);
    assert_eq!(delivered.notices, BTreeSet::from([0]));
    round(&broker, &notices, &delivered, last.at, last.at).await;
    assert_eq!(broker.published(), [INCOMING, DOOR]);
}

#[tokio::test]
async fn past_its_deadline_a_call_is_not_told_but_given_up_with_a_reason() {
    let broker = Broker::failing(&[]);
    let (placed, last) = call(&["place"]);
    let notices = by_mqtt(notices(&last, &placed, None).unwrap());
    let round = round(&broker, &notices, &Delivered::default(), last.at, placed.terms.deadline).await;
    assert!(broker.published().is_empty() && round.failed.is_empty());
    assert!(round.settled.values().all(|handed| handed.error.is_some()), "{round:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_broker_costs_the_budget_and_no_more() {
    let broker = Broker { slow: Duration::from_mins(1), ..Broker::failing(&[]) };
    let (placed, last) = call(&["place"]);
    let notices = by_mqtt(notices(&last, &placed, None).unwrap());
    let before = tokio::time::Instant::now();
    let round = round(&broker, &notices, &Delivered::default(), last.at, last.at).await;
    assert_eq!(before.elapsed(), Duration::from_millis(200));
    assert_eq!((round.settled.len(), round.failed.len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_has_not_answered_when_a_notice_expires_is_not_waited_for() {
    let broker = Broker { slow: Duration::from_millis(150), ..Broker::failing(&[]) };
    let (placed, last) = call(&["place"]);
    let notices = by_mqtt(notices(&last, &placed, None).unwrap());
    let before = tokio::time::Instant::now();
    let round = round(&broker, &notices, &Delivered::default(), last.at, placed.terms.deadline.plus(-100)).await;
    assert_eq!(before.elapsed(), Duration::from_millis(100));
    assert_eq!((round.settled.len(), round.failed.len()), (0, 2), "told 50 ms after it had expired: {round:?}");
}

#[tokio::test(start_paused = true)]
async fn a_receipt_has_the_time_of_each_notice_and_not_of_the_slowest() {
    struct OneIsSlow(Broker);

    impl Mqtt for OneIsSlow {
        fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
            Box::pin(async move {
                let slow = if message.topic == DOOR { Duration::ZERO } else { Duration::from_millis(150) };
                tokio::time::sleep(slow).await;
                self.0.publish(message).await
            })
        }

        fn end_session(&self, client: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
            self.0.end_session(client)
        }
    }

    let (placed, last) = call(&["place", "expire"]);
    let notices = by_mqtt(notices(&last, &placed, None).unwrap());
    let (begun, at) = (tokio::time::Instant::now(), last.at);
    let clock = Clock::new(move || at.plus(i64::try_from(begun.elapsed().as_millis()).unwrap()));
    let broker = OneIsSlow(Broker::failing(&[]));
    let delivery = Delivery {
        mqtt: &broker,
        credentials: &NoCredentials,
        push: None,
        clock: &clock,
        since: last.at,
        call: &placed,
        still_ringing: &Rings,
        budget: Duration::from_millis(200),
        push_budget: Duration::from_millis(200),
    };
    let round = delivery.deliver(&notices, &Delivered::default(), |_| {}).await;
    let mut ms: Vec<i64> = round.settled.values().map(|handed| handed.ms).collect();
    ms.sort_unstable();
    assert_eq!(ms, [0, 150]);
}
