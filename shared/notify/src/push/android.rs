//! For FCM: data-only, so that the app is woken and shows the call itself; only what is missed the system shows.

use ilock_events::{FcmAndroid, FcmMessage, FcmPush, FcmV1, Shown};
use serde::Serialize;

/// `high` is for what is shown at once: FCM demotes apps whose high-priority messages show nothing.
pub(super) fn payload<D: Serialize>(
    data: D,
    high: bool,
    notification: Option<Shown>,
    ttl_seconds: u32,
) -> Result<String, serde_json::Error> {
    let priority = if high { "high" } else { "normal" };
    let android = FcmAndroid { priority: priority.into(), ttl: format!("{ttl_seconds}s") };
    serde_json::to_string(&FcmPush { v1: FcmV1 { message: FcmMessage { android, notification, data } } })
}
