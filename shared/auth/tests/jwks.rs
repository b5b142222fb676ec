//! Access tokens of a login service with key pairs: its keys are fetched, kept, rotated, and sometimes not to be had.
#![allow(
    clippy::unwrap_used,
    clippy::unnecessary_wraps,
    reason = "a test's helpers may fail as its tests may, and say what is expected in its terms"
)]

mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::get,
};
use common::{NOW, RSA_1, RSA_1_PUBLIC, RSA_2, assembled_hs256, claims, ec, ed, header, identity, jwks, rsa, signed};
use ilock_auth::{
    AccessKeys, AccessRules, AccessTokens,
    AsymmetricAlgorithm::{self, EdDsa, Es256, Rs256},
    BadRules, BadSource, Identity, JwksSource, Role, TokenRefused,
};
use ilock_events::Millis;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use tokio::task::JoinSet;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A login service on loopback, whose answer can be changed, and which counts how often it is asked.
#[derive(Clone)]
struct Login(Arc<Inner>);

struct Inner {
    answer: Mutex<(StatusCode, String)>,
    asked: AtomicU32,
    takes_ms: AtomicU64,
    url: String,
}

impl Login {
    async fn with(kids: &[&str]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let login = Self(Arc::new(Inner {
            answer: Mutex::new((StatusCode::OK, jwks(kids).to_string())),
            asked: AtomicU32::new(0),
            // Long enough for everybody else to arrive meanwhile.
            takes_ms: AtomicU64::new(30),
            url: format!("http://{}/jwks.json", listener.local_addr().unwrap()),
        }));
        let app = Router::new().route("/jwks.json", get(answer)).with_state(login.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        login
    }

    fn answers(&self, status: StatusCode, body: impl Into<String>) {
        *self.0.answer.lock().unwrap() = (status, body.into());
    }

    fn has(&self, kids: &[&str]) {
        self.answers(StatusCode::OK, jwks(kids).to_string());
    }

    fn fails(&self) {
        self.answers(StatusCode::INTERNAL_SERVER_ERROR, "");
    }

    /// From now on an answer takes so long.
    fn takes(&self, ms: u64) {
        self.0.takes_ms.store(ms, Ordering::SeqCst);
    }

    fn asked(&self) -> u32 {
        self.0.asked.load(Ordering::SeqCst)
    }

    fn source(&self) -> JwksSource {
        JwksSource::Url(self.0.url.clone())
    }

    fn tokens(&self) -> AccessTokens {
        tokens(self.source(), &[Rs256, Es256, EdDsa])
    }
}

async fn answer(State(login): State<Login>) -> Response {
    login.0.asked.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(login.0.takes_ms.load(Ordering::SeqCst))).await;
    let (status, body) = login.0.answer.lock().unwrap().clone();
    (status, [(LOCATION, login.0.url.clone())], body).into_response()
}

fn tokens(source: JwksSource, algorithms: &[AsymmetricAlgorithm]) -> AccessTokens {
    let algorithms = algorithms.to_vec();
    AccessTokens::new(AccessRules::new(AccessKeys::Jwks { source, algorithms })).unwrap()
}

/// Who shows `token` at `now`.
async fn shown(tokens: &AccessTokens, token: &str, now: Millis) -> Result<Identity, TokenRefused> {
    tokens.verify(token, now).await.map(|token| token.identity)
}

fn user456() -> Result<Identity, TokenRefused> {
    Ok(identity("user456", Role::User))
}

fn all() -> [&'static str; 4] {
    ["rsa-1", "rsa-2", "ec-1", "ed-1"]
}

#[tokio::test]
async fn tokens_of_every_pinned_algorithm_are_believed_after_one_fetch() {
    let login = Login::with(&all()).await;
    let tokens = login.tokens();
    assert_eq!(login.asked(), 0, "nothing is fetched before it is needed");
    for token in [rsa(Some("rsa-1"), RSA_1), rsa(Some("rsa-2"), RSA_2), ec(Some("ec-1")), ed(Some("ed-1"))] {
        assert_eq!(shown(&tokens, &token, NOW).await, user456());
    }
    assert_eq!(login.asked(), 1);
}

