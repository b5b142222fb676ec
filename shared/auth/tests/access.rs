//! Access tokens signed with a shared secret: who is believed, and each reason why not.
#![allow(
    clippy::unwrap_used,
    clippy::unnecessary_wraps,
    reason = "a test's helpers may fail as its tests may, and say what is expected in its terms"
)]

mod common;

use common::{
    NOW, NOW_S, RSA_1, assembled, assembled_hs256, claims, ec, ed, identity, rsa, secret, shared, with, without,
};
use ilock_auth::{
    AccessKeys, AccessRules, AccessTokens, BadRules, Identity, NotIssued, Role, Secret, ShortSecret, TokenRefused,
    issue_access_token,
};
use ilock_events::{Millis, TenantId};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

fn rules() -> AccessRules {
    AccessRules { keys: AccessKeys::Shared(secret()), issuer: None, audience: None }
}

async fn shown_at(token: &str, now: Millis) -> Result<Identity, TokenRefused> {
    AccessTokens::new(rules()).unwrap().verify(token, now).await
}

async fn shown(token: &str) -> Result<Identity, TokenRefused> {
    shown_at(token, NOW).await
}

async fn claimed(claims: &Value) -> Result<Identity, TokenRefused> {
    shown(&shared(claims)).await
}

async fn claimed_under(rules: AccessRules, claims: &Value) -> Result<Identity, TokenRefused> {
    AccessTokens::new(rules).unwrap().verify(&shared(claims), NOW).await
}

fn bad(name: &'static str) -> Result<Identity, TokenRefused> {
    Err(TokenRefused::Claim { name })
}

fn user456() -> Result<Identity, TokenRefused> {
    Ok(identity("user456", Role::User))
}

#[tokio::test]
async fn a_good_token_says_who_somebody_is() {
    for (word, role) in [("user", Role::User), ("device", Role::Device), ("auditor", Role::Auditor)] {
        assert_eq!(claimed(&with("role", word)).await, Ok(identity("user456", role)));
    }
}

#[tokio::test]
async fn a_token_without_tenant_is_of_the_default_tenant() {
    assert_eq!(claimed(&claims()).await.unwrap().tenant.as_str(), "default");
}

#[tokio::test]
async fn a_token_with_tenant_is_of_that_tenant() {
    let identity = claimed(&with("tenant", "acme")).await.unwrap();
    assert_eq!(identity.tenant, TenantId::new("acme").unwrap());
}

#[tokio::test]
async fn a_bad_tenant_is_not_taken_for_the_default() {
    for tenant in [json!(""), json!(null), json!("a#b"), json!(7)] {
        assert_eq!(claimed(&with("tenant", tenant)).await, bad("tenant"));
    }
}

#[tokio::test]
async fn a_token_without_exp_is_refused() {
    assert_eq!(claimed(&without("exp")).await, bad("exp"));
}

#[tokio::test]
async fn an_exp_that_is_no_number_is_refused() {
    for exp in [json!("1700000300"), json!(null), json!([1]), json!(true)] {
        assert_eq!(claimed(&with("exp", exp)).await, bad("exp"));
    }
}

#[tokio::test]
async fn a_token_has_sixty_seconds_after_exp_and_no_more() {
    let token = shared(&with("exp", NOW_S));
    assert_eq!(shown_at(&token, NOW.plus(59_999)).await, user456());
    assert_eq!(shown_at(&token, NOW.plus(60_000)).await, Err(TokenRefused::Expired));
}

#[tokio::test]
async fn a_token_is_good_sixty_seconds_before_nbf_and_no_earlier() {
    let token = shared(&with("nbf", NOW_S));
    assert_eq!(shown_at(&token, NOW.plus(-60_000)).await, user456());
    assert_eq!(shown_at(&token, NOW.plus(-60_001)).await, Err(TokenRefused::NotYetValid));
}

#[tokio::test]
async fn an_nbf_that_is_no_number_is_refused() {
    assert_eq!(claimed(&with("nbf", "soon")).await, bad("nbf"));
    assert_eq!(claimed(&with("nbf", json!(null))).await, bad("nbf"));
}

