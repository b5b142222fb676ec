//! A call, as its line of an export holds it.

use std::borrow::Cow;

use ilock_events::Millis;

/// A call, as its line holds it.
#[derive(Debug, Clone)]
pub struct CallLine<'a> {
    pub call_id: Cow<'a, str>,
    /// When it was placed.
    pub at: Millis,
    /// The number of its last commit; none where nobody noted it.
    pub last: Option<u32>,
    pub commits: Vec<&'a str>,
    /// Which phones rang, after the first.
    pub alerts: Vec<&'a str>,
    pub receipts: Vec<&'a str>,
    /// Personal text; none when it was not asked for.
    pub personal: Option<Vec<&'a str>>,
    /// What says that some of it was deleted.
    pub forgotten: Vec<&'a str>,
}