#[tokio::test]
async fn an_algorithm_that_is_not_pinned_is_refused_and_nothing_is_fetched() {
    let login = Login::with(&all()).await;
    let tokens = tokens(login.source(), &[Es256]);
    for token in [rsa(Some("rsa-1"), RSA_1), ed(Some("ed-1"))] {
        assert_eq!(shown(&tokens, &token, NOW).await, Err(TokenRefused::Algorithm));
    }
    assert_eq!(login.asked(), 0);
    assert_eq!(shown(&tokens, &ec(Some("ec-1")), NOW).await, user456());
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let login = Login::with(&all()).await;
    let public = &jwks(&["rsa-1"])["keys"][0];
    for secret in
        [RSA_1_PUBLIC.as_bytes(), RSA_1_PUBLIC.trim_end().as_bytes(), public["n"].as_str().unwrap().as_bytes()]
    {
        let header = json!({"alg": "HS256", "kid": "rsa-1"});
        let forged = assembled_hs256(&header, &claims(), secret);
        assert_eq!(shown(&login.tokens(), &forged, NOW).await, Err(TokenRefused::Algorithm));
        // The header says RS256; the signature is still a MAC under what everybody knows.
        let header = json!({"alg": "RS256", "kid": "rsa-1"});
        let forged = assembled_hs256(&header, &claims(), secret);
        assert_eq!(shown(&login.tokens(), &forged, NOW).await, Err(TokenRefused::Signature));
    }
}

#[tokio::test]
async fn an_unsigned_token_is_refused() {
    let login = Login::with(&all()).await;
    let none = common::assembled(&json!({"alg": "none", "kid": "rsa-1"}), &claims(), "");
    assert_eq!(shown(&login.tokens(), &none, NOW).await, Err(TokenRefused::Algorithm));
}

#[tokio::test]
async fn a_token_under_another_keys_name_is_refused() {
    let login = Login::with(&all()).await;
    let tokens = login.tokens();
    assert_eq!(shown(&tokens, &rsa(Some("rsa-2"), RSA_1), NOW).await, Err(TokenRefused::Signature));
    for kid in ["ec-1", "ed-1", "nobody", ""] {
        assert_eq!(
            shown(&tokens, &rsa(Some(kid), RSA_1), NOW).await,
            Err(TokenRefused::UnknownKey),
            "{kid}: another kind of key, or none"
        );
    }
}

#[tokio::test]
async fn a_key_in_the_tokens_own_header_is_not_looked_at() {
    let login = Login::with(&["rsa-1"]).await;
    let key = EncodingKey::from_rsa_pem(RSA_2.as_bytes()).unwrap();
    let mut header = header(Algorithm::RS256, Some("rsa-1"));
    header.jwk = Some(jsonwebtoken::jwk::Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap());
    header.jku = Some(login.0.url.clone());
    let forged = signed(&header, &claims(), &key);
    assert_eq!(shown(&login.tokens(), &forged, NOW).await, Err(TokenRefused::Signature));
}

#[tokio::test]
async fn a_token_without_kid_is_believed_when_any_key_signed_it() {
    let login = Login::with(&all()).await;
    let tokens = login.tokens();
    for token in [ec(None), rsa(None, RSA_1), rsa(None, RSA_2), ed(None)] {
        assert_eq!(shown(&tokens, &token, NOW).await, user456());
    }
    let login = Login::with(&["rsa-1"]).await;
    assert_eq!(shown(&login.tokens(), &rsa(None, RSA_2), NOW).await, Err(TokenRefused::Signature));
    assert_eq!(shown(&login.tokens(), &ec(None), NOW).await, Err(TokenRefused::UnknownKey));
}

/// The public halves of these keys, all called `kid`, with `before` keys of others in front.
fn of_one_name(kids: &[&str], kid: &str, before: usize) -> String {
    let mut keys: Vec<serde_json::Value> = jwks(kids)["keys"].as_array().unwrap().clone();
    let other = jwks(&["rsa-2"])["keys"][0].clone();
    keys.splice(0..0, std::iter::repeat_n(other, before));
    for key in &mut keys {
        key["kid"] = json!(kid);
    }
    json!({ "keys": keys }).to_string()
}

