//! Every deployed function starts with the template's settings and accepts its event.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::deployment::{Deployment, aws};

/// An HTTP API's request without a token.
fn request(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": "",
        "headers": { "content-type": "application/json" }, "body": "{}", "isBase64Encoded": false,
        "requestContext": {
            "accountId": "111122223333", "apiId": "api", "domainName": "api.example.com", "domainPrefix": "api",
            "requestId": "id", "routeKey": format!("{method} {path}"), "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1_773_342_238_000_i64,
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
        },
    })
}

/// The event for each function, and the answer that is expected.
fn asked_and_answered(function: &str) -> (Value, fn(&Value) -> bool) {
    let unauthorized: fn(&Value) -> bool = |answer| answer["statusCode"] == 401;
    let nothing_failed: fn(&Value) -> bool = |answer| answer["batchItemFailures"] == json!([]);
    match function {
        "register-client" => (request("POST", "/api/mqtt/clients/register"), unauthorized),
        "register-push-token" => (request("POST", "/api/v1/devices/register"), unauthorized),
        "update-client-status" => (request("PUT", "/api/mqtt/clients/status"), unauthorized),
        "remove-client" => (request("DELETE", "/api/mqtt/clients/nobody_phone"), unauthorized),
        "list-clients" => (request("GET", "/api/mqtt/clients"), unauthorized),
        "revoke-logins" => (request("POST", "/api/admin/revocations"), unauthorized),
        "blocks" => (request("GET", "/api/blocks"), unauthorized),
        "settings" => (request("GET", "/api/settings"), unauthorized),
        "create-call" => (request("POST", "/api/calls"), unauthorized),
        "callee-action" => (request("POST", "/api/calls/callee-action"), unauthorized),
        "caller-action" => (request("POST", "/api/calls/caller-action"), unauthorized),
        "get-call" => (request("GET", "/api/calls/call_a_b_1"), unauthorized),
        "list-calls" => (request("GET", "/api/calls"), unauthorized),
        "list-audit" => (request("GET", "/api/audit/calls"), unauthorized),
        "replay-call" => (request("GET", "/api/audit/calls/call_a_b_1/events"), unauthorized),
        "prove-call" => (request("GET", "/api/audit/calls/call_a_b_1/proof"), unauthorized),
        "read-ledger" => (request("GET", "/api/audit/ledger/checkpoint"), unauthorized),
        "list-accesses" => (request("GET", "/api/audit/accesses"), unauthorized),
        "trtc-callback" => (request("POST", "/api/trtc/callback"), unauthorized),
        "projector" | "ledger" | "expire-call" | "presence" => (json!({ "Records": [] }), nothing_failed),
        "sequencer" => (json!({}), |answer| answer["size"].is_u64()),
        // Where pushes are used.
        "push-feedback" => (json!({ "Records": [] }), Value::is_null),
        "mqtt-authorizer" => (json!({ "protocolData": {} }), |answer| answer["isAuthenticated"] == false),
        other => panic!("{other} was deployed, and nobody here asks it"),
    }
}

#[tokio::test]
async fn every_function_starts_and_takes_its_event() {
    let deployment = Deployment::here();
    let prefix = deployment.output("FunctionPrefix");
    let lambda = aws_sdk_lambda::Client::new(&aws().await);
    let pages = lambda.list_functions().into_paginator().items().send();
    let functions: BTreeSet<String> = pages
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap()
        .into_iter()
        .map(|function| function.function_name.unwrap())
        .filter_map(|name| name.strip_prefix(prefix).map(str::to_owned))
        .collect();
    assert!(functions.len() >= 18, "{functions:?}");
    for function in functions {
        if function == "iot-endpoint" {
            // CloudFormation has invoked it: without its answer there would be no stack.
            assert!(!deployment.output("MqttHost").is_empty() && !deployment.output("DataEndpoint").is_empty());
            continue;
        }
        let (event, as_wanted) = asked_and_answered(&function);
        let answer = deployment.invokes(&function, &event).await;
        assert!(as_wanted(&answer), "{function}: {answer}");
    }
}
