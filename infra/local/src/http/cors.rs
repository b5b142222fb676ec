//! Pages of this machine may call the API, as pages of `CorsOrigins` may on AWS. The lists are those of template.yaml's
//! `CorsConfiguration`; a test holds them together.

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::uri::Uri;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::network::is_this_machine;

const METHODS: HeaderValue = HeaderValue::from_static("GET,POST,PUT,DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization,content-type,accept-language,idempotency-key");
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after,date,idempotent-replayed");
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// Answers preflights of local pages, and lets them read answers.
pub(crate) async fn local_pages(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = headers.get(ORIGIN).filter(|origin| is_local(origin)).cloned();
    let preflight = request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let Some(origin) = origin else { return next.run(request).await };
    let mut response = if preflight {
        let mut response = StatusCode::NO_CONTENT.into_response();
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        response.headers_mut().insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        response
    } else {
        next.run(request).await
    };
    allow(response.headers_mut(), origin);
    response
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.append(VARY, HeaderValue::from_static("origin"));
}

/// Whether a page of this origin came from this machine. With the development secrets anybody can sign a token, so a
/// page from elsewhere could act as anybody.
pub(crate) fn is_local(origin: &HeaderValue) -> bool {
    let Some(uri) = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()) else { return false };
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return false;
    }
    uri.host().is_some_and(is_this_machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_are_local() {
        for origin in [
            "http://localhost",
            "http://localhost:5173",
            "https://app.localhost",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
        ] {
            assert!(is_local(&HeaderValue::from_static(origin)), "{origin}");
        }
    }

    #[test]
    fn pages_from_elsewhere_are_not() {
        for origin in [
            "null",
            "https://example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "file://localhost",
            "http://203.0.113.7",
        ] {
            assert!(!is_local(&HeaderValue::from_static(origin)), "{origin}");
        }
    }
}
