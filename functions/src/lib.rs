//! What iLock Call does when it is asked: one file per function, read top to bottom.
//!
//! An HTTP function exports `routes()` with exactly its own route; its binary serves that, the embedded stack merges
//! all of them. What they share stands in [`app`] (what there is), [`ask`] (what comes in), [`answer`] (what goes out)
//! and [`calls`] (the one way in which a command runs).

pub mod answer;
pub mod app;
pub mod ask;
pub mod auditing;
pub mod calls;
pub mod dismissals;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod metrics;
pub mod phones;
pub mod push_tokens;
pub mod rooms;
pub mod serve;
pub mod settings;
pub mod telling;
pub mod wiring;

pub mod callee_action;
pub mod caller_action;
pub mod create_call;
pub mod expire_call;
pub mod get_call;
#[cfg(feature = "lambda")]
pub mod iot_endpoint;
pub mod ledger;
pub mod list_accesses;
pub mod list_audit;
pub mod list_calls;
pub mod mqtt_authorizer;
pub mod presence;
pub mod projector;
pub mod push_feedback;
pub mod register_client;
pub mod register_push_token;
pub mod remove_client;
pub mod replay_call;
pub mod seal_log;
pub mod trtc_callback;
pub mod update_client_status;
