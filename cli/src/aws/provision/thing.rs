//! The IoT thing of a door station.

use aws_sdk_iot::Client;
use aws_sdk_iot::types::AttributePayload;
use ilock_events::{Address, TenantId};

use crate::aws::account::{AwsError, cannot};
use crate::ui::error::CommandError;

/// The attribute with the name of the deployment that a thing belongs to.
const STACK: &str = "stack";
const TENANT: &str = "tenant";

/// The deployment that a thing belongs to, when it has the attribute. The outer option is none when there is no such thing.
pub async fn owner(client: &Client, device: &Address) -> Result<Option<Option<String>>, CommandError> {
    match client.describe_thing().thing_name(device.as_str()).send().await {
        Ok(thing) => Ok(Some(thing.attributes().and_then(|attributes| attributes.get(STACK)).cloned())),
        Err(error) => match AwsError::from_sdk(&error) {
            error if error.is_not_found() => Ok(None),
            error => Err(CommandError::new(format!("cannot read the thing {device}: {}", error.message))),
        },
    }
}

/// Fails when a thing belongs to another deployment or to none.
pub fn must_be_of(stack: &str, device: &Address, owner: Option<&str>) -> Result<(), CommandError> {
    match owner {
        Some(owner) if owner == stack => Ok(()),
        owner => {
            let whose =
                owner.map_or_else(|| "belongs to no deployment".to_owned(), |owner| format!("belongs to {owner}"));
            Err(CommandError::new(format!("the thing {device} {whose}, not to {stack}"))
                .hint("door stations of one account need different ids; --stack names the deployment"))
        }
    }
}

/// Creates the thing unless it exists. Returns whether it was created.
pub async fn ensure(client: &Client, stack: &str, device: &Address, tenant: &TenantId) -> Result<bool, CommandError> {
    if let Some(owner) = owner(client, device).await? {
        must_be_of(stack, device, owner.as_deref())?;
        return Ok(false);
    }
    let attributes = AttributePayload::builder().attributes(STACK, stack).attributes(TENANT, tenant.as_str()).build();
    client
        .create_thing()
        .thing_name(device.as_str())
        .attribute_payload(attributes)
        .send()
        .await
        .map_err(cannot("create the thing"))?;
    Ok(true)
}

/// The ids of the certificates that the thing has.
pub async fn certificates(client: &Client, device: &Address) -> Result<Vec<String>, CommandError> {
    let mut ids = vec![];
    let mut pages = client.list_thing_principals().thing_name(device.as_str()).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(cannot("list the thing's certificates"))?;
        ids.extend(page.principals().iter().filter_map(|arn| certificate_id(arn)).map(str::to_owned));
    }
    Ok(ids)
}

/// The id in `arn:aws:iot:REGION:ACCOUNT:cert/ID`. None for other principals.
fn certificate_id(arn: &str) -> Option<&str> {
    arn.rsplit_once(":cert/").map(|(_, id)| id)
}

pub async fn delete(client: &Client, device: &Address) -> Result<(), CommandError> {
    client
        .delete_thing()
        .thing_name(device.as_str())
        .send()
        .await
        .map_err(cannot(&format!("delete the thing {device}")))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_deployments_own_thing_is_touched() {
        let device = Address::try_from("door1".to_owned()).unwrap();
        assert!(must_be_of("ilock-dev", &device, Some("ilock-dev")).is_ok());
        for owner in [Some("ilock-prod"), None] {
            let refused = must_be_of("ilock-dev", &device, owner).unwrap_err().message;
            assert!(refused.contains("door1") && refused.contains("not to ilock-dev"), "{refused}");
        }
    }

    #[test]
    fn a_certificate_is_told_from_other_principals() {
        assert_eq!(certificate_id("arn:aws:iot:eu-central-1:123456789012:cert/0a1b"), Some("0a1b"));
        assert_eq!(certificate_id("eu-central-1:0a1b-cognito"), None);
    }
}
