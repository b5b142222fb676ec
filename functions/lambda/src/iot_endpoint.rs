//! iot-endpoint: a custom resource of the template. CloudFormation cannot tell where IoT Core listens, neither the
//! account's data endpoint nor a domain configuration's; this asks IoT Core and tells it.
//!
//! Request and answer as in the CloudFormation user guide, "Custom resource reference".

use aws_lambda_events::cloudformation::CloudFormationCustomResourceRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::IotControl;

/// CloudFormation takes an answer of 4096 bytes; a reason must leave room for the rest.
const MAX_REASON: usize = 1000;

/// Asks IoT Core.
pub struct IotEndpoint {
    iot: IotControl,
    http: reqwest::Client,
}

/// What the template says. Names of domain configurations; without one the data endpoint serves.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wanted {
    #[serde(default)]
    mqtt_domain: Option<String>,
    #[serde(default)]
    websocket_domain: Option<String>,
}

/// Hosts, without scheme or port.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Hosts {
    data_endpoint: String,
    mqtt_host: String,
    websocket_host: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Hosts>,
}

/// CloudFormation could not be answered; it waits for an hour then.
#[derive(Debug, thiserror::Error)]
#[error("CloudFormation was not answered: {0}")]
pub struct Unanswered(String);

impl IotEndpoint {
    /// Asks by `iot`.
    #[must_use]
    pub fn new(iot: IotControl) -> Self {
        Self { iot, http: reqwest::Client::new() }
    }

    /// Answers one request of CloudFormation, at the address that it gives. Whatever fails is answered too.
    ///
    /// # Errors
    /// [`Unanswered`]: Lambda then tries again.
    pub async fn answer(&self, request: CloudFormationCustomResourceRequest) -> Result<(), Unanswered> {
        use CloudFormationCustomResourceRequest as R;
        let (url, stack_id, request_id, logical_resource_id, known, properties) = match request {
            R::Create(it) => (
                it.response_url,
                it.stack_id,
                it.request_id,
                it.logical_resource_id,
                None,
                Some(it.resource_properties),
            ),
            R::Update(it) => (
                it.response_url,
                it.stack_id,
                it.request_id,
                it.logical_resource_id,
                Some(it.physical_resource_id),
                Some(it.resource_properties),
            ),
            R::Delete(it) => (
                it.response_url,
                it.stack_id,
                it.request_id,
                it.logical_resource_id,
                Some(it.physical_resource_id),
                None,
            ),
            other => return Err(Unanswered(format!("a request of an unknown type: {other:?}"))),
        };
        let found = match properties {
            // There is nothing to delete.
            None => Ok(None),
            Some(properties) => self.hosts(properties).await.map(Some),
        };
        let (status, reason, data) = match found {
            Ok(data) => ("SUCCESS", None, data),
            Err(why) => ("FAILED", Some(why.chars().take(MAX_REASON).collect()), None),
        };
        // The same for ever, so that an update never deletes what it replaces.
        let physical_resource_id = known.unwrap_or_else(|| "iot-endpoint".to_owned());
        let answer = Answer { status, reason, physical_resource_id, stack_id, request_id, logical_resource_id, data };
        tracing::info!(status, reason = answer.reason, data = ?answer.data, "answered");
        let body = serde_json::to_vec(&answer).map_err(|error| Unanswered(error.to_string()))?;
        // The address is signed without a content type. It is a secret as well: it is not in the error.
        let sent = self.http.put(url).body(body).send().await.and_then(reqwest::Response::error_for_status);
        sent.map(drop).map_err(|error| Unanswered(error.without_url().to_string()))
    }

    async fn hosts(&self, properties: Value) -> Result<Hosts, String> {
        let wanted: Wanted =
            serde_json::from_value(properties).map_err(|error| format!("the resource's properties: {error}"))?;
        let (data, mqtt, websocket) = futures::try_join!(
            self.iot.data_endpoint(),
            self.domain(wanted.mqtt_domain),
            self.domain(wanted.websocket_domain)
        )?;
        Ok(Hosts {
            mqtt_host: without_port(mqtt.as_ref().unwrap_or(&data)),
            websocket_host: without_port(websocket.as_ref().unwrap_or(&data)),
            data_endpoint: data,
        })
    }

    async fn domain(&self, name: Option<String>) -> Result<Option<String>, String> {
        match name.filter(|name| !name.is_empty()) {
            Some(name) => self.iot.domain_name(&name).await.map(Some),
            None => Ok(None),
        }
    }
}

/// A host alone: the template puts the port of MQTT behind it. IoT Core tells none, and an emulator may.
fn without_port(host: &str) -> String {
    host.split(':').next().unwrap_or(host).to_owned()
}
