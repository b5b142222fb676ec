//! Which queue is meant, and whose dead letters it holds.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::aws::account::{AwsError, failed};
use crate::ui::error::CommandError;

/// A queue of what was given up on.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Its last name.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// Its ARN.
    pub arn: String,
    /// The URLs of the queues whose dead letters it holds; none when functions write into it.
    pub sources: Vec<String>,
}

/// Finds it by name, URL or ARN.
pub async fn find(sdk: &SdkConfig, asked: &str) -> Result<Queue, CommandError> {
    let client = Client::new(sdk);
    let name = last_name(asked).to_owned();
    let url = if asked.contains("://") {
        asked.to_owned()
    } else {
        let answer = client.get_queue_url().queue_name(&name).send().await;
        let answer = answer.map_err(|error| match AwsError::of(&error) {
            refusal if refusal.is_not_found() => CommandError::new(format!("there is no queue {name}"))
                .hint("`ilock doctor` lists those of a deployment; AWS_REGION says where it is"),
            refusal => CommandError::new(format!("the queue {name} cannot be found: {}", refusal.why)),
        })?;
        answer.queue_url().unwrap_or_default().to_owned()
    };
    let attributes = client
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .map_err(failed(&format!("the queue {name} cannot be looked at")))?;
    let arn = attributes.attributes().and_then(|attributes| attributes.get(&QueueAttributeName::QueueArn)).cloned();
    let sources = sources(&client, &url).await?;
    Ok(Queue { name, url, arn: arn.unwrap_or_default(), sources })
}

async fn sources(client: &Client, url: &str) -> Result<Vec<String>, CommandError> {
    let mut sources = vec![];
    let mut pages = client.list_dead_letter_source_queues().queue_url(url).into_paginator().send();
    while let Some(page) = pages.next().await {
        match page.map_err(|error| AwsError::of(&error)) {
            Ok(page) => sources.extend(page.queue_urls().iter().cloned()),
            // An SQS that does not know the question has no such queues to tell of.
            Err(refusal) if refusal.is_unsupported() => return Ok(vec![]),
            Err(refusal) => {
                return Err(CommandError::new(format!("whose dead letters these are is not known: {}", refusal.why)));
            }
        }
    }
    Ok(sources)
}

fn last_name(asked: &str) -> &str {
    asked.rsplit(['/', ':']).next().unwrap_or(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_known_by_name_url_and_arn() {
        for asked in [
            "ilock-dev-dead",
            "https://sqs.eu-central-1.amazonaws.com/123456789012/ilock-dev-dead",
            "arn:aws:sqs:eu-central-1:123456789012:ilock-dev-dead",
        ] {
            assert_eq!(last_name(asked), "ilock-dev-dead");
        }
    }
}
