//! By which names and addresses this machine is asked. A page from elsewhere whose name was made to lead here (DNS rebinding) is of
//! one origin with what it then reads, but it still sends that name as `Host`.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ilock_functions::error::ApiError;

use super::cors::is_local;
use super::network::{is_address, is_loopback_host, is_own_address, is_this_machine};

/// Tencent signs what it sends here and has no token. It comes by the name of a tunnel.
const SIGNED: &str = "/api/trtc/callback";

/// What whoever asks by another name is told, beside the message of every 40301.
const FOREIGN_NAME: &str = "this machine is asked by an address or as localhost while anybody can sign a token: use http://127.0.0.1 or \
     the address that --lan prints, or set AUTH_SECRET to a secret of your own";

/// Serves only whoever asked for this machine by its own name or address, and pages that it served.
pub(crate) async fn this_machine_only(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let asked_here = host(headers).is_some_and(|host| is_this_machine(host.host()));
    let page_of_ours = headers.get(ORIGIN).is_none_or(is_local);
    if asked_here && page_of_ours {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "open this as http://127.0.0.1 or http://localhost, with its port\n").into_response()
    }
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// As [`this_machine_only`], and only for programs of this machine: what everybody is pushed, and where the stores are, is told
/// to nobody on the network, whatever they call this machine.
pub(crate) async fn own_programs_only(request: Request, next: Next) -> Response {
    if comes_from_here(&request) {
        return this_machine_only(request, next).await;
    }
    (StatusCode::FORBIDDEN, "for programs of the machine that this runs on\n").into_response()
}

fn comes_from_here(request: &Request) -> bool {
    request.extensions().get::<Peer>().is_some_and(|Peer(from)| is_own_address(*from))
}

/// Refuses whoever asked by a name, unless it is one of loopback. An address cannot be made to lead elsewhere: so a phone asks by
/// the address that `--lan` prints, and an emulator by the one that it has for this machine. The answer has no language yet.
pub(crate) async fn by_no_foreign_name(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let by_own = host(headers).is_some_and(|host| is_address(host.host()) || is_loopback_host(host.host()));
    // Every browser sends a host.
    if by_own || !headers.contains_key(HOST) || request.uri().path() == SIGNED {
        return next.run(request).await;
    }
    ApiError::Forbidden(FOREIGN_NAME).into_response()
}

/// What was asked for, as the request says it.
fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(HOST)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn who_is_on_the_network_is_no_program_of_this_machine_however_they_name_it() {
        let is_own = |from: Option<&str>| {
            let mut request = Request::builder().header(HOST, "localhost:8080").body(Body::empty()).unwrap();
            if let Some(from) = from {
                request.extensions_mut().insert(Peer(from.parse().unwrap()));
            }
            comes_from_here(&request)
        };
        for from in ["127.0.0.1", "127.0.0.7", "::1", "::ffff:127.0.0.1"] {
            assert!(is_own(Some(from)), "{from}");
        }
        for from in [Some("192.0.2.9"), Some("2001:db8::9"), Some("::ffff:192.0.2.9"), None] {
            assert!(!is_own(from), "{from:?}");
        }
    }
}
