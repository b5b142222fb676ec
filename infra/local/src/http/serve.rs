//! Serves routes over HTTP/1.1 until it is stopped.

use std::pin::pin;
use std::time::Duration;

use axum::middleware::from_fn;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::host::Peer;
use super::lingering::Lingering;
use super::unread::close_where_unread;
use crate::listening;

/// Routes, and where and how they are served.
pub(crate) struct Served {
    pub(crate) listener: TcpListener,
    pub(crate) router: Router,
    /// How long a client may take for the header of a request, and be idle before it.
    pub(crate) header_timeout: Duration,
}

/// Serves until `stop`, and then until the requests that run are answered.
pub(crate) async fn serve(served: Served, stop: CancellationToken) {
    let Served { listener, router, header_timeout } = served;
    let router = router.layer(from_fn(close_where_unread));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout);
    let mut connections = JoinSet::new();
    while let Some((stream, from)) = listening::next(&listener, &stop).await {
        // Forgets those that have ended.
        while connections.try_join_next().is_some() {}
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone().layer(Extension(Peer(from.ip()))));
        let connection = http.serve_connection(TokioIo::new(Lingering::new(stream)), service).with_upgrades();
        connections.spawn(until_idle(connection, stop.clone()));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

type Connection = http1::UpgradeableConnection<TokioIo<Lingering>, TowerToHyperService<Router>>;

/// Serves a connection until its client closes it, or until `stop` and no request runs.
async fn until_idle(connection: Connection, stop: CancellationToken) {
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
