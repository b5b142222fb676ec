//! The MQTT connections that stood, or whose end has not been noted yet: items of a table in the same database. A process that is
//! killed tells of no end, and leaves them for the next one.

use std::collections::HashMap;

use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database, DynoxideError};
use serde_json::json;

use super::tables::create_own_table;

const TABLE: &str = "ilock-connections";

type Item = HashMap<String, AttributeValue>;

/// The connections of a database: of each client the last.
#[derive(Clone)]
pub(crate) struct KeptConnections(Database);

impl KeptConnections {
    /// Those of `database`. Their table is created, unless it is there.
    pub(crate) fn of(database: &Database) -> Result<Self, String> {
        create_own_table(
            database,
            json!({
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{ "AttributeName": "client_id", "AttributeType": "S" }],
                "KeySchema": [{ "AttributeName": "client_id", "KeyType": "HASH" }],
            }),
        )?;
        Ok(Self(database.clone()))
    }

    /// Keeps that the client has connected, under the connection's number, in place of an earlier connection.
    pub(crate) fn keep(&self, client_id: &str, version: i64) -> Result<(), String> {
        let mut item = key(client_id);
        item.insert("version".to_owned(), AttributeValue::N(version.to_string()));
        let request = PutItemRequest { table_name: TABLE.into(), item, ..PutItemRequest::default() };
        self.0.put_item(request).map(drop).map_err(|error| error.to_string())
    }

    /// Forgets a connection whose end was noted, unless the client has another by now.
    pub(crate) fn forget(&self, client_id: &str, version: i64) -> Result<(), String> {
        let request = DeleteItemRequest {
            table_name: TABLE.into(),
            key: key(client_id),
            condition_expression: Some("#version = :version".into()),
            expression_attribute_names: Some(HashMap::from([("#version".to_owned(), "version".to_owned())])),
            expression_attribute_values: Some(HashMap::from([(
                ":version".to_owned(),
                AttributeValue::N(version.to_string()),
            )])),
            ..DeleteItemRequest::default()
        };
        match self.0.delete_item(request) {
            Ok(_) | Err(DynoxideError::ConditionalCheckFailedException(..)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// All of them: client and number.
    pub(crate) fn all(&self) -> Result<Vec<(String, i64)>, String> {
        let (mut connections, mut from) = (vec![], None);
        loop {
            let request = ScanRequest { table_name: TABLE.into(), exclusive_start_key: from, ..ScanRequest::default() };
            let page = self.0.scan(request).map_err(|error| error.to_string())?;
            for found in page.items.unwrap_or_default() {
                let (Some(AttributeValue::S(client_id)), Some(AttributeValue::N(version))) =
                    (found.get("client_id"), found.get("version"))
                else {
                    return Err(format!("{TABLE}: a connection has a client_id and a version"));
                };
                let version = version.parse().map_err(|error| format!("{TABLE}: version: {error}"))?;
                connections.push((client_id.clone(), version));
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(connections);
            }
        }
    }
}

fn key(client_id: &str) -> Item {
    HashMap::from([("client_id".to_owned(), AttributeValue::S(client_id.to_owned()))])
}
