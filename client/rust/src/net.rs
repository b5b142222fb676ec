//! TCP and TLS to the broker.

use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What bytes go through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
    tls: bool,
}

impl Address {
    /// None for what is neither `tcp://` nor `ssl://`, or has no port.
    pub fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let tls = match scheme {
            "tcp" | "mqtt" => false,
            "ssl" | "tls" | "mqtts" => true,
            _ => return None,
        };
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
        Some(Self { host: host.to_owned(), port: port.parse().ok()?, tls })
    }

    /// Opens a connection; TLS trusts these certificates, PEM, or the system's.
    pub async fn connect(&self, trust: Option<&[u8]>) -> io::Result<Box<dyn Stream>> {
        // An IPv6 address stands in brackets in a URL, and without them in a certificate.
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let tcp = TcpStream::connect((host, self.port)).await?;
        tcp.set_nodelay(true)?;
        if !self.tls {
            return Ok(Box::new(tcp));
        }
        let config = ClientConfig::builder().with_root_certificates(roots(trust)?).with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?))
    }
}

fn roots(trust: Option<&[u8]>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match trust {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
        }
        // Those that cannot be read are left out, as browsers do.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_a_registration_answers() {
        let of = |host: &str, port, tls| Some(Address { host: host.into(), port, tls });
        assert_eq!(Address::parse("tcp://127.0.0.1:1883"), of("127.0.0.1", 1883, false));
        assert_eq!(Address::parse("ssl://broker.example:8883/"), of("broker.example", 8883, true));
        assert_eq!(Address::parse("tcp://[::1]:1883"), of("[::1]", 1883, false));
        for bad in ["", "broker.example:1883", "wss://broker.example/mqtt", "tcp://broker.example", "tcp://b:port"] {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        assert!(roots(Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).is_err());
    }
}
