//! The rules of the repository's own shape: no file imports in a circle, no crate points up, the auditor depends on no
//! cloud, folders and functions stay small, and the documents name files that exist.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod arrows;
mod circles;
mod documents;
mod layers;
mod modules;
mod sizes;
mod tenant;
mod tokens;
mod workspace;
