//! Deletes a door station's certificates and its thing. Repeating it does no harm.

use std::error::Error;
use std::time::Duration;

use aws_sdk_iot::Client;
use aws_sdk_iot::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iot::types::CertificateStatus;
use ilock_events::Address;
use serde_json::json;

use crate::aws::account::{AwsError, cannot};
use crate::aws::provision::thing;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

/// Detaching takes effect after a while; until then IoT Core refuses to delete.
const ATTEMPTS: u32 = 6;
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// Deletes the certificates of `device` and then its thing; with `only` just that certificate.
pub async fn revoke(
    output: Output,
    client: &Client,
    stack: &str,
    device: &Address,
    only: Option<&str>,
) -> Result<(), CommandError> {
    let Some(owner) = thing::owner(client, device).await? else {
        output.line(Level::Info, "nothing", &format!("there is no thing {device}: nothing to revoke"), json!({}));
        return Ok(());
    };
    thing::must_be_of(stack, device, owner.as_deref())?;
    let mut ids = thing::certificates(client, device).await?;
    if let Some(only) = only {
        if !ids.iter().any(|id| id == only) {
            return Err(CommandError::new(format!("--only: {device} has no certificate {only}"))
                .hint(format!("it has: {}", if ids.is_empty() { "none".into() } else { ids.join(", ") })));
        }
        ids = vec![only.to_owned()];
    }
    for id in &ids {
        let text = match detach_or_delete(client, device, id).await? {
            Deleted::Yes => format!("revoked  certificate {id}"),
            Deleted::Shared(with) => {
                format!("detached certificate {id}; it stays active because other things use it: {}", with.join(", "))
            }
        };
        output.line(Level::Success, "revoked", &text, json!({ "certificate_id": id }));
    }
    if only.is_none() {
        retry_while_attached(|| client.delete_thing().thing_name(device.as_str()).send())
            .await
            .map_err(|error| CommandError::new(format!("cannot delete the thing {device}: {}", error.message)))?;
        output.line(Level::Success, "deleted", &format!("deleted  thing {device}"), json!({ "device_id": device }));
    }
    output.warn("the door station's access token works until it expires, and an open connection until it is closed");
    Ok(())
}

enum Deleted {
    Yes,
    /// The other things that use it.
    Shared(Vec<String>),
}

async fn detach_or_delete(client: &Client, device: &Address, id: &str) -> Result<Deleted, CommandError> {
    let found = match client.describe_certificate().certificate_id(id).send().await {
        Ok(found) => found,
        Err(error) => match AwsError::from_sdk(&error) {
            error if error.is_not_found() => return Ok(Deleted::Yes),
            error => {
                return Err(CommandError::new(format!("cannot read the certificate {id}: {}", error.message)));
            }
        },
    };
    let arn = found.certificate_description().and_then(|found| found.certificate_arn()).unwrap_or_default();
    let things =
        client.list_principal_things().principal(arn).send().await.map_err(cannot("list the certificate's things"))?;
    let others: Vec<String> = things.things().iter().filter(|thing| *thing != device.as_str()).cloned().collect();
    if others.is_empty() {
        return delete_certificate(client, device, id, arn).await.map(|()| Deleted::Yes);
    }
    detach(client, device, arn).await?;
    Ok(Deleted::Shared(others))
}

async fn detach(client: &Client, device: &Address, arn: &str) -> Result<(), CommandError> {
    let done = client.detach_thing_principal().thing_name(device.as_str()).principal(arn).send().await;
    match done.map_err(|error| AwsError::from_sdk(&error)) {
        Ok(_) => Ok(()),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(CommandError::new(format!("cannot detach the certificate: {}", error.message))),
    }
}

/// Deactivates the certificate first, so that it stops working even when a later step fails; then detaches and deletes it.
pub async fn delete_certificate(client: &Client, device: &Address, id: &str, arn: &str) -> Result<(), CommandError> {
    client
        .update_certificate()
        .certificate_id(id)
        .new_status(CertificateStatus::Inactive)
        .send()
        .await
        .map_err(cannot(&format!("deactivate the certificate {id}")))?;
    let mut policies = client.list_attached_policies().target(arn).into_paginator().send();
    while let Some(page) = policies.next().await {
        let page = page.map_err(cannot("list the certificate's policies"))?;
        for policy in page.policies().iter().filter_map(|policy| policy.policy_name()) {
            client
                .detach_policy()
                .policy_name(policy)
                .target(arn)
                .send()
                .await
                .map_err(cannot(&format!("detach the policy {policy}")))?;
        }
    }
    detach(client, device, arn).await?;
    retry_while_attached(|| client.delete_certificate().certificate_id(id).send())
        .await
        .map_err(|error| CommandError::new(format!("cannot delete the certificate {id}: {}", error.message)))
}

/// Repeats a request while IoT Core still sees something attached. What does not exist counts as deleted.
async fn retry_while_attached<T, E, R, F>(mut request: impl FnMut() -> F) -> Result<(), AwsError>
where
    F: Future<Output = Result<T, SdkError<E, R>>>,
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let mut attempts = 1;
    loop {
        let Err(error) = request().await else { return Ok(()) };
        let error = AwsError::from_sdk(&error);
        let attached = ["DeleteConflictException", "InvalidRequestException"];
        match error.code.as_deref() {
            _ if error.is_not_found() => return Ok(()),
            Some(code) if attempts < ATTEMPTS && attached.contains(&code) => {
                attempts += 1;
                tokio::time::sleep(RETRY_DELAY).await;
            }
            _ => return Err(error),
        }
    }
}
