//! The stored form of an event, written at once. Deciding again is most of what verifying costs; were every event made
//! a tree first, this would be most of that.

use std::io::Write as _;

use ilock_events::{CallEvent, ClientName, Party, PartyKind, Side};

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
            let Party { kind, id } = &event.caller;
            let kind = match kind {
                PartyKind::User => "user",
                PartyKind::Device => "device",
            };
            text(form, "{\"data\":{\"callee\":", Some(event.callee.as_str()));
            text(form, ",\"caller\":{\"id\":", Some(id.as_str()));
            // Writing into a Vec does not fail.
            let _ = write!(form, ",\"kind\":\"{kind}\"}},\"deadline\":{}", event.deadline);
            text(form, ",\"personal\":", event.personal.as_deref());
            let _ = write!(form, ",\"ring_seconds\":{},\"room_id\":{}}},", event.ring_seconds, event.room_id);
            "CallPlaced"
        }
        CallEvent::CallAlerted(event) => {
            data(form, event.client_id.as_ref(), None);
            "CallAlerted"
        }
        CallEvent::CallAccepted(event) => {
            data(form, event.client_id.as_ref(), None);
            "CallAccepted"
        }
        CallEvent::CallRejected(event) => {
            data(form, event.client_id.as_ref(), event.personal.as_deref());
            "CallRejected"
        }
        CallEvent::CallCancelled(event) => {
            data(form, None, event.personal.as_deref());
            "CallCancelled"
        }
        CallEvent::CallMissed(_) => {
            data(form, None, None);
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
            form.extend_from_slice(b"},");
            "CallEnded"
        }
        CallEvent::CallFailed(event) => {
            text(form, "{\"data\":{\"reason\":", Some(&event.reason));
            form.extend_from_slice(b"},");
            "CallFailed"
        }
    };
    let _ = write!(form, "\"type\":\"{name}\",\"v\":{}}}", CallEvent::version_of(name));
}

/// The fields that most events have; an event without fields has no data.
fn data(form: &mut Vec<u8>, client: Option<&ClientName>, personal: Option<&str>) {
    form.push(b'{');
    if client.is_none() && personal.is_none() {
        return;
    }
    form.extend_from_slice(b"\"data\":{");
    text(form, "\"client_id\":", client.map(ClientName::as_str));
    text(form, if client.is_some() { ",\"personal\":" } else { "\"personal\":" }, personal);
    form.extend_from_slice(b"},");
}

fn text(form: &mut Vec<u8>, before: &str, text: Option<&str>) {
    if let Some(text) = text {
        form.extend_from_slice(before.as_bytes());
        if text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
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

    #[test]
    fn it_is_the_form_that_every_sample_of_the_contract_has() {
        let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/samples");
        let mut seen = 0;
        for sample in std::fs::read_dir(samples).unwrap() {
            let path = sample.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with("event.") {
                continue;
            }
            let stored: StoredEvent = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
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
