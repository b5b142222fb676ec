//! Call histories that can be replayed, and trusted.
//!
//! Everything here is a function of what the log holds: no network, no clock, and no carrier is ever made. [`verify`]
//! proves a call, or a whole export; [`replay`] tells its story; [`export`] writes the form that both read.
//!
//! # The form of an export
//!
//! Text, UTF-8, one JSON object a line, in compact RFC 8785 form but for the order of a line's own fields. Every line
//! begins with its number and ends with a checksum, so that a line that was damaged, lost, moved or cut off shows where
//! it stood, and the next ones are read all the same. The checksum guards against accidents; against forgers stand the
//! hash chains inside.
//!
//! ```text
//! {"line":0,"ilock_export":1,"from":"2026-11-22","to":"2026-11-22","tenants":[],"with_personal":false,"crc":"…"}
//! {"line":1,"call":"call_…","at":1795305600000,"last":4,"commits":[…],"receipts":[…],"crc":"…"}
//! {"line":2,…}
//! {"line":3,"end":{"calls":2,"commits":9},"crc":"…"}
//! ```
//!
//! | field | what |
//! |---|---|
//! | `from`, `to` | the first and the last day, where they were given |
//! | `tenants` | whose calls; none means everybody's |
//! | `with_personal` | whether personal text was asked for; its digests stand in the commits in any case |
//! | `call`, `at` | which call, and when its first commit was made (ms): lines are in the order of `at`, then `call` |
//! | `last` | the number of its last commit |
//! | `commits`, `receipts`, `personal` | as stored (`stored.*` of the JSON Schemas), in the order of their sort keys |
//! | `alerts` | which phones rang after the first, as stored; only where any did |
//! | `forgotten` | what says that personal text was deleted, as stored; only where some was |
//! | `crc` | CRC-32 (IEEE), 8 lower-case hexadecimal digits, over the line's bytes before `,"crc":` |
//!
//! A line holds one call, because a call is small (it takes at most 64 alerts after the first) and is judged as one. Two exports of the
//! same calls are the same bytes.

// The tests' own calls name this crate as other crates do.
#[cfg(test)]
extern crate self as ilock_audit;

mod call_line;
mod cursor;
pub mod dynamodb;
pub mod export;
mod finding;
mod findings;
mod json_error;
mod line;
mod proof_file;
mod read;
pub mod replay;
#[cfg(test)]
mod samples;
mod scan;
mod split;
pub mod verify;
mod visible;

pub use call_line::CallLine;
pub use finding::{Counts, Finding, Kind};
pub use findings::Findings;
pub use line::{End, Header, Line, MAX_LINE, NotALine, has_crc};
pub use proof_file::{CheckedProof, check_proof, check_signatures, read_proof};
pub use read::{Lines, RawLine};
pub use visible::{visible, visible_lines};
