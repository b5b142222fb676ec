//! The MQTT connections that stood, or whose end has not been noted yet: items of a table in the same database. A process that is
//! killed tells of no end, and leaves them for the next one.

use dynoxide::{AttributeValue, Database};

use super::own_table::{Item, OwnTable};

const TABLE: &str = "ilock-connections";

/// The connections of a database: of each client the last.
#[derive(Clone)]
pub(crate) struct KeptConnections(OwnTable);

impl KeptConnections {
    /// Those of `database`.
    pub(crate) fn of(database: &Database) -> Result<Self, String> {
        OwnTable::of(database, TABLE, &[("client_id", "S")]).map(Self)
    }

    /// Keeps that the client has connected, under the connection's number, in place of an earlier connection.
    pub(crate) fn keep(&self, client_id: &str, version: i64) -> Result<(), String> {
        let mut item = key(client_id);
        item.insert("version".to_owned(), number(version));
        self.0.put(item)
    }

    /// Forgets a connection whose end was noted, unless the client has another by now.
    pub(crate) fn forget(&self, client_id: &str, version: i64) -> Result<(), String> {
        self.0.delete(key(client_id), Some(("version", number(version))))
    }

    /// All of them: client and number.
    pub(crate) fn all(&self) -> Result<Vec<(String, i64)>, String> {
        self.0.items()?.iter().map(read).collect()
    }
}

fn read(item: &Item) -> Result<(String, i64), String> {
    let (Some(AttributeValue::S(client_id)), Some(AttributeValue::N(version))) =
        (item.get("client_id"), item.get("version"))
    else {
        return Err(format!("{TABLE}: a connection has a client_id and a version"));
    };
    let version = version.parse().map_err(|error| format!("{TABLE}: version: {error}"))?;
    Ok((client_id.clone(), version))
}

fn key(client_id: &str) -> Item {
    Item::from([("client_id".to_owned(), AttributeValue::S(client_id.to_owned()))])
}

fn number(version: i64) -> AttributeValue {
    AttributeValue::N(version.to_string())
}
