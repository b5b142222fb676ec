//! A whole table, page by page.

use std::collections::VecDeque;

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

use crate::{Item, StoreError};

/// A scan that reads its next page when the last one has been handed out: memory holds one page.
#[derive(Debug)]
pub struct Scan {
    request: ScanFluentBuilder,
    start: Option<Item>,
    read: VecDeque<Item>,
    over: bool,
    /// How many items have been looked at, also those that a filter left out.
    pub looked_at: u64,
}

impl Scan {
    /// What `scan` finds; it names the table and, if need be, a filter.
    #[must_use]
    pub fn new(scan: ScanFluentBuilder) -> Self {
        Self { request: scan, start: None, read: VecDeque::new(), over: false, looked_at: 0 }
    }

    /// The next item; none after the last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next(&mut self) -> Result<Option<Item>, StoreError> {
        while self.read.is_empty() && !self.over {
            let page = self.request.clone().set_exclusive_start_key(self.start.take()).send().await;
            let page = page.map_err(|error| StoreError::new("Scan", error.into_service_error()))?;
            self.looked_at += u64::try_from(page.scanned_count).unwrap_or_default();
            self.start = page.last_evaluated_key;
            self.over = self.start.as_ref().is_none_or(Item::is_empty);
            self.read.extend(page.items.unwrap_or_default());
        }
        Ok(self.read.pop_front())
    }
}
