//! Mobile push: what wakes a phone whose app the system has killed.
//!
//! The table says that a person's phones are to be woken ([`Push`]); which phones those are stands in the directory
//! ([`Phone`]). From the two follows, as a pure function, what each push service is given ([`PushRequest`]).

mod android;
mod fan_out;
mod ios;
mod payload;
mod words;

pub use fan_out::{AT_ONCE, NO_PHONE, Phones, PushSender, Retired};
pub(crate) use fan_out::{DeliveryWindow, FanOutResult};
pub use payload::{APNS_LIMIT, FCM_LIMIT, VOIP_LIMIT};

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use ilock_events::{
    CallId, CallState, ClientName, CommitNo, Language, MessageId, Millis, PartyAddress, PartyId, PushService, RoomId,
};

/// Why a person's phones are woken.
#[derive(Debug, Clone, PartialEq)]
pub enum PushKind {
    /// Somebody calls.
    Rings {
        room_id: RoomId,
        /// What the caller's app sent along.
        invitation: serde_json::Map<String, serde_json::Value>,
    },
    /// The call no longer rings: nothing is shown.
    Over {
        /// The phone that brought it about and needs no telling, where one did and said which it is.
        by: Option<ClientName>,
        /// Where the call stands.
        state: CallState,
    },
    /// Nobody answered.
    Missed,
}

/// What the phones of one person are to be told by push.
#[derive(Debug, Clone, PartialEq)]
pub struct Push {
    /// Whose phones.
    pub callee: PartyAddress,
    pub call_id: CallId,
    /// Who calls.
    pub caller_id: PartyId,
    /// How the caller shows itself, as long as it likes.
    pub caller_name: Option<String>,
    /// When the call was placed.
    pub placed_at: Millis,
    /// How long a push service keeps it for a phone that it cannot reach.
    pub kept_until: Millis,
    /// The same on every retry, for all phones.
    pub message_id: MessageId,
    pub seq: CommitNo,
    pub kind: PushKind,
}

/// One address of a phone at a push service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What the carrier calls it.
    pub id: String,
    /// Which service.
    pub service: PushService,
    /// When it was registered: what is said of it must not be taken for a later registration's.
    pub since: Millis,
}

/// A client of a person, as far as pushes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    pub client_id: ClientName,
    /// Where it gets data and alerts.
    pub main: Option<Endpoint>,
    /// Where it gets calls, on iOS.
    pub voip: Option<Endpoint>,
    /// What its owner reads.
    pub language: Language,
    /// Whether it is in front, by its own report.
    pub active: bool,
    /// 0 to 10, by its own report.
    pub priority: u8,
    /// When it was last heard of.
    pub heard_of: Millis,
}

/// The headers that APNs wants beside the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApnsHeaders {
    /// `apns-push-type`: `voip`, `alert` or `background`.
    pub push_type: &'static str,
    /// `apns-priority`: 10 at once, 5 when it suits the battery.
    pub priority: u8,
}

/// One push to one phone, as its service is given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRequest {
    /// To which endpoint, in the carrier's words.
    pub endpoint: String,
    /// By which service.
    pub service: PushService,
    pub payload: String,
    /// For Apple's services.
    pub apns: Option<ApnsHeaders>,
    /// The service drops it undelivered after so many seconds; at least 1.
    pub ttl_seconds: u32,
}

/// What the error of a push begins with that would not be taken the next time either.
pub const REFUSED: &str = "refused";

/// Why a push service did not take a push, or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// This endpoint will not work again until the phone registers anew; the service's word for why.
    #[error("{0}")]
    Retired(String),
    /// It would not be taken the next time either.
    #[error("{REFUSED}: {0}")]
    Refused(String),
    /// It may be taken the next time.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// The operator's platform applications at SNS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushApps {
    /// The ARN of each that is set up.
    pub arns: BTreeMap<PushService, String>,
    /// The iOS app's bundle id: the topic of its alerts, and with `.voip` of its calls.
    pub bundle_id: Option<String>,
}

/// Who carries pushes. On AWS: SNS; locally one that shows them.
pub trait PushCarrier: Send + Sync {
    /// Makes `token` an endpoint of `service` that works, and answers what the carrier calls it; none where the operator
    /// has not set up the service. The same token is the same endpoint.
    fn register(&self, service: PushService, token: String) -> BoxFuture<'_, Result<Option<String>, PushError>>;

    /// One try of one push. Answers the carrier's own id of it, where it gives one.
    fn send(&self, request: PushRequest) -> BoxFuture<'_, Result<Option<String>, PushError>>;
}

impl Push {
    /// Where `phone` is to be told; none where it is not, or cannot be.
    #[must_use]
    pub fn endpoint<'a>(&self, phone: &'a Phone) -> Option<&'a Endpoint> {
        match &self.kind {
            PushKind::Rings { .. } => phone.voip.as_ref().or(phone.main.as_ref()),
            // Never by VoIP: iOS bans apps that are woken by VoIP and show no call.
            PushKind::Missed => phone.main.as_ref(),
            PushKind::Over { by, .. } => phone.main.as_ref().filter(|_| by.as_ref() != Some(&phone.client_id)),
        }
    }
}

/// The one that is in front first, then as the apps want it, then who was heard of last.
pub fn in_order(phones: &mut [Phone]) {
    phones.sort_by_key(|phone| std::cmp::Reverse((phone.active, phone.priority, phone.heard_of)));
}
