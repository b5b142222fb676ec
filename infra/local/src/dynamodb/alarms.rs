//! The alarms that are set and have not gone off: items of a table in the same database, as the queue of a deployment keeps
//! them. A process that is killed leaves them for the next one.

use std::collections::HashMap;

use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database};
use ilock_events::{CallId, Millis};
use ilock_notify::Alarm;
use serde_json::json;

use super::tables::create_own_table;

const TABLE: &str = "ilock-alarms";

type Item = HashMap<String, AttributeValue>;

/// The alarms of a database.
#[derive(Clone)]
pub(crate) struct KeptAlarms(Database);

impl KeptAlarms {
    /// Those of `database`. Their table is created, unless it is there.
    pub(crate) fn of(database: &Database) -> Result<Self, String> {
        create_own_table(
            database,
            json!({
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    { "AttributeName": "call_id", "AttributeType": "S" },
                    { "AttributeName": "due", "AttributeType": "N" },
                ],
                "KeySchema": [
                    { "AttributeName": "call_id", "KeyType": "HASH" },
                    { "AttributeName": "due", "KeyType": "RANGE" },
                ],
            }),
        )?;
        Ok(Self(database.clone()))
    }

    /// Keeps an alarm of a call. One call may have several: each goes off by itself.
    pub(crate) fn keep(&self, alarm: &Alarm, due: Millis) -> Result<(), String> {
        let mut item = key(&alarm.call_id, due);
        let json = serde_json::to_string(alarm).map_err(|error| error.to_string())?;
        item.insert("alarm".to_owned(), AttributeValue::S(json));
        let request = PutItemRequest { table_name: TABLE.into(), item, ..PutItemRequest::default() };
        self.0.put_item(request).map(drop).map_err(|error| error.to_string())
    }

    /// Forgets an alarm that went off.
    pub(crate) fn forget(&self, call_id: &CallId, due: Millis) -> Result<(), String> {
        let request =
            DeleteItemRequest { table_name: TABLE.into(), key: key(call_id, due), ..DeleteItemRequest::default() };
        self.0.delete_item(request).map(drop).map_err(|error| error.to_string())
    }

    /// All of them.
    pub(crate) fn all(&self) -> Result<Vec<(Alarm, Millis)>, String> {
        let (mut alarms, mut from) = (vec![], None);
        loop {
            let request = ScanRequest { table_name: TABLE.into(), exclusive_start_key: from, ..ScanRequest::default() };
            let page = self.0.scan(request).map_err(|error| error.to_string())?;
            for found in page.items.unwrap_or_default() {
                let (Some(AttributeValue::S(call_id)), Some(AttributeValue::N(due))) =
                    (found.get("call_id"), found.get("due"))
                else {
                    return Err(format!("{TABLE}: an alarm has a call_id and a due"));
                };
                let due = Millis(due.parse().map_err(|error| format!("{TABLE}: due: {error}"))?);
                let alarm = match found.get("alarm") {
                    Some(AttributeValue::S(alarm)) => {
                        serde_json::from_str(alarm).map_err(|error| format!("{TABLE}: alarm: {error}"))?
                    }
                    // As they were kept before there were alarms of rooms.
                    _ => Alarm::of(CallId::new(call_id.clone()).map_err(|error| format!("{TABLE}: {error}"))?),
                };
                alarms.push((alarm, due));
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(alarms);
            }
        }
    }
}

fn key(call_id: &CallId, due: Millis) -> Item {
    HashMap::from([
        ("call_id".to_owned(), AttributeValue::S(call_id.to_string())),
        ("due".to_owned(), AttributeValue::N(due.0.to_string())),
    ])
}
