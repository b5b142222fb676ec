//! Before the broker's WebSocket and TLS ports. The broker crate accepts on each of them one connection after the other: it waits
//! without end for the handshake of one before it looks at the next, so a single client that sends nothing would keep out
//! everybody. Here each handshake has its own task and a time.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::error::NotStarted;
use crate::listening;

/// How long a client may take for its handshake: as long as the broker then waits for its CONNECT.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The longest head of a request for a WebSocket, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// How long the last bytes to a client may take, which does not read any more.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// What a client does before it speaks MQTT.
#[derive(Clone)]
pub(crate) enum Handshake {
    /// It asks for a WebSocket. Its request is passed on once it is there as a whole.
    WebSocket,
    /// It negotiates TLS, which ends here.
    Tls(TlsAcceptor),
}

/// An address of the broker's that clients connect to.
pub(crate) struct Entrance {
    stop: CancellationToken,
    accepting: JoinHandle<()>,
}

impl Entrance {
    /// Lets whoever has done `handshake` through to `broker`.
    pub(crate) fn open(listener: TcpListener, handshake: Handshake, broker: SocketAddr) -> Self {
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(listener, handshake, reached_at(broker), stop.clone()));
        Self { stop, accepting }
    }

    /// Stops listening, and closes the connections whose handshake is not done. The others are the broker's to close.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        if self.accepting.await.is_err() {
            tracing::warn!("an entrance of the broker ended before it was closed");
        }
    }
}

/// TLS by the certificate and key in these files.
///
/// # Errors
/// [`NotStarted::Broker`].
pub(crate) fn tls((certificate, key): (&Path, &Path)) -> Result<Handshake, NotStarted> {
    let failed = |error: &dyn std::error::Error| NotStarted::Broker(format!("its certificate: {error}"));
    let certificate = CertificateDer::from_pem_file(certificate).map_err(|error| failed(&error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(&error))?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let mut config = config.map_err(|error| failed(&error))?;
    config.alpn_protocols = vec![b"mqtt".to_vec()];
    Ok(Handshake::Tls(TlsAcceptor::from(Arc::new(config))))
}

/// Where this process reaches what listens at `at`.
fn reached_at(at: SocketAddr) -> SocketAddr {
    match at {
        SocketAddr::V4(any) if any.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, at.port()).into(),
        SocketAddr::V6(any) if any.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, at.port()).into(),
        _ => at,
    }
}

async fn accept(listener: TcpListener, handshake: Handshake, broker: SocketAddr, stop: CancellationToken) {
    while let Some((client, from)) = listening::next(&listener, &stop).await {
        let (handshake, stop) = (handshake.clone(), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = enter(client, handshake, broker, &stop).await {
                tracing::debug!(%error, %from, "a connection did not reach the broker");
            }
        });
    }
}

async fn enter(
    mut client: TcpStream,
    handshake: Handshake,
    broker: SocketAddr,
    stop: &CancellationToken,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    match handshake {
        Handshake::WebSocket => {
            let head = in_time(stop, read_head(&mut client)).await?;
            let mut broker = connect(broker).await?;
            broker.write_all(&head).await?;
            pass(client, broker).await
        }
        Handshake::Tls(acceptor) => {
            let client = in_time(stop, acceptor.accept(client)).await?;
            pass(client, connect(broker).await?).await
        }
    }
}

/// What `handshake` comes to, unless it takes too long or the broker stops.
async fn in_time<T>(
    stop: &CancellationToken,
    handshake: impl Future<Output = std::io::Result<T>>,
) -> std::io::Result<T> {
    match stop.run_until_cancelled(timeout(HANDSHAKE, handshake)).await {
        Some(Ok(done)) => done,
        Some(Err(_)) => Err(std::io::ErrorKind::TimedOut.into()),
        None => Err(std::io::ErrorKind::ConnectionAborted.into()),
    }
}

async fn connect(broker: SocketAddr) -> std::io::Result<TcpStream> {
    let broker = TcpStream::connect(broker).await?;
    broker.set_nodelay(true)?;
    Ok(broker)
}

/// The head of a request, to the empty line, and what came with it.
async fn read_head(client: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut head = vec![];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        if client.read_buf(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

/// Passes on what either sends, until the broker has closed.
async fn pass(client: impl AsyncRead + AsyncWrite + Unpin, broker: TcpStream) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_broker, mut to_broker) = broker.into_split();
    let to_the_broker = async {
        // However the client ended, the broker is told so, and closes.
        let _ = tokio::io::copy(&mut from_client, &mut to_broker).await;
        let _ = to_broker.shutdown().await;
        std::future::pending::<()>().await;
    };
    let to_the_client = async {
        let passed = tokio::io::copy(&mut from_broker, &mut to_client).await;
        let _ = timeout(LAST_BYTES, to_client.shutdown()).await;
        passed.map(drop)
    };
    tokio::select! {
        passed = to_the_client => passed,
        () = to_the_broker => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_head_is_read_to_its_empty_line_and_no_longer_than_it_may_be() {
        let request = b"GET /mqtt HTTP/1.1\r\nhost: localhost\r\n\r\n";
        assert_eq!(read_head(&mut &request[..]).await.unwrap(), request);
        assert_eq!(read_head(&mut &b"GET /mqtt"[..]).await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
        let long = vec![b'x'; 4 * LONGEST_HEAD];
        assert_eq!(read_head(&mut &long[..]).await.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_listens_on_all_addresses_is_reached_by_loopback() {
        for (at, reached) in
            [("0.0.0.0:1883", "127.0.0.1:1883"), ("[::]:1883", "[::1]:1883"), ("192.0.2.7:1883", "192.0.2.7:1883")]
        {
            assert_eq!(reached_at(at.parse().unwrap()), reached.parse().unwrap(), "{at}");
        }
    }
}
