//! The whole system on the embedded stack. One binary, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod acting;
mod audit;
mod authorizer;
mod blocks;
mod bodies;
mod busy;
mod calls;
mod client;
mod clocks;
#[path = "../contract/mod.rs"]
mod contract;
mod cost;
mod fcm;
mod first_apps;
mod history;
mod household;
mod http;
mod ids;
mod iot;
mod ledger;
mod ledger_memory;
mod left_behind;
mod limits;
mod log;
mod outage;
mod pages;
mod prefix;
mod presence;
mod preview;
mod projector;
mod proof;
mod prove_call;
mod push;
mod race;
mod refused;
mod repeats;
mod restart;
mod rooms;
mod secrets;
mod sessions;
mod stream;
mod template;
mod tenants;
mod tencent;
mod witnesses;

/// The DynamoDB that the log contract runs on here.
async fn engine() -> ilock_tests::engine::Engine {
    ilock_tests::engine::Engine::embedded().await
}
