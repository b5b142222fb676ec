//! What the event log and the directory both do with DynamoDB: items, errors, pages with a cursor, scans.

mod error;
mod item;
mod page;
mod scan;

pub use error::{StoreError, written};
pub use item::{Item, number, text, text_in};
pub use page::{BadCursor, Page, cursor, page};
pub use scan::Scan;