#[tokio::test]
async fn of_several_keys_of_one_name_each_counts_up_to_a_bound() {
    let login = Login::with(&[]).await;
    login.answers(StatusCode::OK, of_one_name(&["rsa-1", "rsa-2", "ec-1"], "k", 0));
    let tokens = login.tokens();
    for token in [rsa(Some("k"), RSA_1), rsa(Some("k"), RSA_2), ec(Some("k"))] {
        assert_eq!(shown(&tokens, &token, NOW).await, user456());
    }
    assert_eq!(login.asked(), 1);
    for (before, believed) in [(15, user456()), (16, Err(TokenRefused::Signature))] {
        login.answers(StatusCode::OK, of_one_name(&["rsa-1"], "k", before));
        assert_eq!(shown(&login.tokens(), &rsa(Some("k"), RSA_1), NOW).await, believed, "{before} others first");
    }
}

#[tokio::test]
async fn a_new_key_under_an_old_name_is_found_by_asking_once_again() {
    let login = Login::with(&[]).await;
    login.answers(StatusCode::OK, of_one_name(&["rsa-1"], "k", 0));
    let tokens = login.tokens();
    assert_eq!(shown(&tokens, &rsa(Some("k"), RSA_1), NOW).await, user456());
    login.answers(StatusCode::OK, of_one_name(&["rsa-2"], "k", 0));
    assert_eq!(shown(&tokens, &rsa(Some("k"), RSA_2), NOW.plus(SECOND)).await, user456());
    assert_eq!(shown(&tokens, &rsa(Some("k"), RSA_1), NOW.plus(2 * SECOND)).await, Err(TokenRefused::Signature));
    assert_eq!(login.asked(), 2, "forged signatures do not make us ask each time");
}

#[tokio::test]
async fn a_key_that_was_taken_out_stops_counting_within_a_minute() {
    let login = Login::with(&["rsa-1", "rsa-2"]).await;
    let tokens = login.tokens();
    assert_eq!(shown(&tokens, &rsa(Some("rsa-1"), RSA_1), NOW).await, user456());
    login.has(&["rsa-2"]);
    let later = NOW.plus(56 * SECOND);
    assert_eq!(shown(&tokens, &rsa(Some("rsa-1"), RSA_1), later).await, Err(TokenRefused::UnknownKey));
}

#[tokio::test]
async fn a_new_key_is_found_by_asking_once_again() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    assert_eq!(shown(&tokens, &rsa(Some("rsa-1"), RSA_1), NOW).await, user456());
    login.has(&["rsa-2"]);
    assert_eq!(shown(&tokens, &rsa(Some("rsa-2"), RSA_2), NOW.plus(SECOND)).await, user456());
    assert_eq!(login.asked(), 2);
    assert_eq!(
        shown(&tokens, &rsa(Some("rsa-1"), RSA_1), NOW.plus(2 * SECOND)).await,
        Err(TokenRefused::UnknownKey),
        "a key that was taken back is not believed"
    );
    assert_eq!(login.asked(), 2);
}

#[tokio::test]
async fn unknown_keys_make_the_login_service_be_asked_once_in_thirty_seconds() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    let known = rsa(Some("rsa-1"), RSA_1);
    assert_eq!(shown(&tokens, &known, NOW).await, user456());
    assert_eq!(login.asked(), 1);
    for (after, asked) in [(0, 2), (SECOND, 2), (29_999, 2), (30_000, 3), (59_999, 3)] {
        for n in 0..20 {
            let unknown = rsa(Some(&format!("flood-{n}")), RSA_2);
            assert_eq!(shown(&tokens, &unknown, NOW.plus(after)).await, Err(TokenRefused::UnknownKey));
        }
        assert_eq!(login.asked(), asked, "after {after} ms");
        assert_eq!(shown(&tokens, &known, NOW.plus(after)).await, user456());
    }
}

