//! Clients of the AWS that `AWS_ENDPOINT_URL` names: LocalStack, as `infra/localstack/run` starts it.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

use crate::engine::Engine;

const HOW_TO_RUN: &str = "these tests need AWS_ENDPOINT_URL: run them by `make test`, or by \
    `make localstack`, which starts a LocalStack for them";

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[must_use]
pub fn endpoint() -> String {
    env("AWS_ENDPOINT_URL").unwrap_or_else(|| panic!("{HOW_TO_RUN}"))
}

/// Its host and port, for what speaks HTTP by itself.
fn host_and_port() -> String {
    let endpoint = endpoint();
    endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// A description of it.
#[must_use]
pub fn name() -> String {
    env("ILOCK_LOCALSTACK").unwrap_or_else(|| format!("given: {}", endpoint()))
}

#[must_use]
pub fn region() -> Region {
    Region::new(env("AWS_REGION").unwrap_or_else(|| "eu-central-1".into()))
}

fn credentials() -> Credentials {
    let of = |name| env(name).unwrap_or_else(|| "test".into());
    let token = env("AWS_SESSION_TOKEN");
    Credentials::new(of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"), token, None, "test")
}

/// The SDK's configuration for `url`. The timeouts are long: an emulator is slow on a busy machine.
fn sdk(url: String) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_mins(1))
        .build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(region())
        .credentials_provider(SharedCredentialsProvider::new(credentials()))
        .timeout_config(timeouts)
        .build()
}

#[must_use]
pub fn engine() -> Engine {
    // The engine of host mode dates from 2020.
    let returns_conflict = name().contains("host mode").then_some(false);
    Engine::running(aws_sdk_dynamodb::Client::new(&sdk(endpoint())), host_and_port(), returns_conflict)
}

#[must_use]
pub fn streams() -> aws_sdk_dynamodbstreams::Client {
    streams_at(endpoint())
}

/// Its streams at `url`.
#[must_use]
pub fn streams_at(url: String) -> aws_sdk_dynamodbstreams::Client {
    aws_sdk_dynamodbstreams::Client::new(&sdk(url))
}

#[must_use]
pub fn sqs() -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&sdk(endpoint()))
}

#[must_use]
pub fn s3() -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::new(&sdk(endpoint()))
}

#[must_use]
pub fn sns() -> aws_sdk_sns::Client {
    sns_at(endpoint())
}

/// Its SNS at `url`. As deployed, the SDK does not retry pushes.
#[must_use]
pub fn sns_at(url: String) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::config::Builder::from(&sdk(url)).retry_config(RetryConfig::disabled());
    aws_sdk_sns::Client::from_conf(config.build())
}
