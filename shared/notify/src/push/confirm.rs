//! A silent push that asks whoever registered a push token to prove that they have the phone.

use ilock_events::{Millis, PushConfirm, PushService};

use super::carrier::{PushError, PushRequest};
use super::fcm::Appearance;
use super::{fcm, ios};

/// How long a nonce can be sent back, in milliseconds.
pub const CONFIRM_WITHIN_MS: i64 = 60_000;

/// What `endpoint` is given at `now`, so that `nonce` reaches the app there and nobody sees anything.
///
/// # Errors
/// [`PushError::Refused`] for a service that carries calls only: iOS bans apps that are woken by it and show none.
pub fn confirmation(
    endpoint: &str,
    service: PushService,
    nonce: String,
    now: Millis,
) -> Result<PushRequest, PushError> {
    if service.is_voip() {
        return Err(PushError::Refused("nothing silent goes by VoIP".into()));
    }
    let expires_at = now.plus(CONFIRM_WITHIN_MS).to_string();
    let confirm = PushConfirm { kind: "PUSH_CONFIRM".into(), nonce, expires_at };
    let ttl_seconds = u32::try_from(CONFIRM_WITHIN_MS / 1000).unwrap_or(1);
    let refused = |error: serde_json::Error| PushError::Refused(error.to_string());
    let (payload, apns) = match service {
        PushService::Gcm => {
            let silent = Appearance { urgent: false, on_android: None, on_ios: None, call_info: None };
            (fcm::payload(confirm, silent, ttl_seconds).map_err(refused)?, None)
        }
        _ => ios::background(confirm).map(|(payload, headers)| (payload, Some(headers))).map_err(refused)?,
    };
    Ok(PushRequest { endpoint: endpoint.to_owned(), service, payload, apns, ttl_seconds })
}
