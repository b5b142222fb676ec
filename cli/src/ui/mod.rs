//! What every command prints with: lines, progress bars, errors and exit codes.

pub mod confirm;
pub mod error;
pub mod output;
pub mod progress;
