//! Mobile push by Amazon SNS: one platform application for each push service, one platform endpoint for each token.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::create_platform_endpoint::CreatePlatformEndpointError;
use aws_sdk_sns::operation::get_endpoint_attributes::GetEndpointAttributesError;
use aws_sdk_sns::operation::publish::PublishError;
use aws_sdk_sns::operation::set_endpoint_attributes::SetEndpointAttributesError;
use aws_sdk_sns::types::MessageAttributeValue;
use futures::future::BoxFuture;
use ilock_events::PushService;
use serde_json::json;

use ilock_notify::push::{PushApps, PushCarrier, PushError, PushRequest};

/// What SNS says of an endpoint that it, or the push service, has given up.
pub const ENDPOINT_DISABLED: &str = "EndpointDisabled";
/// What SNS says of an endpoint that is not there.
pub const ENDPOINT_NOT_FOUND: &str = "EndpointNotFound";

/// The name of an endpoint that SNS never gives out.
const NO_ENDPOINT: &str = "00000000-0000-0000-0000-000000000000";

/// An endpoint that was just made may not be there for who asks next; so often it is made again.
const TIMES: usize = 3;

/// SNS.
///
/// The client must not retry a `Publish` by itself: the time to live would be that of the first try.
#[derive(Debug, Clone)]
pub struct Sns {
    client: Client,
    apps: PushApps,
}

impl Sns {
    /// SNS with these platform applications.
    #[must_use]
    pub fn new(client: Client, apps: PushApps) -> Self {
        Self { client, apps }
    }

    /// Opens the connection, by publishing to an endpoint that is not there: a function that wakes phones may ask SNS for
    /// nothing else.
    ///
    /// # Errors
    /// [`PushError::Unavailable`] when SNS does not answer.
    pub async fn warm(&self) -> Result<(), PushError> {
        let Some(app) = self.apps.arns.values().next() else { return Ok(()) };
        let nowhere = format!("{}/{NO_ENDPOINT}", app.replace(":app/", ":endpoint/"));
        match self.client.publish().target_arn(nowhere).message("warm").send().await {
            // Whatever it says: it has answered.
            Ok(_) | Err(SdkError::ServiceError(_)) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Create, then read, then enable: creating an endpoint again does not enable it.
    async fn endpoint(&self, app: &str, token: &str) -> Result<String, PushError> {
        for _ in 0..TIMES {
            let create = self.client.create_platform_endpoint().platform_application_arn(app).token(token);
            let arn = match create.send().await {
                Ok(made) => made.endpoint_arn.ok_or_else(|| PushError::Unavailable("no ARN was answered".into()))?,
                Err(error) => existing(error)?,
            };
            if self.works(&arn, token).await? {
                return Ok(arn);
            }
        }
        Err(PushError::Unavailable("the endpoint comes and goes".into()))
    }

    /// Sees to it that `endpoint` is enabled and has `token`; false when there is no such endpoint.
    async fn works(&self, endpoint: &str, token: &str) -> Result<bool, PushError> {
        let read = match self.client.get_endpoint_attributes().endpoint_arn(endpoint).send().await {
            Ok(read) => read.attributes.unwrap_or_default(),
            Err(error) if is_gone(error.as_service_error(), GetEndpointAttributesError::is_not_found_exception) => {
                return Ok(false);
            }
            Err(error) => return Err(not_registered(error)),
        };
        let is = |name: &str, value: &str| read.get(name).is_some_and(|is| is == value);
        if is("Token", token) && is("Enabled", "true") {
            return Ok(true);
        }
        let set = self.client.set_endpoint_attributes().endpoint_arn(endpoint);
        match set.attributes("Token", token).attributes("Enabled", "true").send().await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(error.as_service_error(), SetEndpointAttributesError::is_not_found_exception) => {
                Ok(false)
            }
            Err(error) => Err(not_registered(error)),
        }
    }

    async fn publish(&self, push: PushRequest) -> Result<Option<String>, PushError> {
        let message = json!({ "default": "", push.service.word(): push.payload });
        let mut publish = self.client.publish().target_arn(&push.endpoint).message_structure("json");
        for (name, value) in attributes(&push, self.apps.bundle_id.as_deref()) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            publish = publish.message_attributes(name, value.map_err(|error| PushError::Refused(error.to_string()))?);
        }
        publish.message(message.to_string()).send().await.map(|sent| sent.message_id).map_err(not_published)
    }
}

