//! Takes a door station's certificates and its thing back. Doing it twice is the same as doing it once.

use std::error::Error;
use std::time::Duration;

use aws_sdk_iot::Client;
use aws_sdk_iot::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iot::types::CertificateStatus;
use ilock_events::PartyId;
use serde_json::json;

use crate::aws::account::{AwsError, failed};
use crate::aws::provision::thing;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

/// What was detached is so everywhere only after a while; until then IoT Core refuses to delete.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

/// Deactivates, detaches and deletes `device`'s certificates, or `only` that one; then the thing.
pub async fn revoke(
    output: Output,
    client: &Client,
    stack: &str,
    device: &PartyId,
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
        let text = match delete(client, device, id).await? {
            Deleted::Yes => format!("revoked  certificate {id}"),
            Deleted::Shared(with) => {
                format!("detached certificate {id}; it lives on, because it is also of {}", with.join(", "))
            }
        };
        output.line(Level::Success, "revoked", &text, json!({ "certificate_id": id }));
    }
    if only.is_none() {
        again(|| client.delete_thing().thing_name(device.as_str()).send())
            .await
            .map_err(|refusal| CommandError::new(format!("the thing {device} cannot be deleted: {}", refusal.why)))?;
        output.line(Level::Success, "deleted", &format!("deleted  thing {device}"), json!({ "device_id": device }));
    }
    output.warn("an access token that the door has works until it runs out; an open connection, until it is closed");
    Ok(())
}

enum Deleted {
    Yes,
    /// Other things use it too.
    Shared(Vec<String>),
}

async fn delete(client: &Client, device: &PartyId, id: &str) -> Result<Deleted, CommandError> {
    let found = match client.describe_certificate().certificate_id(id).send().await {
        Ok(found) => found,
        Err(error) => match AwsError::of(&error) {
            refusal if refusal.is_not_found() => return Ok(Deleted::Yes),
            refusal => {
                return Err(CommandError::new(format!("the certificate {id} cannot be looked at: {}", refusal.why)));
            }
        },
    };
    let arn = found.certificate_description().and_then(|found| found.certificate_arn()).unwrap_or_default();
    let things = client
        .list_principal_things()
        .principal(arn)
        .send()
        .await
        .map_err(failed("the certificate's things cannot be listed"))?;
    let others: Vec<String> = things.things().iter().filter(|thing| *thing != device.as_str()).cloned().collect();
    if others.is_empty() {
        return delete_certificate(client, device, id, arn).await.map(|()| Deleted::Yes);
    }
    detach(client, device, arn).await?;
    Ok(Deleted::Shared(others))
}

async fn detach(client: &Client, device: &PartyId, arn: &str) -> Result<(), CommandError> {
    let done = client.detach_thing_principal().thing_name(device.as_str()).principal(arn).send().await;
    match done.map_err(|error| AwsError::of(&error)) {
        Ok(_) => Ok(()),
        Err(refusal) if refusal.is_not_found() => Ok(()),
        Err(refusal) => Err(CommandError::new(format!("the certificate cannot be detached: {}", refusal.why))),
    }
}

/// Deactivates it first, so that it stops working whatever happens then; takes policies and thing off it; deletes it.
pub async fn delete_certificate(client: &Client, device: &PartyId, id: &str, arn: &str) -> Result<(), CommandError> {
    client
        .update_certificate()
        .certificate_id(id)
        .new_status(CertificateStatus::Inactive)
        .send()
        .await
        .map_err(failed(&format!("the certificate {id} cannot be deactivated")))?;
    let mut policies = client.list_attached_policies().target(arn).into_paginator().send();
    while let Some(page) = policies.next().await {
        let page = page.map_err(failed("the certificate's policies cannot be listed"))?;
        for policy in page.policies().iter().filter_map(|policy| policy.policy_name()) {
            client
                .detach_policy()
                .policy_name(policy)
                .target(arn)
                .send()
                .await
                .map_err(failed(&format!("the policy {policy} cannot be detached")))?;
        }
    }
    detach(client, device, arn).await?;
    again(|| client.delete_certificate().certificate_id(id).send())
        .await
        .map_err(|refusal| CommandError::new(format!("the certificate {id} cannot be deleted: {}", refusal.why)))
}

/// Asks again while IoT Core still sees something attached.
async fn again<T, E, R, F>(mut ask: impl FnMut() -> F) -> Result<(), AwsError>
where
    F: Future<Output = Result<T, SdkError<E, R>>>,
    E: ProvideErrorMetadata + Error + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let mut tries = 1;
    loop {
        let Err(error) = ask().await else { return Ok(()) };
        let refusal = AwsError::of(&error);
        let attached = ["DeleteConflictException", "InvalidRequestException"];
        match refusal.code.as_deref() {
            _ if refusal.is_not_found() => return Ok(()),
            Some(code) if tries < TRIES && attached.contains(&code) => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            _ => return Err(refusal),
        }
    }
}
