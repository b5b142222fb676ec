//! What holds for every credential, and what a hostile one comes to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers may fail as its tests may")]

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use ilock_events::{RoomId, TrtcUser};
use ilock_trtc::{ALL_PRIVILEGES, BadCredential, BadRoomName, Credential, TrtcApp};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write;

const KEY: &str = "a test key, not a real one";

fn packed(json: &str) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(json.as_bytes()).unwrap();
    STANDARD.encode(zlib.finish().unwrap()).replace('+', "*").replace('/', "-").replace('=', "_")
}

fn fields() -> Value {
    json!({
        "TLS.ver": "2.0", "TLS.identifier": "user456", "TLS.sdkappid": 1_400_000_001, "TLS.expire": 300,
        "TLS.time": 1_700_000_000, "TLS.sig": "",
    })
}

fn with(name: &str, value: impl Into<Value>) -> String {
    let mut fields = fields();
    fields[name] = value.into();
    packed(&fields.to_string())
}

fn a_room_key() -> Credential {
    let app = TrtcApp::new(1_400_000_001, KEY).unwrap();
    let user = TrtcUser::new("user456").unwrap();
    let room = RoomId::new(664_321).unwrap();
    Credential::decode(&app.private_map_key(&user, room, ALL_PRIVILEGES, 1_700_000_000, 300)).unwrap()
}

proptest! {
    #[test]
    fn every_user_sig_is_read_back_as_it_was_made(
        app in 1..=u32::MAX, key in "[!-~]\\PC{0,99}", user in "[A-Za-z0-9_-]{1,32}", at in any::<i64>(), expire in any::<u32>(),
    ) {
        let user = TrtcUser::new(user).unwrap();
        let credential = Credential::decode(&TrtcApp::new(app, &key).unwrap().user_sig(&user, at, expire)).unwrap();
        prop_assert!(credential.verify(&key));
        prop_assert_eq!(credential.identifier.as_str(), user.as_str());
        prop_assert_eq!((credential.sdk_app_id, credential.time, credential.expire), (app, at, expire));
        prop_assert_eq!(credential.expires_at_seconds(), at.saturating_add(i64::from(expire)));
        prop_assert_eq!(credential.room, None);
    }

    #[test]
    fn every_room_key_names_its_room_and_no_other(
        user in "[A-Za-z0-9_-]{1,32}", bits in any::<u32>(), privileges in any::<u32>(), at in 0..4_000_000_000_i64,
        expire in 0..100_000_u32,
    ) {
        let (user, room) = (TrtcUser::new(user).unwrap(), RoomId::from_bits(bits));
        let text = TrtcApp::new(1_400_000_001, KEY).unwrap().private_map_key(&user, room, privileges, at, expire);
        let credential = Credential::decode(&text).unwrap();
        prop_assert!(credential.verify(KEY));
        let named = credential.room.clone().unwrap();
        prop_assert_eq!((named.room, named.privileges), (room.number(), privileges));
        prop_assert_eq!(i64::from(named.expires), credential.expires_at_seconds());
        prop_assert_eq!(named.account.as_str(), user.as_str());
    }

    #[test]
    fn no_text_makes_the_reader_fall(text in "\\PC{0,300}") {
        prop_assert!(Credential::decode(&text).is_err());
    }

    #[test]
    fn no_flipped_character_gives_another_credential_that_verifies(place in any::<prop::sample::Index>(), letter in "[A-Za-z0-9*_-]") {
        let user = TrtcUser::new("user456").unwrap();
        let text = TrtcApp::new(1_400_000_001, KEY).unwrap().user_sig(&user, 1_700_000_000, 300);
        let place = place.index(text.len());
        let mut other = text.clone();
        other.replace_range(place..=place, &letter);
        let was = Credential::decode(&text).unwrap();
        prop_assert!(Credential::decode(&other).map_or(true, |credential| credential == was || !credential.verify(KEY)));
    }
}

#[test]
fn a_credential_with_any_signed_field_changed_does_not_verify() {
    let credential = a_room_key();
    assert!(credential.verify(KEY));
    let tamperings: [fn(&mut Credential); 8] = [
        |t| t.identifier = "user457".into(),
        |t| t.sdk_app_id += 1,
        |t| t.expire += 1,
        |t| t.time -= 1,
        |t| t.userbuf = None,
        |t| t.userbuf = t.userbuf.take().map(|text| text.replacen('A', "B", 1)),
        |t| t.sig = String::new(),
        |t| t.sig = STANDARD.encode([0; 32]),
    ];
    for (n, change) in tamperings.iter().enumerate() {
        let mut changed = credential.clone();
        change(&mut changed);
        assert_ne!(changed, credential, "change {n} tamperings something");
        assert!(!changed.verify(KEY), "change {n}");
    }
}

#[test]
fn half_a_signature_is_none() {
    let mut credential = a_room_key();
    let sig = STANDARD.decode(&credential.sig).unwrap();
    credential.sig = STANDARD.encode(&sig[..16]);
    assert!(!credential.verify(KEY));
}

#[test]
fn a_line_break_in_a_name_cannot_pass_for_a_signed_line() {
    assert_eq!(Credential::decode(&with("TLS.identifier", "user456\nTLS.sdkappid:1")), Err(BadCredential::Fields));
    let mut credential = a_room_key();
    credential.identifier.push('\n');
    assert!(!credential.verify(KEY));
}

#[test]
fn a_credential_of_another_version_is_refused() {
    assert_eq!(Credential::decode(&with("TLS.ver", "1.0")), Err(BadCredential::Version));
}

#[test]
fn missing_or_misshapen_fields_are_refused() {
    assert!(Credential::decode(&packed(&fields().to_string())).is_ok());
    assert_eq!(Credential::decode(&packed("{}")), Err(BadCredential::Fields));
    assert_eq!(Credential::decode(&packed("[1]")), Err(BadCredential::Fields));
    for (name, value) in [
        ("TLS.expire", json!(-1)),
        ("TLS.sdkappid", json!(4_294_967_296_u64)),
        ("TLS.time", json!("now")),
        ("TLS.sig", json!(null)),
    ] {
        assert_eq!(Credential::decode(&with(name, value)), Err(BadCredential::Fields), "{name}");
    }
}

#[test]
fn a_userbuf_that_names_no_room_is_refused() {
    for bad in ["", "!", "AAAA", "AP//"] {
        assert_eq!(Credential::decode(&with("TLS.userbuf", bad)), Err(BadCredential::UserBuf), "{bad}");
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let deep = format!("{}{}", "[".repeat(4_000), "]".repeat(4_000));
    assert_eq!(Credential::decode(&packed(&deep)), Err(BadCredential::Fields));
    let beside_the_fields = fields().to_string().replacen('{', &format!("{{\"x\":{deep},"), 1);
    assert!(Credential::decode(&packed(&beside_the_fields)).is_ok());
}

#[test]
fn a_room_with_a_name_that_trtc_does_not_take_gets_no_credential() {
    let app = TrtcApp::new(1_400_000_001, KEY).unwrap();
    let user = TrtcUser::new("user456").unwrap();
    for bad in ["", "小区", "a\nb", &"x".repeat(65)] {
        assert_eq!(app.private_map_key_for_named_room(&user, bad, ALL_PRIVILEGES, 0, 1), Err(BadRoomName));
    }
}
