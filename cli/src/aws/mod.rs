//! The operators' commands, which work on an AWS account.

pub mod account;
pub mod doctor;
pub mod provision;
pub mod redrive;
pub mod stack;
