//! Reports of rooms as Tencent sends them, and what a forged or broken one comes to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers may fail as its tests may")]

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use ilock_events::{Millis, RoomId};
use ilock_trtc::{BadSignature, CallbackEvent, CallbackRoom, InRoom, RoomEventKind, parse_callback, verify_callback};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

/// As Tencent publishes it.
#[derive(Deserialize)]
struct Published {
    key: String,
    body: String,
    sign: String,
}

fn published() -> Published {
    let mut all: Vec<Published> = serde_json::from_str(include_str!("vectors/trtc_callback.json")).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn signed(key: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

fn report(group: u32, event_type: u32, info: &Value) -> Vec<u8> {
    let (group, event_type) = (json!(group), json!(event_type));
    let report = json!({ "EventGroupId": group, "EventType": event_type, "CallbackTs": 1_687_770_730_166_i64, "EventInfo": info });
    report.to_string().into_bytes()
}

fn entered() -> Value {
    json!({
        "RoomId": 12_345, "EventTs": 1_687_770_731, "EventMsTs": 1_687_770_731_831_i64, "UserId": "user456", "Role": 21,
        "TerminalType": 2, "UserType": 3, "Reason": 1,
    })
}

fn in_room(raw: &[u8]) -> InRoom {
    match parse_callback(raw).unwrap() {
        CallbackEvent::InRoom(event) => event,
        other @ CallbackEvent::Unknown { .. } => panic!("{other:?}"),
    }
}

fn refusal(raw: &[u8]) -> String {
    parse_callback(raw).unwrap_err().to_string()
}

#[test]
fn the_published_report_is_signed_with_its_key_and_read() {
    let published = published();
    let body = published.body.as_bytes();
    assert_eq!(verify_callback(&published.key, body, &published.sign), Ok(()));
    assert_eq!(verify_callback("123655", body, &published.sign), Err(BadSignature));
    let expected = InRoom {
        kind: RoomEventKind::AudioStopped,
        room: CallbackRoom::Number(RoomId::new(8_489).unwrap()),
        at: Millis(1_664_209_748_180),
        sent_at: Millis(1_664_209_748_188),
        user: Some("user_85034614".into()),
        role: None,
        reason: Some(0),
    };
    assert_eq!(in_room(body), expected);
}

#[test]
fn without_a_key_nothing_is_believed() {
    assert_eq!(verify_callback("", b"{}", &signed("", b"{}")), Err(BadSignature));
}

#[test]
fn half_a_signature_or_one_in_another_form_is_none() {
    let whole = STANDARD.decode(signed("key", b"{}")).unwrap();
    assert_eq!(verify_callback("key", b"{}", &STANDARD.encode(&whole)), Ok(()));
    for sign in
        [STANDARD.encode(&whole[..16]), hex::encode(&whole), String::new(), format!(" {}", STANDARD.encode(&whole))]
    {
        assert_eq!(verify_callback("key", b"{}", &sign), Err(BadSignature), "{sign}");
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_one_changed_byte_of_the_body_does_not(
        key in "\\PC{1,32}", body in prop::collection::vec(any::<u8>(), 1..300), place in any::<prop::sample::Index>(), by in 1_u8..,
    ) {
        let sign = signed(&key, &body);
        prop_assert_eq!(verify_callback(&key, &body, &sign), Ok(()));
        let mut other = body;
        let place = place.index(other.len());
        other[place] ^= by;
        prop_assert_eq!(verify_callback(&key, &other, &sign), Err(BadSignature));
    }

    #[test]
    fn one_changed_byte_of_the_signature_is_refused(
        body in prop::collection::vec(any::<u8>(), 0..300), place in any::<prop::sample::Index>(), by in 1_u8..128,
    ) {
        let mut sign = signed("key", &body).into_bytes();
        let place = place.index(sign.len());
        sign[place] ^= by;
        prop_assert_eq!(verify_callback("key", &body, std::str::from_utf8(&sign).unwrap()), Err(BadSignature));
    }

    #[test]
    fn no_body_makes_the_reader_fall(body in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,300}") {
        let _ = parse_callback(&body);
        let _ = parse_callback(text.as_bytes());
        let _ = parse_callback(&report(1, 103, &json!({ "RoomId": text, "EventTs": 1, "UserId": "user456" })));
    }

    #[test]
    fn a_calls_room_is_known_in_both_forms(bits in any::<u32>()) {
        let id = RoomId::from_bits(bits);
        for written in [json!(id.number()), json!(id.to_string())] {
            let mut info = entered();
            info["RoomId"] = written;
            prop_assert_eq!(in_room(&report(1, 103, &info)).room.id(), Some(id));
        }
    }
}

#[test]
fn every_event_of_tencents_table_is_known() {
    use RoomEventKind::{
        AudioStarted, AudioStopped, Entered, Left, RoleChanged, RoomCreated, RoomDismissed, ScreenStarted,
        ScreenStopped, VideoStarted, VideoStopped,
    };
    for (group, event_type, kind) in [
        (1, 101, RoomCreated),
        (1, 102, RoomDismissed),
        (1, 103, Entered),
        (1, 104, Left),
        (1, 105, RoleChanged),
        (2, 201, VideoStarted),
        (2, 202, VideoStopped),
        (2, 203, AudioStarted),
        (2, 204, AudioStopped),
        (2, 205, ScreenStarted),
        (2, 206, ScreenStopped),
    ] {
        assert_eq!(in_room(&report(group, event_type, &entered())).kind, kind);
    }
}

#[test]
fn a_dismissed_room_comes_as_a_text_and_without_a_user() {
    let event = in_room(&report(
        1,
        102,
        &json!({ "RoomId": "12345", "EventTs": 1_687_771_618, "EventMsTs": 1_687_771_618_457_i64 }),
    ));
    assert_eq!((event.kind, event.user), (RoomEventKind::RoomDismissed, None));
    assert_eq!(event.room, CallbackRoom::Number(RoomId::new(12_345).unwrap()));
}

#[test]
fn who_left_says_when_and_why() {
    let info = json!({ "RoomId": 12_345, "EventTs": 1_687_770_731, "UserId": "device123", "Role": 20, "Reason": 2 });
    let event = in_room(&report(1, 104, &info));
    assert_eq!((event.user.as_deref(), event.role, event.reason), (Some("device123"), Some(20), Some(2)));
    assert_eq!(event.at, Millis(1_687_770_731_000), "whole seconds, where there is nothing finer");
}

#[test]
fn a_reason_counts_for_who_left_and_not_for_who_entered() {
    for (event_type, reason, time_out, removal) in [
        (104, 1, false, false),
        (104, 2, true, false),
        (104, 3, false, true),
        (104, 5, false, false),
        (103, 2, false, false),
        (103, 3, false, false),
    ] {
        let mut info = entered();
        info["Reason"] = json!(reason);
        let event = in_room(&report(1, event_type, &info));
        assert_eq!((event.is_time_out(), event.is_removal()), (time_out, removal), "{event_type} {reason}");
    }
}

#[test]
fn a_room_that_no_call_can_have_is_somebody_elses_and_no_error() {
    for other in [
        json!("lobby"),
        json!("007"),
        json!("+7"),
        json!("7 "),
        json!(0),
        json!(2_147_483_648_u32),
        json!("99999999999"),
    ] {
        let mut info = entered();
        info["RoomId"] = other.clone();
        let room = in_room(&report(1, 103, &info)).room;
        assert!(matches!(room, CallbackRoom::Other(_)), "{other} is {room:?}");
        assert_eq!(room.id(), None);
    }
}

#[test]
fn an_event_that_is_not_known_is_kept_as_that_whatever_its_fields() {
    let sent_at = Millis(1_687_770_730_166);
    for (group, event_type) in [(3, 301), (8, 801), (1, 106), (2, 103), (1, 204)] {
        let unknown = CallbackEvent::Unknown { group, event_type, sent_at };
        assert_eq!(parse_callback(&report(group, event_type, &json!({ "EventTs": "1622186275913" }))), Ok(unknown));
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (raw, field) in [
        (&b""[..], "body"),
        (b"[]", "body"),
        (b"[1,103,1,[12345,1]]", "body"),
        (b"{\"EventGroupId\":3,\"EventType\":1,\"CallbackTs\":1} {}", "body"),
        (b"{\"EventGroupId\":3,", "body"),
        (b"{}", "EventGroupId"),
        (b"{\"EventGroupId\":1,\"EventType\":103}", "CallbackTs"),
        (b"{\"EventGroupId\":1,\"EventGroupId\":1}", "EventGroupId"),
        (b"\xff", "body"),
        (b"{\"EventGroupId\":\"1\"}", "EventGroupId"),
        (b"{\"EventGroupId\":1,\"EventType\":-3}", "EventType"),
        (b"{\"EventGroupId\":1,\"EventType\":103,\"CallbackTs\":1.5}", "CallbackTs"),
        (b"{\"EventGroupId\":1,\"EventType\":103,\"CallbackTs\":1}", "EventInfo"),
        (b"{\"EventGroupId\":1,\"EventType\":103,\"CallbackTs\":1,\"EventInfo\":7}", "EventInfo"),
        (b"{\"EventGroupId\":1,\"EventType\":103,\"CallbackTs\":1,\"EventInfo\":[12345,1]}", "EventInfo"),
    ] {
        let refusal = refusal(raw);
        assert!(refusal.starts_with(&format!("{field}: ")), "{field}: {refusal}");
        assert!(["must be ", "is missing"].iter().any(|words| refusal.contains(words)), "in our words: {refusal}");
    }
    for (field, value) in [
        ("RoomId", json!(-1)),
        ("RoomId", json!(1.5)),
        ("RoomId", json!(null)),
        ("RoomId", json!("")),
        ("EventTs", json!("soon")),
        ("EventTs", json!(null)),
        ("EventMsTs", json!("soon")),
        ("UserId", json!(7)),
        ("UserId", json!("")),
        ("UserId", json!(null)),
        ("Role", json!("anchor")),
        ("Reason", json!([])),
    ] {
        let mut info = entered();
        info[field] = value.clone();
        let refusal = refusal(&report(1, 104, &info));
        assert!(refusal.starts_with(&format!("EventInfo.{field}: ")), "{value}: {refusal}");
        info.as_object_mut().unwrap().remove(field);
        if ["RoomId", "EventTs", "UserId"].contains(&field) {
            let refusal = self::refusal(&report(1, 104, &info));
            assert!(refusal.starts_with(&format!("EventInfo.{field}: ")), "without {field}: {refusal}");
        }
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(8_000), "]".repeat(8_000));
    assert!(parse_callback(deep.as_bytes()).is_err());
}
