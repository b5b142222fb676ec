//! The backend that a command follows: where the stores of a running `ilock dev` are, or that it is asked by HTTP.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::audit::audit_api::AuditApi;
use crate::ui::error::CommandError;

/// Where `ilock dev` has its DynamoDB unless it is told otherwise.
pub const DEFAULT_DYNAMODB: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 18_000));
const DEFAULT_HTTP: &str = "http://127.0.0.1:8080";
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Args)]
pub struct DevServer {
    /// The backend whose log and ledger are read: http(s)://… A running `ilock dev` on this machine says where its stores are;
    /// any other is asked as auditors ask it.
    #[arg(long, env = "ILOCK_SERVER")]
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
        let failed = |error: reqwest::Error| {
            CommandError::new(format!("{server} does not say where its stores are: {error}"))
                .hint("is it running? --aws reads from an AWS account; --dynamodb and --ledger name stores")
        };
        let url = format!("{}/dev/stores", server.trim_end_matches('/'));
        let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(CommandError::new)?;
        let answer = client.get(url).send().await.map_err(failed)?;
        if answer.status().is_client_error() {
            return AuditApi::new(server, self.token.as_deref()).map(Reach::Api);
        }
        let answer = answer.error_for_status().map_err(failed)?;
        answer.json().await.map(Reach::Stores).map_err(failed)
    }
}
