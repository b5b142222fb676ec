//! The pages, the tokens that they log in with, and whom they are served to.

use ilock_local::{Options, TrtcPages};
use ilock_tests::World;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ANNA: &str = r#"{"sub":"anna","role":"user","session":"tab-1"}"#;

/// Sends a request with these headers; the answer's status, its policy, and its text.
async fn ask(
    world: &World,
    (method, path): (Method, &str),
    headers: &[(&str, &str)],
    body: &str,
) -> (StatusCode, String, String) {
    let url = format!("http://{}{path}", world.stack.at.http);
    let request = reqwest::Client::new().request(method, url).body(body.to_owned());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let answer = request.send().await.unwrap();
    let policy = answer.headers().get("content-security-policy").map(|policy| policy.to_str().unwrap().to_owned());
    (answer.status(), policy.unwrap_or_default(), answer.text().await.unwrap())
}

#[tokio::test]
async fn every_page_is_there_with_a_policy_that_names_only_this_process_and_its_broker() {
    let world = World::new().await;
    let broker = format!("ws://{}", world.stack.at.broker.websocket);
    for path in [
        "/",
        "/door?device=d&callee=anna",
        "/phone?user=anna",
        "/story/call_d_anna_1_x",
        "/pages/pages.js",
        "/pages/licences.txt",
    ] {
        let (status, policy, text) = ask(&world, (Method::GET, path), &[], "").await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
        assert!(
            policy.contains(&format!("connect-src 'self' {broker};")) && !policy.contains("unsafe-inline"),
            "{policy}"
        );
        assert!(!text.is_empty());
    }
    let (_, _, config) = ask(&world, (Method::GET, "/pages/config.json"), &[], "").await;
    assert_eq!(config, r#"{"login":"demo","room":"local"}"#);
    assert_eq!(ask(&world, (Method::GET, "/pages/other.js"), &[], "").await.0, StatusCode::NOT_FOUND);
    world.end().await;
}

#[tokio::test]
async fn a_page_of_this_machine_logs_in_by_itself() {
    let world = World::new().await;
    let (status, _, text) = ask(&world, (Method::POST, "/dev/token"), &[], ANNA).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let anna = world.bearer("anna", answer["data"]["token"].as_str().unwrap().to_owned());
    anna.registers("kitchen").await;
    world.end().await;
}

#[tokio::test]
async fn a_page_logs_in_by_the_claims_and_the_longest_life_of_the_operator_s_settings() {
    let own = |name: &str| match name {
        "AUTH_SUBJECT_CLAIM" => Some("oid".to_owned()),
        "AUTH_ROLE_CLAIM" => Some("realm_access.roles".to_owned()),
        "AUTH_TENANT_CLAIM" => Some("org.id".to_owned()),
        "AUTH_MAX_TOKEN_SECONDS" => Some("user=600,device=86400".to_owned()),
        _ => None,
    };
    let world = World::with(Options { settings: Box::new(own), ..Options::anywhere() }).await;
    for (id, role) in [("anna", "user"), ("front", "device")] {
        let wish = json!({ "sub": id, "role": role }).to_string();
        let (status, _, text) = ask(&world, (Method::POST, "/dev/token"), &[], &wish).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let party = world.bearer(id, answer["data"]["token"].as_str().unwrap().to_owned());
        party.registers("one").await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_page_from_elsewhere_gets_no_token_also_where_its_name_leads_here() {
    let world = World::new().await;
    for headers in [("host", "evil.example:8080"), ("origin", "https://evil.example"), ("origin", "null")] {
        for request in [(Method::POST, "/dev/token"), (Method::GET, "/"), (Method::GET, "/dev/room")] {
            let (status, ..) = ask(&world, request.clone(), &[headers], ANNA).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{request:?} {headers:?}");
        }
    }
    let local = ask(&world, (Method::POST, "/dev/token"), &[("origin", "http://localhost:5173")], ANNA).await;
    assert_eq!(local.0, StatusCode::OK);
    world.end().await;
}

#[tokio::test]
async fn under_a_name_that_was_made_to_lead_here_there_is_no_api_while_everybody_knows_the_secret() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", world.user("anna").token);
    let status = async |path: &str, host: &str| {
        let headers = [("host", host), ("authorization", bearer.as_str())];
        let (status, _, text) = ask(&world, (Method::GET, path), &headers, "").await;
        assert!(status != StatusCode::FORBIDDEN || text.contains("http://127.0.0.1"), "it says what to do: {text}");
        status
    };
    for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example:8080"] {
        for path in ["/api/calls", "/api/nothing", "/dev/pushes", "/dev/stores"] {
            assert_eq!(status(path, host).await, StatusCode::FORBIDDEN, "{path} {host}");
        }
    }
    for host in ["127.0.0.1:8080", "localhost:8080", "door.localhost", "[::1]:8080"] {
        for path in ["/api/calls", "/dev/pushes", "/dev/stores"] {
            assert_eq!(status(path, host).await, StatusCode::OK, "{path} {host}");
        }
    }
    // As every refusal, in the language of whoever asks.
    for (language, message) in [("en", "Forbidden"), ("zh-CN", "无权执行此操作")] {
        let headers = [("host", "evil.example"), ("accept-language", language)];
        let (_, _, text) = ask(&world, (Method::GET, "/api/calls"), &headers, "").await;
        let refused: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&refused["code"], &refused["message"]), (&json!(40_301), &json!(message)), "{text}");
    }
    // Android's emulator, phones on the network, and Tencent, which signs what it sends.
    for host in ["10.0.2.2:8080", "198.51.100.7:8080", "[2001:db8::7]:8080"] {
        assert_eq!(status("/api/calls", host).await, StatusCode::OK, "{host}");
        assert_eq!(status("/dev/pushes", host).await, StatusCode::FORBIDDEN, "{host}");
    }
    let tunnel = ask(&world, (Method::POST, "/api/trtc/callback"), &[("host", "tunnel.example")], "{}").await;
    assert_eq!(tunnel.0, StatusCode::UNAUTHORIZED);
    world.end().await;
}

