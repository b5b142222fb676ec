//! The AWS side, on LocalStack: `make localstack`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

#[path = "../laws/mod.rs"]
mod laws;
mod push;
mod seals;
mod stream;
mod timer;

/// What `laws` are tested on here.
#[allow(clippy::unused_async, reason = "the embedded one takes time to start")]
async fn engine() -> ilock_tests::engine::Engine {
    ilock_tests::localstack::engine()
}
