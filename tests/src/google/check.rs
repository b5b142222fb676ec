//! What Google checks.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::http::{HeaderMap, Uri};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ilock_events::Millis;
use serde_json::{Value, json};

/// The one service account that the double knows.
pub const PROJECT: &str = "ilock-on-loopback";
pub const KEY_ID: &str = "0123456789abcdef0123456789abcdef01234567";
pub const EMAIL: &str = "push@ilock-on-loopback.iam.gserviceaccount.com";
pub(super) const PRIVATE_KEY: &str = include_str!("../../../shared/auth/tests/keys/test-rsa-1.pem");
const PUBLIC_KEY: &str = include_str!("../../../shared/auth/tests/keys/test-rsa-1.public.pem");

/// The clock difference that is tolerated, in seconds.
const TOLERANCE: i64 = 300;

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A request for an access token at `audience`, at `now`: "Using OAuth 2.0 for Server to Server Applications".
pub(super) fn assertion(headers: &HeaderMap, body: &[u8], audience: &str, now: Millis) -> Result<(), String> {
    if header(headers, "content-type") != "application/x-www-form-urlencoded" {
        return Err("content-type".into());
    }
    let form: BTreeMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    if form.keys().collect::<Vec<_>>() != ["assertion", "grant_type"] {
        return Err("the form's fields".into());
    }
    if form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
        return Err("grant_type".into());
    }
    let parts: Vec<&str> = form["assertion"].split('.').collect();
    let &[head, claims, signature] = parts.as_slice() else { return Err("not a JWT".into()) };
    let read = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string());
    let json = |part: &str| serde_json::from_slice::<Value>(&read(part)?).map_err(|error| error.to_string());
    if json(head)? != json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID }) {
        return Err("the JWT's header".into());
    }
    let claims_read = json(claims)?;
    let seconds = |name: &str| claims_read[name].as_i64().ok_or_else(|| name.to_owned());
    let (iat, exp) = (seconds("iat")?, seconds("exp")?);
    let expected = json!({ "iss": EMAIL, "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": audience, "iat": iat, "exp": exp });
    if claims_read != expected {
        return Err(format!("the claims are {claims_read}"));
    }
    if (iat - now.0 / 1000).abs() > TOLERANCE || !(1..=3600).contains(&(exp - iat)) {
        return Err("Token must be a short-lived token (60 minutes) and in a reasonable timeframe".into());
    }
    let key: String = PUBLIC_KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = STANDARD.decode(key).unwrap();
    let signed = form["assertion"].rsplit_once('.').unwrap().0;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key)
        .verify(signed.as_bytes(), &read(signature)?)
        .map_err(|_| "Invalid JWT Signature.".to_owned())
}

/// The phone's token and the message of a request to send one; else the field that is wrong.
pub(super) fn message(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<(String, Value), String> {
    if uri.path() != format!("/v1/projects/{PROJECT}/messages:send") {
        return Err(uri.path().into());
    }
    if header(headers, "content-type") != "application/json" {
        return Err("content-type".into());
    }
    let mut body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let known = |value: &Value, fields: &[&str]| {
        value.as_object().is_some_and(|object| object.keys().all(|field| fields.contains(&field.as_str())))
    };
    if !known(&body, &["message"]) {
        return Err("the request".into());
    }
    let mut message = body["message"].take();
    if !known(&message, &["token", "android", "apns", "notification", "data"]) {
        return Err("message".into());
    }
    let token = message.as_object_mut().unwrap().remove("token");
    let token = token.and_then(|token| token.as_str().map(str::to_owned)).ok_or("message.token")?;
    // "The key should not be a reserved word … Values are strings": REST Resource: projects.messages.
    let data = message["data"].as_object().ok_or("message.data")?;
    for (name, value) in data {
        let reserved =
            name == "from" || name == "message_type" || name.starts_with("google") || name.starts_with("gcm");
        if reserved || !value.is_string() {
            return Err(format!("message.data.{name}"));
        }
    }
    let android = &message["android"];
    let ttl = android["ttl"].as_str().and_then(|ttl| ttl.strip_suffix('s')?.parse::<u32>().ok());
    if !known(android, &["priority", "ttl"]) || ttl.is_none_or(|ttl| ttl == 0 || ttl > 2_419_200) {
        return Err("message.android".into());
    }
    if !matches!(android["priority"].as_str(), Some("high" | "normal")) {
        return Err("message.android.priority".into());
    }
    let apns = &message["apns"];
    let headers_are_texts = apns["headers"].as_object().is_some_and(|all| all.values().all(Value::is_string));
    if !known(apns, &["headers", "payload"]) || !headers_are_texts || !apns["payload"]["aps"].is_object() {
        return Err("message.apns".into());
    }
    Ok((token, message))
}
