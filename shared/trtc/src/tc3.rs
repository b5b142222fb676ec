//! TC3-HMAC-SHA256: how a request to Tencent Cloud's API 3.0 is signed ("Signature v3"). Pure.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// A key pair of the operator's Tencent Cloud account. Only its id is ever shown.
#[derive(Clone)]
pub struct ApiKey {
    id: String,
    key: String,
}

impl ApiKey {
    /// `id` is Tencent's SecretId, `key` its SecretKey.
    pub fn new(id: impl Into<String>, key: impl Into<String>) -> Self {
        Self { id: id.into(), key: key.into() }
    }

    #[cfg(feature = "room-api")]
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    #[cfg(feature = "room-api")]
    pub(crate) const fn has_key(&self) -> bool {
        !self.key.is_empty()
    }

    /// The `Authorization` header of `request`.
    #[must_use]
    pub fn authorization(&self, request: &Tc3Request<'_>) -> String {
        let (scope, headers) = (request.scope(), request.signed_headers());
        let signature = self.signature(request);
        format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={headers}, Signature={signature}", self.id)
    }

    fn signature(&self, request: &Tc3Request<'_>) -> String {
        let day = mac(format!("TC3{}", self.key).as_bytes(), &request.day());
        let service = mac(&day, request.service);
        let key = mac(&service, "tc3_request");
        hex::encode(mac(&key, &request.string_to_sign()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("id", &self.id).field("key", &"[redacted]").finish()
    }
}

/// What is signed of a POST to `/`, without a query.
#[derive(Debug, Clone, Copy)]
pub struct Tc3Request<'a> {
    /// The product: `trtc`.
    pub service: &'a str,
    /// The `Host` header as it is sent, with a port where there is one.
    pub host: &'a str,
    /// The `X-TC-Action` header, when it is to be signed too: so a signature fits no other action.
    pub action: Option<&'a str>,
    /// The `Content-Type` header as it is sent.
    pub content_type: &'a str,
    /// The body as it is sent.
    pub payload: &'a [u8],
    /// The `X-TC-Timestamp` header: seconds since 1970. Tencent takes five minutes' difference from its own clock.
    pub timestamp: i64,
}

impl Tc3Request<'_> {
    fn canonical(&self) -> String {
        let (content_type, host) = (self.content_type.trim().to_lowercase(), self.host.to_lowercase());
        let action = self.action.map(|action| format!("x-tc-action:{}\n", action.to_lowercase())).unwrap_or_default();
        let (headers, payload) = (self.signed_headers(), hex::encode(Sha256::digest(self.payload)));
        format!("POST\n/\n\ncontent-type:{content_type}\nhost:{host}\n{action}\n{headers}\n{payload}")
    }

    fn string_to_sign(&self) -> String {
        let canonical = hex::encode(Sha256::digest(self.canonical().as_bytes()));
        format!("{ALGORITHM}\n{}\n{}\n{canonical}", self.timestamp, self.scope())
    }

    const fn signed_headers(&self) -> &'static str {
        if self.action.is_some() { "content-type;host;x-tc-action" } else { "content-type;host" }
    }

    fn scope(&self) -> String {
        format!("{}/{}/tc3_request", self.day(), self.service)
    }

    /// The timestamp's day, in UTC.
    fn day(&self) -> String {
        let date = OffsetDateTime::from_unix_timestamp(self.timestamp).unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
        format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "RFC 2104 takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes every key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// Published by Tencent, or made by its own library with the clock held still.
    #[derive(Deserialize)]
    struct Vector {
        secret_id: String,
        secret_key: String,
        service: String,
        host: String,
        timestamp: i64,
        payload: String,
        content_type: String,
        signed_action: Option<String>,
        canonical_request: String,
        string_to_sign: String,
        signature: String,
        authorization: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("../tests/vectors/tc3.json")).unwrap()
    }

    impl Vector {
        fn request(&self) -> Tc3Request<'_> {
            Tc3Request {
                service: &self.service,
                host: &self.host,
                action: self.signed_action.as_deref(),
                content_type: &self.content_type,
                payload: self.payload.as_bytes(),
                timestamp: self.timestamp,
            }
        }
    }

    #[test]
    fn requests_are_signed_as_tencent_signs_them_step_by_step() {
        assert_eq!(vectors().len(), 3);
        for vector in vectors() {
            let (key, request) = (ApiKey::new(&vector.secret_id, &vector.secret_key), vector.request());
            assert_eq!(request.canonical(), vector.canonical_request);
            assert_eq!(request.string_to_sign(), vector.string_to_sign);
            assert_eq!(key.signature(&request), vector.signature);
            assert_eq!(key.authorization(&request), vector.authorization);
        }
    }

    #[test]
    fn whatever_is_changed_changes_the_signature() {
        let vectors = vectors();
        let was = vectors[1].request();
        let key = ApiKey::new("AKIDtestid", "testsecretkey");
        for other in [
            Tc3Request { service: "trtc", ..was },
            Tc3Request { host: "trtc.tencentcloudapi.com:8443", ..was },
            Tc3Request { action: Some("DismissRoom"), ..was },
            Tc3Request { action: None, ..was },
            Tc3Request { content_type: "application/json", ..was },
            Tc3Request { payload: b"{}", ..was },
            Tc3Request { timestamp: was.timestamp + 1, ..was },
        ] {
            assert_ne!(key.signature(&other), key.signature(&was), "{other:?}");
        }
        assert_ne!(ApiKey::new("AKIDtestid", "another").signature(&was), key.signature(&was));
    }

    #[test]
    fn the_day_is_the_days_in_greenwich() {
        let vectors = vectors();
        let at = |timestamp| Tc3Request { timestamp, ..vectors[0].request() }.day();
        assert_eq!(at(1_551_139_199), "2019-02-25");
        assert_eq!(at(1_551_139_200), "2019-02-26");
        assert_eq!(at(1_709_164_800), "2024-02-29");
    }

    #[test]
    fn the_secret_key_is_not_shown() {
        let shown = format!("{:?}", ApiKey::new("AKIDtestid", "testsecretkey"));
        assert!(shown.contains("AKIDtestid") && !shown.contains("testsecretkey"), "{shown}");
    }
}
