//! MessageCredentials, encrypted for one user.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail as its tests may")]

use ilock_auth::{NotOpened, PayloadKeys, Secret, ShortSecret};
use ilock_events::{Address, PartyId, PartyKind, PayloadKey, TenantId};
use serde_json::Value;

fn keys(version: u32) -> PayloadKeys {
    PayloadKeys::new(Secret::new([7; 32]), version).unwrap()
}

fn user(id: &str) -> Address {
    Address::of(&TenantId::new("default").unwrap(), PartyKind::User, &PartyId::new(id).unwrap())
}

fn oct(kid: &str, k: &str) -> PayloadKey {
    PayloadKey { kty: "oct".into(), kid: kid.into(), alg: "dir".into(), enc: "A256GCM".into(), k: k.into() }
}

#[test]
fn a_user_opens_what_was_encrypted_for_them() {
    let ann = user("ann");
    for text in ["", "eJwtzM9q…", "门"] {
        let encrypted = keys(1).encrypt(&ann, 0, text).unwrap();
        assert_eq!(PayloadKeys::open(&keys(1).jwk(&ann, 0), &encrypted).as_deref(), Ok(text));
    }
}

#[test]
fn another_user_does_not() {
    let encrypted = keys(1).encrypt(&user("ann"), 0, "secret").unwrap();
    assert_eq!(PayloadKeys::open(&keys(1).jwk(&user("bob"), 0), &encrypted), Err(NotOpened::Tag));
}

#[test]
fn another_version_of_the_key_does_not() {
    let ann = user("ann");
    let encrypted = keys(1).encrypt(&ann, 0, "secret").unwrap();
    assert_eq!(PayloadKeys::open(&keys(2).jwk(&ann, 0), &encrypted), Err(NotOpened::OtherKey));
    let renamed = PayloadKey { kid: "v1".into(), ..keys(2).jwk(&ann, 0) };
    assert_eq!(PayloadKeys::open(&renamed, &encrypted), Err(NotOpened::Tag));
}

#[test]
fn whoever_was_logged_out_everywhere_has_another_key() {
    let ann = user("ann");
    let encrypted = keys(1).encrypt(&ann, 1, "secret").unwrap();
    let after = keys(1).jwk(&ann, 1);
    assert_eq!((after.kid.as_str(), PayloadKeys::open(&after, &encrypted).as_deref()), ("v1.1", Ok("secret")));
    for before in [keys(1).jwk(&ann, 0), keys(1).jwk(&ann, 2), keys(2).jwk(&ann, 1)] {
        assert_eq!(PayloadKeys::open(&before, &encrypted), Err(NotOpened::OtherKey));
        let renamed = PayloadKey { kid: "v1.1".into(), ..before };
        assert_eq!(PayloadKeys::open(&renamed, &encrypted), Err(NotOpened::Tag));
    }
}

#[test]
fn a_jwk_says_what_it_is_for() {
    let jwk = keys(12).jwk(&user("ann"), 0);
    assert_eq!(jwk, oct("v12", &jwk.k));
    assert_eq!(jwk.k.len(), 43);
}

/// A key once given out is on phones: it must never come out otherwise. Checked against Python's `hmac`, RFC 5869 by hand.
#[test]
fn keys_are_derived_as_they_have_always_been() {
    assert_eq!(keys(1).jwk(&user("user456"), 0).k, "J6DCtGL8H4nAUCXWRP4do20H_O49nPGeBv5MSTd9M4k");
}

#[test]
fn the_same_text_is_never_encrypted_the_same_way_twice() {
    let encrypt = || keys(1).encrypt(&user("ann"), 0, "secret").unwrap();
    assert_ne!(encrypt(), encrypt());
}

#[test]
fn what_another_library_encrypted_is_opened() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/jwe.json")).unwrap();
    let theirs = vectors["theirs"].as_array().unwrap();
    assert!(theirs.len() >= 3);
    for vector in theirs {
        let text = |name: &str| vector[name].as_str().unwrap();
        let opened = PayloadKeys::open(&oct(text("kid"), text("k")), text("jwe"));
        assert_eq!(opened.as_deref(), Ok(text("plaintext")));
    }
}

#[test]
fn a_key_of_another_kind_or_size_opens_nothing() {
    let ann = user("ann");
    let encrypted = keys(1).encrypt(&ann, 0, "secret").unwrap();
    let jwk = || keys(1).jwk(&ann, 0);
    let wrong: [PayloadKey; 5] = [
        PayloadKey { kty: "RSA".into(), ..jwk() },
        PayloadKey { alg: "A256KW".into(), ..jwk() },
        PayloadKey { enc: "A128GCM".into(), ..jwk() },
        oct("v1", "AAAA"),
        oct("v1", "not base64!"),
    ];
    for jwk in wrong {
        assert_eq!(PayloadKeys::open(&jwk, &encrypted), Err(NotOpened::BadKey));
    }
}

#[test]
fn a_secret_of_fewer_than_32_bytes_is_an_error() {
    assert_eq!(PayloadKeys::new(Secret::new([7; 31]), 1).err(), Some(ShortSecret));
}
