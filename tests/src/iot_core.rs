//! IoT Core's data plane as far as publishing goes: accepts and records every message.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A published message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    pub topic: String,
    /// Its id, from the MQTT user property.
    pub message_id: String,
    /// 0 or 1.
    pub qos: u8,
    /// The message expiry, in seconds.
    pub expiry_seconds: u32,
    /// Its content type.
    pub content_type: String,
}

/// The data plane; it stops when this is dropped.
pub struct IotCore {
    pub at: SocketAddr,
    published: Arc<Mutex<Vec<Published>>>,
    _stop: DropGuard,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    message_expiry: u32,
    #[serde(default)]
    content_type: String,
}

impl IotCore {
    /// On a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (stop, published) = (CancellationToken::new(), Arc::<Mutex<Vec<Published>>>::default());
        let app = Router::new().route("/topics/{topic}", post(publish)).with_state(published.clone());
        let served = async move { axum::serve(listener, app).await.unwrap() };
        tokio::spawn(stop.clone().run_until_cancelled_owned(served));
        Self { at, published, _stop: stop.drop_guard() }
    }

    /// Every message so far, without those of QoS 0 that only open a connection.
    #[must_use]
    pub fn published(&self) -> Vec<Published> {
        self.published.lock().unwrap().clone()
    }
}

/// `Publish` (AWS IoT Data Plane API): the topic in the path, percent-encoded; user properties in a header, base64.
async fn publish(
    State(published): State<Arc<Mutex<Vec<Published>>>>,
    Path(topic): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> axum::Json<Value> {
    if asked.qos > 0 {
        let properties = headers.get("x-amz-mqtt5-user-properties").unwrap();
        let properties: Value = serde_json::from_slice(&STANDARD.decode(properties).unwrap()).unwrap();
        let message_id = properties[0]["message_id"].as_str().unwrap().to_owned();
        let Asked { qos, message_expiry: expiry_seconds, content_type } = asked;
        published.lock().unwrap().push(Published { topic, message_id, qos, expiry_seconds, content_type });
    }
    axum::Json(json!({ "message": "OK", "traceId": "00000000-0000-0000-0000-000000000000" }))
}
