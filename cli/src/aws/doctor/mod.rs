//! `ilock doctor`: checks a deployment, and says what is wrong and how to fix it. It changes nothing.

mod alarms;
mod broker;
mod clock;
mod command;
mod feeds;
mod finding;
mod functions;
mod http;
mod keys;
mod ledger;
mod pages;
mod queues;
mod quotas;
mod secrets;
mod stacks;
mod subscribers;
mod tables;

pub use command::Doctor;
