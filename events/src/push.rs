//! What a sleeping phone is woken with: the payload of a mobile push, as Amazon SNS hands it to FCM or APNs.
//!
//! The same fields on every platform, all of them strings, because FCM's `data` has nothing else. On Android they are
//! `data`; on iOS they stand beside `aps`. A `UserSig` is in none of them: the woken app asks `GET /api/calls/{call_id}`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CallId, CallState, ClientName, MessageId, PartyId};

/// Whose push service, and which of its ways: the names of SNS, under which the payload stands in a `Publish`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PushService {
    /// Firebase Cloud Messaging: Android, and iOS apps that are built with it.
    Gcm,
    /// Apple's, for apps from the App Store and TestFlight.
    Apns,
    /// Apple's, for apps that a developer put on the phone.
    ApnsSandbox,
    /// Apple's, for calls.
    ApnsVoip,
    /// Apple's, for calls, in the sandbox.
    ApnsVoipSandbox,
}

impl PushService {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Gcm, Self::Apns, Self::ApnsSandbox, Self::ApnsVoip, Self::ApnsVoipSandbox];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gcm => "GCM",
            Self::Apns => "APNS",
            Self::ApnsSandbox => "APNS_SANDBOX",
            Self::ApnsVoip => "APNS_VOIP",
            Self::ApnsVoipSandbox => "APNS_VOIP_SANDBOX",
        }
    }

    /// Whether it carries nothing but calls, each of which the app must show.
    #[must_use]
    pub const fn is_voip(self) -> bool {
        matches!(self, Self::ApnsVoip | Self::ApnsVoipSandbox)
    }
}

/// The language of what a person reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

/// Somebody calls: the app is to show the call and let it ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VideoCall {
    /// `VIDEO_CALL`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "VIDEO_CALL"))]
    pub kind: String,
    /// The call.
    pub call_id: CallId,
    /// The TRTC room, as decimal digits.
    #[schemars(regex(pattern = "^[1-9][0-9]{0,9}$"))]
    pub room_id: String,
    /// Who calls.
    pub caller_id: PartyId,
    /// How the caller shows itself; its id when it said nothing. At most 64 characters.
    #[schemars(length(min = 1, max = 64))]
    pub caller_name: String,
    /// Until when it rings: milliseconds since 1970.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub expires_at: String,
    /// When this push was handed over: milliseconds since 1970.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub sent_at: String,
    /// For how many milliseconds the call still rang at `sent_at`.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub remaining_ms: String,
    /// Whether the person is in another call: `true` or `false`.
    #[schemars(extend("enum" = ["true", "false"]))]
    pub waiting: String,
    /// Of the person's clients that can be reached, the one with the highest priority, where one reported any: the others may let
    /// it sound first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<ClientName>,
    /// What the caller's app sent along: a JSON object, `{}` when it sent nothing.
    pub invitation_data: String,
    /// `true` when `invitation_data` did not fit and was left out; the call has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = "true"))]
    pub truncated: Option<String>,
    /// What to show above: 视频通话邀请.
    pub title: String,
    /// What to show: who calls.
    pub body: String,
    /// The same on every retry, for all phones.
    pub message_id: MessageId,
    /// The commit that this tells of.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub seq: String,
}

/// Nothing to show: whoever registered this phone's push token is to prove that they have the phone. The app sends the nonce
/// back by `POST /api/v1/devices/confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushConfirm {
    /// `PUSH_CONFIRM`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "PUSH_CONFIRM"))]
    pub kind: String,
    /// What is sent back.
    #[schemars(length(min = 1, max = 64))]
    pub nonce: String,
    /// Until when it can be: milliseconds since 1970.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub expires_at: String,
}

/// Who had called, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissedBy {
    /// Who called.
    pub caller_id: PartyId,
    /// How the caller shows itself; its id when it said nothing. At most 64 characters.
    #[schemars(length(min = 1, max = 64))]
    pub caller_name: String,
    /// When the call was placed: milliseconds since 1970.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub timestamp: String,
    /// What to show above: 未接视频通话.
    pub title: String,
    /// What to show: who called.
    pub body: String,
}

