//! A table of this process's own, beside the backend's in the same database: what a process that is killed leaves for the next one.

use std::collections::HashMap;

use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database, DynoxideError};
use serde_json::json;

pub(super) type Item = HashMap<String, AttributeValue>;

#[derive(Clone)]
pub(super) struct OwnTable {
    database: Database,
    name: &'static str,
}

impl OwnTable {
    /// The table `name`. It is created, unless it is there. `attributes` are those of its key: name and type, the hash first.
    pub fn of(database: &Database, name: &'static str, attributes: &[(&str, &str)]) -> Result<Self, String> {
        let of_key = attributes.iter().zip(["HASH", "RANGE"]);
        let definition = json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes
                .iter()
                .map(|(attribute, kind)| json!({ "AttributeName": attribute, "AttributeType": kind }))
                .collect::<Vec<_>>(),
            "KeySchema": of_key
                .map(|((attribute, _), kind)| json!({ "AttributeName": attribute, "KeyType": kind }))
                .collect::<Vec<_>>(),
        });
        let request = serde_json::from_value(definition).map_err(|error| error.to_string())?;
        match database.create_table(request) {
            Ok(_) | Err(DynoxideError::ResourceInUseException(_)) => Ok(Self { database: database.clone(), name }),
            Err(error) => Err(error.to_string()),
        }
    }

    pub fn put(&self, item: Item) -> Result<(), String> {
        let request = PutItemRequest { table_name: self.name.into(), item, ..PutItemRequest::default() };
        self.database.put_item(request).map(drop).map_err(|error| error.to_string())
    }

    /// Deletes the item of `key`; of `only_with` one alone whose attribute has this value.
    pub fn delete(&self, key: Item, only_with: Option<(&str, AttributeValue)>) -> Result<(), String> {
        let mut request = DeleteItemRequest { table_name: self.name.into(), key, ..DeleteItemRequest::default() };
        if let Some((attribute, value)) = only_with {
            request.condition_expression = Some("#attribute = :value".into());
            request.expression_attribute_names = Some(HashMap::from([("#attribute".into(), attribute.into())]));
            request.expression_attribute_values = Some(HashMap::from([(":value".into(), value)]));
        }
        match self.database.delete_item(request) {
            Ok(_) | Err(DynoxideError::ConditionalCheckFailedException(..)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }

    pub fn items(&self) -> Result<Vec<Item>, String> {
        let (mut items, mut from) = (vec![], None);
        loop {
            let request =
                ScanRequest { table_name: self.name.into(), exclusive_start_key: from, ..ScanRequest::default() };
            let page = self.database.scan(request).map_err(|error| error.to_string())?;
            items.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(items);
            }
        }
    }
}
