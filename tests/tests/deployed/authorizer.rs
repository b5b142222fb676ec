//! Who may connect: the deployed authorizer, invoked as IoT Core does. The emulated broker does not invoke it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ilock_auth::Policy;
use serde_json::{Value, json};

use crate::deployment::Deployment;

/// A request in the form of IoT Core's developer guide.
fn connect(registered: &Value, client_id: &str) -> Value {
    let text = |name: &str| registered["mqtt_credentials"][name].as_str().unwrap();
    json!({
        "signatureVerified": false,
        "protocols": ["tls", "mqtt"],
        "protocolData": {
            "tls": { "serverName": "a1b2c3-ats.iot.eu-central-1.amazonaws.com" },
            "mqtt": {
                "username": format!("{}?x-amz-customauthorizer-name=ours", text("username")),
                "password": STANDARD.encode(text("password")),
                "clientId": client_id,
            },
        },
        "connectionMetadata": { "id": "5f1e3c1a-6b0e-4f5e-9d1a-0d7c6d1c2b3a" },
    })
}

#[tokio::test]
async fn a_registered_client_may_connect_and_read_its_own_topics_and_nothing_else() {
    let deployment = Deployment::here();
    let jonas = deployment.user("jonas");
    let registered = jonas.registers("phone").await;
    let client = deployment.client_of(&jonas, "phone");

    let answer = deployment.invokes("mqtt-authorizer", &connect(&registered, &client)).await;
    assert_eq!(answer["isAuthenticated"], true, "{answer}");
    let principal = answer["principalId"].as_str().unwrap();
    assert!((1..=128).contains(&principal.len()) && principal.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    for seconds in ["disconnectAfterInSeconds", "refreshAfterInSeconds"] {
        assert!((300..=86_400).contains(&answer[seconds].as_u64().unwrap()), "{seconds}: {answer}");
    }
    let policies: Vec<Policy> = answer["policyDocuments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|document| {
            let document = document.as_str().unwrap();
            assert!(document.len() <= 2048);
            serde_json::from_str(document).unwrap()
        })
        .collect();
    let may = |action: &str, resource: &str| policies.iter().any(|policy| policy.allows(action, resource));
    let arns = deployment.arns();
    assert!(may("iot:Connect", &arns.client(&client)));
    assert!(!may("iot:Connect", &arns.client("somebody_phone")));
    for topic in registered["topics"].as_object().unwrap().values().map(|topic| topic.as_str().unwrap()) {
        assert!(may("iot:Subscribe", &arns.topic_filter(topic)) && may("iot:Receive", &arns.topic(topic)), "{topic}");
        assert!(!may("iot:Publish", &arns.topic(topic)), "{topic}");
    }
    let others =
        [deployment.topic("users/somebody/calls/incoming"), format!("other/users/{}/calls/incoming", jonas.id)];
    for foreign in others.iter().map(String::as_str).chain(["#", "$aws/events/presence/#"]) {
        assert!(!may("iot:Subscribe", &arns.topic_filter(foreign)), "{foreign}");
    }
}

#[tokio::test]
async fn a_password_is_for_one_client_and_only_as_long_as_that_is_registered() {
    let deployment = Deployment::here();
    let karin = deployment.user("karin");
    let registered = karin.registers("phone").await;
    let client = deployment.client_of(&karin, "phone");

    let other =
        deployment.invokes("mqtt-authorizer", &connect(&registered, &deployment.client_of(&karin, "tablet"))).await;
    assert_eq!(other, json!({ "isAuthenticated": false }));

    // The emulated broker has no DeleteConnection, and the function reports that it could not end the session.
    // The client is removed before that.
    karin.asks("DELETE", &format!("/api/mqtt/clients/{client}"), None).await.refused(503);
    let gone = deployment.invokes("mqtt-authorizer", &connect(&registered, &client)).await;
    assert_eq!(gone, json!({ "isAuthenticated": false }));
}
