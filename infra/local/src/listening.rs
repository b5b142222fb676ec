//! Addresses that this process listens at.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::error::NotStarted;

/// How long to wait before the next connection is accepted, where one could not be: too many are open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Listens at `at`; port 0 is any. Answers where.
///
/// # Errors
/// [`NotStarted::Address`].
pub(crate) async fn listen(what: &'static str, at: SocketAddr) -> Result<(TcpListener, SocketAddr), NotStarted> {
    let failed = |source| NotStarted::Address { what, address: at, source };
    let listener = TcpListener::bind(at).await.map_err(failed)?;
    let at = listener.local_addr().map_err(failed)?;
    Ok((listener, at))
}

/// The next connection, and where it comes from; none after `stop`.
pub(crate) async fn next(listener: &TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    loop {
        match stop.run_until_cancelled(listener.accept()).await? {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; accepting again");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}
