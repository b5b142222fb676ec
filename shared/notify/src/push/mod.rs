//! Mobile push: what wakes a phone whose app the system has killed.
//!
//! The table says that a person's phones are to be woken ([`Push`]); which phones those are stands in the directory
//! ([`Phone`]). From the two follows, as a pure function, what each push service is given ([`PushRequest`]).

mod carrier;
mod confirm;
mod fan_out;
mod fcm;
mod ios;
mod kind;
mod payload;
mod phone;
mod words;

pub use carrier::{ApnsHeaders, HELD_BACK, PushApps, PushCarrier, PushError, PushRequest, REFUSED, millis};
pub use confirm::{CONFIRM_WITHIN_MS, confirmation};
pub(crate) use fan_out::{DeliveryWindow, FanOutResult};
pub use fan_out::{NO_PHONE, Phones, PushSender, Retired};
pub use kind::{Push, PushKind};
pub use payload::{APNS_LIMIT, FCM_LIMIT, VOIP_LIMIT};
pub use phone::{Endpoint, Phone, in_order};
