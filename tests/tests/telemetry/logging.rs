//! What the functions log on Lambda: every line about a call names the call, and none holds a secret. A process of its own,
//! because the subscriber is set for the whole process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ilock_lambda::lines_of_json;
use ilock_tests::World;
use ilock_tests::parties::call_id;
use serde_json::{Value, json};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
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
    (route.starts_with("/api/calls/") && signed_in) || line["span"]["name"] == "projecting"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_about_a_call_names_it_and_none_holds_a_secret() {
    let lines = Lines::default();
    let to = lines.clone();
    tracing::subscriber::set_global_default(lines_of_json(move || to.clone())).unwrap();
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
    // Until the projector has written the end into the history, and so has read all commits.
    while door.gets("/api/calls").await.ok()["calls"][0]["ended_at"].is_null() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.end().await;

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
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

    let sig = view["room_info"]["user_sig"].as_str().unwrap();
    let secrets = [
        &door.token,
        &user.token,
        &password,
        sig,
        "not-a-token-but-a-secret",
        "a reason between two people",
        "前门设备",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} was logged");
    }
}
