//! Proving that histories are what was written, and that what they say could happen and was told.
//!
//! [`call`] judges one call, [`file`] a whole export, line by line, [`CallsTogether`] calls beside each other, [`DayJudge`] a day
//! against the ledger, [`archived`] the mark of a call that was moved into the archive of its day.

mod across;
pub mod archived;
mod args;
mod beside;
mod call;
mod commit;
mod day;
mod day_access;
mod day_lacking;
mod day_subject;
mod deliveries;
mod file;
mod form;
mod hours;
mod line;
mod order;
mod personal;
mod place;
mod receipt;
mod strict;
mod times;
mod unreadable;
mod workers;

pub use across::{CallsTogether, Neighbour};
pub use call::{Judged, Span, call};
pub use day::{DayJudge, DayJudged, end_of_entries};
pub use day_access::DayAccess;
pub use file::{file, file_on};
pub use hours::{HoursInOrder, KnownHours};
pub use line::wrong_form;
pub use unreadable::unreadable;
