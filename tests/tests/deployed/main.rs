//! The deployed system: template.yaml, the functions' binaries, and emulated AWS services between them.
//! `infra/ministack/run cargo test -p ilock-tests --test deployed`.
//!
//! Roles are enforced: a request that a function's role does not allow is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod audit;
mod authorizer;
mod calls;
mod deployment;
mod functions;
mod phone;
mod poison;
mod presence;
mod retries;
mod routes;
mod timeout;
