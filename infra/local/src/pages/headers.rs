//! What a page may do.

use std::collections::BTreeMap;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

use super::files::File;

/// What the pages are sent with, on AWS too. `{broker}` stands for the broker's address.
///
/// A page loads what its own host serves, runs no script of its own text, and connects to its host and to the broker.
/// `wasm-unsafe-eval` permits WebAssembly, and no JavaScript; a worker is made by MQTT.js out of its own text, because timers of
/// a page that nobody looks at are slow.
const HEADERS: &str = include_str!("../../../../client/pages/headers.json");

/// The headers of every page.
#[derive(Clone)]
pub(super) struct PageHeaders(HeaderMap);

impl PageHeaders {
    /// None where the broker's address is none.
    pub(super) fn new(websocket_url: &str) -> Option<Self> {
        let uri: axum::http::Uri = websocket_url.parse().ok()?;
        let broker = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        let headers: BTreeMap<String, String> = serde_json::from_str(HEADERS).ok()?;
        let header = |(name, value): (String, String)| {
            let value = value.replace("{broker}", &broker);
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
        };
        headers.into_iter().map(header).collect::<Option<_>>().map(Self)
    }

    pub(super) fn send(&self, file: &File) -> Response {
        (self.0.clone(), [(CONTENT_TYPE, file.kind)], file.bytes).into_response()
    }
}
