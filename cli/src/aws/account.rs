//! The AWS account of the environment, and what its answers mean when they are errors.

use std::error::Error;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, ProvideCredentials};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::ui::error::CommandError;

/// An answer is waited for so long, then it is asked for again. A function that is invoked may take longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Finds region and credentials; both are tried before anything is done.
pub async fn account() -> Result<SdkConfig, CommandError> {
    let patience = TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).read_timeout(PATIENCE).build();
    let sdk = aws_config::defaults(BehaviorVersion::latest()).timeout_config(patience).load().await;
    if sdk.region().is_none() {
        return Err(CommandError::new("no AWS region is set").hint("set AWS_REGION, or a profile with AWS_PROFILE"));
    }
    let missing = |why: String| {
        CommandError::new(format!("no AWS credentials can be used: {why}")).hint(
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; after `aws sso login`: \
             eval \"$(aws configure export-credentials --format env)\"",
        )
    };
    let provider = sdk.credentials_provider().ok_or_else(|| missing("none are configured".into()))?;
    provider.provide_credentials().await.map_err(|error| missing(causes(&error)))?;
    Ok(sdk)
}

/// An error and what caused it, in one line.
pub fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// What AWS answered instead of doing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The error's code; none when there was no answer at all, or none that can be read.
    pub code: Option<String>,
    /// In a line, for people.
    pub why: String,
}

impl AwsError {
    /// Reads an SDK's error.
    pub fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code = error.code().map(str::to_owned);
        let why = match (&code, error.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            (None, _) => causes(error),
        };
        Self { code, why }
    }

    /// Whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        self.code.as_deref().is_some_and(|code| {
            ["ResourceNotFoundException", "ResourceNotFound", "NotFoundException", "TableNotFoundException"]
                .contains(&code)
                || code.ends_with("NonExistentQueue")
                || code == "QueueDoesNotExist"
        })
    }

    /// Whether the service does not know what it was asked, as an emulator may not.
    pub fn is_unsupported(&self) -> bool {
        self.code.as_deref().is_some_and(|code| {
            ["InvalidAction", "UnknownOperation", "UnknownOperationException"].contains(&code)
                || code.ends_with("UnsupportedOperation")
        })
    }
}

/// Makes a [`CommandError`] of an SDK's error, saying what was tried.
pub fn failed<E, R>(what: &str) -> impl FnOnce(SdkError<E, R>) -> CommandError
where
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| CommandError::new(format!("{what}: {}", AwsError::of(&error).why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        #[derive(Debug)]
        struct Said(&'static str, Option<Box<Said>>);
        impl std::fmt::Display for Said {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }
        impl Error for Said {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                self.1.as_deref().map(|cause| cause as _)
            }
        }
        let error = Said("not read", Some(Box::new(Said("not read", Some(Box::new(Said("no route", None)))))));
        assert_eq!(causes(&error), "not read: no route");
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_refused() {
        let refusal = |code: &str| AwsError { code: Some(code.into()), why: String::new() };
        for code in ["ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"] {
            assert!(refusal(code).is_not_found(), "{code}");
        }
        for code in ["AccessDeniedException", "UnknownOperationException"] {
            assert!(!refusal(code).is_not_found(), "{code}");
        }
    }
}
