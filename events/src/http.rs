//! What is asked and answered over HTTP.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{NO_CONTROLS, PRINTABLE};
use crate::lenient::Platform;
use crate::topics::Topics;
use crate::{
    CallId, CallState, CallerInfo, ClientName, CommitNo, Language, Millis, PartyId, PushService, Reason, RoomInfo,
    SentClientId,
};

/// Every answer: `code` 0 and `data`, or a stable non-zero `code`, a `message` for people, and `data` that helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope<T> {
    /// 0, or the error's number.
    pub code: u32,
    /// Chinese or English, by `Accept-Language`.
    pub message: String,
    /// The answer, or what helps to correct the request.
    pub data: T,
}

/// What helps to correct a refused request. Which of these an answer has depends on its `code`; `data` is null where none
/// would help.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorData {
    /// What is wrong: a path in the body, a header, or a part of the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What it must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Why this token, or this party, may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where the call stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CallState>,
    /// Who brought it there: a phone, a party, `timer` or `system`. Absent where nobody did: the callee's own setting refused the
    /// call as it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<String>,
    /// Until when the call rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Millis>,
    /// Seconds to wait before asking again; also in the header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// `POST /api/mqtt/clients/register`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegisterClient {
    /// The token's own user or device; another's is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<PartyId>,
    /// What the app says it is: `mobile`, `door` … at most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = NO_CONTROLS))]
    pub device_type: Option<String>,
    /// What the app calls this installation: 1 to 52 of `[A-Za-z0-9_-]`, its own id and `_` before it or not. The answer
    /// has the client's name.
    pub client_id: SentClientId,
    /// The push service's token: FCM's, or APNs' for alerts. At most 4,096 characters. Needs `platform` android or ios; where it
    /// is absent an earlier one stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), regex(pattern = PRINTABLE))]
    pub push_token: Option<String>,
    /// PushKit's token, on iOS: calls then ring by VoIP push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), regex(pattern = PRINTABLE))]
    pub voip_token: Option<String>,
    /// Where the tokens of an iPhone work: `production` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::lenient::some_word")]
    pub environment: Option<PushEnvironment>,
    /// The language of what a push shows: a tag like `zh-CN` or `en`. That of `Accept-Language` when it is absent, or
    /// neither Chinese nor English.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::lenient::some_language")]
    #[schemars(with = "Option<String>")]
    pub language: Option<Language>,
    /// At most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = NO_CONTROLS))]
    pub app_version: Option<String>,
    /// The system it runs on: `android`, `ios`, `web`, `linux`; whatever else it is called, it is taken as `other`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::lenient::some_platform")]
    #[schemars(with = "Option<String>")]
    pub platform: Option<Platform>,
}

/// Which of Apple's two push services a token is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PushEnvironment {
    /// Apps from the App Store and TestFlight.
    #[default]
    Production,
    /// Apps that a developer put on the phone.
    Sandbox,
}

/// `POST /api/v1/devices/register`: a phone's push tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegisterPushToken {
    /// `android` or `ios`; `web` and `linux` have no push. A system that is not known here is registered, and not woken.
    #[serde(deserialize_with = "crate::lenient::platform")]
    #[schemars(with = "String")]
    pub platform: Platform,
    /// The push service's token; at most 4,096 characters. At least one of the three must be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), regex(pattern = PRINTABLE))]
    pub push_token: Option<String>,
    /// The same, under its older name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), regex(pattern = PRINTABLE))]
    pub fcm_token: Option<String>,
    /// PushKit's token, on iOS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096), regex(pattern = PRINTABLE))]
    pub voip_token: Option<String>,
    /// The app's own client id, as it registered for MQTT. Without it the tokens belong to the person's client that has one of
    /// them; else to the one that the same login registered, or the only one, on that platform; else to a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<SentClientId>,
    /// Where the tokens of an iPhone work: `production` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::lenient::some_word")]
    pub environment: Option<PushEnvironment>,
    /// The language of what a push shows: a tag like `zh-CN` or `en`. That of `Accept-Language` when it is absent, or
    /// neither Chinese nor English.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::lenient::some_language")]
    #[schemars(with = "Option<String>")]
    pub language: Option<Language>,
}

/// What became of a phone's push tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushTokenRegistered {
    /// The client that the tokens belong to now.
    pub client_id: ClientName,
    /// The push services by which it is woken; none where the operator has not set them up.
    pub services: Vec<PushService>,
    /// Those whose token another person has, until the phone proves that it is here: a silent push of type `PUSH_CONFIRM` is
    /// under way to it, and its nonce is sent back by `POST /api/v1/devices/confirm` within 60 seconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<PushService>,
}

/// What `register` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientRegistered {
    /// How to connect.
    pub mqtt_credentials: MqttCredentials,
    /// What to subscribe to.
    pub topics: Topics,
    /// The key under which `user_sig` arrives in messages. A door station, which is sent none, has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_key: Option<PayloadKey>,
}

