//! The rules of a client of iLock Call, *sans-IO*: no sockets, no clock, no threads, no async.
//!
//! A driver hands every [`Input`] to [`Client::handle`] together with the time of a steady clock, carries out the
//! [`Output`]s in order, and calls `handle` with [`Input::Tick`] when [`Client::wake_at`] has come. That is all. The
//! rules of docs/protocol.md and docs/push.md are here once: which messages to drop, when to ring and when to stop, what to
//! retry and under which key, when to reconnect, register again, or stay silent.
//!
//! Nothing on this surface is generic, borrowed from the caller beyond a call, or asynchronous, so that every language
//! can drive it.

#![warn(missing_docs)]

mod answers;
mod calls;
mod calls_seen;
mod classify;
mod client;
mod codes;
mod config;
mod connection;
mod fetch;
mod input;
mod jwe;
mod link;
mod messages;
mod order;
mod output;
mod problems;
mod pushes;
mod random;
mod registration;
mod requests;
mod saved;
mod seen;
mod status;
mod status_report;
mod time;
mod token;
mod wire;

pub use client::Client;
pub use config::{Config, Role};
pub use input::{Input, Lost, PushTokens, Refusal, Status};
pub use output::{CallInfo, Command, Ending, Event, LogoutReason, Method, Output, Problem, Progress, Room, Secret};
pub use saved::{BadConfig, BadState};
