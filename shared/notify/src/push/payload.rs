//! From a push and a phone to what the phone's push service is given, within the service's limit whatever the texts are.

use ilock_events::{CallOver, CallState, ClientName, Language, Millis, MissedCall, PushService, RoomId, VideoCall};
use serde_json::{Map, Value};

use super::carrier::{ApnsHeaders, PushError, PushRequest};
use super::kind::{Push, PushKind};
use super::phone::Endpoint;
use super::{android, ios, words};

/// The most bytes of a payload for FCM.
pub const FCM_LIMIT: usize = 4096;
/// The most bytes of an alert or background push for APNs.
pub const APNS_LIMIT: usize = 4096;
/// The most bytes of a VoIP push for APNs.
pub const VOIP_LIMIT: usize = 5120;

type Made = Result<(String, Option<ApnsHeaders>), serde_json::Error>;

impl Push {
    /// What `endpoint` is given at `now`.
    ///
    /// # Errors
    /// [`PushError::Refused`] when it cannot be written as JSON, or not within the service's limit.
    pub fn request(&self, endpoint: &Endpoint, language: Language, now: Millis) -> Result<PushRequest, PushError> {
        let service = endpoint.service;
        let ttl_seconds = whole_seconds(self.kept_until.since(now));
        let most = match service {
            PushService::Gcm => FCM_LIMIT,
            PushService::Apns | PushService::ApnsSandbox => APNS_LIMIT,
            PushService::ApnsVoip | PushService::ApnsVoipSandbox => VOIP_LIMIT,
        };
        let refused = |error: serde_json::Error| PushError::Refused(error.to_string());
        let (mut payload, mut apns) = self.made(service, language, ttl_seconds, true).map_err(refused)?;
        if payload.len() > most {
            (payload, apns) = self.made(service, language, ttl_seconds, false).map_err(refused)?;
        }
        if payload.len() > most {
            return Err(PushError::Refused(format!("{} bytes are more than {most}", payload.len())));
        }
        Ok(PushRequest { endpoint: endpoint.id.clone(), service, payload, apns, ttl_seconds })
    }

    fn made(&self, service: PushService, language: Language, ttl: u32, whole: bool) -> Made {
        let apns = |(payload, headers)| (payload, Some(headers));
        match &self.kind {
            PushKind::Rings { room_id, invitation } => {
                let call = self.video_call(*room_id, Some(invitation).filter(|_| whole), language)?;
                match service {
                    PushService::Gcm => Ok((android::payload(call, true, None, ttl)?, None)),
                    voip if voip.is_voip() => ios::voip(call).map(apns),
                    _ => {
                        let shown = words::rings(language, &call.caller_name);
                        ios::alert(call, shown, true).map(apns)
                    }
                }
            }
            PushKind::Over { by, state } => {
                let over = self.over(by.as_ref(), *state);
                match service {
                    PushService::Gcm => Ok((android::payload(over, false, None, ttl)?, None)),
                    _ => ios::background(over).map(apns),
                }
            }
            PushKind::Missed => {
                let missed = self.missed();
                let shown = words::missed(language, &missed.caller_name);
                match service {
                    PushService::Gcm => Ok((android::payload(missed, false, Some(shown), ttl)?, None)),
                    _ => ios::alert(missed, shown, false).map(apns),
                }
            }
        }
    }

    fn name(&self) -> String {
        words::shown_name(self.caller_name.as_deref(), self.caller_id.as_str())
    }

    /// `invitation` is none where it does not fit.
    fn video_call(
        &self,
        room_id: RoomId,
        invitation: Option<&Map<String, Value>>,
        language: Language,
    ) -> Result<VideoCall, serde_json::Error> {
        let caller_name = self.name();
        let shown = words::rings(language, &caller_name);
        Ok(VideoCall {
            kind: "VIDEO_CALL".into(),
            call_id: self.call_id.clone(),
            room_id: room_id.to_string(),
            caller_id: self.caller_id.clone(),
            caller_name,
            expires_at: self.kept_until.to_string(),
            truncated: invitation.is_none().then(|| "true".into()),
            invitation_data: invitation.map_or(Ok("{}".into()), serde_json::to_string)?,
            title: shown.title,
            body: shown.body,
            message_id: self.message_id.clone(),
            seq: self.seq.to_string(),
        })
    }

    fn over(&self, by: Option<&ClientName>, state: CallState) -> CallOver {
        CallOver {
            kind: "CALL_ENDED".into(),
            call_id: self.call_id.clone(),
            state,
            device_id: by.map(ToString::to_string),
            expires_at: self.kept_until.to_string(),
            message_id: self.message_id.clone(),
            seq: self.seq.to_string(),
        }
    }

    fn missed(&self) -> MissedCall {
        MissedCall {
            kind: "MISSED_CALL".into(),
            call_id: self.call_id.clone(),
            caller_id: self.caller_id.clone(),
            caller_name: self.name(),
            timestamp: self.placed_at.to_string(),
            message_id: self.message_id.clone(),
            seq: self.seq.to_string(),
        }
    }
}

/// Rounded down, so that no push outlives its moment; but 0 is for "now or never", and then a blip loses the call.
fn whole_seconds(left_ms: i64) -> u32 {
    u32::try_from(left_ms.max(0) / 1000).unwrap_or(u32::MAX).max(1)
}