/// How to connect to the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MqttCredentials {
    /// `tcp://`, `ssl://`, `ws://` or `wss://`.
    pub broker_url: String,
    /// The same broker over WebSocket, for browsers.
    pub websocket_url: String,
    /// The address: what stands for the user or device in topics.
    pub username: String,
    /// A short-lived JWT. Registering again renews it.
    pub password: String,
    /// The only client id that the broker will take with this password.
    pub client_id: ClientName,
    /// When the password stops working.
    pub expires_at: Millis,
}

/// A symmetric key as a JWK (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PayloadKey {
    /// `oct`.
    pub kty: String,
    /// The key's version; stands in the header of each JWE.
    pub kid: String,
    /// `dir`.
    pub alg: String,
    /// `A256GCM`.
    pub enc: String,
    /// The key: 32 bytes, base64url without padding.
    pub k: String,
}

/// Whether an app is in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientStatus {
    /// In front.
    Active,
    /// Running, not in front.
    Background,
    /// Gone.
    Offline,
}

/// The earliest moment that a report of a client may name: in 1973. Seconds since 1970 reach that number in the year 5138.
pub const EARLIEST_REPORT: Millis = Millis(100_000_000_000);

/// `PUT /api/mqtt/clients/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UpdateStatus {
    /// Which client.
    pub client_id: SentClientId,
    /// Whether it is in front.
    #[serde(deserialize_with = "crate::lenient::word")]
    pub status: ClientStatus,
    /// 0 to 10: how much the app wants to be the one that is answered on.
    #[schemars(range(max = 10))]
    pub priority: u8,
    /// When the app knew this, in milliseconds since 1970; an older report never overwrites a newer one. Less than
    /// 100000000000 are seconds by mistake, and refused.
    #[schemars(extend("minimum" = EARLIEST_REPORT.0))]
    pub last_active: Millis,
}

/// `POST /api/calls`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceCall {
    /// Who is to be rung: one person. Either this or `callee_ids`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callee_id: Option<PartyId>,
    /// Who is to be rung: the people of a household, 1 to 20. Those who cannot be rung are left out, and the answer lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    pub callee_ids: Option<Vec<PartyId>>,
    /// From which of the caller's clients, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<SentClientId>,
    /// How the caller shows itself; at most 4 KB as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_info: Option<CallerInfo>,
    /// How long it rings: 5 to 120 seconds, 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 120))]
    pub ring_seconds: Option<u32>,
    /// For the app of the callee; at most 4 KB as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_data: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What a callee can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CalleeAct {
    /// The phone is ringing.
    Ringing,
    /// Answer.
    Accepted,
    /// Do not take the call on this phone; the person's others ring on.
    Declined,
    /// Do not take the call on any phone of the person.
    Rejected,
    /// End an answered call.
    Hangup,
}

/// `POST /api/calls/callee-action`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalleeAction {
    /// Which call.
    pub call_id: CallId,
    /// What to do.
    #[serde(deserialize_with = "crate::lenient::word")]
    pub action: CalleeAct,
    /// Why; at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), regex(pattern = NO_CONTROLS))]
    pub reason: Option<String>,
    /// Which phone does it. Without it a phone cannot be told from the person's others; `declined` must have it where the
    /// person has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<SentClientId>,
}

/// What a caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallerAct {
    /// Give up before an answer.
    Cancelled,
    /// End an answered call.
    Hangup,
}

/// `POST /api/calls/caller-action`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallerAction {
    /// Which call.
    pub call_id: CallId,
    /// What to do.
    #[serde(deserialize_with = "crate::lenient::word")]
    pub action: CallerAct,
    /// Why; at most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), regex(pattern = NO_CONTROLS))]
    pub reason: Option<String>,
    /// Which client does it. Without it a phone cannot be told from the person's others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<SentClientId>,
}

/// A call as one of its parties sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallView {
    /// The call.
    pub call_id: CallId,
    /// Where it stands.
    pub state: CallState,
    /// The last commit.
    pub seq: CommitNo,
    /// Who calls.
    pub caller_id: PartyId,
    /// Who is called: to one who is called, that person; to the caller, the first of them.
    pub callee_id: PartyId,
    /// To the caller: everybody who is called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callee_ids: Vec<PartyId>,
    /// In the answer to the request that placed the call: who was to be called and could not be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_rung: Vec<PartyId>,
    /// In the answer to the request that placed the call: whether it rang already, and this is the same call.
    #[serde(default)]
    pub repeated: bool,
    /// How the caller shows itself; empty when it said nothing, or it was forgotten.
    pub caller_info: CallerInfo,
    /// What the caller's app sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_data: Option<serde_json::Map<String, serde_json::Value>>,
    /// When it was placed.
    pub timestamp: Millis,
    /// The ring's deadline.
    pub expires_at: Millis,
    /// For how many milliseconds it still rings; 0 once it does not. To one who is called: for how long it rings on their
    /// phones. That is 0, although `state` is still `ringing`, once they have rejected it, where their setting refused it, and
    /// for the client that asks once it has declined it.
    pub remaining_ms: i64,
    /// To one who is called, while it rings on their phones: of their clients that can be reached, the one with the highest
    /// priority, where one reported any. The others may let it sound first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<ClientName>,
    /// The phone, or person, that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<String>,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Millis>,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The way in, while the call may be joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room_info: Option<RoomInfo>,
}