/// The call no longer rings, and the phone falls silent. Where the caller gave up it shows that somebody had called, else
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallOver {
    /// `CALL_ENDED`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "CALL_ENDED"))]
    pub kind: String,
    /// The call.
    pub call_id: CallId,
    /// Where it stands: `active` when another phone answered.
    pub state: CallState,
    /// The phone that answered or refused, when it said which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Until when it is worth knowing: milliseconds since 1970.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub expires_at: String,
    /// Where the caller gave up: who had called, for the app to show beside falling silent.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<MissedBy>,
    /// The same on every retry, for all phones.
    pub message_id: MessageId,
    /// The commit that this tells of.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub seq: String,
}

/// What the iOS app of the first seed reads in a notification that is tapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallInfo {
    /// The call.
    pub call_id: CallId,
    /// Who calls.
    pub caller_id: PartyId,
    /// How the caller shows itself: its name alone.
    pub caller_info: ShownCaller,
}

/// See [`CallInfo`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShownCaller {
    /// Its name; its id when it said nothing.
    pub name: String,
}

/// A call that nobody answered: to be seen whenever the phone is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissedCall {
    /// `MISSED_CALL`.
    #[serde(rename = "type")]
    #[schemars(extend("const" = "MISSED_CALL"))]
    pub kind: String,
    /// The call.
    pub call_id: CallId,
    /// Who called.
    pub caller_id: PartyId,
    /// How the caller shows itself; its id when it said nothing. At most 64 characters.
    #[schemars(length(min = 1, max = 64))]
    pub caller_name: String,
    /// When the call was placed: milliseconds since 1970.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub timestamp: String,
    /// The same on every retry, for all phones.
    pub message_id: MessageId,
    /// The commit that this tells of.
    #[schemars(regex(pattern = "^[0-9]+$"))]
    pub seq: String,
}

/// For FCM: what SNS calls an FCM v1 payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FcmPush<D> {
    /// The message.
    #[serde(rename = "fcmV1Message")]
    pub v1: FcmV1<D>,
}

/// See [`FcmPush`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FcmV1<D> {
    /// The message.
    pub message: FcmMessage<D>,
}

/// A message of FCM's HTTP v1 API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FcmMessage<D> {
    /// How urgent, and for how long.
    pub android: FcmAndroid,
    /// For an iOS app that has a token of FCM: what FCM hands on to Apple.
    pub apns: FcmApns,
    /// What the system shows by itself; without it the app alone is woken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<Shown>,
    /// What the app gets.
    pub data: D,
}

/// See [`FcmMessage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FcmAndroid {
    /// `high` wakes a dozing phone; what shows nothing goes as `normal`.
    #[schemars(extend("enum" = ["high", "normal"]))]
    pub priority: String,
    /// FCM drops it undelivered after so many seconds: `27s`.
    #[schemars(regex(pattern = "^[1-9][0-9]*s$"))]
    pub ttl: String,
}

/// See [`FcmMessage`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FcmApns {
    /// `apns-push-type` and `apns-priority`.
    pub headers: BTreeMap<String, String>,
    /// What stands beside the data.
    pub payload: FcmApnsPayload,
}

/// See [`FcmApns`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FcmApnsPayload {
    /// Apple's part.
    pub aps: Aps,
    /// The call as an object, where the push is about one that rings or was missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_info: Option<CallInfo>,
}

/// What a person reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shown {
    /// Above.
    pub title: String,
    /// Below.
    pub body: String,
}

/// For APNs: `aps`, and beside it what the app gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApnsPush<D> {
    /// Apple's part. Empty in a VoIP push.
    pub aps: Aps,
    /// The call as an object, where the push is about one that rings or was missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_info: Option<CallInfo>,
    /// What the app gets.
    #[serde(flatten)]
    pub data: D,
}

/// See [`ApnsPush`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Aps {
    /// What the system shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Shown>,
    /// `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<String>,
    /// 1: the app is woken beside what the system shows, or alone.
    #[serde(default, rename = "content-available", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("const" = 1))]
    pub content_available: Option<u8>,
}
