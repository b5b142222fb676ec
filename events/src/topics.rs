//! MQTT topics: the one place that composes them. What is published ([`incoming`], [`control`], [`sync`]) and what a client
//! may read ([`Topics::of`]) comes from here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PartyAddress, PartyKind};

/// The topics of one client. A door station has only `call_control`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Topics {
    /// Where calls ring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incoming_calls: Option<String>,
    /// What becomes of them.
    pub call_control: String,
    /// What the person's other phones did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_sync: Option<String>,
}

/// The end of the topic on which a person is told of a new call.
pub const INCOMING: &str = "calls/incoming";

/// The end of the topic on which a party is told what becomes of a call.
pub const CONTROL: &str = "calls/control";

/// The end of the topic on which a person is told what their other phones did.
pub const SYNC: &str = "devices/sync";

/// The beginning of the topics of parties of this kind.
#[must_use]
pub const fn root(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::User => "users",
        PartyKind::Device => "devices",
    }
}

/// Where `party` is told of a new call.
#[must_use]
pub fn incoming(party: &PartyAddress) -> String {
    topic(party, INCOMING)
}

/// Where `party` is told what becomes of a call.
#[must_use]
pub fn control(party: &PartyAddress) -> String {
    topic(party, CONTROL)
}

/// Where `party` is told what their other phones did.
#[must_use]
pub fn sync(party: &PartyAddress) -> String {
    topic(party, SYNC)
}

fn topic(party: &PartyAddress, leaf: &str) -> String {
    format!("{}/{}/{leaf}", root(party.kind), party.address)
}

impl Topics {
    /// The topics that are `party`'s own: all that its clients may read.
    #[must_use]
    pub fn of(party: &PartyAddress) -> Self {
        let is_user = party.kind == PartyKind::User;
        Self {
            incoming_calls: is_user.then(|| incoming(party)),
            call_control: control(party),
            device_sync: is_user.then(|| sync(party)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Party, PartyId, TenantId};

    #[test]
    fn a_person_has_three_topics_and_a_door_station_one() {
        let id = PartyId::new("x1").unwrap();
        let tenant = TenantId::new("default").unwrap();
        let of = |kind| Topics::of(&PartyAddress::of(&tenant, &Party { kind, id: id.clone() }));
        assert_eq!(
            of(PartyKind::User),
            Topics {
                incoming_calls: Some("users/x1/calls/incoming".into()),
                call_control: "users/x1/calls/control".into(),
                device_sync: Some("users/x1/devices/sync".into()),
            }
        );
        assert_eq!(
            of(PartyKind::Device),
            Topics { incoming_calls: None, call_control: "devices/x1/calls/control".into(), device_sync: None }
        );
    }
}
