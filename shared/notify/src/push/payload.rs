//! From a push and a phone to what the phone's push service is given, within the service's limit whatever the texts are.

use ilock_events::{
    CallInfo, CallOver, CallState, ClientName, Language, Millis, MissedBy, MissedCall, PushService, RoomId, Shown,
    ShownCaller, VideoCall,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::carrier::{ApnsHeaders, PushError, PushRequest};
use super::fcm::Appearance;
use super::kind::{Push, PushKind};
use super::phone::Endpoint;
use super::{fcm, ios, words};
use crate::carrier::whole_seconds;

/// The most bytes of a payload for FCM.
pub const FCM_LIMIT: usize = 4096;
/// The most bytes of an alert or background push for APNs.
pub const APNS_LIMIT: usize = 4096;
/// The most bytes of a VoIP push for APNs.
pub const VOIP_LIMIT: usize = 5120;

type Made = Result<(String, Option<ApnsHeaders>), serde_json::Error>;

/// What a ringing call says beside what every push of it says.
struct Rings<'a> {
    room_id: RoomId,
    /// None where it does not fit.
    invitation: Option<&'a Map<String, Value>>,
    waiting: bool,
    primary: Option<&'a ClientName>,
}

/// What a push shows.
struct Look {
    /// Of use only now.
    urgent: bool,
    /// Whether Android shows by itself what iOS does.
    on_android: bool,
    /// What iOS shows by itself; none where it shows nothing.
    on_ios: Option<Shown>,
}

impl Push {
    /// What `endpoint` is given at `now`.
    ///
    /// # Errors
    /// [`PushError::Refused`] when it cannot be written as JSON, or not within the service's limit.
    pub fn request(&self, endpoint: &Endpoint, language: Language, now: Millis) -> Result<PushRequest, PushError> {
        let service = endpoint.service;
        let ttl_seconds = self.ttl_seconds(now);
        let most = match service {
            PushService::Gcm => FCM_LIMIT,
            PushService::Apns | PushService::ApnsSandbox => APNS_LIMIT,
            PushService::ApnsVoip | PushService::ApnsVoipSandbox => VOIP_LIMIT,
        };
        let refused = |error: serde_json::Error| PushError::Refused(error.to_string());
        let (mut payload, mut apns) = self.made(service, language, now, true).map_err(refused)?;
        if payload.len() > most {
            (payload, apns) = self.made(service, language, now, false).map_err(refused)?;
        }
        if payload.len() > most {
            return Err(PushError::Refused(format!("{} bytes are more than {most}", payload.len())));
        }
        Ok(PushRequest { endpoint: endpoint.id.clone(), service, payload, apns, ttl_seconds })
    }

    fn made(&self, service: PushService, language: Language, now: Millis, whole: bool) -> Made {
        match &self.kind {
            PushKind::Rings { room_id, invitation, waiting, primary } => {
                let invitation = Some(invitation).filter(|_| whole);
                let rings = Rings { room_id: *room_id, invitation, waiting: *waiting, primary: primary.as_ref() };
                let call = self.video_call(&rings, language, now)?;
                let shown = words::rings(language, &call.caller_name);
                let look = Look { urgent: true, on_android: false, on_ios: Some(shown) };
                self.by(service, call, look, now)
            }
            PushKind::Over { by, state, missed } => {
                let missed = missed.then(|| self.missed_by(language));
                let shown = missed.as_ref().map(|by| Shown { title: by.title.clone(), body: by.body.clone() });
                let look = Look { urgent: false, on_android: false, on_ios: shown };
                self.by(service, self.over(by.as_ref(), *state, missed), look, now)
            }
            PushKind::Missed => {
                let missed = self.missed();
                let shown = words::missed(language, &missed.caller_name);
                self.by(service, missed, Look { urgent: false, on_android: true, on_ios: Some(shown) }, now)
            }
        }
    }

    /// `data` in the form that `service` takes.
    fn by<D: Serialize>(&self, service: PushService, data: D, look: Look, now: Millis) -> Made {
        let Look { urgent, on_android, on_ios } = look;
        let call_info = on_ios.is_some().then(|| self.call_info());
        match (service, on_ios, call_info) {
            (PushService::Gcm, on_ios, call_info) => {
                let on_android = on_ios.clone().filter(|_| on_android);
                let look = Appearance { urgent, on_android, on_ios, call_info };
                Ok((fcm::payload(data, look, self.ttl_seconds(now))?, None))
            }
            (voip, _, Some(call_info)) if voip.is_voip() => ios::voip(data, call_info).map(with_headers),
            (_, Some(shown), Some(call_info)) => ios::alert(data, call_info, shown, urgent).map(with_headers),
            _ => ios::background(data).map(with_headers),
        }
    }

    fn ttl_seconds(&self, now: Millis) -> u32 {
        whole_seconds(self.kept_until.since(now))
    }

    fn call_info(&self) -> CallInfo {
        CallInfo {
            call_id: self.call_id.clone(),
            caller_id: self.caller_id.clone(),
            caller_info: ShownCaller { name: self.name() },
        }
    }

    fn name(&self) -> String {
        words::shown_name(self.caller_name.as_deref(), self.caller_id.as_str())
    }

    fn video_call(&self, rings: &Rings<'_>, language: Language, now: Millis) -> Result<VideoCall, serde_json::Error> {
        let Rings { room_id, invitation, waiting, primary } = rings;
        let caller_name = self.name();
        let shown = words::rings(language, &caller_name);
        Ok(VideoCall {
            kind: "VIDEO_CALL".into(),
            call_id: self.call_id.clone(),
            room_id: room_id.to_string(),
            caller_id: self.caller_id.clone(),
            caller_name,
            expires_at: self.deadline.to_string(),
            sent_at: now.to_string(),
            remaining_ms: self.deadline.since(now).max(0).to_string(),
            waiting: waiting.to_string(),
            primary: primary.cloned(),
            truncated: invitation.is_none().then(|| "true".into()),
            invitation_data: invitation.map_or(Ok("{}".into()), serde_json::to_string)?,
            title: shown.title,
            body: shown.body,
            message_id: self.message_id.clone(),
            seq: self.seq.to_string(),
        })
    }

    fn over(&self, by: Option<&ClientName>, state: CallState, missed: Option<MissedBy>) -> CallOver {
        CallOver {
            kind: "CALL_ENDED".into(),
            call_id: self.call_id.clone(),
            state,
            device_id: by.map(ToString::to_string),
            missed,
            expires_at: self.kept_until.to_string(),
            message_id: self.message_id.clone(),
            seq: self.seq.to_string(),
        }
    }

    fn missed_by(&self, language: Language) -> MissedBy {
        let caller_name = self.name();
        let Shown { title, body } = words::missed(language, &caller_name);
        let (caller_id, timestamp) = (self.caller_id.clone(), self.placed_at.to_string());
        MissedBy { caller_id, caller_name, timestamp, title, body }
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

fn with_headers((payload, headers): (String, ApnsHeaders)) -> (String, Option<ApnsHeaders>) {
    (payload, Some(headers))
}
