//! The alarms that are set and have not gone off: items of a table in the same database, as the queue of a deployment keeps
//! them. A process that is killed leaves them for the next one.

use dynoxide::{AttributeValue, Database};
use ilock_events::{CallId, Millis};
use ilock_notify::Alarm;

use super::own_table::{Item, OwnTable};

const TABLE: &str = "ilock-alarms";

/// The alarms of a database.
#[derive(Clone)]
pub(crate) struct KeptAlarms(OwnTable);

impl KeptAlarms {
    /// Those of `database`.
    pub(crate) fn of(database: &Database) -> Result<Self, String> {
        OwnTable::of(database, TABLE, &[("call_id", "S"), ("due", "N")]).map(Self)
    }

    /// Keeps an alarm of a call. One call may have several: each goes off by itself.
    pub(crate) fn keep(&self, alarm: &Alarm, due: Millis) -> Result<(), String> {
        let mut item = key(&alarm.call_id, due);
        let json = serde_json::to_string(alarm).map_err(|error| error.to_string())?;
        item.insert("alarm".to_owned(), AttributeValue::S(json));
        self.0.put(item)
    }

    /// Forgets an alarm that went off.
    pub(crate) fn forget(&self, call_id: &CallId, due: Millis) -> Result<(), String> {
        self.0.delete(key(call_id, due), None)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Result<Vec<(Alarm, Millis)>, String> {
        self.0.items()?.iter().map(read).collect()
    }
}

fn read(item: &Item) -> Result<(Alarm, Millis), String> {
    let (Some(AttributeValue::S(call_id)), Some(AttributeValue::N(due))) = (item.get("call_id"), item.get("due"))
    else {
        return Err(format!("{TABLE}: an alarm has a call_id and a due"));
    };
    let due = Millis(due.parse().map_err(|error| format!("{TABLE}: due: {error}"))?);
    let alarm = match item.get("alarm") {
        Some(AttributeValue::S(alarm)) => {
            serde_json::from_str(alarm).map_err(|error| format!("{TABLE}: alarm: {error}"))?
        }
        // As they were kept before there were alarms of rooms.
        _ => Alarm::of(CallId::new(call_id.clone()).map_err(|error| format!("{TABLE}: {error}"))?),
    };
    Ok((alarm, due))
}

fn key(call_id: &CallId, due: Millis) -> Item {
    Item::from([
        ("call_id".to_owned(), AttributeValue::S(call_id.to_string())),
        ("due".to_owned(), AttributeValue::N(due.0.to_string())),
    ])
}
