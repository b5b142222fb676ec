//! Proving that histories are what was written, and that what they say could happen and was told.
//!
//! [`call`] judges one call, [`file`] a whole export, line by line.

mod call;
mod commit;
mod day;
mod file;
mod form;
mod personal;
mod told;

pub use call::{Judged, call};
pub use day::{DayJudge, DayJudged};
pub use file::file;
