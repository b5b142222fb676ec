//! MQTT passwords: which client they let onto the broker, and each reason why not.
#![allow(clippy::unwrap_used, reason = "a test's helpers may fail as its tests may")]

mod common;

use common::{
    NOW, NOW_S, RSA_1, RSA_1_PUBLIC, assembled, assembled_hs256, identity, secret, shared, with as with_claim,
};
use ilock_auth::{
    BadSigningKey, ConnectSigner, Identity, MqttClaims, MqttTokens, NotIssued, Role, Secret, ShortSecret, TokenRefused,
};
use ilock_events::{ClientName, Generation, Login, LoginSession, TopicPrefix};
use serde_json::{Value, json};

fn tokens() -> MqttTokens {
    of_stack("")
}

fn of_stack(prefix: &str) -> MqttTokens {
    MqttTokens::new(secret(), TopicPrefix::new(prefix).unwrap()).unwrap()
}

fn client(id: &str) -> ClientName {
    ClientName::new(id).unwrap()
}

fn claims() -> Value {
    let mut claims = with_claim("aud", "ilock-mqtt");
    claims["client_id"] = "user456_ios_1".into();
    claims["generation"] = generation().as_str().into();
    claims
}

fn generation() -> Generation {
    Generation::of_bytes(*b"eight by")
}

/// What a password is to say: whose, for which client, for an hour.
fn of(identity: Identity, client_id: &str) -> MqttClaims {
    let login = Login { session: Some(LoginSession::named("s1")), since: Some(NOW.plus(-5_000)) };
    let (client_id, generation) = (client(client_id), generation());
    MqttClaims { identity, client_id, generation, login, expires_at: NOW.plus(3_600_000) }
}

fn shown(claims: &Value) -> Result<MqttClaims, TokenRefused> {
    tokens().verify(&shared(claims), NOW)
}

fn shown_with(name: &str, value: impl Into<Value>) -> Result<MqttClaims, TokenRefused> {
    let mut claims = claims();
    claims[name] = value.into();
    shown(&claims)
}

fn shown_without(name: &str) -> Result<MqttClaims, TokenRefused> {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    shown(&claims)
}

#[test]
fn an_issued_password_says_whose_client_may_connect_and_until_when() {
    for (id, role, phone) in [("user456", Role::User, "user456_ios_1"), ("door-1", Role::Device, "d.door-1_main")] {
        let mut said = of(identity(id, role), phone);
        for login in [said.login.clone(), Login::default()] {
            said.login = login;
            let token = tokens().issue(&said, NOW).unwrap();
            assert_eq!(tokens().verify(&token, NOW), Ok(said.clone()));
        }
    }
}

#[test]
fn a_password_is_not_issued_for_somebody_elses_client() {
    let issued = tokens().issue(&of(identity("user4", Role::User), "user456_ios_1"), NOW);
    assert_eq!(issued, Err(NotIssued::ForeignClient));
}

#[test]
fn a_password_is_for_clients_of_one_stack() {
    let who = identity("user456", Role::User);
    let password = of_stack("blue").issue(&of(who.clone(), "blue.user456_ios_1"), NOW).unwrap();
    assert_eq!(of_stack("blue").verify(&password, NOW).unwrap().client_id, client("blue.user456_ios_1"));
    for (stack, other) in [("blue", "user456_ios_1"), ("blue", "green.user456_ios_1"), ("", "blue.user456_ios_1")] {
        assert_eq!(of_stack(stack).issue(&of(who.clone(), other), NOW), Err(NotIssued::ForeignClient), "{stack}");
    }
    for stack in ["", "green"] {
        let refused = of_stack(stack).verify(&password, NOW);
        assert_eq!(refused, Err(TokenRefused::Claim { name: "client_id" }), "{stack:?}");
    }
}

#[test]
fn who_is_no_party_gets_no_password() {
    for role in [Role::Auditor, Role::Operator] {
        assert_eq!(tokens().issue(&of(identity("ann", role), "ann_ios_1"), NOW), Err(NotIssued::NoParty));
    }
}

#[test]
fn a_password_of_no_registration_is_refused() {
    for bad in [json!(""), json!("x"), json!(7)] {
        assert_eq!(shown_with("generation", bad), Err(TokenRefused::Claim { name: "generation" }));
    }
    assert_eq!(shown_without("generation"), Err(TokenRefused::Claim { name: "generation" }));
}

#[test]
fn an_auditors_password_is_refused() {
    assert_eq!(shown_with("role", "auditor"), Err(TokenRefused::Claim { name: "role" }));
}

