//! For APNs: a call by VoIP, which CallKit shows; or what the system shows; or what wakes the app and shows nothing.

use ilock_events::{ApnsPush, Aps, Shown};
use serde::Serialize;

use super::carrier::ApnsHeaders;

type Made = Result<(String, ApnsHeaders), serde_json::Error>;

fn made<D: Serialize>(aps: Aps, data: D, push_type: &'static str, priority: u8) -> Made {
    Ok((serde_json::to_string(&ApnsPush { aps, data })?, ApnsHeaders { push_type, priority }))
}

pub(super) fn voip<D: Serialize>(data: D) -> Made {
    made(Aps::default(), data, "voip", 10)
}

/// `urgent` is for what is of use only now.
pub(super) fn alert<D: Serialize>(data: D, shown: Shown, urgent: bool) -> Made {
    let sound = urgent.then(|| "default".into());
    let aps = Aps { alert: Some(shown), sound, content_available: None };
    made(aps, data, "alert", if urgent { 10 } else { 5 })
}

/// APNs takes a background push at priority 5 only.
pub(super) fn background<D: Serialize>(data: D) -> Made {
    made(Aps { content_available: Some(1), ..Aps::default() }, data, "background", 5)
}
