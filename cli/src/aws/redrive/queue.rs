//! Finds a dead-letter queue and the queues whose messages it holds, and receives what is in it.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};

use crate::aws::account::{AwsError, cannot};
use crate::ui::error::CommandError;
use crate::ui::stop::StopSignal;

/// How long a received letter is hidden from other readers. Those that are kept become visible again at the end.
const VISIBILITY_SECONDS: i32 = 900;
/// Long polling: without it an empty response does not mean an empty queue.
const WAIT_SECONDS: i32 = 2;

/// A dead-letter queue.
#[derive(Debug, Clone)]
pub struct Queue {
    pub name: String,
    pub url: String,
    pub arn: String,
    /// The URLs of the queues whose dead letters it holds. Empty when functions write into it.
    pub sources: Vec<String>,
}

/// Finds a queue by name, URL or ARN.
pub async fn find(sdk: &SdkConfig, queue: &str) -> Result<Queue, CommandError> {
    let client = Client::new(sdk);
    let name = last_part(queue).to_owned();
    let url = if queue.contains("://") {
        queue.to_owned()
    } else {
        let response = client.get_queue_url().queue_name(&name).send().await;
        let response = response.map_err(|error| match AwsError::from_sdk(&error) {
            error if error.is_not_found() => CommandError::new(format!("there is no queue {name}"))
                .hint("`ilock doctor` lists the queues of a deployment; AWS_REGION selects the region"),
            error => CommandError::new(format!("cannot find the queue {name}: {}", error.message)),
        })?;
        response.queue_url().unwrap_or_default().to_owned()
    };
    let attributes = client
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .map_err(cannot(&format!("read the attributes of the queue {name}")))?;
    let arn = attributes.attributes().and_then(|attributes| attributes.get(&QueueAttributeName::QueueArn)).cloned();
    let sources = sources(&client, &url).await?;
    Ok(Queue { name, url, arn: arn.unwrap_or_default(), sources })
}

async fn sources(client: &Client, url: &str) -> Result<Vec<String>, CommandError> {
    let mut sources = vec![];
    let mut pages = client.list_dead_letter_source_queues().queue_url(url).into_paginator().send();
    while let Some(page) = pages.next().await {
        match page.map_err(|error| AwsError::from_sdk(&error)) {
            Ok(page) => sources.extend(page.queue_urls().iter().cloned()),
            // An emulator without this operation has no such queues.
            Err(error) if error.is_unsupported() => return Ok(vec![]),
            Err(error) => {
                return Err(CommandError::new(format!(
                    "cannot list the queues whose dead letters these are: {}",
                    error.message
                )));
            }
        }
    }
    Ok(sources)
}

/// The next letter with its attributes, and whether the command was told to stop meanwhile.
pub async fn receive(
    client: &Client,
    queue: &Queue,
    stop: &mut StopSignal,
) -> Result<(Option<Message>, bool), CommandError> {
    let receive = client
        .receive_message()
        .queue_url(&queue.url)
        .max_number_of_messages(1)
        .message_attribute_names("All")
        .visibility_timeout(VISIBILITY_SECONDS)
        .wait_time_seconds(WAIT_SECONDS)
        .send();
    tokio::pin!(receive);
    let (received, is_stopped) = tokio::select! {
        received = &mut receive => (received, false),
        // Without its response a letter that SQS is just handing over would stay hidden.
        () = stop.received() => (receive.await, true),
    };
    let received = received.map_err(cannot("receive messages from the queue"))?;
    Ok((received.messages.unwrap_or_default().into_iter().next(), is_stopped))
}

/// The name in a URL or an ARN.
fn last_part(queue: &str) -> &str {
    queue.rsplit(['/', ':']).next().unwrap_or(queue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_known_by_name_url_and_arn() {
        for queue in [
            "ilock-dev-dead",
            "https://sqs.eu-central-1.amazonaws.com/123456789012/ilock-dev-dead",
            "arn:aws:sqs:eu-central-1:123456789012:ilock-dev-dead",
        ] {
            assert_eq!(last_part(queue), "ilock-dev-dead");
        }
    }
}
