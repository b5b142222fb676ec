//! The operators' commands: what they do is done in an AWS account.

pub mod account;
pub mod doctor;
pub mod provision;
pub mod redrive;
pub mod stack;
