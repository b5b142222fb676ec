//! Commands about call histories: read, export, verify, replay, seal, delete personal text, rebuild.

mod checkpoint_store;
mod dynamodb_export;
pub mod export;
mod export_file;
pub mod forget;
mod in_order;
pub mod log;
mod range;
pub mod rebuild;
pub mod replay;
pub mod seal;
mod source;
pub mod verify;
mod verify_day;
