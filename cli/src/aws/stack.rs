//! The CloudFormation stack of a deployment.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::primitives::DateTime;
use clap::Args;
use ilock_events::TopicPrefix;

use crate::aws::account::AwsError;
use crate::ui::error::CommandError;

#[derive(Debug, Clone, Args)]
pub struct StackName {
    /// The name of the CloudFormation stack. [default: ilock-STAGE]
    #[arg(long, env = "ILOCK_STACK")]
    stack: Option<String>,
    /// The deployment's stage.
    #[arg(long, env = "STAGE", default_value = "dev")]
    stage: String,
}

impl StackName {
    pub fn name(&self) -> String {
        self.stack.clone().filter(|name| !name.is_empty()).unwrap_or_else(|| format!("ilock-{}", self.stage))
    }
}

/// A resource of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The logical id, which is its name in the template.
    pub logical: String,
    /// The physical id: a name, URL or other id, depending on the type.
    pub physical: String,
    /// `AWS::…`.
    pub kind: String,
}

#[derive(Debug, Clone, Default)]
pub struct Stack {
    pub name: String,
    pub id: String,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// `CREATE_COMPLETE` and the like.
    pub status: String,
    pub reason: Option<String>,
    /// Whether it is protected from being deleted.
    pub is_protected: bool,
    pub parameters: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, String>,
    pub resources: Vec<Resource>,
}

impl Stack {
    /// For a stack that does not exist the error's code is `ValidationError`.
    pub async fn read(sdk: &SdkConfig, name: &str) -> Result<Self, AwsError> {
        Self::read_with(&Client::new(sdk), name).await
    }

    pub async fn read_with(client: &Client, name: &str) -> Result<Self, AwsError> {
        let answer =
            client.describe_stacks().stack_name(name).send().await.map_err(|error| AwsError::from_sdk(&error))?;
        let Some(found) = answer.stacks().first() else {
            return Err(AwsError { code: None, message: format!("there is no stack {name}") });
        };
        let mut stack = Self {
            name: name.to_owned(),
            id: found.stack_id().unwrap_or_default().to_owned(),
            created: found.creation_time().map(DateTime::secs),
            status: found.stack_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            reason: found.stack_status_reason().map(str::to_owned),
            is_protected: found.enable_termination_protection() == Some(true),
            parameters: parameters_of(found),
            ..Self::default()
        };
        for output in found.outputs() {
            if let (Some(key), Some(value)) = (output.output_key(), output.output_value()) {
                stack.outputs.insert(key.to_owned(), value.to_owned());
            }
        }
        let mut pages = client.list_stack_resources().stack_name(name).into_paginator().send();
        while let Some(page) = pages.next().await {
            for found in page.map_err(|error| AwsError::from_sdk(&error))?.stack_resource_summaries() {
                if let (Some(logical), Some(physical), Some(kind)) =
                    (found.logical_resource_id(), found.physical_resource_id(), found.resource_type())
                {
                    stack.resources.push(Resource {
                        logical: logical.to_owned(),
                        physical: physical.to_owned(),
                        kind: kind.to_owned(),
                    });
                }
            }
        }
        Ok(stack)
    }

    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |resource| resource.kind == kind)
    }

    /// The value of an output, or an error that names the missing one.
    pub fn output(&self, name: &str) -> Result<&str, CommandError> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| {
            CommandError::new(format!("the stack {} has no output {name}", self.name))
                .hint("deploy it again from this project's template")
        })
    }

    /// A parameter that is set.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parameter `Stage`, when the stack has it.
    pub fn stage(&self) -> Option<&str> {
        self.parameter("Stage")
    }

    /// What stands before its topics and client ids: the parameter `TopicPrefix`.
    pub fn topic_prefix(&self) -> Result<TopicPrefix, CommandError> {
        let text = self.parameters.get("TopicPrefix").cloned().unwrap_or_default();
        TopicPrefix::new(text)
            .map_err(|error| CommandError::new(format!("the stack {}: TopicPrefix must be {}", self.name, error.rule)))
    }

    /// The id of the AWS account: the fifth part of the ARN.
    pub fn account(&self) -> &str {
        self.id.split(':').nth(4).unwrap_or_default()
    }
}

/// The parameters that a stack was deployed with.
fn parameters_of(stack: &aws_sdk_cloudformation::types::Stack) -> BTreeMap<String, String> {
    let pair = |parameter: &aws_sdk_cloudformation::types::Parameter| {
        Some((parameter.parameter_key()?.to_owned(), parameter.parameter_value()?.to_owned()))
    };
    stack.parameters().iter().filter_map(pair).collect()
}

/// The deployments of this project in the account and region: each one's name and topic prefix.
pub async fn deployments(client: &Client) -> Result<Vec<(String, String)>, AwsError> {
    let mut found = vec![];
    let mut pages = client.describe_stacks().into_paginator().send();
    while let Some(page) = pages.next().await {
        for stack in page.map_err(|error| AwsError::from_sdk(&error))?.stacks() {
            let ours = |tag: &aws_sdk_cloudformation::types::Tag| {
                (tag.key(), tag.value()) == (Some("Application"), Some("ilock-call"))
            };
            if stack.tags().iter().any(ours) {
                let prefix = parameters_of(stack).remove("TopicPrefix").unwrap_or_default();
                found.push((stack.stack_name().unwrap_or_default().to_owned(), prefix));
            }
        }
    }
    Ok(found)
}

/// Reads the stack, or returns an error that says how to name another one.
pub async fn read_stack(sdk: &SdkConfig, name: &str) -> Result<Stack, CommandError> {
    Stack::read(sdk, name).await.map_err(|aws_error| {
        let error = CommandError::new(format!("cannot read the stack {name}: {}", aws_error.message));
        match aws_error.code.as_deref() {
            Some("ValidationError") => error.hint("--stack names another stack, AWS_REGION another region"),
            _ => error,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_after_its_stage_unless_it_is_named() {
        let name = |stack: Option<&str>| StackName { stack: stack.map(str::to_owned), stage: "prod".into() }.name();
        assert_eq!(name(None), "ilock-prod");
        assert_eq!(name(Some("")), "ilock-prod");
        assert_eq!(name(Some("calls")), "calls");
    }

    #[test]
    fn a_stack_says_which_account_it_is_in() {
        let id = "arn:aws:cloudformation:eu-central-1:123456789012:stack/ilock-dev/0a1b".to_owned();
        assert_eq!(Stack { id, ..Stack::default() }.account(), "123456789012");
        assert_eq!(Stack::default().account(), "");
    }

    #[test]
    fn a_stack_says_its_topic_prefix_and_most_have_none() {
        let with = |prefix: &str| Stack {
            parameters: BTreeMap::from([("TopicPrefix".to_owned(), prefix.to_owned())]),
            ..Stack::default()
        };
        assert_eq!(with("blue").topic_prefix().unwrap().as_str(), "blue");
        assert_eq!(Stack::default().topic_prefix().unwrap().as_str(), "");
        assert!(with("d").topic_prefix().unwrap_err().message.contains("TopicPrefix must be"));
    }

    #[test]
    fn a_missing_output_is_named() {
        let missing = Stack { name: "ilock-dev".into(), ..Stack::default() }.output("DoorPolicyName").unwrap_err();
        assert_eq!(missing.message, "the stack ilock-dev has no output DoorPolicyName");
    }
}
