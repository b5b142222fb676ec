//! The rules of the repository's own shape: no file imports in a circle, no crate points up, the auditor depends on no
//! cloud, no endpoint goes around the tenant check, folders and functions stay small, names and comments say what they mean,
//! the documents name files and log messages that exist, and all that is released has one version.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

mod arrows;
mod chinese;
mod circles;
mod comments;
mod documents;
mod layers;
mod logs;
mod modules;
mod sizes;
mod tenant;
mod tokens;
mod versions;
mod words;
mod workspace;
