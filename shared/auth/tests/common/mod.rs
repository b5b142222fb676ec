//! Tokens of every kind, good and bad.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part; a test's helpers may fail as its tests may"
)]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ilock_auth::{Identity, Role, Secret};
use ilock_events::{Millis, PartyId, TenantId};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// 2023-11-14T22:13:20Z.
pub const NOW: Millis = Millis(1_700_000_000_000);
/// The same in seconds.
pub const NOW_S: i64 = 1_700_000_000;

pub const RSA_1: &str = include_str!("../keys/test-rsa-1.pem");
pub const RSA_2: &str = include_str!("../keys/test-rsa-2.pem");
pub const RSA_1_PUBLIC: &str = include_str!("../keys/test-rsa-1.public.pem");
pub const EC_1: &str = include_str!("../keys/test-ec-1.pem");
pub const ED_1: &str = include_str!("../keys/test-ed-1.pem");

pub fn secret() -> Secret {
    Secret::new("a shared secret of at least 32 bytes")
}

pub fn identity(id: &str, role: Role) -> Identity {
    Identity { id: PartyId::new(id).unwrap(), role, tenant: TenantId::new("default").unwrap() }
}

/// A good token's claims: user456, a user, for five minutes.
pub fn claims() -> Value {
    json!({"sub": "user456", "role": "user", "iat": NOW_S, "exp": NOW_S + 300})
}

/// Good claims with one changed.
pub fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

/// Good claims without one.
pub fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

/// Signed as the login service with the shared secret signs.
pub fn shared(claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret().expose());
    signed(&Header::new(Algorithm::HS256), claims, &key)
}

pub fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

pub fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    let mut header = Header::new(algorithm);
    header.kid = kid.map(Into::into);
    header
}

pub fn rsa(kid: Option<&str>, pem: &str) -> String {
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    signed(&header(Algorithm::RS256, kid), &claims(), &key)
}

pub fn ec(kid: Option<&str>) -> String {
    let key = EncodingKey::from_ec_pem(EC_1.as_bytes()).unwrap();
    signed(&header(Algorithm::ES256, kid), &claims(), &key)
}

pub fn ed(kid: Option<&str>) -> String {
    let key = EncodingKey::from_ed_pem(ED_1.as_bytes()).unwrap();
    signed(&header(Algorithm::EdDSA, kid), &claims(), &key)
}

/// Any header over any claims, with any signature.
pub fn assembled(header: &Value, claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// A HS256 signature under any bytes, over any header.
pub fn assembled_hs256(header: &Value, claims: &Value, key: &[u8]) -> String {
    let unsigned = assembled(header, claims, "");
    let message = unsigned.trim_end_matches('.');
    let key = EncodingKey::from_secret(key);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// The public halves of the test keys, those with these `kid`s.
pub fn jwks(kids: &[&str]) -> Value {
    let all: Value = serde_json::from_str(include_str!("../keys/jwks.json")).unwrap();
    let keys: Vec<&Value> =
        all["keys"].as_array().unwrap().iter().filter(|key| kids.contains(&key["kid"].as_str().unwrap())).collect();
    json!({ "keys": keys })
}
