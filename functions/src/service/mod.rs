//! What functions share: how a command is executed, how notices are delivered, and what they need for it.

pub mod calls;
pub mod delivery;
pub mod empty_room;
pub mod http_push;
pub mod mqtt_access;
pub mod push_binding;
pub mod push_directory;
pub mod push_tokens;
pub mod room_credentials;
pub mod room_dismisser;
pub mod room_watch;
pub mod rung;
pub mod sessions;
pub mod token_verifier;
pub mod witness_client;
