//! Pushes: the platform applications of SNS, and FCM without SNS.

use ilock_events::PushService;
use ilock_notify::push::PushApps;

use super::forms::{is_arn, require};
use super::{BadSetting, Settings, bad};

/// One method a setting, or a few that only count together.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
impl Settings {
    /// `PUSH_GCM`, `PUSH_APNS`, `PUSH_APNS_SANDBOX`, `PUSH_APNS_VOIP`, `PUSH_APNS_VOIP_SANDBOX`: the ARNs of SNS platform
    /// applications; `PUSH_APNS_TOPIC`: the iOS app's bundle id. Off when there is none. On Lambda only.
    pub fn push_apps(&self) -> Result<Option<PushApps>, BadSetting> {
        let mut apps = PushApps::default();
        for (service, name, arn) in [
            (PushService::Gcm, "PUSH_GCM", self.get("PUSH_GCM")),
            (PushService::Apns, "PUSH_APNS", self.get("PUSH_APNS")),
            (PushService::ApnsSandbox, "PUSH_APNS_SANDBOX", self.get("PUSH_APNS_SANDBOX")),
            (PushService::ApnsVoip, "PUSH_APNS_VOIP", self.get("PUSH_APNS_VOIP")),
            (PushService::ApnsVoipSandbox, "PUSH_APNS_VOIP_SANDBOX", self.get("PUSH_APNS_VOIP_SANDBOX")),
        ] {
            if let Some(arn) = arn {
                if !is_arn(&arn, "sns", &format!("app/{}/", service.word())) {
                    return Err(bad(name, format!("must be the ARN of a platform application for {}", service.word())));
                }
                apps.arns.insert(service, arn);
            }
        }
        apps.bundle_id = self.may_be("PUSH_APNS_TOPIC", |text| {
            let in_id = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
            require(text.bytes().all(in_id), || "must be the iOS app's bundle id: A-Z a-z 0-9 . -".to_owned())
        })?;
        Ok(Some(apps).filter(|apps| !apps.arns.is_empty()))
    }

    /// `PUSH_FCM_ACCOUNT`: the ARN of the secret with the service account by which FCM is asked without SNS. On Lambda only.
    pub fn push_fcm_account(&self) -> Result<Option<String>, BadSetting> {
        let Some(arn) = self.get("PUSH_FCM_ACCOUNT") else { return Ok(None) };
        if is_arn(&arn, "secretsmanager", "secret:") {
            Ok(Some(arn))
        } else {
            Err(bad("PUSH_FCM_ACCOUNT", "must be the ARN of a secret of Secrets Manager"))
        }
    }
}
