//! Which topics are whose.

use ilock_events::{Party, PartyKind, Topics};

/// The topics that are `party`'s own: all that its clients may read.
#[must_use]
pub fn topics(party: &Party) -> Topics {
    let id = &party.id;
    match party.kind {
        PartyKind::User => Topics {
            incoming_calls: Some(format!("users/{id}/calls/incoming")),
            call_control: format!("users/{id}/calls/control"),
            device_sync: Some(format!("users/{id}/devices/sync")),
        },
        PartyKind::Device => {
            Topics { incoming_calls: None, call_control: format!("devices/{id}/calls/control"), device_sync: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use ilock_events::PartyId;

    use super::*;

    #[test]
    fn a_person_has_three_topics_and_a_door_station_one() {
        let id = PartyId::new("x1").unwrap();
        let of = |kind| topics(&Party { kind, id: id.clone() });
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
