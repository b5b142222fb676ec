//! A network between a client and the broker that can be cut.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Passes TCP connections on, or does not.
pub struct Proxy {
    pub at: SocketAddr,
    up: Arc<watch::Sender<bool>>,
    target: Arc<watch::Sender<Option<SocketAddr>>>,
    _stop: DropGuard,
}

impl Proxy {
    /// Listens. Until [`Self::leads_to`] is called it leads nowhere.
    pub async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (up, target) = (Arc::new(watch::Sender::new(true)), Arc::new(watch::Sender::new(None)));
        let stop = CancellationToken::new();
        let (seen, aim) = (up.clone(), target.clone());
        let serving = async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { return };
                let aimed = *aim.borrow();
                if let (true, Some(target)) = (*seen.borrow(), aimed) {
                    tokio::spawn(pass_on(client, target, seen.subscribe()));
                }
            }
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
        Self { at, up, target, _stop: stop.drop_guard() }
    }

    /// Connections lead to this address from now on.
    pub fn leads_to(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// Breaks every connection, and lets none through.
    pub fn cut(&self) {
        self.up.send_replace(false);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.up.send_replace(true);
    }
}

async fn pass_on(mut client: TcpStream, target: SocketAddr, mut up: watch::Receiver<bool>) {
    let Ok(mut broker) = TcpStream::connect(target).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut broker) => {}
        _ = up.wait_for(|up| !up) => {}
    }
}
