//! One JWK (RFC 7517) of the login service, if it is of any use to us.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::AsymmetricAlgorithm::{self, EdDsa, Es256, Rs256};

/// The fewest bytes of an RSA modulus (RFC 7518 §3.3: 2,048 bits).
const FEWEST_RSA_BYTES: usize = 256;

/// A key that verifies tokens, with exactly one algorithm.
pub(crate) struct PublicKey {
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: AsymmetricAlgorithm,
    pub(crate) key: DecodingKey,
}

/// The members of a JWK that we read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

/// Reads a JWK set. Keys that are of no use are left out: they are other people's, not errors.
pub(crate) fn read_set(json: &[u8]) -> Result<Vec<PublicKey>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(json)?;
    Ok(set
        .keys
        .into_iter()
        .filter_map(|key| serde_json::from_value(key).ok())
        .filter_map(|jwk| public_key(&jwk))
        .collect())
}

fn public_key(jwk: &Jwk) -> Option<PublicKey> {
    let signs = jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
    let verifies = |ops: &Vec<String>| ops.iter().any(|op| op == "verify");
    if !signs || !jwk.key_ops.as_ref().is_none_or(verifies) {
        return None;
    }
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let (algorithm, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            let (n, e) = (bytes(&jwk.n)?, bytes(&jwk.e)?);
            let long_enough = n.iter().skip_while(|&&b| b == 0).count() >= FEWEST_RSA_BYTES;
            long_enough.then(|| (Rs256, DecodingKey::from_rsa_raw_components(&n, &e)))?
        }
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
            // SEC 1 §2.3.3: an uncompressed point is 4, x, y.
            let point = [&[4][..], &x, &y].concat();
            (x.len() == 32 && y.len() == 32).then(|| (Es256, DecodingKey::from_ec_der(&point)))?
        }
        ("OKP", Some("Ed25519")) => {
            let x = bytes(&jwk.x)?;
            (x.len() == 32).then(|| (EdDsa, DecodingKey::from_ed_der(&x)))?
        }
        _ => return None,
    };
    let fits = jwk.alg.as_deref().is_none_or(|alg| alg == algorithm.name() || (algorithm == EdDsa && alg == "Ed25519"));
    fits.then(|| PublicKey { kid: jwk.kid.clone(), algorithm, key })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jwks() -> Value {
        serde_json::from_str(include_str!("../../tests/keys/jwks.json")).unwrap()
    }

    fn read(keys: &Value) -> Vec<PublicKey> {
        read_set(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn with(key: usize, member: &str, value: impl Into<Value>) -> usize {
        let mut jwk = jwks()["keys"][key].clone();
        jwk[member] = value.into();
        read(&json!([jwk])).len()
    }

    #[test]
    fn keys_of_each_kind_are_read_with_their_algorithm() {
        let kinds: Vec<_> =
            read(&jwks()["keys"]).into_iter().map(|key| (key.kid.unwrap_or_default(), key.algorithm)).collect();
        assert_eq!(
            kinds,
            [
                ("rsa-1".to_owned(), Rs256),
                ("rsa-2".to_owned(), Rs256),
                ("ec-1".to_owned(), Es256),
                ("ed-1".to_owned(), EdDsa)
            ]
        );
    }

    #[test]
    fn an_encryption_key_is_left_out() {
        assert_eq!(with(0, "use", "sig"), 1);
        assert_eq!(with(0, "use", "enc"), 0);
        assert_eq!(with(0, "key_ops", json!(["verify"])), 1);
        assert_eq!(with(0, "key_ops", json!(["encrypt", "wrapKey"])), 0);
    }

    #[test]
    fn a_key_whose_algorithm_does_not_fit_its_kind_is_left_out() {
        for (key, fits, others) in [
            (0, "RS256", ["PS256", "HS256", "RSA-OAEP", "ES256"]),
            (2, "ES256", ["ES384", "HS256", "ECDH-ES", "EdDSA"]),
            (3, "EdDSA", ["ES256", "HS256", "Ed448", "none"]),
        ] {
            assert_eq!(with(key, "alg", fits), 1);
            for other in others {
                assert_eq!(with(key, "alg", other), 0, "{other}");
            }
        }
    }

    #[test]
    fn other_curves_short_keys_and_symmetric_keys_are_left_out_without_harm_to_the_rest() {
        let mut keys = jwks()["keys"].as_array().unwrap().clone();
        keys.extend([
            json!({"kty":"EC","crv":"P-521","x":"AA","y":"AA","kid":"a"}),
            json!({"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"b"}),
            json!({"kty":"OKP","crv":"X25519","x":"AA","kid":"c"}),
            json!({"kty":"OKP","crv":"Ed25519","x":"AA","kid":"d"}),
            json!({"kty":"RSA","n":URL_SAFE_NO_PAD.encode([255; 128]),"e":"AQAB","kid":"e"}),
            json!({"kty":"oct","k":"c2VjcmV0","alg":"HS256","kid":"f"}),
            json!({"kty":7}),
            json!("no key"),
        ]);
        assert_eq!(read(&Value::Array(keys)).len(), 4);
    }

    #[test]
    fn what_is_no_key_set_is_an_error() {
        for bad in ["", "[]", "{}", "{\"keys\":{}}", "<html>"] {
            assert!(read_set(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
