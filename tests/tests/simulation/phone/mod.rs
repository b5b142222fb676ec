//! A phone: an app made of client/core, and a person who answers, declines, rejects, or does nothing.

mod app;
mod heard;
mod owner;
mod person;

pub use app::Phone;
pub use owner::{Owner, Reach};
