//! For auditors: of their own tenant only, and never unseen.

pub mod list_accesses;
pub mod list_audit;
pub mod prove_call;
mod question;
pub mod read_ledger;
pub mod replay_call;
