//! The system on LocalStack: `make localstack`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

#[path = "../contract/mod.rs"]
mod contract;
mod ledger;
mod push;
mod stream;
mod timer;

/// The DynamoDB that the log contract runs on here.
#[allow(clippy::unused_async, reason = "the embedded one takes time to start")]
async fn engine() -> ilock_tests::engine::Engine {
    ilock_tests::localstack::engine()
}
