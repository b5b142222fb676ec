//! Checks the queues. Dead-letter queues should be empty.

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;
use crate::aws::doctor::encryption;
use crate::aws::stack::Stack;

const ABOUT: &str = "queues";

#[derive(Debug, Clone, PartialEq, Eq)]
struct Queue {
    name: String,
    arn: String,
    /// Visible, in flight and delayed.
    messages: u64,
    /// The ARN of its dead-letter queue.
    dead_letters: Option<String>,
}

/// Every queue of the stack. `sources` are the ARNs of the functions' event sources.
pub async fn check(sdk: &SdkConfig, stack: &Stack, sources: &BTreeSet<String>) -> Vec<CheckResult> {
    let client = Client::new(sdk);
    let (mut queues, mut results) = (vec![], vec![]);
    for url in stack.of_kind("AWS::SQS::Queue").map(|queue| &queue.physical) {
        let name = url.rsplit('/').next().unwrap_or(url);
        match client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All).send().await {
            Ok(response) => {
                let attribute = |name| response.attributes().and_then(|attributes| attributes.get(&name)).cloned();
                queues.push(described(name, attribute));
                let is_by_sqs = attribute(QueueAttributeName::SqsManagedSseEnabled);
                let key = attribute(QueueAttributeName::KmsMasterKeyId);
                results.extend(encryption::judge_queue(ABOUT, url, is_by_sqs.as_deref(), key.as_deref()));
            }
            Err(error) => {
                results.push(CheckResult::refused(ABOUT, &format!("the queue {name}"), &AwsError::from_sdk(&error)));
            }
        }
    }
    if queues.is_empty() && results.is_empty() {
        results.push(CheckResult::failed(
            ABOUT,
            "the stack has no queues",
            "deploy it again from this project's template",
        ));
    }
    results.extend(judge(&queues, sources));
    results
}

fn described(name: &str, attribute: impl Fn(QueueAttributeName) -> Option<String>) -> Queue {
    let count = |name| attribute(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let policy = attribute(QueueAttributeName::RedrivePolicy)
        .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
        .and_then(|policy| policy["deadLetterTargetArn"].as_str().map(str::to_owned));
    Queue {
        name: name.to_owned(),
        arn: attribute(QueueAttributeName::QueueArn).unwrap_or_default(),
        messages: count(QueueAttributeName::ApproximateNumberOfMessages)
            + count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            + count(QueueAttributeName::ApproximateNumberOfMessagesDelayed),
        dead_letters: policy,
    }
}

/// A queue that no function reads and that has no dead-letter queue is itself a dead-letter queue.
fn judge(queues: &[Queue], sources: &BTreeSet<String>) -> Vec<CheckResult> {
    let result = |queue: &Queue| {
        let name = &queue.name;
        let messages =
            if queue.messages == 1 { "1 message".to_owned() } else { format!("{} messages", queue.messages) };
        match (&queue.dead_letters, sources.contains(&queue.arn), queue.messages) {
            (Some(_), _, _) => CheckResult::ok(ABOUT, format!("{name} holds {messages}")),
            (None, true, _) => CheckResult::changed_by_hand(
                ABOUT,
                format!("{name} has no dead-letter queue: messages that fail are lost"),
            ),
            (None, false, 0) => CheckResult::ok(ABOUT, format!("{name} is empty: there are no dead letters")),
            (None, false, _) => CheckResult::warning(
                ABOUT,
                format!("{name} holds {messages}: dead letters"),
                format!("runbook dead-letters.md: remove the cause, then `ilock redrive {name}`"),
            ),
        }
    };
    queues.iter().map(result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    fn queue(name: &str, messages: u64, dead_letters: Option<&str>) -> Queue {
        let arn = |name: &str| format!("arn:aws:sqs:eu-central-1:123456789012:{name}");
        Queue { name: name.into(), arn: arn(name), messages, dead_letters: dead_letters.map(arn) }
    }

    #[test]
    fn dead_letters_are_counted_and_redrive_is_named() {
        let read = BTreeSet::from([queue("expire", 0, None).arn]);
        let found = judge(&[queue("expire", 7, Some("dead")), queue("dead", 3, None), queue("lost", 1, None)], &read);
        let outcomes: Vec<Outcome> = found.iter().map(|result| result.outcome).collect();
        assert_eq!(outcomes, [Outcome::Ok, Outcome::Warning, Outcome::Warning]);
        assert!(found[1].found.contains("dead holds 3 messages"));
        assert!(found[1].remedy.as_ref().unwrap().ends_with("`ilock redrive dead`"));
        assert!(found[2].found.contains("lost holds 1 message:"));
        assert_eq!(judge(&[queue("dead", 0, None)], &read)[0].outcome, Outcome::Ok);
    }

    #[test]
    fn a_queue_without_a_dead_letter_queue_has_failed() {
        let read = BTreeSet::from([queue("expire", 0, None).arn]);
        let lost = "expire has no dead-letter queue: messages that fail are lost";
        assert_eq!(judge(&[queue("expire", 0, None)], &read), [CheckResult::changed_by_hand(ABOUT, lost)]);
    }

    #[test]
    fn visible_and_invisible_messages_are_counted() {
        let described = described("dead", |name| match name {
            QueueAttributeName::ApproximateNumberOfMessages => Some("2".into()),
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible => Some("1".into()),
            QueueAttributeName::RedrivePolicy => {
                Some(r#"{"deadLetterTargetArn":"arn:x","maxReceiveCount":"5"}"#.into())
            }
            _ => None,
        });
        assert_eq!((described.messages, described.dead_letters.as_deref()), (3, Some("arn:x")));
    }
}
