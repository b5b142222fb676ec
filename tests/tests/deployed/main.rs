//! The system as deployed: template.yaml, the functions' binaries, and the AWS services between them, emulated.
//! `infra/ministack/run cargo test -p ilock-tests --test deployed`.
//!
//! Roles count here: a function that asks for something that its role does not allow is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod audit;
mod authorizer;
mod calls;
mod deployment;
mod functions;
mod phone;
mod poison;
mod presence;
mod routes;
mod timeout;