#[tokio::test]
async fn a_flood_that_arrives_at_once_makes_one_fetch() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    let flood = async |kid: &str, want: Result<Identity, TokenRefused>| {
        let token = rsa(Some(kid), RSA_1);
        let mut all = JoinSet::new();
        for n in 0..50 {
            let (tokens, token) = (tokens.clone(), token.clone());
            all.spawn(async move { shown(&tokens, &token, NOW.plus(n % 3)).await });
        }
        for got in all.join_all().await {
            assert_eq!(got, want);
        }
    };
    flood("rsa-1", user456()).await;
    assert_eq!(login.asked(), 1);
    flood("nobody", Err(TokenRefused::UnknownKey)).await;
    assert_eq!(login.asked(), 2);
}

#[tokio::test]
async fn keys_are_asked_for_again_after_fifty_seconds() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    let token = long_lived();
    for (after, asked) in [(0, 1), (49_999, 1), (50_000, 2), (MINUTE, 2)] {
        assert_eq!(shown(&tokens, &token, NOW.plus(after)).await, user456());
        assert_eq!(login.asked(), asked, "after {after} ms");
    }
}

#[tokio::test]
async fn old_keys_serve_for_a_day_while_the_login_service_is_down() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    let token = long_lived();
    assert_eq!(shown(&tokens, &token, NOW).await, user456());
    login.fails();
    for after in [10 * MINUTE, HOUR, 24 * HOUR - 1] {
        assert_eq!(shown(&tokens, &token, NOW.plus(after)).await, user456());
    }
    assert_eq!(shown(&tokens, &token, NOW.plus(24 * HOUR)).await, Err(TokenRefused::KeysUnavailable));
    login.has(&["rsa-1"]);
    assert_eq!(shown(&tokens, &token, NOW.plus(24 * HOUR + SECOND)).await, user456());
}

#[tokio::test]
async fn a_login_service_that_is_down_is_not_asked_with_every_token() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    let token = long_lived();
    assert_eq!(shown(&tokens, &token, NOW).await, user456());
    login.fails();
    let later = NOW.plus(HOUR);
    for after in [0, SECOND, 29_999] {
        assert_eq!(shown(&tokens, &token, later.plus(after)).await, user456());
    }
    assert_eq!(login.asked(), 2);
    assert_eq!(shown(&tokens, &token, later.plus(30_000)).await, user456());
    assert_eq!(login.asked(), 3);
}

#[tokio::test]
async fn an_unknown_key_of_a_login_service_that_is_down_may_be_a_good_one() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    assert_eq!(shown(&tokens, &rsa(Some("rsa-1"), RSA_1), NOW).await, user456());
    login.fails();
    for _ in 0..3 {
        assert_eq!(shown(&tokens, &rsa(Some("rsa-2"), RSA_2), NOW).await, Err(TokenRefused::KeysUnavailable));
    }
    assert_eq!(login.asked(), 2);
}

#[tokio::test]
async fn without_any_keys_the_login_service_is_asked_every_second() {
    let login = Login::with(&["rsa-1"]).await;
    login.fails();
    let tokens = login.tokens();
    let token = rsa(Some("rsa-1"), RSA_1);
    for (after, asked) in [(0, 1), (999, 1), (1_000, 2)] {
        assert_eq!(shown(&tokens, &token, NOW.plus(after)).await, Err(TokenRefused::KeysUnavailable));
        assert_eq!(login.asked(), asked, "after {after} ms");
    }
    login.has(&["rsa-1"]);
    assert_eq!(shown(&tokens, &token, NOW.plus(2_000)).await, user456());
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_is_no_answer() {
    let good = jwks(&["rsa-1"]).to_string();
    let padded = format!("{good}{}", " ".repeat(256 * 1_024));
    for (status, body) in [
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::OK, padded),
        (StatusCode::NO_CONTENT, String::new()),
        (StatusCode::FOUND, good.clone()),
        (StatusCode::NOT_FOUND, good.clone()),
    ] {
        let login = Login::with(&[]).await;
        login.answers(status, body);
        assert_eq!(
            shown(&login.tokens(), &rsa(Some("rsa-1"), RSA_1), NOW).await,
            Err(TokenRefused::KeysUnavailable),
            "{status}"
        );
        assert_eq!(login.asked(), 1, "redirects are not followed");
    }
}

