//! The ledger under seal: every hour what was entered since the last is put into a bundle, and a signed checkpoint says
//! which tree all bundles so far add up to. Who keeps a checkpoint can tell later whether the ledger is still that one.
//!
//! ```text
//! 2026-11-22/13.jsonl        the bundle of the hour that began at 13:00: a header, and one entry of the ledger a line
//! 2026-11-22/13.checkpoint   the checkpoint, also of an hour in which nothing happened
//! key                        the key that signs, as a verifier key of C2SP signed-note
//! ```

mod bundle;
mod checkpoint;
mod day;
mod hour;
mod note;
mod tree;

pub use bundle::Bundle;
pub use checkpoint::Checkpoint;
pub use day::{DayJudged, OfLog, SealedHour, judge_day};
pub use hour::Hour;
pub use note::{BadNote, SignKey, VerifyKey};
pub use tree::{Node, Tree};
