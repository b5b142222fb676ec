//! Every route of the template leads to its function.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::deployment::Deployment;

#[tokio::test]
async fn every_route_of_the_template_answers_in_our_envelope() {
    let deployment = Deployment::here();
    assert!(deployment.routes.len() >= 12, "{:?}", deployment.routes);
    let nobody = deployment.nobody("nobody");
    for route in &deployment.routes {
        let path = route.path.replace("{call_id}", "call_a_b_1").replace("{client_id}", "nobody_phone");
        let path = path.replace("{name+}", "tile/0/x001/067");
        let body = (route.method != "GET" && route.method != "DELETE").then(|| json!({}));
        let answer = nobody.asks(&route.method, &path, body).await;
        assert_eq!(answer.status, 401, "{route:?}: {answer:?}");
        assert!(answer.code != 0 && !answer.message.is_empty(), "{route:?}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_route_is_not_found() {
    let deployment = Deployment::here();
    let harry = deployment.user("harry");
    for (method, path) in [("GET", "/"), ("GET", "/api"), ("POST", "/api/calls/x/y"), ("PATCH", "/api/calls")] {
        let (status, answer) = harry.asks_plainly(method, path, &[], None).await;
        assert_eq!(status, 404, "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn a_query_and_a_path_reach_the_function_as_they_were_asked() {
    let deployment = Deployment::here();
    let irene = deployment.user("irene");
    let refused = irene.asks("GET", "/api/calls?limit=many", None).await.refused(400);
    assert_eq!(refused["field"], "limit");
    irene.asks("GET", "/api/calls/call_nobody_irene_1", None).await.refused(404);
}

#[tokio::test]
async fn tencent_is_believed_by_its_signature_over_the_very_bytes() {
    let deployment = Deployment::here();
    let nobody = deployment.nobody("tencent");
    let body = r#"{ "EventGroupId":1,"EventType":103,"CallbackTs":1687770730166,"EventInfo":{"RoomId":12345,"EventTs":1687770730,"UserId":"门"} }"#;
    let mut mac = Hmac::<Sha256>::new_from_slice(deployment.trtc_callback_key.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let sign = STANDARD.encode(mac.finalize().into_bytes());

    let (status, answer) =
        nobody.asks_plainly("POST", "/api/trtc/callback", &[("Sign", &sign)], Some(body.into())).await;
    assert_eq!((status, answer), (200, json!({ "code": 0 })));
    let other = body.replace("12345", "12346");
    let (status, _) = nobody.asks_plainly("POST", "/api/trtc/callback", &[("Sign", &sign)], Some(other)).await;
    assert_eq!(status, 401);
}
