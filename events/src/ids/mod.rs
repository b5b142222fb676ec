//! Who is who, wherever they are named: a person or door station by the id of its login service, in topics, MQTT client
//! ids and call ids by an address that is derived from it, in TRTC rooms by an identity that is derived from it.
//!
//! Nobody claims an address: it follows from tenant, kind and id. So there is nothing to squat, and nothing to look up.

mod address;
mod base32;
mod call_id;
mod client_name;
mod generation;
mod login;
mod party_id;
mod sent_client_id;
mod topic_prefix;
mod trtc_identity;

pub use address::{Address, PartyAddress};
pub use client_name::ClientName;
pub use generation::Generation;
pub use login::{Login, LoginSession};
pub use party_id::PartyId;
pub use sent_client_id::SentClientId;
pub use topic_prefix::TopicPrefix;
pub use trtc_identity::{Seat, Slot, TrtcIdentity};
