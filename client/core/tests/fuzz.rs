//! Whatever happens, in whatever order: no panic, no endless work, and the promises that every app relies on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use ilock_client_core::{Client, Command, Config, Ending, Event, Input, Lost, Output, Refusal, Role};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

const ANSWERS: [&str; 9] = [
    r#"{"code":0,"message":"","data":{"mqtt_credentials":{"broker_url":"tcp://b:1","websocket_url":"ws://b","username":"u","password":"p","client_id":"u_phone","expires_at":1679972850000},"topics":{"incoming_calls":"users/u/calls/incoming","call_control":"users/u/calls/control","device_sync":"users/u/devices/sync"}}}"#,
    r#"{"code":0,"message":"","data":{"call_id":"c1","state":"ringing","seq":1,"caller_id":"d","callee_id":"u","expires_at":1679886480000}}"#,
    r#"{"code":0,"message":"","data":{"call_id":"c1","state":"active","seq":2,"caller_id":"d","callee_id":"u","expires_at":1679886480000,"answered_by":"u_phone","room_info":{"room_id":"7","sdk_app_id":1,"user_id":"u_0","user_sig":"s"}}}"#,
    r#"{"code":0,"message":"","data":{"call_id":"c2","state":"ended","seq":4,"expires_at":-9223372036854775808}}"#,
    r#"{"code":0,"message":"","data":{"calls":[{"call_id":"c3","direction":"incoming","peer_id":"d","state":"ringing","timestamp":0}]}}"#,
    r#"{"code":40901,"message":"","data":{"state":"active","winner":"other"}}"#,
    r#"{"code":40101,"message":"","data":null}"#,
    r#"{"code":50301,"message":"","data":null}"#,
    "<html>",
];

fn message() -> impl Strategy<Value = Input> {
    let topics = ["users/u/calls/incoming", "users/u/calls/control", "users/u/devices/sync", "other"];
    let actions = ["ringing", "accepted", "rejected", "declined", "cancelled", "timeout", "hangup", "unheard_of"];
    let states = ["ringing", "active", "rejected", "cancelled", "missed", "ended", "failed"];
    let devices = ["u_phone", "other"];
    let whole = (
        prop::sample::select(topics.to_vec()),
        1..4_u32,
        prop::sample::select(actions.to_vec()),
        prop::sample::select(states.to_vec()),
        prop::sample::select(devices.to_vec()),
        (0..6_u32, any::<u8>(), any::<i64>()),
    );
    let whole = whole.prop_map(|(topic, call, action, state, device, (seq, id, odd))| {
        let expires_at = if odd % 4 == 0 { odd } else { 1_679_886_480_000 };
        let payload = json!({
            "call_id": format!("c{call}"), "action": action, "state": state, "device_id": device, "seq": seq,
            "message_id": id.to_string(), "expires_at": expires_at, "remaining_ms": odd, "caller_id": "d",
        });
        Input::Message { topic: topic.into(), payload: payload.to_string() }
    });
    prop_oneof![9 => whole, 1 => any::<String>().prop_map(move |payload| Input::Message { topic: topics[0].into(), payload })]
}

