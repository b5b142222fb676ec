//! What is known of a person with a phone before they are called.

use std::time::Duration;

use crate::api::Bearer;

/// How a phone is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Its app is connected, and there is no push.
    Mqtt,
    /// Both; the app asks before it rings by a push.
    Android,
    /// Both; the system rings by a push at once, and the app asks then.
    Ios,
    /// The app is not running: the first push starts it from its saved state.
    PushOnly,
}

#[derive(Debug, Clone)]
pub struct Owner {
    pub bearer: Bearer,
    pub client: String,
    pub reach: Reach,
    /// Whether its app can read the `Date` of answers; a page often cannot.
    pub knows_the_time: bool,
    /// How far the phone's clock is ahead: where its steady clock begins, for it is not asked for the time of day.
    pub ahead_ms: i64,
    /// When the person taps, where all taps of a seed come close to each other.
    pub rush: Option<Duration>,
}

impl Owner {
    pub fn push_token(&self) -> String {
        hex::encode(&self.client)
    }

    pub fn voip_token(&self) -> String {
        format!("{}00", self.push_token())
    }
}
