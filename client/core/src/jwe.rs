//! The UserSig in `calls/incoming`: a compact JWE (RFC 7516), `dir` with `A256GCM`, under the registration's key.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use data_encoding::BASE64URL_NOPAD;
use ilock_events::PayloadKey;
use serde::Deserialize;

/// Longer than any UserSig; what is longer is not looked at.
const LONGEST: usize = 16 * 1_024;

/// What became of a `user_sig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opened {
    /// The UserSig: it was plain, or opened with the key.
    Plain(String),
    /// It names another key: registering again brings that.
    OtherKey,
    /// It is malformed, or was changed.
    Unreadable,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    enc: String,
    kid: String,
    zip: Option<serde_json::Value>,
    crit: Option<serde_json::Value>,
}

/// Opens `user_sig`. A plain one has no dots.
pub(crate) fn open(user_sig: &str, key: Option<&PayloadKey>) -> Opened {
    if !user_sig.contains('.') {
        return Opened::Plain(user_sig.to_owned());
    }
    let Some(header) = header(user_sig) else { return Opened::Unreadable };
    match key {
        Some(key) if key.kid == header.kid => decrypt(user_sig, &key.k).map_or(Opened::Unreadable, Opened::Plain),
        _ => Opened::OtherKey,
    }
}

fn header(jwe: &str) -> Option<Header> {
    let protected = jwe.get(..LONGEST.min(jwe.len()))?.split('.').next()?;
    let header: Header = serde_json::from_slice(&decoded(protected)?).ok()?;
    let plain = header.alg == "dir" && header.enc == "A256GCM" && header.zip.is_none() && header.crit.is_none();
    plain.then_some(header)
}

fn decrypt(jwe: &str, key: &str) -> Option<String> {
    if jwe.len() > LONGEST {
        return None;
    }
    let parts: Vec<&str> = jwe.split('.').collect();
    let [protected, "", iv, ciphertext, tag] = parts[..] else { return None };
    let key: [u8; 32] = decoded(key)?.try_into().ok()?;
    let iv: [u8; 12] = decoded(iv)?.try_into().ok()?;
    let tag: [u8; 16] = decoded(tag)?.try_into().ok()?;
    let encrypted = [decoded(ciphertext)?, tag.to_vec()].concat();
    let payload = Payload { msg: &encrypted, aad: protected.as_bytes() };
    let opened = Aes256Gcm::new(&key.into()).decrypt(&iv.into(), payload).ok()?;
    String::from_utf8(opened).ok()
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(part.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str) -> serde_json::Value {
        let file = format!("{}/../../events/samples/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    fn key() -> PayloadKey {
        serde_json::from_value(sample("http.reply.ClientRegistered.json")["data"]["payload_key"].clone()).unwrap()
    }

    fn encrypted() -> String {
        sample("message.incoming.json")["room_info"]["user_sig"].as_str().unwrap().to_owned()
    }

    #[test]
    fn the_documented_example_opens() {
        let Opened::Plain(opened) = open(&encrypted(), Some(&key())) else { panic!("not opened") };
        assert!(opened.starts_with("eJwtzM9qwkAUBeCvIrNtYZL5l5"), "{opened}");
        assert_eq!(open("eJwplain", None), Opened::Plain("eJwplain".into()));
    }

    #[test]
    fn another_key_is_told_from_a_changed_text() {
        assert_eq!(open(&encrypted(), None), Opened::OtherKey);
        assert_eq!(open(&encrypted(), Some(&PayloadKey { kid: "v2".into(), ..key() })), Opened::OtherKey);
        for bad in [
            format!("{}A", encrypted()),
            encrypted().replace("..", "..".repeat(2).as_str()),
            "a.b".into(),
            ".".repeat(9),
        ] {
            assert_eq!(open(&bad, Some(&key())), Opened::Unreadable, "{bad}");
        }
        assert_eq!(open(&encrypted(), Some(&PayloadKey { k: "AAAA".into(), ..key() })), Opened::Unreadable);
    }
}
