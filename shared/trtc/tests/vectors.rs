//! Credentials as Tencent's own libraries make them. Decoded fields are compared, never credential bytes: key order, spacing
//! and zlib output differ between the official implementations.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers may fail as its tests may")]

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::ZlibDecoder;
use ilock_events::{RoomId, TrtcUser};
use ilock_trtc::{Credential, TrtcApp};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    input: Input,
    userbuf_hex: Option<String>,
    decoded: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    kind: String,
    sdkappid: u32,
    key: String,
    userid: TrtcUser,
    expire: u32,
    curr_time: i64,
    roomid: Option<RoomId>,
    strroomid: Option<String>,
    privilege_map: Option<u32>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str::<Vectors>(include_str!("vectors/usersig.json")).unwrap().vectors
}

fn made_from(input: &Input) -> String {
    let app = TrtcApp::new(input.sdkappid, &input.key).unwrap();
    let (user, at, expire) = (&input.userid, input.curr_time, input.expire);
    let privileges = input.privilege_map.unwrap_or_default();
    match input.kind.as_str() {
        "UserSig" => app.user_sig(user, at, expire),
        "PrivateMapKey" => app.private_map_key(user, input.roomid.unwrap(), privileges, at, expire),
        "PrivateMapKeyStr" => app
            .private_map_key_for_named_room(user, input.strroomid.as_deref().unwrap(), privileges, at, expire)
            .unwrap(),
        other => panic!("no such credential: {other}"),
    }
}

/// Reads a credential without our own reader.
fn json_of(credential: &str) -> Value {
    let standard = credential.replace('*', "+").replace('-', "/").replace('_', "=");
    serde_json::from_reader(ZlibDecoder::new(STANDARD.decode(standard).unwrap().as_slice())).unwrap()
}

#[test]
fn credentials_say_what_tencents_libraries_say() {
    assert_eq!(vectors().len(), 3);
    for vector in vectors() {
        assert_eq!(json_of(&made_from(&vector.input)), vector.decoded);
    }
}

#[test]
fn credentials_are_read_back_and_verify_under_their_key_only() {
    for vector in vectors() {
        let credential = Credential::decode(&made_from(&vector.input)).unwrap();
        assert!(credential.verify(&vector.input.key));
        assert!(!credential.verify("another key"));
        assert_eq!(credential.expires_at_seconds(), vector.input.curr_time + i64::from(vector.input.expire));
    }
}

#[test]
fn a_credential_as_json_has_tencents_names_and_the_room_beside_them() {
    for vector in vectors() {
        let mut json = serde_json::to_value(Credential::decode(&made_from(&vector.input)).unwrap()).unwrap();
        let room = json.as_object_mut().unwrap().remove("userbuf");
        assert_eq!(json, vector.decoded);
        assert_eq!(room.is_some(), vector.userbuf_hex.is_some());
        if let Some(room) = room {
            assert_eq!(room["account"], "xiaojun");
            assert_eq!(room["expires"], 1_700_000_300);
            assert_eq!(room["privileges"].as_u64().map(u32::try_from), vector.input.privilege_map.map(Ok));
            assert_eq!(room["room"], vector.input.roomid.map_or(0, RoomId::number));
            assert_eq!(room.get("room_name").and_then(Value::as_str), vector.input.strroomid.as_deref());
        }
    }
}
