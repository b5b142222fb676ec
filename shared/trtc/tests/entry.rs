//! Who is let into a room, and who is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

use ilock_events::{RoomId, TrtcUser};
use ilock_trtc::{ALL_PRIVILEGES, NotAdmitted, Privileges, RoomEntry, TrtcApp};

const NOW: i64 = 1_700_000_000;
const APP: u32 = 1_400_000_001;
/// Enter, and receive audio and video.
const LOOK: u32 = 2 | 8 | 32;

fn app() -> TrtcApp {
    TrtcApp::new(APP, "the-key-of-this-application").unwrap()
}

fn user(id: &str) -> TrtcUser {
    TrtcUser::new(id).unwrap()
}

fn room(number: u32) -> RoomId {
    RoomId::new(number).unwrap()
}

/// What `user456_0` shows at room 7, with these privileges, good for 60 seconds.
fn shown(app: &TrtcApp, privileges: u32) -> (String, String) {
    let who = user("user456_0");
    (app.user_sig(&who, NOW, 60), app.private_map_key(&who, room(7), privileges, NOW, 60))
}

fn entry<'a>(user_sig: &'a str, private_map_key: &'a str) -> RoomEntry<'a> {
    RoomEntry { user_id: "user456_0", sdk_app_id: APP, room: room(7), user_sig, private_map_key }
}

#[test]
fn the_holder_of_both_credentials_is_let_in_with_what_the_bits_say() {
    let (sig, key) = shown(&app(), ALL_PRIVILEGES);
    let all = app().admit(&entry(&sig, &key), NOW).unwrap();
    assert!(all.send_audio() && all.send_video() && all.receive_audio() && all.receive_video());
    let (sig, key) = shown(&app(), LOOK);
    let look = app().admit(&entry(&sig, &key), NOW + 59).unwrap();
    assert_eq!(look, Privileges::new(LOOK));
    assert!(!look.send_audio() && !look.send_video() && look.receive_audio() && look.receive_video());
}

#[test]
fn a_forged_or_foreign_credential_is_refused_by_its_name() {
    let forger = TrtcApp::new(APP, "another-key").unwrap();
    let ((sig, key), (forged_sig, forged_key)) = (shown(&app(), 63), shown(&forger, 63));
    let refused = |sig: &str, key: &str| app().admit(&entry(sig, key), NOW).unwrap_err();
    assert_eq!(refused(&forged_sig, &key), NotAdmitted::Forged("user_sig"));
    assert_eq!(refused(&sig, &forged_key), NotAdmitted::Forged("private_map_key"));
    assert!(matches!(refused("nonsense", &key), NotAdmitted::Unreadable("user_sig", _)));
    assert_eq!(refused(&sig, &sig), NotAdmitted::NoRoom);
    let anna = app().private_map_key(&user("anna_0"), room(7), 63, NOW, 60);
    assert_eq!(refused(&sig, &anna), NotAdmitted::OtherUser("private_map_key"));
    let anna = app().user_sig(&user("anna_0"), NOW, 60);
    assert_eq!(refused(&anna, &key), NotAdmitted::OtherUser("user_sig"));
}

#[test]
fn a_key_opens_its_room_and_no_other_and_not_for_ever() {
    let (sig, key) = shown(&app(), 63);
    let next_door = RoomEntry { room: room(8), ..entry(&sig, &key) };
    assert_eq!(app().admit(&next_door, NOW), Err(NotAdmitted::OtherRoom));
    assert_eq!(app().admit(&entry(&sig, &key), NOW + 60), Err(NotAdmitted::Expired("user_sig")));
    let later = app().user_sig(&user("user456_0"), NOW, 600);
    assert_eq!(app().admit(&entry(&later, &key), NOW + 60), Err(NotAdmitted::Expired("private_map_key")));
    let named = app().private_map_key_for_named_room(&user("user456_0"), "7", 63, NOW, 60).unwrap();
    assert_eq!(app().admit(&entry(&sig, &named), NOW), Err(NotAdmitted::OtherRoom));
    let other = RoomEntry { sdk_app_id: APP + 1, ..entry(&sig, &key) };
    assert_eq!(app().admit(&other, NOW), Err(NotAdmitted::OtherApp));
}

#[test]
fn a_key_without_the_bit_to_enter_opens_nothing() {
    let (sig, key) = shown(&app(), 63 & !2);
    assert_eq!(app().admit(&entry(&sig, &key), NOW), Err(NotAdmitted::MayNotEnter));
}
