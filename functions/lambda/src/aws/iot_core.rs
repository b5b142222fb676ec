//! MQTT by AWS IoT Core: its data plane takes the message and delivers it, queues it, or drops it when it has expired.

use std::time::Duration;

use aws_sdk_iotdataplane::Client;
use aws_sdk_iotdataplane::config::timeout::TimeoutConfig;
use aws_sdk_iotdataplane::error::DisplayErrorContext;
use aws_sdk_iotdataplane::primitives::Blob;
use aws_sdk_iotdataplane::types::PayloadFormatIndicator;
use futures::future::BoxFuture;
use ilock_events::{Carrier, ClientName, TopicPrefix};

use ilock_notify::{CarrierError, Mqtt, Publish};

/// How long opening the connection may take.
const TO_CONNECT: Duration = Duration::from_secs(3);

/// IoT Core, at the account's own data endpoint.
#[derive(Debug, Clone)]
pub struct IotCore {
    client: Client,
    prefix: TopicPrefix,
}

impl IotCore {
    /// `client` must have the account's endpoint (`iot:Data-ATS`) as its endpoint. `prefix` comes before every topic.
    #[must_use]
    pub fn new(client: Client, prefix: TopicPrefix) -> Self {
        Self { client, prefix }
    }

    /// Opens the connection, by saying nothing on a topic that no policy lets anybody hear.
    ///
    /// # Errors
    /// [`CarrierError`].
    pub async fn warm(&self) -> Result<(), CarrierError> {
        // A first connection takes longer than a ring may: the fast path's patience is not for this.
        let patience = TimeoutConfig::builder().operation_timeout(TO_CONNECT).build();
        let warm = self.client.publish().topic(self.prefix.topic("users/-/warm")).qos(0);
        let warm = warm.customize().config_override(aws_sdk_iotdataplane::Config::builder().timeout_config(patience));
        warm.send().await.map(drop).map_err(failed)
    }
}

fn failed(error: impl std::error::Error) -> CarrierError {
    CarrierError { carrier: Carrier::Mqtt, why: DisplayErrorContext(error).to_string() }
}

impl Mqtt for IotCore {
    fn publish(&self, message: Publish) -> BoxFuture<'_, Result<Option<String>, CarrierError>> {
        Box::pin(async move {
            let properties = serde_json::json!([{ "message_id": message.message_id.as_str() }]);
            let published = self
                .client
                .publish()
                .topic(self.prefix.topic(&message.topic))
                .qos(1)
                .payload(Blob::new(message.payload))
                .payload_format_indicator(PayloadFormatIndicator::Utf8Data)
                .content_type("application/json")
                .message_expiry(i64::from(message.expiry_seconds))
                .user_properties(properties.to_string())
                .send()
                .await;
            // IoT Core gives no id of its own.
            published.map(|_| None).map_err(failed)
        })
    }

    fn end_session(&self, client: ClientName) -> BoxFuture<'_, Result<(), CarrierError>> {
        Box::pin(async move {
            let ended = self.client.delete_connection().client_id(client.as_str()).clean_session(true).send().await;
            match ended.map_err(aws_sdk_iotdataplane::error::SdkError::into_service_error) {
                Ok(_) => Ok(()),
                // It was not connected: nothing to end.
                Err(error) if error.is_resource_not_found_exception() => Ok(()),
                Err(error) => Err(failed(error)),
            }
        })
    }
}
