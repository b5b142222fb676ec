//! For FCM: data-only on Android, so that the app is woken and shows the call itself; only what is missed the system shows.
//! An iOS app may have a token of FCM too: FCM hands `apns` on to Apple, and Android knows nothing of it.

use std::collections::BTreeMap;

use ilock_events::{CallInfo, FcmAndroid, FcmApns, FcmApnsPayload, FcmMessage, FcmPush, FcmV1, Shown};
use serde::Serialize;

use super::ios::aps;

/// How a message is shown.
pub(super) struct Appearance {
    /// At once: FCM demotes apps whose high-priority messages show nothing.
    pub urgent: bool,
    /// What Android shows by itself; without it the app alone is woken.
    pub on_android: Option<Shown>,
    /// What iOS shows by itself.
    pub on_ios: Option<Shown>,
    /// The call, for the iOS app of a person who taps what is shown.
    pub call_info: Option<CallInfo>,
}

pub(super) fn payload<D: Serialize>(data: D, look: Appearance, ttl_seconds: u32) -> Result<String, serde_json::Error> {
    let Appearance { urgent, on_android: notification, on_ios, call_info } = look;
    let priority = if urgent { "high" } else { "normal" };
    let android = FcmAndroid { priority: priority.into(), ttl: format!("{ttl_seconds}s") };
    let push_type = if on_ios.is_some() { "alert" } else { "background" };
    let headers = BTreeMap::from([
        ("apns-push-type".to_owned(), push_type.to_owned()),
        ("apns-priority".to_owned(), if urgent { "10" } else { "5" }.to_owned()),
    ]);
    let apns = FcmApns { headers, payload: FcmApnsPayload { aps: aps(on_ios, urgent), call_info } };
    serde_json::to_string(&FcmPush { v1: FcmV1 { message: FcmMessage { android, apns, notification, data } } })
}
