//! `ilock doctor`: checks a deployment, and says what is wrong and how to fix it. It changes nothing.

mod alarms;
mod broker;
mod check_result;
mod clock;
mod command;
mod concurrency;
mod encryption;
mod feeds;
mod functions;
mod http;
mod keys;
mod ledger;
mod mapping_settings;
mod pages;
mod queues;
mod quotas;
mod secrets;
mod stacks;
mod subscribers;
mod tables;
mod topic_access;

pub use command::Doctor;
