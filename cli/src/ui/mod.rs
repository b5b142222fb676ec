//! What every command prints with, and what ends it: lines, progress bars, errors, exit codes and signals.

pub mod confirm;
pub mod error;
pub mod log_lines;
pub mod output;
pub mod progress;
pub mod stop;
pub mod variables;
