//! What a page may do, and who may ask for it.

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::files::File;
use crate::http::cors::is_local;
use crate::http::network::is_this_machine;

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

/// Serves only whoever asked for this machine by its own name or address, and pages that it served. A page from elsewhere
/// whose name was made to lead here (DNS rebinding) still sends that name as `Host`.
pub(super) async fn this_machine_only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).and_then(|host| host.parse().ok());
    let asked_here = host.is_some_and(|host: axum::http::uri::Authority| is_this_machine(host.host()));
    let page_of_ours = headers.get(ORIGIN).is_none_or(is_local);
    if asked_here && page_of_ours {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "open this page as http://127.0.0.1 or http://localhost, with its port\n")
            .into_response()
    }
}
