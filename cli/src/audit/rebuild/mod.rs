//! `ilock rebuild`: computes the read models from the log again, compares them with what is stored, and repairs the
//! histories on `--apply`.
//!
//! The keys of the day index stand in the first commit of each call, and commits are never changed: what is wrong there is
//! reported, and not repaired.

mod command;
mod compare;
mod report;

pub use command::Rebuild;
