//! The running `ilock dev` that a command follows: where its stores are.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use crate::ui::error::CommandError;

/// Where `ilock dev` has its DynamoDB unless it is told otherwise.
pub const DEFAULT_DYNAMODB: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 18_000));
const DEFAULT_HTTP: &str = "http://127.0.0.1:8080";
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Args)]
pub struct DevServer {
    /// The address of the running `ilock dev` whose log and ledger are read: http://…
    #[arg(long, env = "ILOCK_SERVER")]
    server: Option<String>,
}

/// Where the stores of a running `ilock dev` are.
#[derive(Debug, Clone, Deserialize)]
pub struct Stores {
    pub dynamodb: SocketAddr,
    /// The ledger's folder.
    pub tlog: PathBuf,
}

impl DevServer {
    /// The stores of the server that is named; none where none is named.
    pub async fn stores(&self) -> Result<Option<Stores>, CommandError> {
        match &self.server {
            None => Ok(None),
            Some(server) => ask(server).await.map(Some),
        }
    }

    /// The stores of the server that is named, or else of the one on this machine's default port.
    pub async fn stores_or_default(&self) -> Result<Stores, CommandError> {
        ask(self.server.as_deref().unwrap_or(DEFAULT_HTTP)).await
    }
}

async fn ask(server: &str) -> Result<Stores, CommandError> {
    let failed = |error: reqwest::Error| {
        CommandError::new(format!("{server} does not say where its stores are: {error}"))
            .hint("is `ilock dev` running there? --aws reads from an AWS account; --dynamodb and --ledger name stores")
    };
    let url = format!("{}/dev/stores", server.trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(CommandError::new)?;
    let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    answer.json().await.map_err(failed)
}