#[tokio::test]
async fn moments_may_have_fractions_and_be_absurd() {
    let half = shared(&with("exp", json!(1_700_000_000.5)));
    assert_eq!(shown_at(&half, NOW.plus(60_499)).await, user456());
    assert_eq!(shown_at(&half, NOW.plus(60_500)).await, Err(TokenRefused::Expired));
    assert_eq!(claimed(&with("exp", u64::MAX)).await, user456());
    assert_eq!(claimed(&with("exp", json!(1e300))).await, user456());
    assert_eq!(claimed(&with("exp", i64::MIN)).await, Err(TokenRefused::Expired));
    assert_eq!(claimed(&with("nbf", i64::MAX)).await, Err(TokenRefused::NotYetValid));
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    for alg in ["none", "None", "NONE", ""] {
        let header = json!({"alg": alg, "typ": "JWT"});
        let refused = shown(&assembled(&header, &claims(), "")).await;
        assert_eq!(refused, Err(TokenRefused::Algorithm), "{alg:?}");
    }
}

#[tokio::test]
async fn other_algorithms_than_hs256_are_refused_even_with_the_right_secret() {
    let key = EncodingKey::from_secret(secret().expose());
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims(), &key).unwrap();
        assert_eq!(shown(&token).await, Err(TokenRefused::Algorithm));
    }
    for token in [rsa(None, RSA_1), ec(None), ed(None)] {
        assert_eq!(shown(&token).await, Err(TokenRefused::Algorithm));
    }
}

#[tokio::test]
async fn a_token_signed_with_another_secret_is_refused() {
    let token = assembled_hs256(&json!({"alg": "HS256"}), &claims(), b"another secret of at least 32 bytes.");
    assert_eq!(shown(&token).await, Err(TokenRefused::Signature));
}

#[tokio::test]
async fn a_token_whose_signature_is_empty_or_cut_is_refused() {
    let token = shared(&claims());
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(shown(&format!("{signed}.")).await, Err(TokenRefused::Signature));
    assert_eq!(shown(&token[..token.len() - 4]).await, Err(TokenRefused::Signature));
    assert_eq!(shown(&format!("{token}=")).await, Err(TokenRefused::Signature));
}

