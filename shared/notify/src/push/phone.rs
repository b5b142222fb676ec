//! A phone, as far as pushes go.

use ilock_events::{ClientName, Language, Millis, PushService};

/// One address of a phone at a push service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What the carrier calls it.
    pub id: String,
    pub service: PushService,
    /// When it was registered: what is said of it must not be taken for a later registration's.
    pub since: Millis,
}

/// A client of a person, as far as pushes go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    pub client_id: ClientName,
    /// Where it gets data and alerts.
    pub main: Option<Endpoint>,
    /// Where it gets calls, on iOS.
    pub voip: Option<Endpoint>,
    /// What its owner reads.
    pub language: Language,
    /// Whether it is in front, by its own report.
    pub active: bool,
    /// 0 to 10, by its own report.
    pub priority: u8,
    /// When it was last heard of.
    pub heard_of: Millis,
}

/// The one that is in front first, then as the apps want it, then who was heard of last.
pub fn in_order(phones: &mut [Phone]) {
    phones.sort_by_key(|phone| std::cmp::Reverse((phone.active, phone.priority, phone.heard_of)));
}
