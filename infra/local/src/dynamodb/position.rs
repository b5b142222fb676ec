//! How far a table's stream has been read: an item of a table in the same database. Keeping it deletes the stream's
//! records before it.

use std::collections::HashMap;

use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::{AttributeValue, Database};

use super::own_table::OwnTable;

/// The table of positions.
pub(crate) const TABLE: &str = "ilock-stream-positions";

/// The position of the reader of one table's stream.
#[derive(Clone)]
pub(crate) struct StreamPosition {
    database: Database,
    table: String,
}

impl StreamPosition {
    pub(crate) fn new(database: Database, table: String) -> Self {
        Self { database, table }
    }

    /// Creates the table of positions, unless it is there.
    pub(crate) fn create_table(database: &Database) -> Result<(), String> {
        OwnTable::of(database, TABLE, &[("table", "S")]).map(drop)
    }

    /// The last record that needs not be read again; none when nothing was read yet.
    pub(crate) fn read(&self) -> Result<Option<String>, String> {
        let request = GetItemRequest { table_name: TABLE.into(), key: self.key(), ..GetItemRequest::default() };
        let found = self.database.get_item(request).map_err(|error| error.to_string())?;
        match found.item.and_then(|mut item| item.remove("read_to")) {
            None => Ok(None),
            Some(AttributeValue::S(read_to)) => Ok(Some(read_to)),
            Some(_) => Err(format!("{TABLE}: read_to of {} must be a string", self.table)),
        }
    }

    pub(crate) fn keep(&self, read_to: String) -> Result<(), String> {
        let mut item = self.key();
        item.insert("read_to".into(), AttributeValue::S(read_to));
        let request = PutItemRequest { table_name: TABLE.into(), item, ..PutItemRequest::default() };
        self.database.put_item(request).map(|_| ()).map_err(|error| error.to_string())
    }

    fn key(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([("table".to_owned(), AttributeValue::S(self.table.clone()))])
    }
}
