//! Calls: place, act, look, list.

mod acting_client;
pub mod callee_action;
mod callees;
pub mod caller_action;
pub mod create_call;
pub mod get_call;
mod history_page;
pub mod list_calls;
mod view;
