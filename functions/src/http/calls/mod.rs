//! Calls: place, act, look, list.

pub mod callee_action;
pub mod caller_action;
pub mod create_call;
pub mod get_call;
pub mod list_calls;
mod view;
