//! The HTTP connector that the SDKs are given. A request that has left arrives, whatever becomes of who sent it; the answer
//! comes back only to who still waits.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::answer::Answer;
use super::broker::Broker;
use super::network::Network;
use super::push::PushServices;
use super::queue::DelayedLetters;
use super::request::AwsRequest;
use super::tables::Tables;
use super::vault::Vault;
use crate::bugs::Bug;
use crate::dice::Dice;

/// All of AWS.
pub struct Cloud {
    pub network: Arc<Network>,
    pub tables: Tables,
    pub broker: Arc<Broker>,
    pub push: PushServices,
    /// The ring timer's.
    pub timers: DelayedLetters,
    /// Of commits that the projector left for later.
    pub retries: DelayedLetters,
    pub vault: Vault,
    dice: Dice,
    bug: Option<Bug>,
}

impl Cloud {
    pub fn new(seed: u64, network: Arc<Network>, bug: Option<Bug>) -> Self {
        Self {
            tables: Tables::new(),
            broker: Arc::new(Broker::new(network.clone())),
            push: PushServices::new(network.clone()),
            // As the template has them.
            timers: DelayedLetters::hiding(Duration::from_mins(1)),
            retries: DelayedLetters::hiding(Duration::from_mins(6)),
            vault: Vault::default(),
            dice: Dice::of(seed, "requests to AWS"),
            network,
            bug,
        }
    }

    /// Does what was asked; the answer's status and body.
    fn perform(&self, request: &AwsRequest) -> Answer {
        let (status, body) = match request {
            AwsRequest::S3 { method, uri, headers, body } => {
                return self.vault.store(method, uri, headers, body);
            }
            AwsRequest::Kms { operation, body } => return self.vault.sign(operation, body),
            AwsRequest::DynamoDb { operation, body } => self.tables.answer(operation, body),
            AwsRequest::Send { queue, body, delay_seconds } => {
                let queue = if queue == "expire" { &self.timers } else { &self.retries };
                self.send(queue, body, *delay_seconds);
                (200, json!({ "MessageId": "1", "MD5OfMessageBody": "" }).to_string())
            }
            AwsRequest::Publish { topic, payload, expiry_seconds } => {
                self.broker.publish(topic, payload, *expiry_seconds);
                (200, "{}".to_owned())
            }
            AwsRequest::EndSession { .. } => (200, "{}".to_owned()),
            AwsRequest::Sns(form) => self.push.answer(form),
        };
        Answer::new(status, body)
    }

    fn send(&self, queue: &DelayedLetters, body: &str, delay_seconds: u64) {
        let copies = if self.network.chance(self.network.weather.doubled_alarms) { 2 } else { 1 };
        for _ in 0..copies {
            let late = self.network.chance(self.network.weather.late_alarms);
            let late = if late { self.dice.ms(500..12_000) } else { self.dice.ms(0..150) };
            queue.send(body, Duration::from_secs(delay_seconds) + late);
        }
    }

    /// What a planted bug makes of a request; none where it is answered without having been carried out.
    fn altered(&self, mut request: AwsRequest) -> Option<AwsRequest> {
        let sort_key = request.put_sort_key().unwrap_or_default().to_owned();
        let (is_commit, is_receipt) = (sort_key.starts_with("commit#"), sort_key.starts_with("receipt#"));
        match (self.bug, &mut request) {
            (Some(Bug::DropCondition), AwsRequest::DynamoDb { body, .. }) if is_commit => {
                body.as_object_mut().unwrap().remove("ConditionExpression");
                body.as_object_mut().unwrap().remove("ReturnValuesOnConditionCheckFailure");
            }
            (Some(Bug::LoseEntries), AwsRequest::DynamoDb { body, .. })
                if body["Item"]["entries"].is_object() && self.dice.permille(200) =>
            {
                return None;
            }
            (Some(Bug::ForkRounds), AwsRequest::DynamoDb { body, .. }) if sort_key == "round" => {
                let fields = body.as_object_mut().unwrap();
                for name in ["ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"] {
                    fields.remove(name);
                }
            }
            (Some(Bug::SkipReceipt), AwsRequest::DynamoDb { .. }) if is_receipt => return None,
            (Some(Bug::LoseRetries), AwsRequest::Send { queue, .. }) if queue == "projector" => return None,
            (Some(Bug::ForgetOthers), AwsRequest::Publish { topic, .. }) if topic.ends_with("/devices/sync") => {
                return None;
            }
            (Some(Bug::ForgetOthers), AwsRequest::Publish { topic, payload, .. }) if topic.starts_with("users/") => {
                let payload: Value = serde_json::from_slice(payload).unwrap();
                if payload["action"] == "cancelled" {
                    return None;
                }
            }
            _ => {}
        }
        Some(request)
    }

    async fn answer(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = AwsRequest::read(&request);
        let (name, weather, story) = (request.name(), &self.network.weather, &self.network.story);
        let throttled = request.throttled();
        let Some(request) = self.altered(request) else { return Ok(Answer::new(200, "{}").response()) };
        if self.network.chance(weather.lost_requests) {
            story.tell("AWS", format_args!("{name}: the connection breaks before the request arrives"));
            tokio::time::sleep(self.dice.ms(1..50)).await;
            return Err(broken());
        }
        if self.network.chance(weather.throttled) {
            tokio::time::sleep(self.dice.ms(2..10)).await;
            story.tell("AWS", format_args!("{name}: throttled"));
            return Ok(Answer::new(throttled.0, throttled.1).response());
        }
        let slow = self.network.chance(weather.slow_requests);
        let (there, back) = if slow {
            (self.dice.ms(1..3_000), self.dice.ms(1..3_000))
        } else {
            (self.dice.ms(1..6), self.dice.ms(1..6))
        };
        let lost = self.network.chance(weather.lost_answers);
        let (answers, answered) = oneshot::channel();
        let cloud = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(there).await;
            let _ = answers.send(cloud.perform(&request));
        });
        let answer = answered.await.map_err(|_| broken())?;
        tokio::time::sleep(back).await;
        if lost {
            self.network.story.tell("AWS", format_args!("{name}: {}, and the answer is lost", answer.status));
            return Err(broken());
        }
        Ok(answer.response())
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io("the connection broke".into())
}

/// The cloud, as the SDKs reach it.
#[derive(Clone)]
pub struct Connector(pub Arc<Cloud>);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.0.clone().answer(request))
    }
}

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
