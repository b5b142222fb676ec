//! The contract of iLock Call: what is stored, what is sent, what is asked and answered.
//!
//! Types, and the names that are derived from ids; this crate knows nobody. Everything here is on somebody's disk or in somebody's app: a field that was
//! once written stays readable for ever.

pub mod app_json;
mod audited;
mod call_event;
mod caller_info;
mod client_sync;
mod command;
mod day;
mod http;
mod http_clients;
mod http_history;
mod id;
mod ids;
mod json_text;
mod lenient;
mod message;
mod party;
mod proof_file;
mod push;
mod readable;
mod reason;
pub mod schema;
mod stored;
pub mod topics;
mod upcast;

pub use audited::{Access, AccessesOfDay, CallEvents, CallsOfDay, FoundCall, LookedAt, UnreadableAccess};
pub use call_event::{
    Busy, CallAccepted, CallAlerted, CallCancelled, CallDeclined, CallEnded, CallEvent, CallFailed, CallMissed,
    CallPlaced, CallRejected, Callee, Side, UnknownEvent,
};
pub use caller_info::CallerInfo;
pub use client_sync::{ClientChange, ClientSync};
pub use command::{Act, Command, UnknownCommand};
pub use day::{BadDay, Day};
pub use http::*;
pub use http_clients::{
    BlockList, BlockedCaller, ClientRemoved, ConfirmPushToken, KnownClient, KnownClients, PersonSettings,
    PushTokenConfirmed, Revocation, Revoked, WhenBusy,
};
pub use http_history::{CallsSeen, Direction, History, HistoryEntry};
pub use id::{BadId, CallId, CommandId, CommitNo, Millis, Nonce, RoomId, TenantId, TrtcUser};
pub use ids::{
    Address, ClientName, Generation, Login, LoginSession, PartyAddress, PartyId, Seat, SentClientId, Slot, TopicPrefix,
    TrtcIdentity,
};
pub use lenient::Platform;
pub use message::{Control, ControlAction, DeviceSync, Incoming, MessageId, RoomInfo};
pub use party::{Party, PartyKind};
pub use proof_file::{ProofFile, ProofItem};
pub use push::{
    ApnsPush, Aps, CallInfo, CallOver, FcmAndroid, FcmApns, FcmApnsPayload, FcmMessage, FcmPush, FcmV1, Language,
    MissedBy, MissedCall, PushConfirm, PushService, Shown, ShownCaller, VideoCall,
};
pub use readable::{changes_the_rest, readable, readable_if_any};
pub use reason::Reason;
pub use stored::{
    Actor, Alert, Archived, CallState, Carrier, ClientProof, Commit, DeliveryOutcome, DeliveryPath, Forgotten, Hash,
    Personal, PersonalText, Receipt, StoredCommand, StoredEvent,
};
pub use topics::Topics;
pub use upcast::{Said, Upcast};