#[tokio::test]
async fn a_login_service_that_does_not_answer_is_given_up_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let tokens = tokens(JwksSource::Url(url), &[Rs256]);
    let started = Instant::now();
    assert_eq!(shown(&tokens, &rsa(Some("rsa-1"), RSA_1), NOW).await, Err(TokenRefused::KeysUnavailable));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_login_service_that_hangs_delays_nobody_whose_key_is_known() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    let token = long_lived();
    assert_eq!(shown(&tokens, &token, NOW).await, user456());
    login.takes(3_600_000);
    let later = NOW.plus(HOUR);
    let started = Instant::now();
    for after in [0, SECOND, 2 * SECOND] {
        assert_eq!(shown(&tokens, &token, later.plus(after)).await, user456());
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(login.asked(), 2, "one waits a second for it, and that keeps the others off");
    // Given up on, it is not asked again for as long as one that is down.
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(shown(&tokens, &token, later.plus(29_999)).await, user456());
    assert_eq!(login.asked(), 2);
}

#[tokio::test]
async fn a_key_that_a_slow_login_service_took_out_stops_counting_once_that_has_answered() {
    let login = Login::with(&["rsa-1", "rsa-2"]).await;
    let tokens = login.tokens();
    let token = rsa(Some("rsa-1"), RSA_1);
    assert_eq!(shown(&tokens, &token, NOW).await, user456());
    login.has(&["rsa-2"]);
    login.takes(1_500);
    let (later, started) = (NOW.plus(51 * SECOND), Instant::now());
    assert_eq!(shown(&tokens, &token, later).await, user456(), "nobody waits for it so long");
    while shown(&tokens, &token, later).await == user456() {
        assert!(started.elapsed() < Duration::from_secs(20), "what it answered is lost");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(shown(&tokens, &token, later).await, Err(TokenRefused::UnknownKey));
}

#[tokio::test]
async fn a_set_without_keys_is_believed() {
    let login = Login::with(&["rsa-1"]).await;
    let tokens = login.tokens();
    let token = rsa(Some("rsa-1"), RSA_1);
    assert_eq!(shown(&tokens, &token, NOW).await, user456());
    login.has(&[]);
    assert_eq!(
        shown(&tokens, &long_lived(), NOW.plus(10 * MINUTE)).await,
        Err(TokenRefused::UnknownKey),
        "the login service took all its keys back"
    );
}

#[tokio::test]
async fn keys_may_come_from_a_file() {
    let file = |path: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        tokens(JwksSource::File(path), &[EdDsa])
    };
    let token = ed(Some("ed-1"));
    assert_eq!(shown(&file("tests/keys/jwks.json"), &token, NOW).await, user456());
    for bad in ["tests/keys/nothing.json", "tests/keys", "tests/keys/README.md"] {
        assert_eq!(shown(&file(bad), &token, NOW).await, Err(TokenRefused::KeysUnavailable), "{bad}");
    }
}

#[test]
fn rules_under_which_nothing_could_safely_be_believed_are_errors() {
    let refusal = |url: &str, algorithms: Vec<AsymmetricAlgorithm>| {
        let source = JwksSource::Url(url.into());
        AccessTokens::new(AccessRules::new(AccessKeys::Jwks { source, algorithms })).err()
    };
    assert_eq!(refusal("https://login.example/jwks", vec![]), Some(BadRules::NoAlgorithm));
    assert_eq!(refusal("http://login.example/jwks", vec![Rs256]), Some(BadRules::Source(BadSource::NotHttps)));
    assert_eq!(refusal("https://login.example/jwks", vec![Rs256]), None);
}

#[test]
fn algorithms_are_named_as_in_tokens() {
    for algorithm in [Rs256, Es256, EdDsa] {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
    }
    for other in ["none", "HS256", "rs256", "PS256", ""] {
        assert!(other.parse::<AsymmetricAlgorithm>().is_err(), "{other}");
    }
}

/// A token that outlives every key.
fn long_lived() -> String {
    let key = EncodingKey::from_rsa_pem(RSA_1.as_bytes()).unwrap();
    let claims = common::with("exp", common::NOW_S + 1_000_000);
    signed(&header(Algorithm::RS256, Some("rsa-1")), &claims, &key)
}
