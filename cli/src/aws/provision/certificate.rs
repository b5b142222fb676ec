//! Creates a certificate. It is created inactive, written to files, given its policy and only then activated, so that there
//! is never an active certificate whose key is lost.

use aws_sdk_iot::Client;
use aws_sdk_iot::types::CertificateStatus;
use ilock_events::Address;

use crate::aws::account::cannot;
use crate::aws::provision::files::Files;
use crate::aws::provision::revoke;
use crate::ui::error::CommandError;

/// Creates a certificate with `policy` for `device`, writes it and its key to `files`, and returns its id. On an error the
/// certificate and the files are deleted.
pub async fn create(client: &Client, device: &Address, policy: &str, files: &Files) -> Result<String, CommandError> {
    let made = client
        .create_keys_and_certificate()
        .set_as_active(false)
        .send()
        .await
        .map_err(cannot("create a certificate"))?;
    let (Some(id), Some(arn)) = (made.certificate_id(), made.certificate_arn()) else {
        return Err(CommandError::new("IoT Core created a certificate without an id"));
    };
    let done = async {
        let key = made.key_pair().and_then(|pair| pair.private_key());
        let (Some(certificate), Some(key)) = (made.certificate_pem(), key) else {
            return Err(CommandError::new("IoT Core created a certificate, but did not return it with its key"));
        };
        files.write(certificate, key)?;
        activate(client, device, policy, id, arn).await.inspect_err(|_| files.remove())
    };
    let Err(mut error) = done.await else { return Ok(id.to_owned()) };
    if let Err(left) = revoke::delete_certificate(client, device, id, arn).await {
        error = error.hint(format!("the inactive certificate {id} could not be deleted: {}", left.message));
    }
    Err(error)
}

async fn activate(client: &Client, device: &Address, policy: &str, id: &str, arn: &str) -> Result<(), CommandError> {
    client
        .attach_policy()
        .policy_name(policy)
        .target(arn)
        .send()
        .await
        .map_err(cannot(&format!("attach the policy {policy}")))?;
    client
        .attach_thing_principal()
        .thing_name(device.as_str())
        .principal(arn)
        .send()
        .await
        .map_err(cannot("attach the certificate to the thing"))?;
    client
        .update_certificate()
        .certificate_id(id)
        .new_status(CertificateStatus::Active)
        .send()
        .await
        .map_err(cannot("activate the certificate"))?;
    Ok(())
}
