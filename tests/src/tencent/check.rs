//! Checks a request as Tencent's API 3.0 does. Computes the signature from the raw request and shares no code with the
//! signer.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, Method, Uri};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The one account that the double knows.
pub const SECRET_ID: &str = "AKIDonLoopback";
pub const SECRET_KEY: &str = "a-secret-key-on-loopback";
/// Its one application.
pub const SDK_APP_ID: u32 = 1_400_000_001;

/// The clock difference that is tolerated, in seconds.
const TOLERANCE: u64 = 300;

/// A raw request.
pub(super) struct Request<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

impl Request<'_> {
    /// The error code with which Tencent refuses the request at `now` (seconds since 1970).
    pub(super) fn refusal(&self, now: i64) -> Result<(), &'static str> {
        let timestamp = self.header("x-tc-timestamp").ok_or("MissingParameter")?;
        let authorization = self.header("authorization").ok_or("AuthFailure.InvalidAuthorization")?;
        let signed = Authorization::read(authorization).ok_or("AuthFailure.InvalidAuthorization")?;
        let seconds: i64 = timestamp.parse().map_err(|_| "InvalidParameter")?;
        if signed.id != SECRET_ID {
            return Err("AuthFailure.SecretIdNotFound");
        }
        if seconds.abs_diff(now) > TOLERANCE {
            return Err("AuthFailure.SignatureExpire");
        }
        let well = self.signature(&signed, timestamp, SECRET_KEY).as_deref() == Some(signed.signature);
        if !well || signed.day != day(seconds) || signed.service != "trtc" {
            return Err("AuthFailure.SignatureFailure");
        }
        if self.header("x-tc-version") != Some("2019-07-22") {
            return Err("NoSuchVersion");
        }
        if !matches!(self.header("x-tc-action"), Some("DismissRoom" | "RemoveUser")) {
            return Err("InvalidAction");
        }
        if !matches!(self.header("x-tc-region"), Some("ap-beijing" | "ap-guangzhou" | "ap-singapore")) {
            return Err("UnsupportedRegion");
        }
        let body: Value = serde_json::from_slice(self.body).map_err(|_| "InvalidParameter")?;
        match body.get("SdkAppId").map(Value::as_u64) {
            None => Err("MissingParameter.SdkAppId"),
            Some(None) => Err("InvalidParameter.SdkAppId"),
            Some(Some(app)) if app != u64::from(SDK_APP_ID) => Err("UnauthorizedOperation.SdkAppId"),
            Some(Some(_)) => Ok(()),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The correct signature; None when a signed header is missing.
    fn signature(&self, signed: &Authorization<'_>, timestamp: &str, secret_key: &str) -> Option<String> {
        let mut text =
            vec![self.method.to_string(), self.uri.path().to_owned(), self.uri.query().unwrap_or("").to_owned()];
        for name in signed.headers.split(';') {
            text.push(format!("{name}:{}", self.header(name)?.trim().to_lowercase()));
        }
        text.extend([String::new(), signed.headers.to_owned(), sha256(self.body)]);
        let scope = format!("{}/{}/tc3_request", signed.day, signed.service);
        let to_sign = ["TC3-HMAC-SHA256", timestamp, &scope, &sha256(text.join("\n").as_bytes())].join("\n");
        let mut key = format!("TC3{secret_key}").into_bytes();
        for part in [signed.day, signed.service, "tc3_request"] {
            key = hmac(&key, part);
        }
        Some(hex::encode(hmac(&key, &to_sign)))
    }
}

/// A parsed `Authorization` header.
struct Authorization<'a> {
    id: &'a str,
    day: &'a str,
    service: &'a str,
    headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut fields = text.strip_prefix("TC3-HMAC-SHA256 ")?.split(", ");
        let credential = fields.next()?.strip_prefix("Credential=")?;
        let headers = fields.next()?.strip_prefix("SignedHeaders=")?;
        let signature = fields.next()?.strip_prefix("Signature=")?;
        let [id, day, service, "tc3_request"] = credential.split('/').collect::<Vec<_>>()[..] else { return None };
        let names: Vec<_> = headers.split(';').collect();
        let whole = fields.next().is_none() && names.is_sorted();
        let enough = names.contains(&"content-type") && names.contains(&"host");
        (whole && enough).then_some(Self { id, day, service, headers, signature })
    }
}

/// The room in a body.
pub(super) fn room(body: &Value) -> Result<u32, &'static str> {
    let room = body.get("RoomId").ok_or("MissingParameter.RoomId")?;
    let room = room.as_u64().ok_or("InvalidParameter.RoomId")?;
    u32::try_from(room).ok().filter(|room| *room > 0).ok_or("InvalidParameterValue.RoomId")
}

/// The users in a body.
pub(super) fn users(body: &Value) -> Result<BTreeSet<String>, &'static str> {
    let users = body.get("UserIds").ok_or("MissingParameter.UserIds")?;
    let users: Vec<String> = serde_json::from_value(users.clone()).map_err(|_| "InvalidParameter.UserIds")?;
    if (1..=10).contains(&users.len()) { Ok(users.into_iter().collect()) } else { Err("InvalidParameter.UserIds") }
}

/// The day in UTC, counted from 1970-01-01.
fn day(seconds: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut year, mut left) = (1970, seconds.div_euclid(86_400));
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, left + 1)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request that Tencent's own page on signatures is about, with the action signed too.
    #[test]
    fn the_published_signature_is_worked_out_again() {
        let body = r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json; charset=utf-8".parse().unwrap());
        headers.insert("host", "cvm.tencentcloudapi.com".parse().unwrap());
        headers.insert("x-tc-action", "DescribeInstances".parse().unwrap());
        let uri = Uri::from_static("/");
        let request = Request { method: &Method::POST, uri: &uri, headers: &headers, body: body.as_bytes() };
        let key = "*".repeat(32);
        let expected = "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f";
        let text = format!(
            "TC3-HMAC-SHA256 Credential=AKID{key}/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host;x-tc-action, Signature={expected}"
        );
        let signed = Authorization::read(&text).unwrap();
        assert_eq!(request.signature(&signed, "1551113065", &key).as_deref(), Some(signed.signature));
        assert_eq!(day(1_551_113_065), signed.day);
    }

    #[test]
    fn days_are_counted_right() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_703_980_800, "2023-12-31"),
            (1_704_067_200, "2024-01-01"),
        ] {
            assert_eq!(day(seconds), expected);
        }
    }
}
