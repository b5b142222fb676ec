//! How the embedded stack serves HTTP, and to whom.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ilock_local::{Options, Stack};
use ilock_tests::World;
use reqwest::{Method, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

const PAGE: &str = "http://localhost:5173";
const SOON: Duration = Duration::from_secs(5);

/// Sends these bytes; all that comes back until the server closes.
async fn raw(at: SocketAddr, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(at).await.unwrap();
    connection.write_all(request).await.unwrap();
    let mut answer = vec![];
    timeout(SOON, connection.read_to_end(&mut answer)).await.expect("the server closes").unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_header_that_does_not_come_to_its_end_is_not_waited_for() {
    let header_timeout = Duration::from_millis(500);
    let world = World::with(Options { header_timeout, ..Options::anywhere() }).await;
    let start = Instant::now();
    let answer = raw(world.stack.at.http, b"POST /api/calls HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await;
    assert!(answer.is_empty(), "{answer}");
    assert!(start.elapsed() >= header_timeout, "closed after {:?}", start.elapsed());
    world.end().await;
}

#[tokio::test]
async fn a_connection_whose_body_was_not_read_is_closed_and_says_so() {
    let world = World::new().await;
    // No token: refused before the body is read. The body never comes.
    let answer = raw(
        world.stack.at.http,
        b"POST /api/calls HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 12000\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    world.end().await;
}

/// RFC 9110, 15.5.9: the one who is slow is told so, and not that the server is busy.
#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_answered_408_and_its_connection_is_closed() {
    let world = World::new().await;
    let token = world.door("device123").token;
    let half = async |path: &str| {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: 100\r\n\r\n{{\"call"
        );
        let mut connection = TcpStream::connect(world.stack.at.http).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![];
        timeout(3 * SOON, connection.read_to_end(&mut answer)).await.expect("the server closes").unwrap();
        String::from_utf8(answer).unwrap()
    };
    // Tencent's reports too, which are read before their signature is looked at.
    let answers = tokio::join!(half("/api/calls"), half("/api/calls/callee-action"), half("/api/trtc/callback"));
    for answer in [answers.0, answers.1, answers.2] {
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(answer.contains(r#""code":40801"#) && answer.contains(r#""field":"body""#), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("retry-after"), "{answer}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_connection_whose_body_was_read_stays_open() {
    let world = World::new().await;
    let mut connection = TcpStream::connect(world.stack.at.http).await.unwrap();
    for _ in 0..2 {
        let user = world.user("user456");
        let body = r#"{"client_id":"phone","device_type":"mobile","platform":"android","app_version":"1.2.3"}"#;
        let request = format!(
            "POST /api/mqtt/clients/register HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: \
             application/json\r\ncontent-length: {}\r\n\r\n{body}",
            user.token,
            body.len()
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        timeout(SOON, connection.read_exact(&mut start)).await.unwrap().unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        let mut rest = [0; 8192];
        let read = timeout(SOON, connection.read(&mut rest)).await.unwrap().unwrap();
        let rest = String::from_utf8_lossy(&rest[..read]).to_ascii_lowercase();
        assert!(!rest.contains("connection: close"), "{rest}");
    }
    world.end().await;
}

#[tokio::test]
async fn who_sends_a_large_body_that_nobody_reads_still_gets_the_answer() {
    let world = World::new().await;
    let client = reqwest::Client::new();
    for _ in 0..20 {
        let answer = client
            .post(format!("http://{}/api/calls", world.stack.at.http))
            .header("content-type", "application/json")
            .body(vec![b'x'; 4 * 1024 * 1024])
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.text().await.unwrap().contains("\"code\":401"));
    }
    world.end().await;
}

/// Waits until what `connection` leads to is closed; after how long.
async fn closes(mut connection: TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = vec![];
    // A reset closes it too.
    let _ = timeout(4 * SOON, connection.read_to_end(&mut rest)).await.expect("it is closed");
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_nothing_to_the_broker_is_put_out_and_keeps_nobody_out() {
    let data = tempfile::tempdir().unwrap();
    let world = World::with(Options { data_dir: Some(data.path().into()), ..Options::anywhere() }).await;
    let at = world.stack.at.broker;
    let idle = async |at: SocketAddr, sent: &[u8]| {
        let mut connection = TcpStream::connect(at).await.unwrap();
        connection.write_all(sent).await.unwrap();
        connection
    };
    // Nothing at all, and the beginning of a handshake.
    let idle = [
        idle(at.tcp, b"").await,
        idle(at.websocket, b"").await,
        idle(at.websocket, b"GET /mqtt HTTP/1.1\r\nhost: localhost\r\n").await,
        idle(at.tls, b"").await,
        idle(at.tls, b"\x16\x03\x01\x02\x00\x01").await,
    ];
    tokio::time::sleep(Duration::from_millis(100)).await;

    let mut browser = TcpStream::connect(at.websocket).await.unwrap();
    let request = "GET /mqtt HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: mqtt\r\n\r\n";
    browser.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    timeout(SOON, browser.read_exact(&mut start)).await.expect("it is let in").unwrap();
    assert_eq!(&start, b"HTTP/1.1 101");

    let certificate = std::fs::read(data.path().join("mqtts.crt")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&certificate).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let tls = tokio_rustls::TlsConnector::from(Arc::new(config));
    let phone = TcpStream::connect(at.tls).await.unwrap();
    let phone = tls.connect(ServerName::try_from("localhost").unwrap(), phone);
    let mut phone = timeout(SOON, phone).await.expect("it is let in").unwrap();
    // A CONNECT of MQTT 3.1.1 without a name: the broker answers it with a CONNACK.
    phone.write_all(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a").await.unwrap();
    let mut answer = [0; 1];
    timeout(SOON, phone.read_exact(&mut answer)).await.expect("it is answered").unwrap();
    assert_eq!(answer[0], 0x20);

    for took in futures::future::join_all(idle.map(closes)).await {
        assert!(took < Duration::from_secs(15), "closed after {took:?}");
    }
    world.end().await;
}

async fn preflight(url: &str, origin: &str) -> reqwest::Response {
    reqwest::Client::new()
        .request(Method::OPTIONS, url)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,idempotency-key")
        .send()
        .await
        .unwrap()
}

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_page_of_this_machine_may_call_the_api() {
    let world = World::new().await;
    let url = format!("http://{}/api/calls", world.stack.at.http);
    let asked = preflight(&url, PAGE).await;
    assert_eq!(asked.status(), StatusCode::NO_CONTENT);
    assert_eq!(header(&asked, "access-control-allow-origin"), Some(PAGE));
    let template = crate::template::template();
    let cors = &template["Resources"]["HttpApi"]["Properties"]["CorsConfiguration"];
    for (answered, deployed) in [
        ("access-control-allow-methods", "AllowMethods"),
        ("access-control-allow-headers", "AllowHeaders"),
        ("access-control-expose-headers", "ExposeHeaders"),
    ] {
        let deployed: Vec<&str> =
            cors[deployed].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(header(&asked, answered), Some(deployed.join(",").as_str()), "{answered}");
    }
    assert_eq!(header(&asked, "access-control-max-age"), Some(cors["MaxAge"].to_string().as_str()));

    let answer = reqwest::Client::new().get(&url).header("origin", PAGE).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&answer, "access-control-allow-origin"), Some(PAGE), "a page can read a refusal too");
    assert_eq!(header(&answer, "access-control-expose-headers"), Some("retry-after,date,idempotent-replayed"));
    world.end().await;
}

#[tokio::test]
async fn a_page_from_elsewhere_may_not() {
    let world = World::new().await;
    let url = format!("http://{}/api/calls", world.stack.at.http);
    for origin in ["https://example.com", "http://localhost.example.com", "null"] {
        let asked = preflight(&url, origin).await;
        assert_eq!(asked.status(), StatusCode::METHOD_NOT_ALLOWED, "{origin}");
        assert_eq!(header(&asked, "access-control-allow-origin"), None, "{origin}");
    }
    world.end().await;
}

#[tokio::test]
async fn no_page_reaches_the_embedded_dynamodb() {
    let world = World::new().await;
    let url = format!("http://{}/", world.stack.at.dynamodb);
    let list = |origin: Option<&str>, host: Option<&str>| {
        let mut request = reqwest::Client::new()
            .post(&url)
            .header("x-amz-target", "DynamoDB_20120810.ListTables")
            .header("content-type", "application/x-amz-json-1.0")
            .body("{}");
        for (name, value) in [("origin", origin), ("host", host)] {
            request = value
                .map_or_else(|| request.try_clone().unwrap(), |value| request.try_clone().unwrap().header(name, value));
        }
        request.send()
    };
    let program = list(None, None).await.unwrap();
    assert_eq!(program.status(), StatusCode::OK);
    assert!(program.text().await.unwrap().contains("events"));
    for (origin, host) in
        [(Some(PAGE), None), (None, Some("rebound.example.com")), (None, Some("rebound.example.com:18000"))]
    {
        let refused = list(origin, host).await.unwrap();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{origin:?} {host:?}");
        assert_eq!(header(&refused, "access-control-allow-origin"), None);
        assert!(!refused.text().await.unwrap().contains("events"));
    }
    let asked = preflight(&url, PAGE).await;
    assert_eq!(asked.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&asked, "access-control-allow-origin"), None);
    world.end().await;
}

#[tokio::test]
async fn the_embedded_dynamodb_listens_on_loopback_only() {
    let mut options = Options::anywhere();
    options.at.dynamodb = "0.0.0.0:0".parse().unwrap();
    let refused = Stack::start(options).await.err().expect("it does not start").to_string();
    assert_eq!(
        refused,
        "the embedded DynamoDB cannot listen on 0.0.0.0:0: it must be a loopback address, such as 127.0.0.1:18000"
    );
}

#[tokio::test]
async fn a_stack_on_all_addresses_tells_phones_one_that_they_can_use() {
    let mut options = Options::anywhere();
    options.at.broker.tcp = "0.0.0.0:0".parse().unwrap();
    options.at.broker.websocket = "0.0.0.0:0".parse().unwrap();
    let world = World::with(options).await;
    let mqtt = world.user("user456").registers("phone").await["mqtt_credentials"].clone();
    for name in ["broker_url", "websocket_url"] {
        let url = mqtt[name].as_str().unwrap();
        assert!(!url.contains("0.0.0.0"), "{name}: {url}");
    }
    ilock_tests::Phone::connect(&world.user("user456"), "phone", ilock_tests::Version::V5).await;
    world.end().await;
}

#[tokio::test]
async fn a_wrong_method_is_called_that_and_the_right_ones_are_named() {
    let world = World::new().await;
    let client = reqwest::Client::new();
    let url = |path: &str| format!("http://{}{path}", world.stack.at.http);
    for (method, path, allowed) in [
        (Method::PATCH, "/api/calls", vec!["GET", "POST"]),
        (Method::GET, "/api/calls/callee-action", vec!["POST"]),
        (Method::DELETE, "/api/mqtt/clients/status", vec!["PUT"]),
    ] {
        for (language, words) in [("zh", "此接口不支持该请求方法"), ("en", "This route takes another method")]
        {
            let asked = client.request(method.clone(), url(path)).header("accept-language", language);
            let answer = asked.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
            assert!(allowed.iter().all(|one| allow.split(',').any(|other| other.trim() == *one)), "{path}: {allow}");
            let body: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(body["code"], 40_500);
            assert!(body["message"].as_str().unwrap().starts_with(words), "{body}");
        }
    }
    let none = client.get(url("/api/nothing")).header("accept-language", "en").send().await.unwrap();
    let body: serde_json::Value = none.json().await.unwrap();
    assert_eq!((&body["code"], &body["message"]), (&serde_json::json!(40_400), &serde_json::json!("No such route")));
    world.end().await;
}