fn input() -> impl Strategy<Value = Input> {
    let call = (1..4_u32).prop_map(|n| format!("c{n}"));
    let tap = (call, 0..6_u8).prop_map(|(call_id, which)| match which {
        0 => Input::Answer { call_id },
        1 => Input::Reject { call_id, reason: None },
        2 => Input::Decline { call_id },
        3 => Input::Preview { call_id },
        4 => Input::HangUp { call_id, reason: Some("r".into()) },
        _ => Input::Press { callees: vec![call_id], caller_info: None, ring_seconds: None, invitation_data: None },
    });
    let answer = (1..40_u64, 0..ANSWERS.len(), any::<u16>(), any::<bool>()).prop_map(|(id, body, status, dated)| {
        Input::HttpAnswer {
            id,
            status: if body < 5 { 200 } else { status },
            retry_after: (status % 5 == 0).then(|| status.to_string()),
            date: dated.then(|| "Mon, 27 Mar 2023 03:07:30 GMT".into()),
            body: ANSWERS[body].into(),
        }
    });
    let connection = (1..8_u64, any::<bool>(), 0..5_u8).prop_map(|(connection, flag, which)| match which {
        0 => Input::Connected { connection, session_present: flag },
        1 => Input::Subscribed { connection, granted: flag },
        2 => Input::Refused { connection, reason: if flag { Refusal::Other } else { Refusal::NotAuthorized } },
        3 => Input::Disconnected { connection, reason: Lost::Network },
        _ => Input::Network { online: flag },
    });
    let states = ["ringing", "active", "cancelled", "rejected", "unheard_of"];
    let push = (1..4_u32, 0..3_u8, prop::sample::select(states.to_vec()), 1..5_u8, any::<bool>());
    let push = push.prop_map(|(n, kind, state, seq, must_show)| {
        let kind = ["VIDEO_CALL", "CALL_ENDED", "MISSED_CALL"][usize::from(kind)];
        let data = json!({
            "type": kind, "call_id": format!("c{n}"), "caller_id": "d", "caller_name": "n", "state": state,
            "expires_at": "1679886480000", "seq": seq.to_string(), "message_id": format!("p{n}{kind}{seq}"),
        });
        Input::Push { data: data.to_string(), must_show }
    });
    let other = prop::sample::select(vec![
        Input::Start,
        Input::Start,
        Input::TokenRenewed,
        Input::TokenFailed,
        Input::LoggedIn,
        Input::LoginFailed,
        Input::Woken,
        Input::Tick,
        Input::LogOut,
        Input::HttpFailed { id: 3 },
        Input::CallsSeen { until: 1_679_886_480_000 },
        Input::CallsSeen { until: i64::MIN },
    ]);
    prop_oneof![4 => message(), 4 => answer, 3 => connection, 3 => tap, 2 => push, 1 => other]
}

/// What an app sees of a client.
#[derive(Default)]
struct App {
    ringing: HashSet<String>,
    in_room: HashSet<String>,
    /// Calls that were placed here, by their ids or presses.
    placed: HashSet<String>,
    keys: HashMap<String, String>,
}

impl App {
    fn sees(&mut self, output: &Output) {
        match output {
            Output::Event(Event::Ring { call }) => {
                self.ringing.insert(call.call_id.clone());
            }
            Output::Event(Event::StopRinging { call_id, why }) => {
                assert!(self.ringing.remove(call_id), "{call_id} stopped ringing ({why:?}) and did not ring");
            }
            Output::Event(Event::EnterRoom { call_id, .. }) => {
                assert!(self.in_room.insert(call_id.clone()), "{call_id} was entered twice");
                assert!(!self.ringing.contains(call_id), "{call_id} rings in its room");
            }
            Output::Event(Event::LeaveRoom { call_id }) => {
                assert!(self.in_room.remove(call_id), "{call_id} was left and not entered");
            }
            Output::Event(Event::Progress { press, call_id, .. }) => {
                self.placed.remove(press);
                self.placed.insert(call_id.as_ref().unwrap_or(press).clone());
            }
            Output::Event(Event::LoggedOut { why }) => {
                assert!(self.placed.is_empty(), "{:?} go on after a logout ({why:?})", self.placed);
            }
            Output::Event(Event::CallOver { call_id, why, .. }) => {
                self.placed.remove(call_id);
                assert!(!self.ringing.contains(call_id), "{call_id} is over ({why:?}) and rings");
                let stays = *why == Ending::DeclinedHere;
                assert!(
                    stays || !self.in_room.contains(call_id),
                    "{call_id} is over ({why:?}) and its room was not left"
                );
            }
            Output::Event(Event::MissedCall { call_id, .. }) => {
                assert!(!self.ringing.contains(call_id), "{call_id} was missed, and rings");
                assert!(!self.in_room.contains(call_id), "{call_id} was missed, and its room was not left");
            }
            Output::Do(Command::Request { path, body, idempotency_key: Some(key), .. }) => {
                let what = format!("{path} {body:?}");
                let first = self.keys.entry(key.clone()).or_insert_with(|| what.clone());
                assert_eq!(*first, what, "one key for two requests");
            }
            Output::Do(_) | Output::Event(_) => {}
        }
    }
}

/// How many cases are one round.
const ROUND: u32 = 2_000;

/// `ILOCK_FUZZ_SECONDS`: go on for so long, with new cases. One round without it.
fn seconds() -> Duration {
    let text = std::env::var("ILOCK_FUZZ_SECONDS").unwrap_or_default();
    Duration::from_secs(text.parse().unwrap_or(0))
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: ROUND, failure_persistence: None, ..ProptestConfig::default() }
}

/// What happens to one client, and when; and after how much of it the process ends and goes on from its saved state.
type Story = (Vec<(u64, Input)>, bool, usize);

