//! Reading what older code wrote: an event's old form is lifted, version by version, to the one of today.

use serde_json::{Map, Value};

use crate::StoredEvent;

/// The fields of an event.
pub type Said = Map<String, Value>;

/// One step: what an event said in version `from`, said in the next.
#[derive(Debug, Clone, Copy)]
pub struct Upcast {
    /// Of which event.
    pub name: &'static str,
    /// From which version, to the one after it.
    pub from: u32,
    /// The step. It says why where what it is given was never of that version.
    pub lift: fn(Said) -> Result<Said, String>,
}

/// What `stored` says, in version `to`.
///
/// # Errors
/// Why not: it is newer, no step leads on from where it is, or a step was given what it does not know.
pub(crate) fn lifted(upcasts: &[Upcast], stored: &StoredEvent, to: u32) -> Result<Said, String> {
    if stored.v > to {
        return Err(format!("this code reads v{to}"));
    }
    let mut data = stored.data.clone();
    for v in stored.v..to {
        let step = upcasts.iter().find(|step| step.name == stored.name && step.from == v);
        let step = step.ok_or_else(|| format!("this code reads v{to}, and knows no way from v{v}"))?;
        data = (step.lift)(data)?;
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::CallEvent;

    fn stored(name: &str, v: u32, data: &Value) -> StoredEvent {
        StoredEvent { name: name.into(), v, data: data.as_object().unwrap().clone() }
    }

    fn field(data: &mut Said, name: &str) -> Result<Value, String> {
        data.remove(name).ok_or_else(|| format!("it has no {name}"))
    }

    /// An older version that never was: it named the seconds otherwise, and only door stations called.
    const CALLS_OF_DOORS: Upcast = Upcast {
        name: "CallPlaced",
        from: 0,
        lift: |mut data| {
            let caller = json!({ "kind": "device", "id": field(&mut data, "door")? });
            let seconds = field(&mut data, "seconds")?;
            data.insert("caller".into(), caller);
            data.insert("ring_seconds".into(), seconds);
            Ok(data)
        },
    };

    #[test]
    fn an_older_form_is_read_as_the_event_of_today() {
        let old = stored(
            "CallPlaced",
            0,
            &json!({"door": "door1", "callees": [], "room_id": 7, "seconds": 30, "deadline": 30_000,
                   "max_call_seconds": 60}),
        );
        let read = CallEvent::read_by(&[CALLS_OF_DOORS], &old).unwrap();
        let today = stored(
            "CallPlaced",
            1,
            &json!({"caller": {"kind": "device", "id": "door1"}, "callees": [], "room_id": 7, "ring_seconds": 30,
                   "deadline": 30_000, "max_call_seconds": 60}),
        );
        assert_eq!(read, CallEvent::read(&today).unwrap());
        assert_eq!(read.stored(), today, "what is written is written in the form of today");
    }

    #[test]
    fn an_older_form_that_nobody_lifts_or_that_never_was_is_not_guessed_at() {
        let old = stored("CallPlaced", 0, &json!({"door": "door1"}));
        let no_way = CallEvent::read(&old).unwrap_err().to_string();
        assert!(no_way.contains("v0 cannot be read") && no_way.contains("no way from v0"), "{no_way}");
        let never_was = CallEvent::read_by(&[CALLS_OF_DOORS], &old).unwrap_err().to_string();
        assert!(never_was.contains("it has no seconds"), "{never_was}");
        // The step of another event leads nowhere.
        let other = CallEvent::read_by(&[CALLS_OF_DOORS], &stored("CallMissed", 0, &json!({}))).unwrap_err();
        assert!(other.why.contains("no way from v0"), "{other}");
        let newer = CallEvent::read(&stored("CallMissed", 2, &json!({}))).unwrap_err();
        assert_eq!(newer.why, "this code reads v1");
    }

    #[test]
    fn steps_are_taken_one_after_the_other_from_wherever_an_event_stands() {
        let renamed = |from, lift| Upcast { name: "CallMissed", from, lift };
        let steps = [
            renamed(2, |mut data| {
                let b = field(&mut data, "b")?;
                data.insert("c".into(), b);
                Ok(data)
            }),
            renamed(1, |mut data| {
                let a = field(&mut data, "a")?;
                data.insert("b".into(), a);
                Ok(data)
            }),
        ];
        for (v, name) in [(1, "a"), (2, "b"), (3, "c")] {
            let lifted = lifted(&steps, &stored("CallMissed", v, &json!({ name: 1 })), 3).unwrap();
            assert_eq!(Value::from(lifted), json!({"c": 1}), "from v{v}");
        }
    }
}