#[tokio::test]
async fn a_token_whose_claims_were_changed_is_refused() {
    let token = shared(&claims());
    let other = shared(&with("sub", "user457"));
    let [head, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let body = other.split('.').nth(1).unwrap();
    assert_eq!(shown(&format!("{head}.{body}.{signature}")).await, Err(TokenRefused::Signature));
}

#[tokio::test]
async fn a_forged_token_is_refused_for_its_signature_before_its_claims_are_looked_at() {
    let token = assembled_hs256(&json!({"alg": "HS256"}), &json!({"exp": 1}), b"guess");
    assert_eq!(shown(&token).await, Err(TokenRefused::Signature));
}

#[tokio::test]
async fn what_is_no_token_is_malformed() {
    for text in ["", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "é.é.é"] {
        assert_eq!(shown(text).await, Err(TokenRefused::Malformed), "{text}");
    }
    for header in [json!([]), json!({}), json!({"alg": 7}), json!("HS256")] {
        assert_eq!(shown(&assembled_hs256(&header, &claims(), secret().expose())).await, Err(TokenRefused::Malformed));
    }
}

#[tokio::test]
async fn claims_that_are_no_object_are_malformed() {
    for claims in [json!([]), json!("user456"), json!(null)] {
        assert_eq!(claimed(&claims).await, Err(TokenRefused::Malformed));
    }
}

#[tokio::test]
async fn a_header_that_names_an_extension_to_understand_is_malformed() {
    let header = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
    let token = assembled_hs256(&header, &claims(), secret().expose());
    assert_eq!(shown(&token).await, Err(TokenRefused::Malformed));
}

#[tokio::test]
async fn a_token_over_8_kb_is_refused_before_it_is_read() {
    let fits = shared(&with("more", "x".repeat(5_900)));
    assert!(fits.len() < 8_192, "{}", fits.len());
    assert_eq!(shown(&fits).await, user456());
    let too_long = shared(&with("more", "x".repeat(6_100)));
    assert!(too_long.len() > 8_192);
    assert_eq!(shown(&too_long).await, Err(TokenRefused::Malformed));
}

#[tokio::test]
async fn an_unknown_role_is_refused() {
    for role in [json!("admin"), json!("User"), json!(""), json!(null), json!(["user"])] {
        assert_eq!(claimed(&with("role", role)).await, bad("role"));
    }
    assert_eq!(claimed(&without("role")).await, bad("role"));
}

#[tokio::test]
async fn a_sub_of_any_login_service_is_the_id() {
    for sub in [json!("a/b"), json!("+49 151 1"), json!("auth0|1"), json!("张三"), json!("x".repeat(128)), json!(456)]
    {
        let id = claimed(&with("sub", sub.clone())).await.unwrap().id.to_string();
        assert_eq!(id, sub.as_str().map_or_else(|| sub.to_string(), str::to_owned));
    }
}

#[tokio::test]
async fn a_sub_that_is_no_id_is_refused() {
    for sub in [json!("a\nb"), json!("\u{0}"), json!(""), json!("x".repeat(129)), json!(4.5), json!(null), json!(["a"])]
    {
        assert_eq!(claimed(&with("sub", sub)).await, bad("sub"));
    }
    assert_eq!(claimed(&without("sub")).await, bad("sub"));
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused_when_one_is_configured() {
    let rules = || AccessRules { issuer: Some("https://login.example".into()), ..rules() };
    let good = with("iss", "https://login.example");
    assert_eq!(claimed_under(rules(), &good).await, user456());
    for other in [with("iss", "https://login.example/"), with("iss", json!(["https://login.example"])), without("iss")]
    {
        assert_eq!(claimed_under(rules(), &other).await, Err(TokenRefused::Issuer));
    }
}

#[tokio::test]
async fn without_a_configured_issuer_any_is_taken() {
    assert_eq!(claimed(&with("iss", "anybody")).await, user456());
}

#[tokio::test]
async fn a_token_for_another_audience_or_none_is_refused_when_one_is_configured() {
    let rules = || AccessRules { audience: Some("ilock".into()), ..rules() };
    for good in [with("aud", "ilock"), with("aud", json!(["web", "ilock"]))] {
        assert_eq!(claimed_under(rules(), &good).await, user456());
    }
    for other in [with("aud", "web"), with("aud", json!(["web"])), with("aud", json!([])), without("aud")] {
        assert_eq!(claimed_under(rules(), &other).await, Err(TokenRefused::Audience));
    }
}

#[tokio::test]
async fn an_audience_that_is_no_text_is_refused() {
    for aud in [json!(7), json!(null), json!(["ilock", 7]), json!({})] {
        assert_eq!(claimed(&with("aud", aud)).await, bad("aud"));
    }
}

#[tokio::test]
async fn a_token_for_the_broker_is_never_an_access_token() {
    for aud in [json!("ilock-mqtt"), json!(["ilock", "ilock-mqtt"])] {
        let claims = with("aud", aud);
        assert_eq!(claimed(&claims).await, Err(TokenRefused::Audience));
        let rules = AccessRules { audience: Some("ilock".into()), ..rules() };
        assert_eq!(claimed_under(rules, &claims).await, Err(TokenRefused::Audience));
    }
}

#[test]
fn the_brokers_audience_cannot_be_configured() {
    let rules = AccessRules { audience: Some("ilock-mqtt".into()), ..rules() };
    assert_eq!(AccessTokens::new(rules).err(), Some(BadRules::ReservedAudience));
}

#[test]
fn a_secret_of_fewer_than_32_bytes_is_an_error() {
    let with_bytes =
        |n| AccessTokens::new(AccessRules { keys: AccessKeys::Shared(Secret::new(vec![7; n])), ..rules() }).err();
    assert_eq!(with_bytes(31), Some(BadRules::ShortSecret(ShortSecret)));
    assert_eq!(with_bytes(32), None);
}

#[tokio::test]
async fn an_issued_token_is_believed_under_the_same_rules() {
    let rules = AccessRules { issuer: Some("https://login.example".into()), audience: Some("ilock".into()), ..rules() };
    let tokens = AccessTokens::new(rules).unwrap();
    for role in [Role::User, Role::Device, Role::Auditor] {
        let mut who = identity("door_1", role);
        who.tenant = TenantId::new("acme").unwrap();
        let token = issue_access_token(&secret(), &who, Some("https://login.example"), Some("ilock"), NOW, 60).unwrap();
        assert_eq!(tokens.verify(&token, NOW).await, Ok(who));
        assert_eq!(tokens.verify(&token, NOW.plus(120_000)).await, Err(TokenRefused::Expired));
    }
}

#[test]
fn no_token_is_issued_under_a_short_secret() {
    let issued = issue_access_token(&Secret::new("short"), &identity("a", Role::User), None, None, NOW, 60);
    assert_eq!(issued, Err(NotIssued::ShortSecret(ShortSecret)));
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let shown = format!("{:?} {:?}", rules(), AccessTokens::new(rules()).unwrap());
    assert!(!shown.contains("shared secret"), "{shown}");
    assert!(!shown.contains("97, 32"), "{shown}");
}
