//! `events/samples/` shows every form, and every form is what the schemas and the types say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod contract;

use std::collections::BTreeSet;

use contract::samples;
use ilock_events::schema::schemas;
use ilock_events::{
    Access, AccessesOfDay, Act, Actor, Alert, ApnsPush, Archived, BlockList, CallEvent, CallEvents, CallOver, CallView,
    CalleeAct, CalleeAction, CallerAct, CallerAction, CallsOfDay, CallsSeen, ClientRegistered, ClientRemoved,
    ClientSync, Command, Commit, ConfirmPushToken, Control, ControlAction, DeviceSync, Envelope, ErrorData, FcmPush,
    Forgotten, History, Incoming, KnownClients, MissedCall, PersonSettings, Personal, PlaceCall, ProofFile,
    PushConfirm, PushTokenConfirmed, PushTokenRegistered, Receipt, RegisterClient, RegisterPushToken, Revocation,
    Revoked, StoredEvent, UpdateStatus, VideoCall,
};
use jsonschema::Validator;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The schema of a sample is the longest name that the sample's begins with: `message.control.hangup.failed` is a
/// `message.control`.
fn schema_of(sample: &str) -> Validator {
    let (name, schema) = schemas()
        .into_iter()
        .filter(|(name, _)| sample == name || sample.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
        .max_by_key(|(name, _)| name.len())
        .unwrap_or_else(|| panic!("sample {sample}: there is no such form"));
    jsonschema::draft202012::new(&schema.to_value()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn valid(validator: &Validator, value: &Value) -> bool {
    validator.is_valid(value)
}

/// The samples of a form: `of("message.control")`.
fn of<T: DeserializeOwned>(form: &str) -> Vec<(String, T)> {
    let found: Vec<(String, T)> = samples()
        .into_iter()
        .filter(|(name, _)| name == form || name.strip_prefix(form).is_some_and(|rest| rest.starts_with('.')))
        .map(|(name, value)| {
            let read = serde_json::from_value(value).unwrap_or_else(|error| panic!("sample {name}: {error}"));
            (name, read)
        })
        .collect();
    assert!(!found.is_empty(), "no sample of {form}");
    found
}

fn there_and_back<T: DeserializeOwned + Serialize>(name: &str, value: &Value) {
    let read: T = serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("sample {name}: {error}"));
    assert_eq!(&serde_json::to_value(read).unwrap(), value, "sample {name} is written otherwise than it was read");
}

#[test]
fn every_sample_is_valid() {
    for (name, sample) in samples() {
        // The forms that events had once are in `versions.rs`.
        let older = |version: &Value| {
            version
                .as_u64()
                .is_some_and(|v| sample["type"].as_str().is_some_and(|name| v < u64::from(CallEvent::version_of(name))))
        };
        if name.starts_with("event.") && older(&sample["v"]) {
            continue;
        }
        let validator = schema_of(&name);
        let wrong: Vec<String> = validator.iter_errors(&sample).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "sample {name}: {wrong:?}");
    }
}

#[test]
fn every_sample_is_read_into_its_type_and_written_as_it_was() {
    for (name, sample) in samples() {
        let form: Vec<&str> = name.split('.').collect();
        match form.as_slice() {
            ["stored", "commit", ..] => there_and_back::<Commit>(&name, &sample),
            ["stored", "personal", ..] => there_and_back::<Personal>(&name, &sample),
            ["stored", "receipt", ..] => there_and_back::<Receipt>(&name, &sample),
            ["stored", "access", ..] => there_and_back::<Access>(&name, &sample),
            ["stored", "alert", ..] => there_and_back::<Alert>(&name, &sample),
            ["stored", "forgotten", ..] => there_and_back::<Forgotten>(&name, &sample),
            ["stored", "archived", ..] => there_and_back::<Archived>(&name, &sample),
            ["event", ..] => {
                there_and_back::<StoredEvent>(&name, &sample);
                let stored: StoredEvent = serde_json::from_value(sample.clone()).unwrap();
                let event = CallEvent::read(&stored).unwrap_or_else(|error| panic!("sample {name}: {error}"));
                // An older form is read, and never written.
                if stored.v == CallEvent::version_of(&stored.name) {
                    assert_eq!(event.stored(), stored, "{name}");
                }
            }
            ["message", "incoming", ..] => there_and_back::<Incoming>(&name, &sample),
            ["message", "control", ..] => there_and_back::<Control>(&name, &sample),
            ["message", "sync", ..] => there_and_back::<DeviceSync>(&name, &sample),
            ["message", "client", ..] => there_and_back::<ClientSync>(&name, &sample),
            ["push", "android", "push_confirm", ..] => there_and_back::<FcmPush<PushConfirm>>(&name, &sample),
            ["push", "ios", "push_confirm", ..] => there_and_back::<ApnsPush<PushConfirm>>(&name, &sample),
            ["push", "android", "video_call", ..] => there_and_back::<FcmPush<VideoCall>>(&name, &sample),
            ["push", "android", "call_ended", ..] => there_and_back::<FcmPush<CallOver>>(&name, &sample),
            ["push", "android", "missed_call", ..] => there_and_back::<FcmPush<MissedCall>>(&name, &sample),
            ["push", "ios", "video_call", ..] => there_and_back::<ApnsPush<VideoCall>>(&name, &sample),
            ["push", "ios", "call_ended", ..] => there_and_back::<ApnsPush<CallOver>>(&name, &sample),
            ["push", "ios", "missed_call", ..] => there_and_back::<ApnsPush<MissedCall>>(&name, &sample),
            ["http", "RegisterPushToken", ..] => there_and_back::<RegisterPushToken>(&name, &sample),
            ["http", "reply", "PushTokenRegistered", ..] => {
                there_and_back::<Envelope<PushTokenRegistered>>(&name, &sample);
            }
            ["http", "ConfirmPushToken", ..] => there_and_back::<ConfirmPushToken>(&name, &sample),
            ["http", "Revocation", ..] => there_and_back::<Revocation>(&name, &sample),
            ["http", "reply", "PushTokenConfirmed", ..] => {
                there_and_back::<Envelope<PushTokenConfirmed>>(&name, &sample);
            }
            ["http", "reply", "KnownClients", ..] => there_and_back::<Envelope<KnownClients>>(&name, &sample),
            ["http", "reply", "BlockList", ..] => there_and_back::<Envelope<BlockList>>(&name, &sample),
            ["http", "reply", "PersonSettings", ..] => there_and_back::<Envelope<PersonSettings>>(&name, &sample),
            ["http", "PersonSettings", ..] => there_and_back::<PersonSettings>(&name, &sample),
            ["http", "reply", "ClientRemoved", ..] => there_and_back::<Envelope<ClientRemoved>>(&name, &sample),
            ["http", "reply", "Revoked", ..] => there_and_back::<Envelope<Revoked>>(&name, &sample),
            ["http", "RegisterClient", ..] => there_and_back::<RegisterClient>(&name, &sample),
            ["http", "UpdateStatus", ..] => there_and_back::<UpdateStatus>(&name, &sample),
            ["http", "PlaceCall", ..] => there_and_back::<PlaceCall>(&name, &sample),
            ["http", "CalleeAction", ..] => there_and_back::<CalleeAction>(&name, &sample),
            ["http", "CallerAction", ..] => there_and_back::<CallerAction>(&name, &sample),
            ["http", "reply", "ClientRegistered", ..] => there_and_back::<Envelope<ClientRegistered>>(&name, &sample),
            ["http", "reply", "CallView", ..] => there_and_back::<Envelope<CallView>>(&name, &sample),
            ["http", "CallsSeen", ..] => there_and_back::<CallsSeen>(&name, &sample),
            ["http", "reply", "CallsSeen", ..] => there_and_back::<Envelope<CallsSeen>>(&name, &sample),
            ["http", "reply", "History", ..] => there_and_back::<Envelope<History>>(&name, &sample),
            ["http", "reply", "CallsOfDay", ..] => there_and_back::<Envelope<CallsOfDay>>(&name, &sample),
            ["http", "reply", "CallEvents", ..] => there_and_back::<Envelope<CallEvents>>(&name, &sample),
            ["http", "reply", "AccessesOfDay", ..] => there_and_back::<Envelope<AccessesOfDay>>(&name, &sample),
            ["http", "ProofFile", ..] => there_and_back::<ProofFile>(&name, &sample),
            ["http", "reply", "Nothing", ..] => there_and_back::<Envelope<()>>(&name, &sample),
            ["http", "error", ..] => there_and_back::<Envelope<Option<ErrorData>>>(&name, &sample),
            _ => panic!("sample {name}: of which type?"),
        }
    }
}

#[test]
fn every_form_has_a_sample() {
    // Commands are inside commits, the data of an answer is inside its envelope, and samples of errors are called by their
    // codes: other tests see to those.
    let inside = |name: &str| {
        let answered = [
            "ClientRegistered",
            "PushTokenRegistered",
            "PushTokenConfirmed",
            "KnownClients",
            "BlockList",
            "ClientRemoved",
            "Revoked",
            "CallView",
            "History",
            "CallsOfDay",
            "CallEvents",
            "AccessesOfDay",
        ];
        name.starts_with("command.")
            || name.starts_with("http.error.")
            || name == "http.Envelope"
            || name.strip_prefix("http.").is_some_and(|name| answered.contains(&name))
    };
    for (form, _) in schemas().into_iter().filter(|(name, _)| !inside(name)) {
        of::<Value>(&form);
    }
}

#[test]
fn every_event_has_a_sample() {
    // A new event does not compile here until it is counted.
    const EVENTS: usize = 9;
    let place = |event: &CallEvent| match event {
        CallEvent::CallPlaced(_) => 0,
        CallEvent::CallAlerted(_) => 1,
        CallEvent::CallAccepted(_) => 2,
        CallEvent::CallRejected(_) => 3,
        CallEvent::CallCancelled(_) => 4,
        CallEvent::CallMissed(_) => 5,
        CallEvent::CallEnded(_) => 6,
        CallEvent::CallFailed(_) => 7,
        CallEvent::CallDeclined(_) => 8,
    };
    let seen: BTreeSet<usize> =
        of::<StoredEvent>("event").iter().map(|(_, stored)| place(&CallEvent::read(stored).unwrap())).collect();
    assert_eq!(seen, (0..EVENTS).collect());
}

#[test]
fn every_command_has_a_commit() {
    const ACTS: usize = 10;
    let place = |act: &Act| match act {
        Act::Place { .. } => 0,
        Act::Alert {} => 1,
        Act::Accept {} => 2,
        Act::Reject { .. } => 3,
        Act::Cancel { .. } => 4,
        Act::HangUp { .. } => 5,
        Act::Expire {} => 6,
        Act::Fail { .. } => 7,
        Act::Decline {} => 8,
        Act::End { .. } => 9,
    };
    let commits = of::<Commit>("stored.commit");
    let acts = commits.iter().map(|(name, commit)| {
        let command =
            Command::read(&commit.cmd, commit.actor.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(command.stored(), commit.cmd, "{name}");
        assert_eq!(name, &format!("stored.commit.{}", commit.cmd.kind));
        place(&command.act)
    });
    assert_eq!(acts.collect::<BTreeSet<_>>(), (0..ACTS).collect());
}

#[test]
fn every_message_kind_has_a_sample() {
    let place = |action: ControlAction| match action {
        ControlAction::Ringing => 0,
        ControlAction::Accepted => 1,
        ControlAction::Rejected => 2,
        ControlAction::Cancelled => 3,
        ControlAction::Timeout => 4,
        ControlAction::Hangup => 5,
        ControlAction::Unreachable => 6,
        ControlAction::Alerted => 7,
        ControlAction::Declined => 8,
    };
    of::<Incoming>("message.incoming");
    let told: BTreeSet<_> = of::<Control>("message.control").iter().map(|(_, told)| place(told.action)).collect();
    assert_eq!(told, (0..8).collect());
    let told: BTreeSet<_> = of::<DeviceSync>("message.sync").iter().map(|(_, told)| place(told.action)).collect();
    assert_eq!(told, BTreeSet::from([1, 2, 3, 5, 8]));
}

#[test]
fn everything_that_a_party_can_do_has_a_sample() {
    let answer = |act: CalleeAct| match act {
        CalleeAct::Ringing => 0,
        CalleeAct::Accepted => 1,
        CalleeAct::Rejected => 2,
        CalleeAct::Hangup => 3,
        CalleeAct::Declined => 4,
    };
    let end = |act: CallerAct| match act {
        CallerAct::Cancelled => 0,
        CallerAct::Hangup => 1,
    };
    let done: BTreeSet<_> = of::<CalleeAction>("http.CalleeAction").iter().map(|(_, ask)| answer(ask.action)).collect();
    assert_eq!(done, (0..5).collect());
    let done: BTreeSet<_> = of::<CallerAction>("http.CallerAction").iter().map(|(_, ask)| end(ask.action)).collect();
    assert_eq!(done, (0..2).collect());
}

#[test]
fn what_is_inside_a_commit_is_as_its_own_schema_says() {
    for (name, commit) in of::<Commit>("stored.commit") {
        let command = serde_json::to_value(&commit.cmd).unwrap();
        assert!(valid(&schema_of(&format!("command.{}", commit.cmd.kind)), &command), "{name}: its command");
        for event in &commit.events {
            let form = format!("event.{}.v{}", event.name, event.v);
            assert!(valid(&schema_of(&form), &serde_json::to_value(event).unwrap()), "{name}: {form}");
        }
    }
}

#[test]
fn the_samples_tell_one_story() {
    let commits = of::<Commit>("stored.commit");
    let commit = |kind: &str| &commits.iter().find(|(_, commit)| commit.cmd.kind == kind).unwrap().1;
    let ways = [
        vec!["place", "alert", "accept", "hang_up"],
        vec!["place", "alert", "accept", "end"],
        vec!["place", "decline"],
        vec!["place", "reject"],
        vec!["place", "cancel"],
        vec!["place", "expire"],
        vec!["place", "fail"],
    ];
    for way in ways {
        for (before, after) in way.iter().zip(&way[1..]) {
            let (before, after) = (commit(before), commit(after));
            assert_eq!(
                (&after.prev, after.n),
                (&before.hash, before.n.next()),
                "{} after {}",
                after.cmd.kind,
                before.cmd.kind
            );
            assert!(after.at >= before.at);
        }
    }
    let kept: BTreeSet<String> = of::<Personal>("stored.personal").into_iter().map(|(_, kept)| kept.digest).collect();
    let named: BTreeSet<String> = commits
        .iter()
        .flat_map(|(_, commit)| &commit.events)
        .filter_map(|event| Some(event.data.get("personal")?.as_str()?.to_owned()))
        .collect();
    assert_eq!(kept, named, "the personal text that is kept, and that commits name");
    for (name, told) in of::<Control>("message.control") {
        let told_of = commits.iter().any(|(_, commit)| {
            (commit.n, commit.at, commit.state) == (told.seq, told.timestamp, told.state)
                && commit.call_id == told.call_id
        });
        assert!(told_of, "{name} tells of no commit");
    }
}

#[test]
fn an_error_sample_is_named_by_its_code() {
    for (name, error) in of::<Envelope<Value>>("http.error") {
        assert_eq!(name.split('.').nth(2), Some(error.code.to_string().as_str()));
    }
}

#[test]
fn an_event_of_an_unknown_version_or_name_is_refused() {
    for (name, stored) in of::<StoredEvent>("event") {
        for v in [0, CallEvent::version_of(&stored.name) + 1] {
            let other = StoredEvent { v, ..stored.clone() };
            assert_eq!(CallEvent::read(&other).unwrap_err().v, v, "{name} v{v}");
        }
        let other = StoredEvent { name: format!("{}Twice", stored.name), ..stored };
        assert!(CallEvent::read(&other).is_err(), "{name}");
    }
}

#[test]
fn an_unknown_field_is_tolerated_everywhere() {
    for (name, stored) in of::<StoredEvent>("event") {
        let mut more = stored.clone();
        more.data.insert("said_later".into(), json!({ "by": "a newer version" }));
        assert_eq!(CallEvent::read(&more).unwrap(), CallEvent::read(&stored).unwrap(), "{name}");
        assert!(valid(&schema_of(&name), &serde_json::to_value(&more).unwrap()), "{name}: its schema");
    }
    // A proof says nothing beside what it proves: what is not understood in it is refused.
    for (name, mut sample) in samples().into_iter().filter(|(name, _)| name != "http.ProofFile") {
        sample["said_later"] = json!(1);
        assert!(valid(&schema_of(&name), &sample), "{name}: its schema");
    }
}

#[test]
fn an_event_without_a_field_that_it_needs_is_refused() {
    for (name, sample) in samples().into_iter().filter(|(name, _)| name.starts_with("event.")) {
        let stored: StoredEvent = serde_json::from_value(sample).unwrap();
        for field in stored.data.keys().filter(|field| !["personal", "client_id", "preview"].contains(&field.as_str()))
        {
            let mut less = stored.clone();
            less.data.remove(field);
            assert!(CallEvent::read(&less).is_err(), "{name} without {field}");
            assert!(
                !valid(&schema_of(&name), &serde_json::to_value(&less).unwrap()),
                "{name} without {field}: its schema"
            );
        }
    }
}

#[test]
fn schemas_and_types_refuse_the_same_questions() {
    let least = of::<Value>("http.PlaceCall.least").remove(0).1;
    let with = |field: &str, value: Value| {
        let mut ask = least.clone();
        ask[field] = value;
        ask
    };
    let schema = schema_of("http.PlaceCall");
    for (ask, good) in [
        (least.clone(), true),
        (with("caller_info", Value::Null), true),
        (with("ring_seconds", Value::Null), true),
        (with("callee_id", json!("auth0|user/456 +#?")), true),
        (with("callee_id", json!("门".repeat(128))), true),
        (with("callee_id", json!("user\n456")), false),
        (with("callee_id", json!("")), false),
        (with("callee_id", json!("x".repeat(129))), false),
        (with("ring_seconds", json!("30")), false),
        (with("ring_seconds", json!(-1)), false),
        (with("invitation_data", json!([])), false),
        (with("callee_ids", json!("user456")), false),
        (with("callee_ids", json!(["user456", ""])), false),
    ] {
        assert_eq!(serde_json::from_value::<PlaceCall>(ask.clone()).is_ok(), good, "the type on {ask}");
        assert_eq!(valid(&schema, &ask), good, "the schema on {ask}");
    }
}

#[test]
fn a_hand_is_written_by_its_kind() {
    let commits = of::<Commit>("stored.commit");
    let actors: BTreeSet<&'static str> = commits
        .iter()
        .map(|(_, commit)| match commit.actor {
            Actor::User { .. } => "user",
            Actor::Device { .. } => "device",
            Actor::Timer => "timer",
            Actor::System => "system",
        })
        .collect();
    assert_eq!(actors, BTreeSet::from(["user", "device", "timer", "system"]));
}
