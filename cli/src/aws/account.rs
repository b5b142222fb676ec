//! Errors of the AWS SDK.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::ui::error::{CommandError, error_chain};

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
