//! What the functions log on Lambda: every line about a call names the call, none holds a secret, and none about one
//! tenant's call tells of another tenant. A process of its own, because the subscriber is set for the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use std::sync::LazyLock;
use std::time::Duration;

use ilock_auth::Role;
use ilock_lambda::lines_of_json;
use ilock_tests::parties::call_id;
use ilock_tests::phone::Credentials;
use ilock_tests::{LogLines, Party, World};
use serde_json::{Value, json};
use tracing::field::Empty;

/// What is logged while `happens` runs, which nothing else does meanwhile.
async fn logged<T>(happens: impl Future<Output = T>) -> (String, T) {
    static LINES: LazyLock<LogLines> = LazyLock::new(|| {
        let lines = LogLines::default();
        let to = lines.clone();
        tracing::subscriber::set_global_default(lines_of_json(move || to.clone())).unwrap();
        lines
    });
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = ALONE.lock().await;
    LINES.clear();
    let outcome = happens.await;
    (LINES.text(), outcome)
}

/// A field of the line or of a span around it.
fn field<'a>(line: &'a Value, name: &str) -> Option<&'a Value> {
    let spans = line["spans"].as_array().into_iter().flatten();
    spans.chain([line]).filter_map(|place| place.get(name)).next_back()
}

fn lines_of_the_functions(text: &str) -> Vec<Value> {
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["target"].as_str().is_some_and(|target| target.starts_with("ilock_functions"))).collect()
}

fn is_about_a_call(line: &Value) -> bool {
    let route = field(line, "route").and_then(Value::as_str).unwrap_or_default();
    let signed_in = field(line, "code").is_none_or(|code| code != 40_101);
    let innermost = line["spans"].as_array().and_then(|spans| spans.last());
    (route.starts_with("/api/calls/") && signed_in) || innermost.is_some_and(|span| span["name"] == "projecting")
}

/// Until the projector has written the end into the history, and so has read all commits.
async fn call_is_over(door: &Party) {
    while door.gets("/api/calls").await.ok()["calls"][0]["ended_at"].is_null() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A call as it may go, with its id and what no line may hold.
async fn a_call_with_secrets() -> (String, Vec<String>) {
    let world = World::new().await;
    let (door, user) = (world.door("device123"), world.user("user456"));
    let mut phone = world.phone(&user, "a").await;
    let password = user.registers("a").await["mqtt_credentials"]["password"].as_str().unwrap().to_owned();
    let view = door.rings("user456", 30).await;
    let call = call_id(&view);
    phone.hears("incoming").await;
    user.callee_action(&call, "accepted", Some("user456_a")).await.ok();
    user.callee_action(&call, "accepted", Some("user456_b")).await.refused(409);
    let reason = json!({ "call_id": call, "action": "hangup", "reason": "a reason between two people" });
    door.posts("/api/calls/caller-action", reason).await.ok();
    world.bearer("x", "not-a-token-but-a-secret".into()).gets(&format!("/api/calls/{call}")).await.refused(401);
    world.user("stranger").gets(&format!("/api/calls/{call}")).await.refused(404);
    call_is_over(&door).await;
    let sig = view["room_info"]["user_sig"].as_str().unwrap().to_owned();
    let words = ["not-a-token-but-a-secret", "a reason between two people", "前门设备"].map(ToOwned::to_owned);
    let secrets = [door.token.clone(), user.token.clone(), password, sig].into_iter().chain(words).collect();
    world.end().await;
    (call, secrets)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_about_a_call_names_it_and_none_holds_a_secret() {
    let (text, (call, secrets)) = logged(Box::pin(a_call_with_secrets())).await;
    let ours = lines_of_the_functions(&text);
    let committed: Vec<_> = ours.iter().filter(|line| line["message"] == "committed").collect();
    assert_eq!(committed.len(), 3, "{text}");
    for (n, line) in committed.iter().enumerate() {
        assert_eq!(field(line, "call_id"), Some(&json!(call)));
        assert_eq!(field(line, "n").map(ToString::to_string).unwrap().trim_matches('"'), (n + 1).to_string());
    }
    let about: Vec<_> = ours.iter().filter(|line| is_about_a_call(line)).collect();
    assert!(about.len() >= 4, "{text}");
    for line in about {
        assert_eq!(field(line, "call_id"), Some(&json!(call)), "{line}");
    }
    let refused = ours.iter().find(|line| field(line, "code") == Some(&json!(40_901))).unwrap();
    assert_eq!(field(refused, "call_id"), Some(&json!(call)));
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret} was logged");
    }
}

