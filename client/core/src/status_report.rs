//! The status that the app has told, as data.

use crate::input::Status;

/// The newest status, and when the app knew it.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatusReport {
    pub wanted: Option<(Status, u8, u64)>,
    /// What is to be sent again after the client has been registered.
    pub last: Option<(Status, u8, u64)>,
    /// When the backend was last found not to know the client.
    pub unknown_since: Option<u64>,
    /// Whether the backend has lost the last status with the client.
    pub lost: bool,
}

impl StatusReport {
    pub fn set(&mut self, status: Status, priority: u8, now: u64) {
        self.wanted = Some((status, priority.min(10), now));
    }

    pub fn registered(&mut self) {
        if std::mem::take(&mut self.lost) && self.wanted.is_none() {
            self.wanted = self.last;
        }
    }
}
