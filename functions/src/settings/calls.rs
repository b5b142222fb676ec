//! The tables of calls and clients, how long calls last and are kept, and the queues of the timers.

use ilock_log::PERSONAL_DAYS;

use super::forms::{table, url};
use super::{BadSetting, Settings, bad};

/// One method a setting.
///
/// # Errors
/// Each answers [`BadSetting`] when what it reads is missing or wrong.
impl Settings {
    /// `EVENTS_TABLE`: the table of the log.
    pub fn events_table(&self) -> Result<String, BadSetting> {
        self.must_be("EVENTS_TABLE", "events", table)
    }

    /// `DIRECTORY_TABLE`: the table of clients, rooms and histories.
    pub fn directory_table(&self) -> Result<String, BadSetting> {
        self.must_be("DIRECTORY_TABLE", "directory", table)
    }

    /// `PERSONAL_DAYS`: for how many days the text of a call, and its rows in histories, are kept.
    pub fn personal_days(&self) -> Result<u32, BadSetting> {
        self.number("PERSONAL_DAYS", PERSONAL_DAYS, 1..=36_500)
    }

    /// `MAX_CALL_SECONDS`: how long a call may last once it is answered.
    pub fn max_call_seconds(&self) -> Result<u32, BadSetting> {
        self.number("MAX_CALL_SECONDS", 7200, 60..=43_200)
    }

    /// `FAST_PATH`: `on` or `off`: whether functions tell at once what they committed.
    pub fn fast_path(&self) -> Result<bool, BadSetting> {
        match self.get("FAST_PATH").as_deref() {
            None | Some("on") => Ok(true),
            Some("off") => Ok(false),
            Some(_) => Err(bad("FAST_PATH", "must be on or off")),
        }
    }

    /// `EXPIRE_QUEUE_URL`: the delay queue of the ring timer. On Lambda only.
    pub fn expire_queue_url(&self) -> Result<String, BadSetting> {
        self.queue_url("EXPIRE_QUEUE_URL")
    }

    /// `PROJECTOR_QUEUE_URL`: where a commit waits whose push, or row in a history, is tried again. On Lambda only.
    pub fn projector_queue_url(&self) -> Result<String, BadSetting> {
        self.queue_url("PROJECTOR_QUEUE_URL")
    }

    /// `PRESENCE_QUEUE_URL`: where a disconnect waits until it is looked at again. On Lambda only.
    pub fn presence_queue_url(&self) -> Result<String, BadSetting> {
        self.queue_url("PRESENCE_QUEUE_URL")
    }

    fn queue_url(&self, name: &'static str) -> Result<String, BadSetting> {
        self.must_be(name, "http://127.0.0.1", |text| url(text, &["https", "http"]))
    }
}
