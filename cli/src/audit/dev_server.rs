//! The backend that a command follows: where the stores of a running `ilock dev` are, or that it is asked by HTTP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use reqwest::redirect::Policy;
use serde::Deserialize;

use crate::audit::audit_api::AuditApi;
use crate::audit::bounded::STORES;
use crate::play::target::{is_on_this_machine, server_address};
use crate::ui::error::CommandError;

/// Where `ilock dev` has its DynamoDB unless it is told otherwise.
pub const DEFAULT_DYNAMODB: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 18_000));
const DEFAULT_HTTP: &str = "http://127.0.0.1:8080";
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Args)]
pub struct DevServer {
    /// The backend whose log and ledger are read: http(s)://… A running `ilock dev` on this machine says where its stores are. Any
    /// other can only be asked by `ilock prove` and `ilock verify --since`; for the rest use --aws or --file.
    #[arg(long, env = "ILOCK_SERVER", value_parser = server_address)]
    server: Option<String>,
    /// An auditor's access token. For a backend on this machine the default is one signed with the development secret.
    #[arg(long, env = "ILOCK_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Where the stores of a running `ilock dev` are.
#[derive(Debug, Clone, Deserialize)]
pub struct Stores {
    pub dynamodb: SocketAddr,
    /// The ledger's folder.
    pub tlog: PathBuf,
}

impl Stores {
    /// The same, where the tables are asked on this machine. One that listens on every interface is asked on the loopback.
    fn on_this_machine(&self) -> Option<Self> {
        let mut dynamodb = self.dynamodb;
        match dynamodb.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => dynamodb.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => dynamodb.set_ip(Ipv6Addr::LOCALHOST.into()),
            ip if ip.is_loopback() => {}
            _ => return None,
        }
        Some(Self { dynamodb, tlog: self.tlog.clone() })
    }
}

/// How a backend is read.
pub enum Reach {
    /// It is `ilock dev`: its stores are on this machine.
    Stores(Stores),
    /// By its HTTP API.
    Api(AuditApi),
}

impl DevServer {
    /// How the backend that is named is read; none where none is named.
    pub async fn reach(&self) -> Result<Option<Reach>, CommandError> {
        match &self.server {
            None => Ok(None),
            Some(server) => self.ask(server).await.map(Some),
        }
    }

    /// How the backend that is named is read, or else the one on this machine's default port.
    pub async fn reach_or_default(&self) -> Result<Reach, CommandError> {
        self.ask(self.server.as_deref().unwrap_or(DEFAULT_HTTP)).await
    }

    async fn ask(&self, server: &str) -> Result<Reach, CommandError> {
        let api = || AuditApi::new(server, self.token.as_deref()).map(Reach::Api);
        // What another machine says of stores would be addresses and folders of this one.
        if !is_on_this_machine(server)? {
            return api();
        }
        let failed = |error: &dyn std::fmt::Display| {
            CommandError::new(format!("{server} does not say where its stores are: {error}"))
                .hint("is it running? --aws reads from an AWS account; --dynamodb and --ledger name stores")
        };
        let url = format!("{}/dev/stores", server.trim_end_matches('/'));
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
        let answer = client.map_err(CommandError::new)?.get(url).send().await.map_err(|error| failed(&error))?;
        if answer.status().is_client_error() {
            return api();
        }
        let answer = answer.error_for_status().map_err(|error| failed(&error))?;
        let answer = STORES.receive(answer).await.map_err(|why| failed(&why))?;
        let stores: Stores = serde_json::from_slice(&answer).map_err(|error| failed(&error))?;
        match stores.on_this_machine() {
            Some(stores) => Ok(Reach::Stores(stores)),
            None => Err(failed(&format_args!("{} is not on this machine", stores.dynamodb))),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// How the backend at `server` is read, in words.
    async fn reach(server: String) -> String {
        match (DevServer { server: Some(server), token: Some("token".into()) }).reach().await {
            Ok(Some(Reach::Stores(stores))) => stores.dynamodb.to_string(),
            Ok(Some(Reach::Api(_))) => "api".into(),
            Ok(None) => "none".into(),
            Err(error) => error.message,
        }
    }

    /// How a backend on this machine is read that says that its tables are at `dynamodb`.
    async fn saying(dynamodb: &str) -> String {
        let body = format!("{{\"dynamodb\":\"{dynamodb}\",\"tlog\":\"tlog\"}}");
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let answer = tokio::spawn(async move {
            let (mut asker, _) = listener.accept().await.unwrap();
            let _ = asker.read(&mut [0; 4096]).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            asker.write_all([head, body].concat().as_bytes()).await.unwrap();
        });
        let said = reach(format!("http://{at}")).await;
        answer.await.unwrap();
        said
    }

    #[tokio::test]
    async fn only_a_backend_on_this_machine_says_where_stores_are_and_only_of_this_machine() {
        assert_eq!(reach("http://192.0.2.1:8080".into()).await, "api", "another machine is not even asked");
        assert_eq!(saying("127.0.0.1:18000").await, "127.0.0.1:18000");
        assert_eq!(saying("0.0.0.0:18000").await, "127.0.0.1:18000");
        for elsewhere in ["192.0.2.1:18000", "169.254.169.254:80", "[2001:db8::1]:18000"] {
            let refused = saying(elsewhere).await;
            assert!(refused.ends_with(&format!("{elsewhere} is not on this machine")), "{refused}");
        }
    }
}
