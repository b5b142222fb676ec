//! The AWS account that the environment selects, and errors of the AWS SDK.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, ProvideCredentials};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::ui::error::CommandError;

/// After this the SDK retries. Invoking a function may take longer and has a timeout of its own.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Loads region and credentials, and fails when either is missing, before a command does anything.
pub async fn load_config() -> Result<SdkConfig, CommandError> {
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
    if sdk.region().is_none() {
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

/// An error and its causes, in one line. A cause whose text is already in the line is left out.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let cause_text = error.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        cause = error.source();
    }
    text
}

/// An error response of AWS, or a request that had no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The error's code; none when there was no response, or an unreadable one.
    pub code: Option<String>,
    /// Code and message in one line.
    pub message: String,
}

impl AwsError {
    pub fn from_sdk<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let message = match (&code, error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            (None, _) => error_chain(error),
        };
        Self { code, message }
    }

    /// Whether the requested thing does not exist.
    pub fn is_not_found(&self) -> bool {
        self.code.as_deref().is_some_and(|code| {
            [
                "ResourceNotFoundException",
                "ResourceNotFound",
                "NotFoundException",
                "NotFound",
                "TableNotFoundException",
                "NoSuchBucket",
            ]
            .contains(&code)
                || code.ends_with("NonExistentQueue")
                || code == "QueueDoesNotExist"
        })
    }

    /// Whether the service does not have this operation: an emulator may lack it.
    pub fn is_unsupported(&self) -> bool {
        self.code.as_deref().is_some_and(|code| {
            ["InvalidAction", "UnknownOperation", "UnknownOperationException"].contains(&code)
                || code.ends_with("UnsupportedOperation")
        })
    }
}

/// Turns an SDK error into "cannot <action>: <error>". For `map_err`.
pub fn cannot<E, R>(action: &str) -> impl FnOnce(SdkError<E, R>) -> CommandError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| CommandError::new(format!("cannot {action}: {}", AwsError::from_sdk(&error).message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_printed_once() {
        #[derive(Debug)]
        struct Chained(&'static str, Option<Box<Chained>>);
        impl std::fmt::Display for Chained {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }
        impl Error for Chained {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                self.1.as_deref().map(|cause| cause as _)
            }
        }
        let error = Chained("not read", Some(Box::new(Chained("not read", Some(Box::new(Chained("no route", None)))))));
        assert_eq!(error_chain(&error), "not read: no route");
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_refused() {
        let error = |code: &str| AwsError { code: Some(code.into()), message: String::new() };
        for code in [
            "ResourceNotFoundException",
            "NoSuchBucket",
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
        ] {
            assert!(error(code).is_not_found(), "{code}");
        }
        for code in ["AccessDeniedException", "UnknownOperationException"] {
            assert!(!error(code).is_not_found(), "{code}");
        }
    }
}
