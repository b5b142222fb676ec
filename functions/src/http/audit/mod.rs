//! For auditors: of their own tenant only, and never unseen.

pub mod list_accesses;
pub mod list_audit;
mod question;
pub mod replay_call;
