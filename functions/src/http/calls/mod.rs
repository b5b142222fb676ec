//! Calls: place, act, look, list.

mod acting_client;
mod asked_for;
mod busy;
pub mod callee_action;
mod callees;
pub mod caller_action;
pub mod create_call;
pub mod get_call;
mod history_page;
pub mod list_calls;
mod live_calls;
mod repeat;
mod reservation;
mod view;
