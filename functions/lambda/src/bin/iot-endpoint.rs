//! The custom resource that tells the template where IoT Core is, on Lambda.

use aws_config::BehaviorVersion;
use aws_lambda_events::cloudformation::CloudFormationCustomResourceRequest;
use ilock_lambda::iot_endpoint::IotEndpoint;
use ilock_lambda::{Error, log_as_json};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    log_as_json();
    let sdk = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let iot = &IotEndpoint::new(aws_sdk_iot::Client::new(&sdk));
    lambda_runtime::run(service_fn(|event: LambdaEvent<CloudFormationCustomResourceRequest>| async move {
        Box::pin(iot.answer(event.payload)).await.map_err(Error::from)
    }))
    .await
}
