//! Push tokens as apps send them: checked, and made endpoints of the push service.

use ilock_directory::PushEndpoint;
use ilock_events::{Millis, Platform, PushEnvironment, PushService};
use ilock_notify::push::PushError;

use crate::error::ApiError;
use crate::metrics;
use crate::service::push_directory::Pushes;

/// FCM and APNs tokens have some 200 bytes; neither promises a limit.
pub const MAX_PUSH_TOKEN: usize = 4096;

/// The tokens of one phone, each with the field that it came in.
#[derive(Debug, Clone, Default)]
pub struct PushTokens {
    wanted: Vec<(&'static str, PushService, String)>,
}

impl PushTokens {
    /// Checks what an app on `platform` sent. Elsewhere than on Android and iOS there is no push. An iOS app that is built
    /// with Firebase sends FCM's token, which is never all hexadecimal digits: it has a colon.
    ///
    /// # Errors
    /// 400.
    pub fn checked(
        platform: Option<Platform>,
        environment: Option<PushEnvironment>,
        main: (&'static str, Option<String>),
        voip: Option<String>,
    ) -> Result<Self, ApiError> {
        let sandbox = environment.unwrap_or_default() == PushEnvironment::Sandbox;
        let (field, main) = main;
        well_formed(field, main.as_ref())?;
        well_formed("voip_token", voip.as_ref())?;
        let mut wanted = vec![];
        match platform {
            Some(Platform::Android) => {
                if voip.is_some() {
                    return Err(ApiError::field("voip_token", "is for iOS only"));
                }
                wanted.extend(main.map(|token| (field, PushService::Gcm, token)));
            }
            Some(Platform::Ios) => {
                let (alert, call) = if sandbox {
                    (PushService::ApnsSandbox, PushService::ApnsVoipSandbox)
                } else {
                    (PushService::Apns, PushService::ApnsVoip)
                };
                wanted.extend(main.map(|token| match apple(&token) {
                    Some(token) => (field, alert, token),
                    None => (field, PushService::Gcm, token),
                }));
                if let Some(token) = voip {
                    let token = apple(&token).ok_or(ApiError::field("voip_token", "must be hexadecimal digits"))?;
                    wanted.push(("voip_token", call, token));
                }
            }
            Some(Platform::Web | Platform::Linux | Platform::Other) | None => {}
        }
        Ok(Self { wanted })
    }

    /// Makes each an endpoint of its push service, as of `now`; of those that the operator has set up, and rightly.
    ///
    /// # Errors
    /// 400 when the push service does not take the token, 503 when it does not answer.
    pub async fn endpoints(self, pushes: &Pushes, now: Millis) -> Result<Vec<PushEndpoint>, ApiError> {
        let mut endpoints = vec![];
        let Some(carrier) = &pushes.0 else { return Ok(endpoints) };
        for (field, service, token) in self.wanted {
            match carrier.register(service, token).await {
                Ok(Some(id)) => endpoints.push(PushEndpoint { id, service, since: now, retired: None }),
                Ok(None) => {}
                Err(PushError::Refused(why)) => {
                    tracing::warn!(service = service.word(), why, "a push token was refused");
                    return Err(ApiError::field(field, format!("{} does not take it", service.word())));
                }
                // The phone rings while its app is open, as where the operator has not set up the service.
                Err(error @ PushError::Unusable(_)) => {
                    tracing::error!(service = service.word(), %error, "no push token can be registered");
                    ::metrics::counter!(metrics::TOKENS_NOT_REGISTERED).increment(1);
                }
                Err(error @ (PushError::Unavailable(_) | PushError::Later { .. } | PushError::Retired(_))) => {
                    tracing::warn!(service = service.word(), %error, "a push token could not be registered");
                    ::metrics::counter!(metrics::TOKENS_NOT_REGISTERED).increment(1);
                    return Err(ApiError::Busy);
                }
            }
        }
        Ok(endpoints)
    }
}

/// The token as APNs takes it: one token, however it is written, is one endpoint. None where it is not of Apple.
fn apple(token: &str) -> Option<String> {
    token.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| token.to_ascii_lowercase())
}

fn well_formed(field: &str, token: Option<&String>) -> Result<(), ApiError> {
    match token {
        Some(token) if token.is_empty() => Err(ApiError::field(field, "must not be empty")),
        Some(token) if token.chars().count() > MAX_PUSH_TOKEN => {
            Err(ApiError::field(field, format!("must have at most {MAX_PUSH_TOKEN} characters")))
        }
        Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(ApiError::field(field, "must be printable ASCII without spaces"))
        }
        _ => Ok(()),
    }
}
