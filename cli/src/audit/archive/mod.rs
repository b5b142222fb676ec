//! The archive of a day: `ilock archive` writes it and deletes what is in it from the log; `ilock verify --day DAY --archive DIR`
//! reads it in place of the log.

pub mod command;
mod delete;
pub mod file;
pub mod marks;
pub mod side_by_side;
mod write;
