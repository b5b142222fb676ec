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
    AccessClaims, AccessKeys, AccessRules, AccessToken, AccessTokens, BadRules, ClaimNames, Identity, LongestLife,
    NotIssued, Role, Secret, ShortSecret, TokenRefused, issue_access_token,
};
use ilock_events::{Login, LoginSession, Millis, TenantId};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

fn rules() -> AccessRules {
    AccessRules::new(AccessKeys::Shared(secret()))
}

async fn shown_at(token: &str, now: Millis) -> Result<Identity, TokenRefused> {
    AccessTokens::new(rules()).unwrap().verify(token, now).await.map(|token| token.identity)
}

async fn shown(token: &str) -> Result<Identity, TokenRefused> {
    shown_at(token, NOW).await
}

async fn claimed(claims: &Value) -> Result<Identity, TokenRefused> {
    shown(&shared(claims)).await
}

async fn claimed_under(rules: AccessRules, claims: &Value) -> Result<Identity, TokenRefused> {
    verified(rules, claims).await.map(|token| token.identity)
}

async fn verified(rules: AccessRules, claims: &Value) -> Result<AccessToken, TokenRefused> {
    AccessTokens::new(rules).unwrap().verify(&shared(claims), NOW).await
}

async fn login_of(claims: &Value) -> Login {
    verified(rules(), claims).await.unwrap().login
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
    for tenant in [json!(""), json!("a#b"), json!(7.5), json!(["acme"])] {
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
}

#[tokio::test]
async fn moments_may_have_fractions_and_be_absurd() {
    let half = shared(&with("exp", json!(1_700_000_000.5)));
    assert_eq!(shown_at(&half, NOW.plus(60_499)).await, user456());
    assert_eq!(shown_at(&half, NOW.plus(60_500)).await, Err(TokenRefused::Expired));
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
    for role in [json!("admin"), json!("User"), json!(""), json!(null), json!(["admin"])] {
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
    for aud in [json!(7), json!(["ilock", 7]), json!({})] {
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
    for role in Role::ALL {
        let mut who = identity("door_1", role);
        who.tenant = TenantId::new("acme").unwrap();
        let claims = AccessClaims {
            identity: &who,
            issuer: Some("https://login.example"),
            audience: Some("ilock"),
            issued_at: NOW,
            ttl_seconds: 60,
            session: None,
            more: serde_json::Map::new(),
        };
        let token = claims.sign(&secret()).unwrap();
        assert_eq!(tokens.verify(&token, NOW).await.map(|token| token.identity), Ok(who));
        assert_eq!(tokens.verify(&token, NOW.plus(120_000)).await, Err(TokenRefused::Expired));
    }
}

#[test]
fn no_token_is_issued_under_a_short_secret() {
    let issued = issue_access_token(&Secret::new("short"), &identity("a", Role::User), None, NOW, 60);
    assert_eq!(issued, Err(NotIssued::ShortSecret(ShortSecret)));
}

#[test]
fn nothing_of_a_secret_is_shown() {
    let shown = format!("{:?} {:?}", rules(), AccessTokens::new(rules()).unwrap());
    assert!(!shown.contains("shared secret"), "{shown}");
    assert!(!shown.contains("97, 32"), "{shown}");
}

#[tokio::test]
async fn a_claim_that_is_null_is_one_that_is_not_there() {
    let mut claims = claims();
    for name in ["tenant", "nbf", "aud", "iss", "sid", "auth_time", "more"] {
        claims[name] = json!(null);
    }
    assert_eq!(claimed(&claims).await, user456());
    assert_eq!(claimed(&with("exp", json!(null))).await, bad("exp"));
    let audience = || AccessRules { audience: Some("ilock".into()), ..rules() };
    assert_eq!(claimed_under(audience(), &with("aud", json!(null))).await, Err(TokenRefused::Audience));
}

#[tokio::test]
async fn a_token_without_any_audience_is_believed_where_the_operator_says_so_and_one_for_another_never() {
    let rules = || AccessRules { audience: Some("ilock".into()), audience_may_be_absent: true, ..rules() };
    for good in [without("aud"), with("aud", json!(null)), with("aud", "ilock")] {
        assert_eq!(claimed_under(rules(), &good).await, user456());
    }
    for other in [json!([]), json!("web"), json!("ilock-mqtt")] {
        assert_eq!(claimed_under(rules(), &with("aud", other)).await, Err(TokenRefused::Audience));
    }
}

#[tokio::test]
async fn a_name_that_stands_twice_in_a_token_is_refused() {
    let part = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
    let sign = |header: &str, claims: &str| {
        let message = format!("{}.{}", part(header), part(claims));
        let key = EncodingKey::from_secret(secret().expose());
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    let head = r#"{"alg":"HS256"}"#;
    let body = format!(r#""role":"user","exp":{}"#, NOW_S + 60);
    assert_eq!(shown(&sign(head, &format!(r#"{{"sub":"user456",{body}}}"#))).await, user456());
    for (head, body) in [
        (head, format!(r#"{{"sub":"eve","sub":"user456",{body}}}"#)),
        (head, format!(r#"{{"sub":"user456","s\u0075b":"user456",{body}}}"#)),
        (head, format!(r#"{{"sub":"user456",{body},"more":{{"a":1,"a":2}}}}"#)),
        (r#"{"alg":"none","alg":"HS256"}"#, format!(r#"{{"sub":"user456",{body}}}"#)),
    ] {
        assert_eq!(shown(&sign(head, &body)).await, Err(TokenRefused::Malformed), "{head} {body}");
    }
}

#[tokio::test]
async fn a_token_that_is_good_for_longer_than_its_role_may_is_refused() {
    const DAY: i64 = 86_400;
    let lives = |role: &str, from: i64, seconds: i64| json!({"sub": "user456", "role": role, "iat": NOW_S + from, "exp": NOW_S + from + seconds});
    for (role, days) in [("user", 30), ("device", 400), ("auditor", 30), ("operator", 30)] {
        assert!(claimed(&lives(role, 0, days * DAY)).await.is_ok(), "{role}");
        assert_eq!(claimed(&lives(role, 0, days * DAY + 1)).await, Err(TokenRefused::TooLong), "{role}");
    }
    // From `iat`, not from now; and what was issued ahead of us was issued now.
    assert_eq!(claimed(&lives("user", -DAY, 30 * DAY + 1)).await, Err(TokenRefused::TooLong));
    assert_eq!(claimed(&lives("user", 60, 30 * DAY)).await, Err(TokenRefused::TooLong));
    // Milliseconds, the end of time, and what no integer holds.
    for exp in [json!((NOW_S + 60) * 1000), json!(253_402_300_799_i64), json!(u64::MAX), json!(1e300)] {
        for mut claims in [claims(), without("iat")] {
            claims["exp"] = exp.clone();
            assert_eq!(claimed(&claims).await, Err(TokenRefused::TooLong), "{exp}");
        }
    }
    let hour = || AccessRules { longest: LongestLife::all(3600), ..rules() };
    assert_eq!(claimed_under(hour(), &lives("device", 0, 3600)).await.map(|who| who.role), Ok(Role::Device));
    assert_eq!(claimed_under(hour(), &lives("device", 0, 3601)).await, Err(TokenRefused::TooLong));
}

#[tokio::test]
async fn a_token_says_from_which_login_it_comes_and_since_when() {
    let session = |name: &str| Some(LoginSession::named(name));
    assert_eq!(login_of(&claims()).await, Login { session: None, since: Some(NOW) });
    for (name, value, is) in [
        ("sid", json!("s1"), "s1"),
        ("session_id", json!("s2"), "s2"),
        ("origin_jti", json!("s3"), "s3"),
        ("sid", json!(17), "17"),
    ] {
        assert_eq!(login_of(&with(name, value)).await.session, session(is), "{name}");
    }
    let mut all = with("sid", "s1");
    all["origin_jti"] = json!("s3");
    all["jti"] = json!("t1");
    all["auth_time"] = json!(NOW_S - 500);
    assert_eq!(login_of(&all).await, Login { session: session("s1"), since: Some(NOW.plus(-500_000)) });
    assert_eq!(login_of(&with("jti", "t1")).await.session, None, "jti names one token");
    for bad_one in [json!(""), json!({}), json!(["s1"]), json!(true)] {
        assert_eq!(claimed(&with("sid", bad_one)).await, bad("session"));
    }
    assert_eq!(login_of(&without("iat")).await.since, None);
    assert_eq!(
        login_of(&with("iat", serde_json::from_str::<Value>(&format!("{}.5", NOW_S - 1)).unwrap())).await.since,
        Some(NOW.plus(-1000))
    );
}

#[tokio::test]
async fn a_login_from_before_1970_is_refused_and_one_of_any_later_time_is_not() {
    for before in [json!(-1), json!(-0.5), json!(i64::MIN), json!(-1e30), json!(-1e300)] {
        assert_eq!(claimed(&with("auth_time", before)).await, bad("auth_time"));
    }
    // Without a limit to a token's life nothing else has looked at `iat`.
    let rules = AccessRules { longest: LongestLife::all(u32::MAX), ..rules() };
    assert_eq!(claimed_under(rules, &with("iat", -1)).await, bad("iat"));
    assert_eq!(login_of(&with("auth_time", 0)).await.since, Some(Millis(0)));
}

#[tokio::test]
async fn a_token_whose_iat_or_auth_time_is_over_sixty_seconds_ahead_is_refused() {
    for name in ["iat", "auth_time"] {
        let ahead = Err(TokenRefused::Ahead { name });
        for at in [json!(NOW_S + 61), json!(NOW_S + 5_000), json!(i64::MAX), json!(u64::MAX), json!(1e30)] {
            assert_eq!(claimed(&with(name, at.clone())).await, ahead, "{name} {at}");
        }
        let token = shared(&with(name, NOW_S));
        assert_eq!(shown_at(&token, NOW.plus(-60_000)).await, user456());
        assert_eq!(shown_at(&shared(&with(name, NOW_S + 1)), NOW.plus(-59_001)).await, ahead, "{name}");
    }
    let mut claims = with("auth_time", NOW_S - 9);
    claims["iat"] = json!(NOW_S + 61);
    assert_eq!(claimed(&claims).await, Err(TokenRefused::Ahead { name: "iat" }), "whichever the login is read from");
    assert_eq!(claimed(&with("auth_time", "soon")).await, bad("auth_time"));
}

#[tokio::test]
async fn a_login_that_lies_ahead_is_older_than_a_logout_until_the_clock_has_caught_up() {
    let seen = async |claims: &Value, now: Millis| {
        AccessTokens::new(rules()).unwrap().verify(&shared(claims), now).await.unwrap().login
    };
    for name in ["iat", "auth_time"] {
        // By a clock that is 30 s ahead: logged in 10 s before the logout, and 5 s after it.
        let (before, after) = (with(name, NOW_S + 20), with(name, NOW_S + 35));
        for ms in [1_000, 10_000, 19_999] {
            assert!(seen(&before, NOW.plus(ms)).await.is_before(NOW), "{name}, {ms} ms after the logout");
        }
        assert!(seen(&after, NOW.plus(5_000)).await.is_before(NOW));
        assert!(!seen(&after, NOW.plus(35_000)).await.is_before(NOW), "not for good");
        // A logout of a minute ago ends nothing that was made since.
        assert!(!seen(&after, NOW.plus(5_000)).await.is_before(NOW.plus(-25_000)));
    }
    assert_eq!(login_of(&with("auth_time", NOW_S + 60)).await.since, Some(NOW));
    assert_eq!(login_of(&with("auth_time", NOW_S + 1)).await.since, Some(NOW.plus(-59_000)));
    assert_eq!(login_of(&with("auth_time", NOW_S)).await.since, Some(NOW));
}

#[test]
fn a_tokens_own_id_is_no_login_session() {
    let rules = AccessRules { session_claims: vec!["sid".into(), "jti".into()], ..rules() };
    assert_eq!(AccessTokens::new(rules).err(), Some(BadRules::SessionIsToken));
}

#[tokio::test]
async fn a_token_is_issued_with_a_session_and_with_any_claims() {
    let who = identity("user456", Role::User);
    let more = json!({"auth_time": NOW_S - 9, "iss": null, "groups": ["a"]});
    let serde_json::Value::Object(more) = more else { unreachable!() };
    let issued = AccessClaims {
        identity: &who,
        issuer: Some("https://login.example"),
        audience: None,
        issued_at: NOW,
        ttl_seconds: 60,
        session: Some("s1"),
        more,
    };
    let token = AccessTokens::new(rules()).unwrap().verify(&issued.sign(&secret()).unwrap(), NOW).await.unwrap();
    let login = Login { session: Some(LoginSession::named("s1")), since: Some(NOW.plus(-9_000)) };
    assert_eq!(token, AccessToken { identity: who, login, expires_at: NOW.plus(60_000) });
}

#[tokio::test]
async fn who_somebody_is_stands_in_the_claims_that_the_operator_names() {
    let names = ClaimNames {
        subject: "oid".parse().unwrap(),
        role: "realm_access.roles".parse().unwrap(),
        tenant: "https://example.com/org".parse().unwrap(),
        default_role: None,
    };
    let rules = || AccessRules { names: names.clone(), ..rules() };
    let mut claims = claims();
    claims["oid"] = json!("auth0|7");
    claims["realm_access"] = json!({"roles": ["offline_access", "device", "device"]});
    let of = |tenant: &str| Identity { tenant: TenantId::new(tenant).unwrap(), ..identity("auth0|7", Role::Device) };
    assert_eq!(claimed_under(rules(), &claims).await, Ok(of("default")));
    for (org, tenant) in [(json!("acme"), "acme"), (json!(42), "42")] {
        claims["https://example.com/org"] = org;
        assert_eq!(claimed_under(rules(), &claims).await, Ok(of(tenant)), "the claims of the usual names do not count");
    }
    claims["https://example.com/org"] = json!({"id": 42});
    assert_eq!(claimed_under(rules(), &claims).await, bad("tenant"));
    claims.as_object_mut().unwrap().remove("oid");
    assert_eq!(claimed_under(rules(), &claims).await, bad("sub"));
}

#[tokio::test]
async fn of_a_list_of_roles_one_is_ours_and_where_none_is_the_default_counts() {
    let default = |default_role| AccessRules { names: ClaimNames { default_role, ..ClaimNames::default() }, ..rules() };
    for (claim, with_default, without) in [
        (json!(["auditor", "x"]), Some(Role::Auditor), Some(Role::Auditor)),
        (json!("device"), Some(Role::Device), Some(Role::Device)),
        (json!([]), Some(Role::User), None),
        (json!(["offline_access"]), Some(Role::User), None),
        (json!("authenticated"), Some(Role::User), None),
        (Value::Null, Some(Role::User), None),
        (json!(["user", "auditor"]), None, None),
        (json!(["user", 7]), None, None),
        (json!({"user": true}), None, None),
        (json!(7), None, None),
    ] {
        for (default_role, role) in [(Some(Role::User), with_default), (None, without)] {
            let expected = role.map_or_else(|| bad("role"), |role| Ok(identity("user456", role)));
            let told = claimed_under(default(default_role), &with("role", claim.clone())).await;
            assert_eq!(told, expected, "{claim}, by default {default_role:?}");
        }
    }
    assert_eq!(claimed_under(default(Some(Role::User)), &without("role")).await, user456());
}

#[test]
fn a_tokens_own_id_is_nobodys() {
    let names = ClaimNames { subject: "jti".parse().unwrap(), ..ClaimNames::default() };
    assert_eq!(AccessTokens::new(AccessRules { names, ..rules() }).err(), Some(BadRules::SubjectIsToken));
}

#[tokio::test]
async fn what_is_written_under_some_names_is_read_under_the_same() {
    let who = Identity { tenant: TenantId::new("acme").unwrap(), ..identity("user456", Role::Device) };
    for (subject, role, tenant) in
        [("sub", "role", "tenant"), ("a.id", "a.b.roles", "a.org"), ("x", "https://example.com/roles", "y.z")]
    {
        let [subject, role, tenant] = [subject, role, tenant].map(|path| path.parse().unwrap());
        let names = ClaimNames { subject, role, tenant, default_role: None };
        let mut claims = json!({"exp": NOW_S + 60});
        claims.as_object_mut().unwrap().extend(names.claims_of(&who));
        assert_eq!(claimed_under(AccessRules { names, ..rules() }, &claims).await, Ok(who.clone()));
    }
}

#[tokio::test]
async fn while_a_secret_takes_the_place_of_another_tokens_of_both_are_believed() {
    let other = Secret::new("another secret of at least 32 bytes");
    let by = async |keys: AccessKeys, secret: &Secret| {
        let who = identity("user456", Role::User);
        let token = issue_access_token(secret, &who, None, NOW, 60).unwrap();
        AccessTokens::new(AccessRules { keys, ..rules() })
            .unwrap()
            .verify(&token, NOW)
            .await
            .map(|token| token.identity)
    };
    let both = || AccessKeys::SharedTwo(secret(), other.clone());
    assert_eq!(by(both(), &secret()).await, user456());
    assert_eq!(by(both(), &other).await, user456());
    assert_eq!(
        by(both(), &Secret::new("a secret of nobody, of 32 bytes and more")).await,
        Err(TokenRefused::Signature)
    );
    assert_eq!(by(AccessKeys::Shared(secret()), &other).await, Err(TokenRefused::Signature));
    let short = AccessKeys::SharedTwo(secret(), Secret::new("short"));
    assert_eq!(
        AccessTokens::new(AccessRules { keys: short, ..rules() }).err(),
        Some(BadRules::ShortSecret(ShortSecret))
    );
}
