//! Calls and the ledger under faults: the functions as they are deployed, with their SDKs, against a cloud, a network, phones
//! and people that a seed decides; and a model of which every state is visited. docs/simulation.md tells what is simulated,
//! and how to run a seed again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod api;
mod bugs;
mod caller;
mod cloud;
mod dice;
mod events;
mod facts;
mod functions;
mod judge;
mod killed;
mod ledger;
mod model;
mod phone;
mod run;
mod scene;
mod seeded;
mod seeds;
mod story;
mod time;
mod weather;