fn stories() -> impl Strategy<Value = Story> {
    (prop::collection::vec((0..20_000_u64, input()), 1..80), any::<bool>(), 0..80_usize)
}

fn holds((inputs, door, restart_after): Story) -> Result<(), TestCaseError> {
    let config = Config::new(if door { Role::Door } else { Role::Phone }, "u_phone".into());
    let mut client = Client::new(config.clone(), vec![1; 16]).unwrap();
    let mut app = App::default();
    let mut now = 0;
    for (index, (wait, input)) in inputs.into_iter().enumerate() {
        now += wait;
        for output in client.handle(now, input) {
            app.sees(&output);
        }
        // A tick at the time that was asked for leads to another time, sooner or later.
        let mut ticks = 0;
        while let Some(at) = client.wake_at().filter(|at| *at <= now) {
            ticks += 1;
            prop_assert!(ticks < 100, "woken for ever at {at}");
            for output in client.handle(now, Input::Tick) {
                app.sees(&output);
            }
        }
        if index == restart_after {
            client = Client::restore(config.clone(), vec![2; 16], &client.save()).unwrap();
            app.ringing.clear();
            app.in_room.clear();
        }
    }
    // Whatever the app shows can be hung up, and is over then.
    for call_id in app.placed.clone() {
        for output in client.handle(now, Input::HangUp { call_id: call_id.clone(), reason: None }) {
            app.sees(&output);
        }
        prop_assert!(!app.placed.contains(&call_id), "{call_id} was hung up, and is shown");
    }
    Ok(())
}

#[test]
fn nothing_that_happens_breaks_what_an_app_relies_on() {
    let (began, least) = (Instant::now(), seconds());
    let mut rounds = 0;
    while rounds == 0 || began.elapsed() < least {
        rounds += 1;
        if let Err(error) = TestRunner::new(config()).run(&stories(), holds) {
            panic!("{error}");
        }
    }
    println!("fuzz: {} cases in {:.0?}", rounds * ROUND, began.elapsed());
}

/// Puts something else in the place of one value of `json`, the `n`-th in the order in which they are met.
fn damage(json: &mut Value, n: &mut usize, with: &Value) {
    if *n == 0 {
        json.clone_from(with);
    }
    *n = n.wrapping_sub(1);
    match json {
        Value::Array(list) => list.iter_mut().for_each(|value| damage(value, n, with)),
        Value::Object(map) => map.values_mut().for_each(|value| damage(value, n, with)),
        _ => {}
    }
}

/// What stands in a damaged state, or in one of another version.
fn odd() -> impl Strategy<Value = Value> {
    let phases = ["Asking", "Ringing", "Silenced", "Answering", "Active", "Placing", "Calling", "Over"];
    prop_oneof![
        1 => Just(Value::Null),
        1 => Just(json!("")),
        1 => prop::sample::select(vec![json!(0), json!(u64::MAX), json!(i64::MIN), json!(1.5)]),
        1 => Just(json!(true)),
        4 => prop::sample::select(phases.to_vec()).prop_map(|phase| json!(phase)),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_damaged_state_is_refused_or_lived_with(
        (inputs, door, _) in stories(), damages in prop::collection::vec((0..600_usize, odd()), 1..4),
    ) {
        let config = Config::new(if door { Role::Door } else { Role::Phone }, "u_phone".into());
        let mut client = Client::new(config.clone(), vec![1; 16]).unwrap();
        for (n, (_, input)) in inputs.iter().enumerate() {
            client.handle(n as u64 * 100, input.clone());
        }
        let mut saved: Value = serde_json::from_str(&client.save()).unwrap();
        for (mut n, with) in damages {
            damage(&mut saved, &mut n, &with);
        }
        let Ok(mut client) = Client::restore(config, vec![2; 16], &saved.to_string()) else { return Ok(()) };
        let mut now = 0;
        for (wait, input) in std::iter::once((0, Input::Start)).chain(inputs) {
            now += wait;
            client.handle(now, input);
            let mut ticks = 0;
            while client.wake_at().is_some_and(|at| at <= now) {
                ticks += 1;
                prop_assert!(ticks < 100, "woken for ever");
                client.handle(now, Input::Tick);
            }
        }
    }

    #[test]
    fn a_saved_state_that_is_none_is_refused(text in ".*") {
        let restored = Client::restore(Config::new(Role::Phone, "p".into()), vec![0; 16], &text);
        prop_assert!(restored.is_err());
    }
}
