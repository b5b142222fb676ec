//! Finds a dead-letter queue, and the queues whose messages it holds.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::aws::account::{AwsError, cannot};
use crate::ui::error::CommandError;

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
