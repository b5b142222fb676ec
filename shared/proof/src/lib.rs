//! What proves a history. Pure: no AWS, no network, no clock, no async; an auditor builds this and nothing of the cloud.

mod bundle;
mod checkpoint;
mod commit_hash;
mod day;
mod hour;
mod ledger_entry;
mod note;
mod personal;
mod stored_call;
mod tree;

pub use bundle::Bundle;
pub use checkpoint::Checkpoint;
pub use commit_hash::{canonical, commit_hash, digest, first_prev};
pub use day::{BUCKETS, bucket, day_bucket_key, day_key};
pub use hour::Hour;
pub use ilock_events::{BadDay, Day};
pub use ledger_entry::{Head, chain_of, chains_of, entry_after, entry_hash};
pub use note::{BadNote, SignKey, VerifyKey};
pub use personal::{personal_digest, salt_personal};
pub use stored_call::StoredCall;
pub use tree::{Node, Tree};
