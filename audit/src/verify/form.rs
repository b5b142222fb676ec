//! The stored form of an event, written at once. Deciding again is most of what verifying costs; were every event made
//! a tree first, this would be most of that.

use ilock_events::{Busy, CallEvent, CallPlaced, ClientName, Party, PartyId, Side};

use crate::scan::plain_length;

/// Writes `events` as a commit holds them, in RFC 8785 form.
pub(crate) fn write(form: &mut Vec<u8>, events: &[CallEvent]) {
    form.clear();
    form.push(b'[');
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            form.push(b',');
        }
        one(form, event);
    }
    form.push(b']');
}

fn one(form: &mut Vec<u8>, event: &CallEvent) {
    let name = match event {
        CallEvent::CallPlaced(event) => {
            placed(form, event);
            "CallPlaced"
        }
        CallEvent::CallAlerted(event) => {
            by_callee(form, &event.callee, event.client_id.as_ref());
            form.extend_from_slice(if event.preview { b",\"preview\":true}," } else { b"}," });
            "CallAlerted"
        }
        CallEvent::CallDeclined(event) => {
            by_callee(form, &event.callee, Some(&event.client_id));
            form.extend_from_slice(b"},");
            "CallDeclined"
        }
        CallEvent::CallAccepted(event) => {
            by_callee(form, &event.callee, event.client_id.as_ref());
            form.extend_from_slice(b"},");
            "CallAccepted"
        }
        CallEvent::CallRejected(event) => {
            by_callee(form, &event.callee, event.client_id.as_ref());
            text(form, ",\"personal\":", event.personal.as_deref());
            text(form, ",\"reason\":", Some(event.reason.word()));
            form.extend_from_slice(b"},");
            "CallRejected"
        }
        CallEvent::CallCancelled(event) => {
            data(form, event.personal.as_deref());
            "CallCancelled"
        }
        CallEvent::CallMissed(_) => {
            data(form, None);
            "CallMissed"
        }
        CallEvent::CallEnded(event) => {
            let by = match event.by {
                Side::Caller => "caller",
                Side::Callee => "callee",
                Side::System => "system",
            };
            text(form, "{\"data\":{\"by\":", Some(by));
            text(form, ",\"personal\":", event.personal.as_deref());
            text(form, ",\"reason\":", Some(event.reason.word()));
            form.extend_from_slice(b"},");
            "CallEnded"
        }
        CallEvent::CallFailed(event) => {
            text(form, "{\"data\":{\"reason\":", Some(&event.reason));
            form.extend_from_slice(b"},");
            "CallFailed"
        }
    };
    text(form, "\"type\":", Some(name));
    number(form, ",\"v\":", CallEvent::version_of(name).into());
    form.push(b'}');
}

fn placed(form: &mut Vec<u8>, event: &CallPlaced) {
    form.extend_from_slice(b"{\"data\":{\"callees\":[");
    for (index, callee) in event.callees.iter().enumerate() {
        form.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        let busy = callee.busy.map(|busy| match busy {
            Busy::Waiting => "waiting",
            Busy::Refused => "refused",
            Busy::Blocked => "blocked",
        });
        text(form, "\"busy\":", busy);
        form.extend_from_slice(if busy.is_some() { b",\"clients\":[" } else { b"\"clients\":[" });
        for (index, client) in callee.clients.iter().enumerate() {
            text(form, if index > 0 { "," } else { "" }, Some(client.as_str()));
        }
        text(form, "],\"id\":", Some(callee.id.as_str()));
        text(form, ",\"primary\":", callee.primary.as_ref().map(ClientName::as_str));
        form.extend_from_slice(if callee.reachable { b",\"reachable\":true}" } else { b",\"reachable\":false}" });
    }
    let Party { kind, id } = &event.caller;
    text(form, "],\"caller\":{\"id\":", Some(id.as_str()));
    text(form, ",\"kind\":", Some(kind.word()));
    number(form, "},\"deadline\":", event.deadline.0);
    number(form, ",\"max_call_seconds\":", event.max_call_seconds.into());
    text(form, ",\"personal\":", event.personal.as_deref());
    number(form, ",\"ring_seconds\":", event.ring_seconds.into());
    number(form, ",\"room_id\":", event.room_id.number().into());
    form.extend_from_slice(b"},");
}

/// Whose phone, and which: the first fields of what somebody did who was called.
fn by_callee(form: &mut Vec<u8>, callee: &PartyId, client: Option<&ClientName>) {
    text(form, "{\"data\":{\"callee\":", Some(callee.as_str()));
    text(form, ",\"client_id\":", client.map(ClientName::as_str));
}

/// The only field of some events; an event without fields has no data.
fn data(form: &mut Vec<u8>, personal: Option<&str>) {
    form.push(b'{');
    if personal.is_some() {
        text(form, "\"data\":{\"personal\":", personal);
        form.extend_from_slice(b"},");
    }
}

fn number(form: &mut Vec<u8>, before: &str, number: i64) {
    form.extend_from_slice(before.as_bytes());
    // Writing into a Vec does not fail.
    let _ = serde_json::to_writer(form, &number);
}

fn text(form: &mut Vec<u8>, before: &str, text: Option<&str>) {
    if let Some(text) = text {
        form.extend_from_slice(before.as_bytes());
        if plain_length(text.as_bytes()) < text.len() {
            // It escapes what RFC 8785, 3.2.2.2, has escaped, and in the same way. Writing into a Vec does not fail.
            let _ = serde_json::to_writer(form, text);
        } else {
            form.push(b'"');
            form.extend_from_slice(text.as_bytes());
            form.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use ilock_events::StoredEvent;
    use ilock_proof::canonical;

    use super::*;
    use crate::samples::samples;

    #[test]
    fn it_is_the_form_that_every_sample_of_the_contract_has() {
        let mut seen = 0;
        for (name, stored) in samples::<StoredEvent>("event.") {
            // An older form is read, and never written.
            if stored.v != CallEvent::version_of(&stored.name) {
                continue;
            }
            let mut form = vec![];
            write(&mut form, &[CallEvent::read(&stored).unwrap()]);
            let canonical = canonical(&[&stored]).unwrap();
            assert_eq!(String::from_utf8(form).unwrap(), String::from_utf8(canonical).unwrap(), "{name}");
            seen += 1;
        }
        assert!(seen >= 8, "only {seen}");
    }
}
