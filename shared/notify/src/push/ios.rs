//! For APNs: a call by VoIP, which CallKit shows; or what the system shows; or what wakes the app and shows nothing.

use ilock_events::{ApnsPush, Aps, CallInfo, Shown};
use serde::Serialize;

use super::carrier::ApnsHeaders;

type Made = Result<(String, ApnsHeaders), serde_json::Error>;

fn made<D: Serialize>(aps: Aps, call_info: Option<CallInfo>, data: D, push_type: &'static str, priority: u8) -> Made {
    Ok((serde_json::to_string(&ApnsPush { aps, call_info, data })?, ApnsHeaders { push_type, priority }))
}

pub(super) fn voip<D: Serialize>(data: D, call_info: CallInfo) -> Made {
    made(Aps::default(), Some(call_info), data, "voip", 10)
}

/// `urgent` is for what is of use only now. The app is woken beside what the system shows.
pub(super) fn alert<D: Serialize>(data: D, call_info: CallInfo, shown: Shown, urgent: bool) -> Made {
    made(aps(Some(shown), urgent), Some(call_info), data, "alert", if urgent { 10 } else { 5 })
}

/// APNs takes a background push at priority 5 only.
pub(super) fn background<D: Serialize>(data: D) -> Made {
    made(aps(None, false), None, data, "background", 5)
}

/// `sound` is for what is of use only now.
pub(super) fn aps(alert: Option<Shown>, sound: bool) -> Aps {
    Aps { alert, sound: sound.then(|| "default".into()), content_available: Some(1) }
}