#[test]
fn a_password_that_names_somebody_elses_client_is_refused() {
    assert!(shown(&claims()).is_ok());
    for other in [json!("user457_ios_1"), json!("user456"), json!("a/b_c"), json!(7)] {
        assert_eq!(shown_with("client_id", other), Err(TokenRefused::Claim { name: "client_id" }));
    }
    assert_eq!(shown_without("client_id"), Err(TokenRefused::Claim { name: "client_id" }));
}

#[test]
fn an_access_token_is_no_password() {
    assert_eq!(shown_without("aud"), Err(TokenRefused::Audience));
    for aud in [json!("ilock"), json!([]), json!(["ilock-mqtt", "ilock"])] {
        assert_eq!(shown_with("aud", aud), Err(TokenRefused::Audience));
    }
}

#[test]
fn an_expired_password_is_refused() {
    let token = shared(&claims());
    let until = |ms| tokens().verify(&token, NOW.plus(ms)).map(|_| ());
    assert_eq!(until(359_999), Ok(()));
    assert_eq!(until(360_000), Err(TokenRefused::Expired));
}

#[test]
fn a_password_without_exp_is_refused() {
    assert_eq!(shown_without("exp"), Err(TokenRefused::Claim { name: "exp" }));
}

#[test]
fn a_password_of_a_login_from_before_1970_is_refused() {
    for before in [json!(-1), json!(-1e30)] {
        assert_eq!(shown_with("auth_time", before), Err(TokenRefused::Claim { name: "auth_time" }));
    }
}

#[test]
fn a_password_that_is_not_valid_yet_is_refused() {
    assert_eq!(shown_with("nbf", NOW_S + 61), Err(TokenRefused::NotYetValid));
}

#[test]
fn an_unsigned_or_otherwise_signed_password_is_refused() {
    let none = assembled(&json!({"alg": "none"}), &claims(), "");
    assert_eq!(tokens().verify(&none, NOW), Err(TokenRefused::Algorithm));
    let other = assembled_hs256(&json!({"alg": "HS256"}), &claims(), &[7; 32]);
    assert_eq!(tokens().verify(&other, NOW), Err(TokenRefused::Signature));
}

#[test]
fn a_secret_of_fewer_than_32_bytes_is_an_error() {
    assert_eq!(MqttTokens::new(Secret::new([7; 31]), TopicPrefix::default()).err(), Some(ShortSecret));
}

#[test]
fn nothing_of_the_secret_is_shown() {
    let shown = format!("{:?}", tokens());
    assert!(!shown.contains("shared") && !shown.contains("97, 32"), "{shown}");
}

#[test]
fn while_a_secret_takes_the_place_of_another_passwords_of_both_are_good() {
    let other = || Secret::new("another secret of at least 32 bytes");
    let of_both = tokens().accepting(other()).unwrap();
    let of_other = MqttTokens::new(other(), TopicPrefix::default()).unwrap();
    let said = of(identity("user456", Role::User), "user456_ios_1");
    for issuer in [&of_both, &of_other] {
        assert_eq!(of_both.verify(&issuer.issue(&said, NOW).unwrap(), NOW), Ok(said.clone()));
    }
    // The first signs: whoever does not know the second yet lets its passwords in.
    assert_eq!(tokens().verify(&of_both.issue(&said, NOW).unwrap(), NOW), Ok(said.clone()));
    assert_eq!(tokens().verify(&of_other.issue(&said, NOW).unwrap(), NOW), Err(TokenRefused::Signature));
    assert_eq!(tokens().accepting(Secret::new("short")).err(), Some(ShortSecret));
}

#[test]
fn the_name_of_a_client_is_signed_as_iot_core_checks_it() {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let signed = ConnectSigner::new(RSA_1).unwrap().signed("user456_ios_1").unwrap();
    let (token, signature) = signed.split_once('&').unwrap();
    assert_eq!(token, "ilock-client=user456_ios_1");
    let signature = signature.strip_prefix("x-amz-customauthorizer-signature=").unwrap();
    assert!(signature.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'%'), "{signature}");
    let signature = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
    let signature = URL_SAFE_NO_PAD.encode(STANDARD.decode(signature).unwrap());
    let key = jsonwebtoken::DecodingKey::from_rsa_pem(RSA_1_PUBLIC.as_bytes()).unwrap();
    let is_signed = |message: &str| {
        let algorithm = jsonwebtoken::Algorithm::RS256;
        jsonwebtoken::crypto::verify(&signature, message.as_bytes(), &key, algorithm).unwrap()
    };
    assert_eq!((is_signed("user456_ios_1"), is_signed("user456_ios_2")), (true, false));
    for bad in ["", "key", RSA_1_PUBLIC] {
        assert_eq!(ConnectSigner::new(bad).err(), Some(BadSigningKey));
    }
}