fn is_gone<E>(error: Option<&E>, not_found: fn(&E) -> bool) -> bool {
    error.is_some_and(not_found)
}

/// That a platform application is gone, or that the function may not use it, the operator alone can change.
fn not_registered<E, R>(error: SdkError<E, R>) -> PushError
where
    E: ProvideErrorMetadata,
    SdkError<E, R>: std::error::Error,
{
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some(code @ ("AuthorizationError" | "NotFound")) => PushError::Unusable(code.into()),
        _ => unavailable(error),
    }
}

fn unavailable<E, R>(error: SdkError<E, R>) -> PushError
where
    SdkError<E, R>: std::error::Error,
{
    PushError::Unavailable(DisplayErrorContext(error).to_string())
}

/// The endpoint that is there already, if that is what SNS complains of.
fn existing(error: SdkError<CreatePlatformEndpointError>) -> Result<String, PushError> {
    match error.as_service_error() {
        Some(CreatePlatformEndpointError::InvalidParameterException(invalid)) => {
            let said = invalid.message().unwrap_or_default();
            already_there(said).map(str::to_owned).ok_or_else(|| PushError::Refused("the token is not valid".into()))
        }
        _ => Err(not_registered(error)),
    }
}

/// "Invalid parameter: Token Reason: Endpoint <arn> already exists with the same Token, but different attributes."
fn already_there(said: &str) -> Option<&str> {
    let (before, _) = said.split_once(" already exists")?;
    before.rsplit(' ').next().filter(|arn| arn.starts_with("arn:"))
}

fn not_published(error: SdkError<PublishError>) -> PushError {
    match error.as_service_error() {
        Some(PublishError::EndpointDisabledException(_)) => PushError::Retired(ENDPOINT_DISABLED.into()),
        Some(PublishError::NotFoundException(_)) => PushError::Retired(ENDPOINT_NOT_FOUND.into()),
        Some(PublishError::InvalidParameterException(invalid)) => {
            let said = invalid.message().unwrap_or_default();
            if said.contains("No endpoint found") {
                PushError::Retired(ENDPOINT_NOT_FOUND.into())
            } else {
                PushError::Refused("InvalidParameter".into())
            }
        }
        Some(PublishError::PlatformApplicationDisabledException(_)) => {
            PushError::Refused("PlatformApplicationDisabled".into())
        }
        Some(PublishError::AuthorizationErrorException(_)) => PushError::Refused("AuthorizationError".into()),
        _ => unavailable(error),
    }
}

/// What stands beside the message: "Using Amazon SNS message attributes for mobile push" in the SNS developer guide.
fn attributes(push: &PushRequest, bundle_id: Option<&str>) -> Vec<(String, String)> {
    let Some(apns) = push.apns else { return vec![] };
    let mut all = vec![
        ("AWS.SNS.MOBILE.APNS.PUSH_TYPE".to_owned(), apns.push_type.to_owned()),
        ("AWS.SNS.MOBILE.APNS.PRIORITY".to_owned(), apns.priority.to_string()),
        (format!("AWS.SNS.MOBILE.{}.TTL", push.service.word()), push.ttl_seconds.to_string()),
    ];
    if let Some(bundle) = bundle_id {
        let topic = if push.service.is_voip() { format!("{bundle}.voip") } else { bundle.to_owned() };
        all.push(("AWS.SNS.MOBILE.APNS.TOPIC".to_owned(), topic));
    }
    all
}

impl PushCarrier for Sns {
    fn register(&self, service: PushService, token: String) -> BoxFuture<'_, Result<Option<String>, PushError>> {
        Box::pin(async move {
            match self.apps.arns.get(&service) {
                Some(app) => self.endpoint(app, &token).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn send(&self, push: PushRequest) -> BoxFuture<'_, Result<Option<String>, PushError>> {
        Box::pin(self.publish(push))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_that_is_there_already_is_read_out_of_the_complaint() {
        let arn = "arn:aws:sns:eu-central-1:123456789012:endpoint/GCM/app/6c1f9f2e-0a47-3a1c-9c4f-0123456789ab";
        let said = format!(
            "Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
        );
        assert_eq!(already_there(&said), Some(arn));
        assert_eq!(already_there("Invalid parameter: Token Reason: iOS device tokens must be hexadecimal"), None);
        assert_eq!(already_there("Endpoint that already exists"), None);
    }
}