#[tokio::test]
async fn a_wish_for_a_token_that_cannot_be_read_is_refused_with_the_reason() {
    let world = World::new().await;
    let long = format!(r#"{{"sub":"anna","role":"user","session":"{}"}}"#, "s".repeat(129));
    for (body, field, said) in [
        ("{", "body", "it ends too early"),
        (r#"["anna","user",null]"#, "body", "must be a JSON object"),
        ("{}", "sub", "is missing"),
        (r#"{"sub":"anna"}"#, "role", "is missing"),
        (r#"{"sub":"","role":"user"}"#, "sub", "1 to 128"),
        (r#"{"sub":"anna","role":7}"#, "role", "must be a text"),
        (r#"{"sub":"anna","role":{"user":null}}"#, "role", "must be a text"),
        (r#"{"sub":"anna","role":"owner"}"#, "role", "must be user, device, auditor or operator"),
        (r#"{"sub":"anna","role":"user","tenant":"x"}"#, "body", "must not have the field tenant"),
        (&long, "session", "at most 128 bytes"),
    ] {
        let (status, _, text) = ask(&world, (Method::POST, "/dev/token"), &[], body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&answer["code"], &answer["data"]["field"]), (&json!(40_001), &json!(field)), "{body}: {text}");
        assert!(answer["data"]["rule"].as_str().unwrap().contains(said), "{body}: {text}");
    }
    let (status, ..) = ask(&world, (Method::POST, "/dev/token"), &[("content-encoding", "gzip")], ANNA).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(ask(&world, (Method::POST, "/dev/token"), &[("host", "LOCALHOST:8080")], ANNA).await.0, StatusCode::OK);
    world.end().await;
}

#[tokio::test]
async fn with_a_secret_of_ones_own_nobody_is_logged_in() {
    let own =
        |name: &str| (name == "AUTH_SECRET").then(|| "a-secret-of-the-operators-own-of-more-than-32-bytes".into());
    let world = World::with(Options { settings: Box::new(own), ..Options::anywhere() }).await;
    let (status, _, text) = ask(&world, (Method::POST, "/dev/token"), &[], ANNA).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["data"], json!(null));
    assert_eq!(ask(&world, (Method::GET, "/"), &[], "").await.0, StatusCode::OK);
    let (_, _, config) = ask(&world, (Method::GET, "/pages/config.json"), &[], "").await;
    assert_eq!(config, r#"{"login":"token","room":"local"}"#);
    // No page can sign a token: any name will do, and what is the developer's own stays so.
    let named = |path: &'static str| ask(&world, (Method::GET, path), &[("host", "backend.example")], "");
    assert_eq!(named("/api/calls").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(named("/dev/pushes").await.0, StatusCode::FORBIDDEN);
    assert_eq!(named("/dev/stores").await.0, StatusCode::FORBIDDEN);
    world.end().await;
}

/// A stack with a TRTC application of the operator's own.
async fn with_trtc(pages: TrtcPages) -> World {
    let own = |name: &str| match name {
        "TRTC_SDK_APP_ID" => Some("1400000002".to_owned()),
        "TRTC_SECRET_KEY" => Some("a key of the operator's own".to_owned()),
        _ => None,
    };
    World::with(Options { settings: Box::new(own), trtc_pages: pages, ..Options::anywhere() }).await
}

#[tokio::test]
async fn with_a_trtc_application_the_pages_enter_its_rooms_by_the_operator_s_copy_of_the_sdk() {
    let folder = tempfile::tempdir().unwrap();
    let sdk = folder.path().join("trtc.js");
    std::fs::write(&sdk, "globalThis.TRTC = {};").unwrap();
    let world = with_trtc(TrtcPages { sdk: Some(sdk), hosts: Some("https://a.example wss://a.example".into()) }).await;
    let (_, policy, config) = ask(&world, (Method::GET, "/pages/config.json"), &[], "").await;
    assert_eq!(config, r#"{"login":"demo","room":"trtc"}"#);
    let broker = world.stack.at.broker.websocket;
    let connect = format!("connect-src 'self' ws://{broker} https://a.example wss://a.example;");
    assert!(policy.contains(&connect), "{policy}");
    let (status, policy, text) = ask(&world, (Method::GET, "/pages/trtc.esm.js"), &[], "").await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "globalThis.TRTC = {};"));
    assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
    world.end().await;
}

#[tokio::test]
async fn without_a_copy_of_the_sdk_its_address_says_what_to_do() {
    let world = with_trtc(TrtcPages::default()).await;
    let (_, policy, config) = ask(&world, (Method::GET, "/pages/config.json"), &[], "").await;
    assert_eq!(config, r#"{"login":"demo","room":"trtc"}"#);
    assert!(policy.contains(" https://*.rtc.qq.com wss://*.rtc.qq.com "), "{policy}");
    let (status, _, text) = ask(&world, (Method::GET, "/pages/trtc.esm.js"), &[], "").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(text.contains("--trtc-sdk"), "{text}");
    world.end().await;
}
