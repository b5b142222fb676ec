//! A certificate: made, kept, allowed, switched on, in this order, so that none is ever at large that nobody has.

use aws_sdk_iot::Client;
use aws_sdk_iot::types::CertificateStatus;
use ilock_events::PartyId;

use crate::aws::account::failed;
use crate::aws::provision::files::Files;
use crate::aws::provision::revoke;
use crate::ui::error::CommandError;

/// Makes one for `device`, allowed what `policy` says, and writes it and its key. Its id. Whatever fails, nothing is
/// left of it.
pub async fn make(client: &Client, device: &PartyId, policy: &str, files: &Files) -> Result<String, CommandError> {
    let made = client
        .create_keys_and_certificate()
        .set_as_active(false)
        .send()
        .await
        .map_err(failed("no certificate can be made"))?;
    let (Some(id), Some(arn)) = (made.certificate_id(), made.certificate_arn()) else {
        return Err(CommandError::new("IoT Core made a certificate without an id"));
    };
    let done = async {
        let key = made.key_pair().and_then(|pair| pair.private_key());
        let (Some(certificate), Some(key)) = (made.certificate_pem(), key) else {
            return Err(CommandError::new("IoT Core made a certificate, but did not hand over its key"));
        };
        files.write(certificate, key)?;
        switch_on(client, device, policy, id, arn).await.inspect_err(|_| files.remove())
    };
    let Err(mut failure) = done.await else { return Ok(id.to_owned()) };
    if let Err(left) = revoke::delete_certificate(client, device, id, arn).await {
        failure = failure.hint(format!("the certificate {id} is left over, inactive: {}", left.message));
    }
    Err(failure)
}

async fn switch_on(client: &Client, device: &PartyId, policy: &str, id: &str, arn: &str) -> Result<(), CommandError> {
    client
        .attach_policy()
        .policy_name(policy)
        .target(arn)
        .send()
        .await
        .map_err(failed(&format!("the policy {policy} cannot be attached")))?;
    client
        .attach_thing_principal()
        .thing_name(device.as_str())
        .principal(arn)
        .send()
        .await
        .map_err(failed("the certificate cannot be attached to the thing"))?;
    client
        .update_certificate()
        .certificate_id(id)
        .new_status(CertificateStatus::Active)
        .send()
        .await
        .map_err(failed("the certificate cannot be activated"))?;
    Ok(())
}
