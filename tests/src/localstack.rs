//! The AWS of `infra/localstack/run`: LocalStack, or whatever `AWS_ENDPOINT_URL` names.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};

use crate::engine::Engine;

const HOW: &str = "these tests need AWS_ENDPOINT_URL: run them by `make test`, or by \
    `make localstack`, which starts a LocalStack for them";

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where it is.
#[must_use]
pub fn endpoint() -> String {
    env("AWS_ENDPOINT_URL").unwrap_or_else(|| panic!("{HOW}"))
}

/// Where it is, for what speaks HTTP by hand.
fn host_and_port() -> String {
    let endpoint = endpoint();
    endpoint.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

/// What it is, in words.
#[must_use]
pub fn name() -> String {
    env("ILOCK_LOCALSTACK").unwrap_or_else(|| format!("given: {}", endpoint()))
}

/// Its region.
#[must_use]
pub fn region() -> Region {
    Region::new(env("AWS_REGION").unwrap_or_else(|| "eu-central-1".into()))
}

fn credentials() -> Credentials {
    let of = |name| env(name).unwrap_or_else(|| "test".into());
    let token = env("AWS_SESSION_TOKEN");
    Credentials::new(of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"), token, None, "test")
}

/// How it is reached, by way of `url`. An emulator on a machine that builds beside it takes its time.
fn sdk(url: String) -> SdkConfig {
    let patience = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_mins(1))
        .build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(region())
        .credentials_provider(SharedCredentialsProvider::new(credentials()))
        .timeout_config(patience)
        .build()
}

/// Its DynamoDB.
#[must_use]
pub fn engine() -> Engine {
    // The engine that host mode has is of 2020.
    let hands_over = name().contains("host mode").then_some(false);
    Engine::running(aws_sdk_dynamodb::Client::new(&sdk(endpoint())), host_and_port(), hands_over)
}

/// Its streams.
#[must_use]
pub fn streams() -> aws_sdk_dynamodbstreams::Client {
    streams_at(endpoint())
}

/// Its streams, by way of `url`.
#[must_use]
pub fn streams_at(url: String) -> aws_sdk_dynamodbstreams::Client {
    aws_sdk_dynamodbstreams::Client::new(&sdk(url))
}

/// Its queues.
#[must_use]
pub fn sqs() -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&sdk(endpoint()))
}

/// Its buckets.
#[must_use]
pub fn s3() -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::new(&sdk(endpoint()))
}

/// Its push services.
#[must_use]
pub fn sns() -> aws_sdk_sns::Client {
    sns_at(endpoint())
}

/// Its push services, by way of `url`. As deployed, pushes are not tried again by the SDK.
#[must_use]
pub fn sns_at(url: String) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::config::Builder::from(&sdk(url)).retry_config(RetryConfig::disabled());
    aws_sdk_sns::Client::from_conf(config.build())
}
