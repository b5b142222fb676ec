//! The AWS account that the environment selects.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, ProvideCredentials};

use crate::ui::error::{CommandError, error_chain};

/// After this the SDK retries. Invoking a function may take longer and has a timeout of its own.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Loads region and credentials, and fails when either is missing, before a command does anything.
pub async fn load_config() -> Result<SdkConfig, CommandError> {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
    if sdk.region().is_none_or(|region| region.as_ref().is_empty()) {
        return Err(CommandError::new("no AWS region is set").hint("set AWS_REGION, or a profile with AWS_PROFILE"));
    }
    let missing = |why: String| {
        CommandError::new(format!("cannot use AWS credentials: {why}")).hint(
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; after `aws sso login`: \
             eval \"$(aws configure export-credentials --format env)\"",
        )
    };
    let provider = sdk.credentials_provider().ok_or_else(|| missing("none are configured".into()))?;
    provider.provide_credentials().await.map_err(|error| missing(error_chain(&error)))?;
    Ok(sdk)
}
