//! push-feedback: SNS tells later which pushes did not arrive. A token that will not work again is retired.
//!
//! Events as in the SNS developer guide, "Amazon SNS mobile app events": delivery failures, one topic for all platform
//! applications. SNS may come to tell of more; what is not known is counted and kept in the log.

use aws_lambda_events::sns::SnsEvent;
use ilock_directory::{Directory, DirectoryError, Retirement};
use ilock_events::Millis;
use serde::Deserialize;

use crate::metrics;
use crate::service::push_directory::retire;

/// The failures after which an endpoint will not work until its phone registers anew.
const FOR_GOOD: [&str; 4] = ["InvalidPlatformToken", "EndpointDisabled", "DeliveryFailedPerm", "EndpointNotFound"];

/// Failures that say nothing about the endpoint.
const IN_PASSING: [&str; 1] = ["NotificationTTLExpired"];

/// What SNS tells of one push.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeliveryFailure {
    /// The endpoint that was published to.
    pub endpoint_arn: String,
    /// In one word.
    pub failure_type: String,
    #[serde(default)]
    pub failure_message: Option<String>,
    /// Which push it was.
    #[serde(default)]
    pub message_id: Option<String>,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feedback {
    /// The token is retired.
    Retired,
    /// The endpoint is nobody's, or was registered anew since.
    Outdated,
    /// It says nothing about the token.
    Passing,
    /// Nobody knows what it means.
    Unknown,
}

/// Takes one report, told at `told`.
///
/// # Errors
/// [`DirectoryError`]: it is to be shown again.
pub async fn on_failure(
    directory: &Directory,
    failure: &DeliveryFailure,
    told: Millis,
    now: Millis,
) -> Result<Feedback, DirectoryError> {
    let DeliveryFailure { endpoint_arn, failure_type, failure_message, message_id } = failure;
    let for_good = FOR_GOOD.contains(&failure_type.as_str());
    let known = for_good || IN_PASSING.contains(&failure_type.as_str());
    let label = if known { failure_type.clone() } else { "Other".to_owned() };
    ::metrics::counter!(metrics::PUSH_FEEDBACK, "Type" => label).increment(1);
    tracing::info!(
        endpoint = endpoint_arn,
        failure_type,
        failure_message,
        push_id = message_id,
        known,
        "a push did not arrive"
    );
    if !for_good {
        return Ok(if known { Feedback::Passing } else { Feedback::Unknown });
    }
    let Some(owner) = directory.owner_of_endpoint(endpoint_arn).await? else { return Ok(Feedback::Outdated) };
    let retirement = Retirement { why: failure_type.clone(), at: now };
    let retired = retire(directory, &owner, endpoint_arn, told, &retirement).await?;
    Ok(if retired { Feedback::Retired } else { Feedback::Outdated })
}

/// Takes what SNS hands over. What cannot be read is said and let go: it would not be readable the next time.
///
/// # Errors
/// [`DirectoryError`]: all of it is to be shown again.
pub async fn on_topic(directory: &Directory, event: SnsEvent, now: Millis) -> Result<Vec<Feedback>, DirectoryError> {
    let mut all = vec![];
    for record in event.records {
        let told = Millis(record.sns.timestamp.timestamp_millis());
        match serde_json::from_str::<DeliveryFailure>(&record.sns.message) {
            Ok(failure) => all.push(on_failure(directory, &failure, told, now).await?),
            Err(error) => {
                ::metrics::counter!(metrics::PUSH_FEEDBACK, "Type" => "Unreadable").increment(1);
                tracing::error!(%error, "a report of SNS cannot be read");
            }
        }
    }
    Ok(all)
}
