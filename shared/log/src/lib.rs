//! The event log: one DynamoDB table, one immutable item per commit, evidence and personal text beside it.
//!
//! ```text
//! pk                    sk                       what
//! call#<call_id>        commit#<n, 6 digits>     a commit; written once, never changed
//! call#<call_id>        alert#<client>           that one more phone rings, after the first
//! call#<call_id>        personal#<digest>        text that may be forgotten; its commit holds the salted digest
//! call#<call_id>        forgotten#<digest>       that this text was deleted, for whom, when
//! call#<call_id>        archived                that all of this is in the archive of its day, from where it may be deleted
//! call#<call_id>        receipt#<n>#<round>      who was told of commit n, in one delivery round
//! audit#<tenant>#<date> access#<ms>#<random>     an auditor looked; written before the answer, never changed
//! ```

mod access;
mod alert;
mod append;
mod archive;
mod day_index;
mod error;
mod every;
mod execute;
mod forget;
mod item;
pub mod ledger;
mod load;
mod log;
mod personal;
mod receipt;
mod unverified;

pub use access::{AccessPage, EveryAccess, StoredAccess};
pub use append::Append;
pub use archive::NotInArchive;
pub use day_index::{DayPages, PlacedOn};
pub use error::LogError;
pub use every::{CommitLocation, EveryCommit};
pub use execute::CommandOutcome;
pub use forget::{KeptText, TextsOf};
pub use ilock_dynamo::BadCursor;
pub use item::commit_of;
pub use load::History;
pub use log::{EventLog, PERSONAL_DAYS, TABLE};
pub use personal::{NAMED_WITHIN_MS, Placing};
