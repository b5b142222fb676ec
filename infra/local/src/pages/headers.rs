//! What a page may do.

use std::collections::BTreeMap;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::files::File;

/// What the pages are sent with, on AWS too. `{broker}` stands for the broker's address, and behind it the hosts of
/// Tencent's rooms, where the pages enter those.
///
/// A page loads what its own host serves, runs no script of its own text, and connects to its host, the broker and those.
/// `wasm-unsafe-eval` permits WebAssembly, and no JavaScript; a worker is made by MQTT.js out of its own text, because timers of
/// a page that nobody looks at are slow.
const HEADERS: &str = include_str!("../../../../client/pages/headers.json");

/// The headers of every page.
#[derive(Clone)]
pub(super) struct PageHeaders(HeaderMap);

impl PageHeaders {
    /// `hosts`: where a page may connect to besides, with spaces between them. None where the broker's address is none.
    pub(super) fn new(websocket_url: &str, hosts: &str) -> Option<Self> {
        let uri: axum::http::Uri = websocket_url.parse().ok()?;
        let broker = format!("{}://{} {hosts}", uri.scheme_str()?, uri.authority()?);
        let headers: BTreeMap<String, String> = serde_json::from_str(HEADERS).ok()?;
        let header = |(name, value): (String, String)| {
            let value = value.replace("{broker}", broker.trim_end());
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        };
        headers.into_iter().map(header).collect::<Option<_>>().map(Self)
    }

    pub(super) fn send(&self, file: &File) -> Response {
        self.send_as(file.kind, file.bytes)
    }

    /// What is in no file of client/pages.
    pub(super) fn send_as(&self, kind: &'static str, content: impl IntoResponse) -> Response {
        (self.0.clone(), [(CONTENT_TYPE, kind)], content).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a page may connect to.
    fn connect_src(hosts: &str) -> String {
        let headers = PageHeaders::new("ws://127.0.0.1:8083/mqtt", hosts).unwrap();
        let policy = headers.0["content-security-policy"].to_str().unwrap();
        policy.split("; ").find_map(|directive| directive.strip_prefix("connect-src ")).unwrap().to_owned()
    }

    #[test]
    fn a_page_connects_to_its_host_to_the_broker_and_to_the_hosts_of_its_room_alone() {
        assert_eq!(connect_src(""), "'self' ws://127.0.0.1:8083");
        let hosts = "https://*.rtc.example wss://*.rtc.example";
        assert_eq!(connect_src(hosts), "'self' ws://127.0.0.1:8083 https://*.rtc.example wss://*.rtc.example");
    }
}
