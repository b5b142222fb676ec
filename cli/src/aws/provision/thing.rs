//! The door station as IoT Core knows it.

use aws_sdk_iot::Client;
use aws_sdk_iot::types::AttributePayload;
use ilock_events::{PartyId, TenantId};

use crate::aws::account::{AwsError, failed};
use crate::ui::error::CommandError;

/// The attribute that says which deployment a thing belongs to.
pub const STACK: &str = "stack";
const TENANT: &str = "tenant";

/// Which deployment a thing belongs to, when it says so; none when there is no such thing.
pub async fn owner(client: &Client, device: &PartyId) -> Result<Option<Option<String>>, CommandError> {
    match client.describe_thing().thing_name(device.as_str()).send().await {
        Ok(thing) => Ok(Some(thing.attributes().and_then(|attributes| attributes.get(STACK)).cloned())),
        Err(error) => match AwsError::of(&error) {
            refusal if refusal.is_not_found() => Ok(None),
            refusal => Err(CommandError::new(format!("the thing {device} cannot be looked at: {}", refusal.why))),
        },
    }
}

/// Refuses a thing that is not this deployment's: another one in the account, or no door station at all.
pub fn must_be_of(stack: &str, device: &PartyId, owner: Option<&str>) -> Result<(), CommandError> {
    match owner {
        Some(owner) if owner == stack => Ok(()),
        owner => {
            let whose = owner.map_or_else(|| "of no deployment".to_owned(), |owner| format!("of {owner}"));
            Err(CommandError::new(format!("there is a thing {device} {whose}, not of {stack}"))
                .hint("door stations of one account need different ids; --stack names the deployment"))
        }
    }
}

/// Makes the thing, or finds it as it is. Whether it was made.
pub async fn ensure(client: &Client, stack: &str, device: &PartyId, tenant: &TenantId) -> Result<bool, CommandError> {
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
        .map_err(failed("the thing cannot be made"))?;
    Ok(true)
}

/// The ids of the certificates that it can connect with.
pub async fn certificates(client: &Client, device: &PartyId) -> Result<Vec<String>, CommandError> {
    let mut ids = vec![];
    let mut pages = client.list_thing_principals().thing_name(device.as_str()).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(failed("the thing's certificates cannot be listed"))?;
        ids.extend(page.principals().iter().filter_map(|arn| certificate_id(arn)).map(str::to_owned));
    }
    Ok(ids)
}

/// `arn:aws:iot:REGION:ACCOUNT:cert/ID`; other principals are none of ours.
fn certificate_id(arn: &str) -> Option<&str> {
    arn.rsplit_once(":cert/").map(|(_, id)| id)
}

/// Deletes the thing.
pub async fn delete(client: &Client, device: &PartyId) -> Result<(), CommandError> {
    client
        .delete_thing()
        .thing_name(device.as_str())
        .send()
        .await
        .map_err(failed(&format!("the thing {device} cannot be deleted")))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_deployments_own_thing_is_touched() {
        let device = PartyId::new("door1").unwrap();
        assert!(must_be_of("ilock-dev", &device, Some("ilock-dev")).is_ok());
        for owner in [Some("ilock-prod"), None] {
            let refused = must_be_of("ilock-dev", &device, owner).unwrap_err().message;
            assert!(refused.contains("door1") && refused.contains("not of ilock-dev"), "{refused}");
        }
    }

    #[test]
    fn a_certificate_is_told_from_other_principals() {
        assert_eq!(certificate_id("arn:aws:iot:eu-central-1:123456789012:cert/0a1b"), Some("0a1b"));
        assert_eq!(certificate_id("eu-central-1:0a1b-cognito"), None);
    }
}
