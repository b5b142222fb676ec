//! What several stacks in one AWS account and region put before their topics and client ids, because IoT Core has one
//! space of each there.

use std::fmt;

use super::PartyAddress;
use crate::{BadId, Topics};

/// What begins a door station's client ids, and the topics of a stack without a prefix: what such a stack may publish would
/// include what another one publishes.
const TAKEN: [&str; 3] = ["d", "users", "devices"];

/// Whether `text` is a prefix, or empty.
pub(super) fn is_prefix(text: &str) -> bool {
    let good = text.len() <= 8 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    good && !TAKEN.contains(&text)
}

/// Up to 8 of `[a-z0-9]`; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TopicPrefix(String);

impl TopicPrefix {
    /// Checks `text`; empty is no prefix.
    ///
    /// # Errors
    /// [`BadId`] when the rule is broken.
    pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
        let text = text.into();
        if is_prefix(&text) {
            Ok(Self(text))
        } else {
            Err(BadId { what: "a topic prefix", rule: "up to 8 of a-z 0-9, and not d, users or devices" })
        }
    }

    /// The prefix as text: empty where there is none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All topics of `party` in this stack: what its clients may read, and where it is told things.
    #[must_use]
    pub fn topics(&self, party: &PartyAddress) -> Topics {
        let prefixed = |topic: String| self.topic(&topic);
        let Topics { incoming_calls, call_control, device_sync } = Topics::of(party);
        Topics {
            incoming_calls: incoming_calls.map(prefixed),
            call_control: prefixed(call_control),
            device_sync: device_sync.map(prefixed),
        }
    }

    /// `topic`, as it is called on the broker. Notices and receipts have it without the prefix: whatever publishes adds it.
    #[must_use]
    pub fn topic(&self, topic: &str) -> String {
        format!("{}{topic}", self.before('/'))
    }

    /// The prefix and `separator`, or nothing.
    pub(super) fn before(&self, separator: char) -> String {
        if self.0.is_empty() { String::new() } else { format!("{}{separator}", self.0) }
    }
}

impl fmt::Display for TopicPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for TopicPrefix {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Party, PartyId, PartyKind, TenantId};

    #[test]
    fn a_prefix_is_short_plain_and_none_that_stands_there_already() {
        for good in ["", "a", "0", "staging1", "dd"] {
            assert!(TopicPrefix::new(good).is_ok(), "{good:?} was refused");
        }
        for bad in ["d", "users", "devices", "A", "a/", "a.", "ninechars", "é", " ", "+"] {
            assert!(TopicPrefix::new(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_person_has_three_topics_and_a_door_station_one() {
        let tenant = TenantId::new("default").unwrap();
        let of = |prefix: &str, kind| {
            let id = PartyId::new("x1").unwrap();
            TopicPrefix::new(prefix).unwrap().topics(&PartyAddress::of(&tenant, &Party { kind, id }))
        };
        assert_eq!(
            of("", PartyKind::User),
            Topics {
                incoming_calls: Some("users/x1/calls/incoming".into()),
                call_control: "users/x1/calls/control".into(),
                device_sync: Some("users/x1/devices/sync".into()),
            }
        );
        assert_eq!(
            of("blue", PartyKind::Device),
            Topics { incoming_calls: None, call_control: "blue/devices/x1/calls/control".into(), device_sync: None }
        );
    }
}
