//! The real SDK, as a client of the embedded DynamoDB.

use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedInterceptor};
use aws_sdk_dynamodb::{Client, Config};

/// A client of the DynamoDB at `address`. `watch` sees every request.
#[must_use]
pub fn client(address: SocketAddr, watch: Option<SharedInterceptor>) -> Client {
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .region(Region::new("local"))
        .credentials_provider(Credentials::new("local", "local", None, None, "embedded"))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(Duration::from_secs(2))
                .operation_timeout(Duration::from_secs(6))
                .build(),
        );
    if let Some(watch) = watch {
        config.push_interceptor(watch);
    }
    Client::from_conf(config.build())
}
