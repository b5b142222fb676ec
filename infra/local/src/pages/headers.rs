//! What a page may do, and who may ask for it.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::files::File;
use crate::http::cors::is_local;
use crate::http::network::is_this_machine;

/// The headers of every page.
#[derive(Clone)]
pub(super) struct PageHeaders {
    policy: HeaderValue,
}

impl PageHeaders {
    /// A page loads what this process serves, runs no script of its own text, and connects to this process and to the
    /// broker at `websocket_url`. `wasm-unsafe-eval` permits WebAssembly, and no JavaScript; a worker
    /// is made by MQTT.js out of its own text, because timers of a page that nobody looks at are slow.
    pub(super) fn new(websocket_url: &str) -> Option<Self> {
        let uri: axum::http::Uri = websocket_url.parse().ok()?;
        let broker = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
        let policy = format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; media-src 'self' blob:; \
             connect-src 'self' {broker}; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Some(Self { policy: HeaderValue::try_from(policy).ok()? })
    }

    pub(super) fn send(&self, file: &File) -> Response {
        const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
        let fixed = |text| HeaderValue::from_static(text);
        let headers = [
            (CONTENT_TYPE, fixed(file.kind)),
            (CONTENT_SECURITY_POLICY, self.policy.clone()),
            (PERMISSIONS, fixed("camera=(self), microphone=(self), geolocation=()")),
            (X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
            (REFERRER_POLICY, fixed("no-referrer")),
            (CACHE_CONTROL, fixed("no-cache")),
        ];
        (headers, file.bytes).into_response()
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
