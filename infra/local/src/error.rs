//! Why the stack did not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use ilock_functions::settings::BadSetting;

/// Why the stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// An address cannot be listened on.
    #[error("{what} cannot listen on {address}: {source}")]
    Address {
        /// HTTP, DynamoDB …
        what: &'static str,
        address: SocketAddr,
        source: std::io::Error,
    },
    /// The embedded DynamoDB checks no signature.
    #[error("the embedded DynamoDB cannot listen on {0}: it must be a loopback address, such as 127.0.0.1:18000")]
    NotLoopback(SocketAddr),
    /// The data directory.
    #[error("the data directory {path}: {source}")]
    DataDir { path: PathBuf, source: std::io::Error },
    /// Another process works in the data directory.
    #[error("the data directory {0} is in use by another process")]
    InUse(PathBuf),
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The embedded DynamoDB.
    #[error("the embedded DynamoDB: {0}")]
    Database(String),
    #[error("the MQTT broker: {0}")]
    Broker(String),
}
