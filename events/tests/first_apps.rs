//! The apps that were there first go on working: the JSON of the documents that they were written from, and readers
//! that take every message as those apps do.
//!
//! `first_apps/` holds the seven blocks of those documents as they stand there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod contract;

use contract::samples;
use ilock_events::{RegisterClient, UpdateStatus};
use serde_json::{Map, Value};

fn block(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Every field that `shown` has is in `ours`, and is of the same kind of JSON. What is new is an extra.
fn holds(shown: &Value, ours: &Value, at: &str) {
    match (shown, ours) {
        (Value::Object(shown), Value::Object(ours)) => {
            for (name, value) in shown {
                let field = ours.get(name).unwrap_or_else(|| panic!("{at}: no field {name}"));
                holds(value, field, &format!("{at}.{name}"));
            }
        }
        _ => assert_eq!(std::mem::discriminant(shown), std::mem::discriminant(ours), "{at}: {shown} and {ours}"),
    }
}

fn named<'a>(samples: &'a [(String, Value)], form: &str) -> Vec<&'a (String, Value)> {
    let found: Vec<_> =
        samples.iter().filter(|(name, _)| name == form || name.starts_with(&format!("{form}."))).collect();
    assert!(!found.is_empty(), "no sample of {form}");
    found
}

#[test]
fn every_message_has_what_the_documents_show() {
    let samples = samples();
    for (form, shown) in [
        ("message.control", include_str!("first_apps/control.json")),
        ("message.sync", include_str!("first_apps/sync.json")),
        ("http.reply.ClientRegistered", include_str!("first_apps/register.reply.json")),
    ] {
        // A door station asks for less: it has one topic.
        for (name, sample) in named(&samples, form).into_iter().filter(|(name, _)| !name.ends_with("door-station")) {
            holds(&block(shown), sample, name);
        }
    }
    let incoming = &named(&samples, "message.incoming")[0].1;
    holds(&block(include_str!("first_apps/incoming.json")), incoming, "message.incoming");
}

#[test]
fn what_the_documents_send_is_read_and_their_plain_answer_is_ours() {
    let register: RegisterClient = serde_json::from_str(include_str!("first_apps/register.request.json")).unwrap();
    assert_eq!(serde_json::to_value(&register.client_id).unwrap(), "user456_android_uuid1234");
    let _: UpdateStatus = serde_json::from_str(include_str!("first_apps/status.request.json")).unwrap();
    assert_eq!(block(include_str!("first_apps/status.reply.json")), named(&samples(), "http.reply.Nothing")[0].1);
}

/// Android's `JSONObject`: a field that is missing ends the handler; text may be made of a number, a number of text.
struct AndroidJson<'a>(&'a Map<String, Value>);

impl<'a> AndroidJson<'a> {
    fn of(value: &'a Value) -> Self {
        Self(value.as_object().expect("an object"))
    }

    fn get(&self, name: &str) -> Result<&'a Value, String> {
        self.0.get(name).filter(|value| !value.is_null()).ok_or(format!("No value for {name}"))
    }

    fn string(&self, name: &str) -> Result<String, String> {
        Ok(self.get(name)?.as_str().map_or_else(|| self.0[name].to_string(), str::to_owned))
    }

    fn int(&self, name: &str) -> Result<i32, String> {
        self.get(name)?.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or(format!("{name} is no int"))
    }

    fn object(&self, name: &str) -> Result<Self, String> {
        self.get(name)?.as_object().map(AndroidJson).ok_or(format!("{name} is no JSONObject"))
    }
}

/// What the first Android app has on its screen.
#[derive(Debug, Default, PartialEq)]
struct AndroidApp {
    client_id: String,
    ringing: Option<String>,
    caller: String,
    room: Option<i32>,
    in_room: bool,
}

impl AndroidApp {
    fn message(&mut self, topic: &str, payload: &Value) -> Result<(), String> {
        let payload = AndroidJson::of(payload);
        match topic {
            topic if topic.ends_with("/calls/incoming") => self.incoming(&payload),
            topic if topic.ends_with("/calls/control") => self.control(&payload),
            topic if topic.ends_with("/devices/sync") => self.sync(&payload),
            other => Err(format!("{other} is not subscribed")),
        }
    }

    fn incoming(&mut self, call: &AndroidJson<'_>) -> Result<(), String> {
        let id = call.string("call_id")?;
        call.string("caller_id")?;
        let room = call.object("room_info")?;
        self.caller = call.object("caller_info")?.string("name")?;
        // What it hands to the TRTC SDK when it joins.
        room.int("sdk_app_id")?;
        room.string("user_id")?;
        self.room = Some(room.string("room_id")?.parse().map_err(|_| "room_id is no int")?);
        self.ringing = Some(id);
        Ok(())
    }

    fn control(&mut self, control: &AndroidJson<'_>) -> Result<(), String> {
        control.string("call_id")?;
        control.string("reason")?;
        match control.string("action")?.as_str() {
            "cancelled" => self.ringing = None,
            "hangup" => self.in_room = false,
            _ => {}
        }
        Ok(())
    }