/// A call in each of two tenants whose doors and people have the same ids, each tried by the other's door and person. Returns
/// what is each one's own: call, client, topics, tenant.
async fn two_tenants() -> [Vec<String>; 2] {
    let world = World::new().await;
    let mut names = [vec![], vec![]];
    for (own, tenant) in ["anna-house", "bobs-house"].into_iter().enumerate() {
        let other = ["bobs-house", "anna-house"][own];
        let party = |tenant, id, role| world.party_of(tenant, id, role);
        let (door, user) = (party(tenant, "device123", Role::Device), party(tenant, "user456", Role::User));
        let body = json!({ "client_id": "ios_1", "platform": "android", "push_token": format!("token-of-{tenant}") });
        let credentials = Credentials::of(&user.posts("/api/mqtt/clients/register", body).await.ok());
        let call = call_id(&door.rings("user456", 30).await);
        for foreign in [party(other, "device123", Role::Device), party(other, "user456", Role::User)] {
            foreign.gets(&format!("/api/calls/{call}")).await.refused(404);
            foreign.callee_action(&call, "accepted", None).await.refused(404);
            foreign.caller_action(&call, "cancelled").await.refused(404);
        }
        user.callee_action(&call, "accepted", Some("ios_1")).await.ok();
        door.caller_action(&call, "hangup").await.ok();
        call_is_over(&door).await;
        names[own] = [vec![call, credentials.client_id, tenant.to_owned()], credentials.topics].concat();
    }
    world.end().await;
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn no_line_about_one_tenant_tells_of_the_other() {
    let (text, names) = logged(Box::pin(two_tenants())).await;
    for name in &names[0] {
        assert!(!names[1].contains(name), "{name}");
    }
    let tells = |line: &str, names: &[String]| names.iter().any(|name| line.contains(name.as_str()));
    for own in &names {
        assert!(text.lines().filter(|line| tells(line, own)).count() >= 6, "{text}");
    }
    for line in text.lines() {
        assert!(!(tells(line, &names[0]) && tells(line, &names[1])), "{line}");
    }
}

#[test]
fn a_line_holds_each_of_its_spans_once() {
    let lines = LogLines::default();
    let to = lines.clone();
    tracing::subscriber::with_default(lines_of_json(move || to.clone()), || {
        let _invocation = tracing::info_span!("invocation", requestId = "8f507cfc").entered();
        let request = tracing::info_span!("request", route = "/api/calls", call_id = Empty, n = Empty).entered();
        request.record("call_id", "call_a_b_1");
        request.record("n", 2);
        tracing::info!(kind = "accept", "committed");
    });
    let text = lines.text();
    let line: Value = serde_json::from_str(&text).unwrap();
    let invocation = json!({ "name": "invocation", "requestId": "8f507cfc" });
    let request = json!({ "name": "request", "route": "/api/calls", "call_id": "call_a_b_1", "n": 2 });
    assert_eq!((&line["message"], &line["kind"]), (&json!("committed"), &json!("accept")));
    assert_eq!(line["spans"], json!([invocation, request]));
    for once in ["8f507cfc", "call_a_b_1"] {
        assert_eq!(text.matches(once).count(), 1, "{once}: {text}");
    }
}
