//! Rooms and calls: a call that ends dismisses its room, and a room that everybody has left ends its call.

use std::time::Duration;

use ilock_events::{PartyId, PartyKind, RoomId, Seat, TenantId, TrtcIdentity};
use ilock_local::Options;
use ilock_tests::parties::call_id;
use ilock_tests::tencent::{Report, Reports, SDK_APP_ID, SECRET_ID, SECRET_KEY, Tencent, Trouble};
use ilock_tests::{Party, World};
use serde_json::{Value, json};

const KEY: &str = "a-callback-key";

/// A stack that uses `tencent`.
async fn world(tencent: &Tencent) -> World {
    world_with(tencent, "on").await
}

async fn world_with(tencent: &Tencent, fast_path: &'static str) -> World {
    let url = tencent.url().to_owned();
    let settings = move |name: &str| {
        let value = match name {
            "FAST_PATH" => fast_path.into(),
            "TRTC_SDK_APP_ID" => SDK_APP_ID.to_string(),
            "TRTC_API_SECRET_ID" => SECRET_ID.into(),
            "TRTC_API_SECRET_KEY" => SECRET_KEY.into(),
            "TRTC_API_URL" => url.clone(),
            "TRTC_CALLBACK_KEY" => KEY.into(),
            _ => return None,
        };
        Some(value)
    };
    World::with(Options { settings: Box::new(settings), ..Options::anywhere() }).await
}

/// Under which name device123 enters rooms.
fn door_in_room() -> String {
    let id = PartyId::new("device123").unwrap();
    TrtcIdentity::of(&TenantId::new("default").unwrap(), PartyKind::Device, &id).at(Seat::Unnamed).to_string()
}

fn reports(world: &World) -> Reports {
    Reports::to(format!("http://{}/api/trtc/callback", world.stack.at.http), KEY)
}

/// A call of device123 to user456 that was answered, and its room.
async fn answered(world: &World) -> (String, RoomId, Party, Party) {
    let (door, user) = (world.door("device123"), world.user("user456"));
    let view = door.rings("user456", 30).await;
    let call = call_id(&view);
    user.callee_action(&call, "accepted", Some("user456_a")).await.ok();
    let room = view["room_info"]["room_id"].as_str().unwrap().parse::<u32>().unwrap();
    (call, RoomId::new(room).unwrap(), door, user)
}

