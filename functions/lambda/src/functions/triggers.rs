//! The functions that no request by HTTP starts: streams, queues, topics, rules, and IoT Core's and CloudFormation's questions.

use aws_config::BehaviorVersion;
use aws_lambda_events::cloudformation::CloudFormationCustomResourceRequest;
use aws_lambda_events::dynamodb::Event;
use aws_lambda_events::sns::SnsEvent;
use aws_lambda_events::sqs::SqsEvent;
use ilock_functions::triggers::expire_call;
use ilock_functions::triggers::mqtt_authorizer::{AuthorizerRequest, authorize};
use ilock_functions::triggers::presence::{self, PresenceEvent};
use ilock_functions::triggers::projector::Projector;
use ilock_functions::triggers::projector_retry;
use ilock_functions::triggers::push_feedback::on_topic;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;

use super::Function;
use crate::aws::IotControl;
use crate::aws::RetryPolicy::Background;
use crate::aws::Warm::{Broker, Directory, Log, Push};
use crate::iot_endpoint::IotEndpoint;
use crate::logging::{flush_metrics_after, log_as_json};
use crate::start::start;

/// See the module.
pub const FUNCTIONS: &[Function] = &[
    ("projector", || Box::pin(projector())),
    ("expire-call", || Box::pin(expire_call())),
    ("mqtt-authorizer", || Box::pin(mqtt_authorizer())),
    ("presence", || Box::pin(presence())),
    ("push-feedback", || Box::pin(push_feedback())),
    ("iot-endpoint", || Box::pin(iot_endpoint())),
];

/// The log's stream, and the queue of what is tried again.
async fn projector() -> Result<(), Error> {
    let ready = &start(Background, &[Log, Directory, Broker, Push], |on_aws| {
        Ok((Projector::new(&on_aws.wiring)?, on_aws.carriers.projector_queue()?))
    })
    .await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let (projector, queue) = ready.get().await?;
        let outcome = flush_metrics_after(Box::pin(async {
            match ProjectorTrigger::read(event.payload)? {
                ProjectorTrigger::Queue(batch) => {
                    serde_json::to_value(projector_retry::on_queue(projector, queue, batch).await)
                }
                ProjectorTrigger::Stream(batch) => serde_json::to_value(projector.on_stream(queue, batch).await),
            }
        }));
        outcome.await.map_err(Error::from)
    }))
    .await
}

/// Who starts the projector.
#[derive(Debug)]
enum ProjectorTrigger {
    Stream(Event),
    Queue(SqsEvent),
}

impl ProjectorTrigger {
    fn read(payload: Value) -> serde_json::Result<Self> {
        if payload["Records"][0]["eventSource"] == "aws:sqs" {
            serde_json::from_value(payload).map(Self::Queue)
        } else {
            serde_json::from_value(payload).map(Self::Stream)
        }
    }
}

/// The ring timer's queue.
async fn expire_call() -> Result<(), Error> {
    let ready = &start(Background, &[Log, Broker, Push], |on_aws| on_aws.wiring.calls()).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| async move {
        let calls = ready.get().await?;
        Ok::<_, Error>(flush_metrics_after(Box::pin(expire_call::on_queue(calls, event.payload))).await)
    }))
    .await
}

/// IoT Core asks whether a client may connect.
async fn mqtt_authorizer() -> Result<(), Error> {
    let ready =
        &start(Background, &[Directory], |on_aws| Ok((on_aws.wiring.mqtt_access()?, on_aws.wiring.directory()?)))
            .await?;
    let clock = &ready.on_aws().wiring.clock;
    lambda_runtime::run(service_fn(|event: LambdaEvent<AuthorizerRequest>| async move {
        let (mqtt, directory) = ready.get().await?;
        let outcome = flush_metrics_after(Box::pin(authorize(&event.payload, mqtt, directory, clock)));
        outcome.await.map_err(Error::from)
    }))
    .await
}

/// IoT Core's presence events: one by the rule, or a batch of them that waited in the queue.
#[derive(Deserialize)]
#[serde(untagged)]
enum PresenceTrigger {
    Queue(SqsEvent),
    Rule(PresenceEvent),
}

async fn presence() -> Result<(), Error> {
    let ready = &start(Background, &[Directory], |on_aws| {
        let (wiring, prefix) = (&on_aws.wiring, on_aws.wiring.settings.topic_prefix()?);
        Ok((wiring.directory()?, on_aws.carriers.presence_queue()?, prefix))
    })
    .await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<PresenceTrigger>| async move {
        let (directory, queue, prefix) = ready.get().await?;
        let outcome = flush_metrics_after(Box::pin(async {
            match event.payload {
                PresenceTrigger::Queue(batch) => Ok(Some(presence::on_queue(directory, prefix, batch).await)),
                PresenceTrigger::Rule(event) => {
                    presence::on_event(directory, queue, prefix, event).await.map(|()| None)
                }
            }
        }));
        outcome.await.map_err(Error::from)
    }))
    .await
}

/// SNS' reports of pushes that did not arrive.
async fn push_feedback() -> Result<(), Error> {
    let ready = &start(Background, &[Directory], |on_aws| on_aws.wiring.directory()).await?;
    let clock = &ready.on_aws().wiring.clock;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SnsEvent>| async move {
        let directory = ready.get().await?;
        let outcome = flush_metrics_after(Box::pin(on_topic(directory, event.payload, clock.now())));
        outcome.await.map(|_| ()).map_err(Error::from)
    }))
    .await
}

/// The custom resource that tells the template where IoT Core is.
async fn iot_endpoint() -> Result<(), Error> {
    log_as_json()?;
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let iot = &IotEndpoint::new(IotControl::new(&sdk)?);
    lambda_runtime::run(service_fn(|event: LambdaEvent<CloudFormationCustomResourceRequest>| async move {
        Box::pin(iot.answer(event.payload)).await.map_err(Error::from)
    }))
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_projector_tells_its_queue_from_the_stream() {
        // As in the Lambda developer guide, "Using Lambda with Amazon SQS" and "Using Lambda with Amazon DynamoDB".
        let queue = json!({ "Records": [{
            "messageId": "059f36b4", "receiptHandle": "AQEB", "body": "{}", "attributes": { "ApproximateReceiveCount": "1" },
            "messageAttributes": {}, "md5OfBody": "e4e6", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue", "awsRegion": "us-east-2",
        }] });
        let Ok(ProjectorTrigger::Queue(batch)) = ProjectorTrigger::read(queue) else { panic!("not of the queue") };
        assert_eq!(batch.records[0].message_id.as_deref(), Some("059f36b4"));
        let stream = json!({ "Records": [{
            "eventID": "1", "eventName": "INSERT", "eventVersion": "1.0", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_428_537_600, "Keys": { "pk": { "S": "call#c" }, "sk": { "S": "commit#000001" } },
                "NewImage": {}, "SequenceNumber": "4421584500000000017450439091", "SizeBytes": 26,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/2015-05-11T21:21:33.291",
        }] });
        let Ok(ProjectorTrigger::Stream(batch)) = ProjectorTrigger::read(stream) else { panic!("not of the stream") };
        assert_eq!(batch.records[0].change.sequence_number.as_deref(), Some("4421584500000000017450439091"));
        // As a test of a deployment sends it.
        assert!(matches!(ProjectorTrigger::read(json!({ "Records": [] })), Ok(ProjectorTrigger::Stream(_))));
        assert!(ProjectorTrigger::read(json!({ "Records": [{ "eventSource": "aws:s3" }] })).is_err());
    }
}
