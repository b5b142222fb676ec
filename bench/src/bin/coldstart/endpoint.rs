//! A server behind TLS, at an address that refuses every connection until it is opened.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where systems keep the authorities that they trust; the second is Amazon Linux's.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// A certificate for 127.0.0.1, and the files with which it is trusted.
pub struct Trust {
    acceptor: TlsAcceptor,
    /// The authority alone.
    pub authority: PathBuf,
    /// The folder with [`Trust::bundle`] in it and nothing else, as Amazon Linux has it.
    pub folder: PathBuf,
    /// The authority among those of the system: a start on Lambda reads all of them.
    pub bundle: PathBuf,
    /// The number of authorities that the system trusts.
    pub system_roots: usize,
}

impl Trust {
    /// Creates both in `dir`.
    pub fn create_in(dir: &Path) -> Self {
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, "cold start");
        let authority = params.self_signed(&authority_key).unwrap();
        let mut leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        leaf.use_authority_key_identifier_extension = true;
        let certificate = leaf.signed_by(&key, &Issuer::new(params, authority_key)).unwrap();
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        let system = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let (alone, folder) = (dir.join("authority.pem"), dir.join("certs"));
        let bundle = folder.join("ca-bundle.crt");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&alone, authority.pem()).unwrap();
        std::fs::write(&bundle, format!("{system}\n{}", authority.pem())).unwrap();
        let system_roots = system.matches("BEGIN CERTIFICATE").count();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority: alone, folder, bundle, system_roots }
    }
}

/// An address before a server; it closes when this is dropped.
pub struct Endpoint {
    pub at: SocketAddr,
    acceptor: TlsAcceptor,
    server: SocketAddr,
    socket: Option<TcpSocket>,
    stop: CancellationToken,
    _stop: DropGuard,
}

impl Endpoint {
    /// An address before `server` that is not open yet.
    pub fn closed(trust: &Trust, server: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let at = socket.local_addr().unwrap();
        let stop = CancellationToken::new();
        let acceptor = trust.acceptor.clone();
        Self { at, acceptor, server, socket: Some(socket), _stop: stop.clone().drop_guard(), stop }
    }

    /// Accepts connections from now on.
    pub fn open(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        let listener = socket.listen(64).unwrap();
        let (acceptor, server, stop) = (self.acceptor.clone(), self.server, self.stop.clone());
        tokio::spawn(self.stop.clone().run_until_cancelled_owned(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let forwarded = forward(client, acceptor.clone(), server);
                tokio::spawn(stop.clone().run_until_cancelled_owned(forwarded));
            }
        }));
    }
}

/// Broken connections are ignored: the functions are killed.
async fn forward(client: TcpStream, acceptor: TlsAcceptor, server: SocketAddr) {
    let mut server = TcpStream::connect(server).await.unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    if let Ok(mut client) = acceptor.accept(client).await {
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
