//! The endpoints, by subject, and what comes in and goes out around them.

pub mod asker;
pub mod audit;
pub mod body;
mod body_error;
pub mod calls;
pub mod clients;
mod error_body;
pub mod idempotency;
pub mod query;
pub mod response;
pub mod router;
pub mod tenant;
pub mod trtc_callback;