async fn state(party: &Party, call: &str) -> String {
    party.gets(&format!("/api/calls/{call}")).await.ok()["state"].as_str().unwrap().to_owned()
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    for _ in 0..1_600 {
        if is().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

/// The time so many milliseconds from now, as Tencent writes it.
fn at(after_ms: i64) -> Value {
    let now = ilock_env::Clock::system().now();
    json!(now.0 + after_ms)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_over_takes_its_room_along() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (call, room, door, _) = answered(&world).await;
    tencent.add_users(room, &["device123", "user456"]);
    // Tencent fails at first: the dismissal is retried.
    tencent.fails_with([Trouble::Code("RequestLimitExceeded"), Trouble::Status(503)]);
    door.caller_action(&call, "hangup").await.ok();
    until("the room is gone", async || tencent.users_in(room).is_none()).await;
    assert!(tencent.asked().iter().all(|asked| asked.action == "DismissRoom"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_nobody_entered_is_gone_already_and_that_is_well() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let door = world.door("device123");
    let call = call_id(&door.rings("user456", 30).await);
    door.caller_action(&call, "cancelled").await.ok();
    until("asked", async || !tencent.asked().is_empty()).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let asked = tencent.asked();
    assert_eq!(asked.len(), 1, "it is not asked again: {asked:?}");
    assert_eq!(asked[0].code.as_deref(), Some("FailedOperation.RoomNotExist"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_tencent_does_not_take_the_key_calls_end_all_the_same() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "a").await;
    tencent.fails_with([Trouble::Code("AuthFailure.UnauthorizedOperation")]);
    let call = call_id(&door.rings("user456", 30).await);
    phone.hears("incoming").await;
    door.caller_action(&call, "cancelled").await.ok();
    phone.hears("cancelled").await;
    until("asked", async || !tencent.asked().is_empty()).await;
    // It does not delay the next call.
    let next = call_id(&door.rings("user456", 30).await);
    assert_eq!(phone.hears("incoming").await["call_id"], next.as_str());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_tencent_never_answers_nobody_rings_later_however_many_calls_are_over() {
    let tencent = Tencent::start().await;
    tencent.fails_with(vec![Trouble::Hangs; 1000]);
    // Without the fast path, only the projector rings phones.
    let world = world_with(&tencent, "off").await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "a").await;
    world.user("user9").registers("a").await;
    for n in 0..80 {
        let gate = world.door(&format!("gate{n}"));
        let call = call_id(&gate.rings("user9", 30).await);
        gate.caller_action(&call, "cancelled").await.ok();
    }
    until("asked", async || !tencent.asked().is_empty()).await;
    // A batch used to wait until Tencent was given up for the rooms of all calls before: 14 seconds for 80.
    for _ in 0..3 {
        let start = std::time::Instant::now();
        let call = call_id(&door.rings("user456", 30).await);
        phone.hears("incoming").await;
        assert!(start.elapsed() < Duration::from_millis(2500), "rang after {:?}", start.elapsed());
        door.caller_action(&call, "cancelled").await.ok();
        phone.hears("cancelled").await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_tencent_is_out_of_reach_the_next_call_is_told_and_the_room_goes_when_it_is_back() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (call, room, door, user) = answered(&world).await;
    let mut phone = world.phone(&user, "b").await;
    tencent.add_users(room, &["device123", "user456"]);
    // More than one round of attempts.
    tencent.fails_with([Trouble::Status(503); 7]);
    door.caller_action(&call, "hangup").await.ok();
    phone.hears("hangup").await;
    let next = call_id(&door.rings("user456", 30).await);
    assert_eq!(phone.hears("incoming").await["call_id"], next.as_str());
    until("the history knows the end", async || {
        let calls = door.gets("/api/calls").await.ok()["calls"].clone();
        calls
            .as_array()
            .unwrap()
            .iter()
            .any(|listed| listed["call_id"] == call.as_str() && !listed["ended_at"].is_null())
    })
    .await;
    until("the room is gone", async || tencent.users_in(room).is_none()).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_leave_at_once_have_both_left() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    for _ in 0..10 {
        let (call, room, door, _) = answered(&world).await;
        let reports = reports(&world);
        let room = room.number();
        reports.send(&Report::entered(room, &door_in_room()).with("EventMsTs", at(1))).await;
        reports.send(&Report::entered(room, "user456").with("EventMsTs", at(2))).await;
        let door_left = Report::left(room, &door_in_room()).with("EventMsTs", at(3));
        let user_left = Report::left(room, "user456").with("EventMsTs", at(3));
        let (one, other) = futures::join!(reports.send(&door_left), reports.send(&user_left));
        assert_eq!((one.status().as_u16(), other.status().as_u16()), (200, 200));
        assert_eq!(state(&door, &call).await, "ended");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_last_one_has_left_the_call_ends_and_says_so() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let mut phone = world.phone(&world.user("user456"), "a").await;
    let (call, room, door, _) = answered(&world).await;
    phone.hears("incoming").await;
    phone.hears("accepted").await;
    let reports = reports(&world);
    // Both forms of the room's number, and every report twice.
    let text = room.number().to_string();
    let story = [
        Report::created(room.number(), &door_in_room()),
        Report::entered(room.number(), &door_in_room()).with("EventMsTs", at(1)),
        Report::entered(text.as_str(), "user456").with("EventMsTs", at(2)),
        Report::left(text.as_str(), &door_in_room()).with("EventMsTs", at(3)),
    ];
    for report in &story {
        for _ in 0..2 {
            assert_eq!(reports.send(report).await.text().await.unwrap(), r#"{"code":0}"#);
        }
    }
    assert_eq!(state(&door, &call).await, "active", "one is still inside");
    let last = Report::left(room.number(), "user456").with("EventMsTs", at(4));
    for _ in 0..2 {
        assert_eq!(reports.send(&last).await.status(), 200);
    }
    assert_eq!(state(&door, &call).await, "ended");
    let hangup = phone.hears("hangup").await;
    assert_eq!(hangup["reason"], "left");
    let history = world.log(&call).await;
    assert_eq!(history.commits.len(), 3, "replays wrote nothing");
    assert_eq!(history.commits[2].events[0].data["by"], "system");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_back_before_the_report_of_their_leaving_is_still_there() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (call, room, door, _) = answered(&world).await;
    let reports = reports(&world);
    let room = room.number();
    for report in [
        Report::entered(room, &door_in_room()).with("EventMsTs", at(1)),
        Report::entered(room, "user456").with("EventMsTs", at(2)),
        Report::left(room, &door_in_room()).with("EventMsTs", at(3)),
        // user456 changed networks: left at 10, entered again at 20; reported in reverse order.
        Report::entered(room, "user456").with("EventMsTs", at(20)),
        Report::left(room, "user456").with("EventMsTs", at(10)),
        // And the room, which was empty in between, was dismissed and created again.
        Report::dismissed(room).with("EventMsTs", at(11)),
    ] {
        assert_eq!(reports.send(&report).await.status(), 200);
    }
    assert_eq!(state(&door, &call).await, "active");
    world.end().await;
}

/// An app that restarts enters once more under its name. Tencent puts out its earlier self, and says so last.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_put_out_by_their_own_return_is_inside() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (call, room, door, _) = answered(&world).await;
    let reports = reports(&world);
    let room = room.number();
    for report in [
        Report::entered(room, &door_in_room()).with("EventMsTs", at(1)),
        Report::entered(room, "user456_0").with("EventMsTs", at(2)),
        Report::entered(room, "user456_0").with("EventMsTs", at(10)),
        Report::left(room, "user456_0").with("Reason", 3).with("EventMsTs", at(11)),
        // The door's connection breaks for a moment; or the door leaves for good.
        Report::left(room, &door_in_room()).with("Reason", 2).with("EventMsTs", at(12)),
        Report::entered(room, &door_in_room()).with("EventMsTs", at(13)),
        Report::left(room, &door_in_room()).with("EventMsTs", at(14)),
    ] {
        assert_eq!(reports.send(&report).await.status(), 200);
    }
    assert_eq!(state(&door, &call).await, "active");
    // The one whom the room API put out is gone with the room.
    reports.send(&Report::dismissed(room).with("EventMsTs", at(20))).await;
    until("the call has ended", async || state(&door, &call).await == "ended").await;
    world.end().await;
}

/// Both lose their connection: a router restarts.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_lost_may_come_back_for_ten_seconds_and_then_the_call_ends() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (lost, lost_room, door, user) = answered(&world).await;
    let gate = world.door("gate");
    world.user("user789").registers("a").await;
    let view = gate.rings("user789", 30).await;
    let kept = call_id(&view);
    world.user("user789").callee_action(&kept, "accepted", Some("user789_a")).await.ok();
    let kept_room = view["room_info"]["room_id"].as_str().unwrap().parse::<u32>().unwrap();
    let gate_in_room = view["room_info"]["user_id"].as_str().unwrap().to_owned();
    let reports = reports(&world);
    let begun = std::time::Instant::now();
    for (room, caller, callee) in
        [(lost_room.number(), door_in_room(), "user456_0"), (kept_room, gate_in_room.clone(), "user789_0")]
    {
        for report in [
            Report::entered(room, &caller).with("EventMsTs", at(1)),
            Report::entered(room, callee).with("EventMsTs", at(2)),
            // The room, which is empty, is dismissed; that is reported before what it was dismissed for, and all of it twice.
            Report::dismissed(room).with("EventMsTs", at(6)),
            Report::left(room, callee).with("Reason", 2).with("EventMsTs", at(4)),
            Report::left(room, &caller).with("Reason", 2).with("EventMsTs", at(5)),
        ] {
            for _ in 0..2 {
                assert_eq!(reports.send(&report).await.status(), 200);
            }
        }
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((state(&door, &lost).await, state(&gate, &kept).await), ("active".to_owned(), "active".to_owned()));
    // One of these two is back, and its room was created again.
    reports.send(&Report::entered(kept_room, &gate_in_room).with("EventMsTs", at(0))).await;
    until("nobody came back", async || state(&user, &lost).await == "ended").await;
    assert!(begun.elapsed() >= Duration::from_secs(10), "after {:?}", begun.elapsed());
    let history = world.log(&lost).await;
    assert_eq!(history.commits.len(), 3, "each alarm but the first found it ended");
    assert_eq!(history.commits[2].events[0].data["reason"], "left");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(state(&gate, &kept).await, "active");
    gate.caller_action(&kept, "hangup").await.ok();
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_alone_and_left_at_once_does_not_end_the_call_of_the_one_on_the_way() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (call, room, door, _) = answered(&world).await;
    let reports = reports(&world);
    let room = room.number();
    reports.send(&Report::entered(room, &door_in_room()).with("EventMsTs", at(1))).await;
    reports.send(&Report::left(room, &door_in_room()).with("EventMsTs", at(2))).await;
    reports.send(&Report::dismissed(room).with("EventMsTs", at(3))).await;
    assert_eq!(state(&door, &call).await, "active");
    // Half a minute later nobody has come.
    reports.send(&Report::dismissed(room).with("EventMsTs", at(31_000))).await;
    assert_eq!(state(&door, &call).await, "ended");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_outlives_its_call_is_dismissed_again() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (call, room, door, _) = answered(&world).await;
    door.caller_action(&call, "hangup").await.ok();
    until("the projector has asked", async || !tencent.asked().is_empty()).await;
    tencent.add_users(room, &["user456"]);
    // An outdated report of leaving does not end the call.
    let reports = reports(&world);
    reports.send(&Report::left(room.number(), &door_in_room()).with("EventMsTs", at(1))).await;
    assert!(tencent.users_in(room).is_some());
    reports.send(&Report::entered(room.number(), "user456").with("EventMsTs", at(2))).await;
    assert!(tencent.users_in(room).is_none());
    // While Tencent's API fails, the report is answered so that Tencent repeats it.
    tencent.add_users(room, &["user456"]);
    tencent.fails_with([Trouble::Status(500), Trouble::Status(500), Trouble::Status(500)]);
    let entered = Report::entered(room.number(), "user456").with("EventMsTs", at(3));
    assert_eq!(reports.send(&entered).await.status(), 503);
    assert_eq!(reports.send(&entered).await.status(), 200);
    assert!(tencent.users_in(room).is_none());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_believed_without_the_signature_over_every_byte() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (call, room, door, _) = answered(&world).await;
    let right = reports(&world);
    let wrong = Reports::to(format!("http://{}/api/trtc/callback", world.stack.at.http), "another-key");
    let raw = Report::dismissed(room.number())
        .with("EventMsTs", at(60_000))
        .raw(u64::try_from(ilock_env::Clock::system().now().0).unwrap());
    let (good, bad) = (right.sign(&raw), wrong.sign(&raw));
    let mut changed = raw.clone();
    *changed.last_mut().unwrap() = b' ';
    for (body, sign) in [(raw.clone(), bad.as_str()), (raw.clone(), ""), (raw, "?"), (changed, good.as_str())] {
        assert_eq!(right.send_raw(body, sign).await.unwrap().status(), 401);
    }
    assert_eq!(state(&door, &call).await, "active");
    // A signed report that is invalid is refused with the field's name; one of an unknown kind is accepted.
    let nonsense = br#"{"EventGroupId":1,"EventType":104,"CallbackTs":1,"EventInfo":{"RoomId":true}}"#.to_vec();
    let sign = right.sign(&nonsense);
    let refused = right.send_raw(nonsense, &sign).await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("EventInfo.RoomId"));
    assert_eq!(right.send(&Report::new(3, 301, 1)).await.status(), 200);
    assert_eq!(right.send(&Report::left("front-door", "user456")).await.status(), 200, "somebody else's room");
    assert_eq!(right.send(&Report::left(1, "user456")).await.status(), 200, "a room that no call has");
    world.end().await;
}

/// The key alone is not enough: whoever has seen one report, or mistook the application, ends no call.
#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_what_is_to_come_or_was_long_ago_or_of_another_application_ends_no_call() {
    let tencent = Tencent::start().await;
    let world = world(&tencent).await;
    let (call, room, door, _) = answered(&world).await;
    let reports = reports(&world);
    let dismissed = |ms: i64| Report::dismissed(room.number()).with("EventMsTs", at(ms));
    let now = u64::try_from(ilock_env::Clock::system().now().0).unwrap();
    let minutes = |minutes: u64| minutes * 60_000;
    let send = async |raw: Vec<u8>| {
        let sign = reports.sign(&raw);
        reports.send_raw(raw, &sign).await.unwrap()
    };
    for (raw, field) in [
        (dismissed(31_536_000_000).raw(now), "EventInfo.EventMsTs"),
        (dismissed(6 * 60_000).raw(now), "EventInfo.EventMsTs"),
        (dismissed(0).raw(now + minutes(6)), "CallbackTs"),
    ] {
        let refused = send(raw).await;
        assert_eq!(refused.status(), 400);
        assert!(refused.text().await.unwrap().contains(field), "{field}");
    }
    // Tencent need not send it again.
    assert_eq!(send(dismissed(60_000).raw(now - minutes(61))).await.status(), 200);
    let raw = dismissed(60_000).raw(now);
    let request = reqwest::Client::new().post(format!("http://{}/api/trtc/callback", world.stack.at.http));
    let request = request.header("sign", reports.sign(&raw)).header("sdkappid", "1400000777");
    let refused = request.body(raw).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("SdkAppId"));
    // As every other body.
    let raw = dismissed(60_000).raw(now);
    let request = reqwest::Client::new().post(format!("http://{}/api/trtc/callback", world.stack.at.http));
    let request = request.header("sign", reports.sign(&raw)).header("content-encoding", "gzip");
    let refused = request.body(raw).send().await.unwrap();
    assert_eq!(refused.status(), 415);
    assert!(refused.text().await.unwrap().contains("41501"));
    assert_eq!(state(&door, &call).await, "active");
    assert_eq!(send(dismissed(60_000).raw(now)).await.status(), 200);
    assert_eq!(state(&door, &call).await, "ended");
    world.end().await;
}

/// While the console and the deployment change over.
#[tokio::test(flavor = "multi_thread")]
async fn reports_signed_with_either_of_two_keys_are_believed() {
    let read = |name: &str| match name {
        "TRTC_CALLBACK_KEY" => Some("first-key".to_owned()),
        "TRTC_CALLBACK_KEY_SECOND" => Some("second-key".to_owned()),
        _ => None,
    };
    let world =
        World::with(ilock_local::Options { settings: Box::new(read), ..ilock_local::Options::anywhere() }).await;
    for (key, status) in [("first-key", 200), ("second-key", 200), ("third-key", 401)] {
        let reports = Reports::to(format!("http://{}/api/trtc/callback", world.stack.at.http), key);
        assert_eq!(reports.send(&Report::dismissed(1)).await.status(), status, "{key}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nobody_is_believed() {
    let world = World::new().await;
    let reports = Reports::to(format!("http://{}/api/trtc/callback", world.stack.at.http), "");
    assert_eq!(reports.send(&Report::dismissed(1)).await.status(), 401);
    world.end().await;
}
