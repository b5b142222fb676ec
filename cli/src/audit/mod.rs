//! Commands about call histories: read, export, verify, prove, replay, archive, delete personal text, rebuild.

pub mod archive;
mod audit_api;
mod bounded;
mod day_accesses;
mod dev_server;
mod dynamodb_export;
pub mod export;
mod export_file;
mod find_call;
pub mod forget;
mod hour_marks;
mod in_order;
mod kept_checkpoints;
mod key_records;
mod later_entries;
pub mod ledger;
mod ledger_args;
mod ledger_place;
pub mod log;
#[cfg(test)]
mod made_ledger;
mod proof_input;
pub mod prove;
mod range;
pub mod rebuild;
pub mod replay;
mod source;
pub mod verify;
mod verify_call;
mod verify_day;