    fn sync(&mut self, sync: &AndroidJson<'_>) -> Result<(), String> {
        let (action, device) = (sync.string("action")?, sync.string("device_id")?);
        sync.string("call_id")?;
        if device != self.client_id && ["accepted", "rejected"].contains(&action.as_str()) {
            self.ringing = None;
        }
        Ok(())
    }
}

/// A phone that rings, of the person `user456`.
fn ringing(client_id: &str, samples: &[(String, Value)]) -> AndroidApp {
    let mut app = AndroidApp { client_id: client_id.into(), ..AndroidApp::default() };
    app.message("users/user456/calls/incoming", &named(samples, "message.incoming")[0].1).unwrap();
    app
}

#[test]
fn the_first_android_app_reads_every_message_of_a_call() {
    let samples = samples();
    for (name, message) in named(&samples, "message.incoming") {
        let mut app = AndroidApp::default();
        app.message("users/user456/calls/incoming", message).unwrap_or_else(|error| panic!("{name}: {error}"));
        // A caller without a name is shown by its id.
        assert!(["前门设备", "device123"].contains(&app.caller.as_str()), "{name}");
        assert_eq!(app.room, Some(664_321), "{name}");
    }
    for (form, topic) in [("message.control", "calls/control"), ("message.sync", "devices/sync")] {
        for (name, message) in named(&samples, form) {
            let mut app = ringing("user456_android_1", &samples);
            let read = app.message(&format!("users/user456/{topic}"), message);
            read.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn the_first_android_app_falls_silent_when_it_must_and_not_before() {
    let samples = samples();
    let after = |name: &str, client: &str| {
        let mut app = ringing(client, &samples);
        let topic = if name.contains("sync") { "users/user456/devices/sync" } else { "users/user456/calls/control" };
        let sample = samples.iter().find(|(sample, _)| sample == name).unwrap_or_else(|| panic!("no sample {name}"));
        app.message(topic, &sample.1).unwrap();
        app.ringing.is_some()
    };
    let answered = samples.iter().find(|(name, _)| name == "message.sync.accepted").unwrap();
    let winner = answered.1["device_id"].as_str().unwrap();
    // Whoever cancels, and whenever a ring runs out: it knows the word `cancelled`, and no `timeout`.
    for silent in ["message.control.cancelled", "message.control.cancelled.missed"] {
        assert!(!after(silent, "user456_android_1"), "{silent}");
    }
    for sync in ["message.sync.accepted", "message.sync.rejected"] {
        assert!(!after(sync, "user456_android_1"), "{sync}");
    }
    assert!(after("message.sync.accepted", winner), "the phone that answered goes on");
    // One phone that declines ends nothing, so others go on ringing.
    assert!(after("message.sync.declined", "user456_android_1"));
}

/// The first Flutter app's background handler: `data` is a map of text to text.
fn flutter(data: &Value) -> Option<(String, String)> {
    let data = data.as_object().expect("a map");
    let data: Map<String, Value> = data
        .iter()
        .map(|(name, value)| {
            assert!(value.is_string(), "{name}: FCM carries text only");
            (name.clone(), value.clone())
        })
        .collect();
    let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
    (text("type").as_deref() == Some("VIDEO_CALL"))
        .then(|| (text("caller_name").unwrap_or("对方".into()), text("room_id").unwrap_or_default()))
}

#[test]
fn the_first_flutter_app_shows_calls_and_nothing_else() {
    let samples = samples();
    for (name, push) in named(&samples, "push.android") {
        let shown = flutter(&push["fcmV1Message"]["message"]["data"]);
        let expected = name.contains("video_call").then(|| ("前门设备".to_owned(), "664321".to_owned()));
        assert_eq!(shown, expected, "{name}");
    }
    // It may read the invitation, as the sender's `json.dumps` made it.
    let call = &named(&samples, "push.android.video_call")[0].1["fcmV1Message"]["message"];
    let invitation: Value = serde_json::from_str(call["data"]["invitation_data"].as_str().unwrap()).unwrap();
    assert!(invitation.is_object());
    assert!(call["data"]["caller_id"].is_string());
    assert_eq!(call["android"]["priority"], "high");
    // The data alone, so that its handler runs, and a notification where it is an iPhone with a token of FCM.
    assert!(call.get("notification").is_none());
    assert_eq!(call["apns"]["payload"]["aps"]["content-available"], 1);
}

#[test]
fn the_first_ios_app_finds_the_call_in_a_notification_that_is_tapped() {
    let samples = samples();
    for name in ["push.ios.video_call.alert", "push.ios.video_call.voip", "push.ios.missed_call"] {
        let push = &named(&samples, name)[0].1;
        let call = push["call_info"].as_object().unwrap_or_else(|| panic!("{name}: no call_info"));
        assert!(call["call_id"].is_string() && call["caller_id"].is_string(), "{name}");
        assert_eq!(call["caller_info"]["name"], "前门设备", "{name}");
    }
    assert_eq!(named(&samples, "push.ios.video_call.alert")[0].1["aps"]["content-available"], 1);
}
