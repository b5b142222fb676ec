//! The log as it is stored, unverified: for those who judge it.

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_dynamo::Item;
use ilock_events::CallId;
use ilock_proof::{StoredCall, UnreadableItem};
use serde_json::Value;

use crate::error::{LogError, store};
use crate::item::unreadable;
use crate::log::EventLog;

impl EventLog {
    /// Reads a call as it is stored. A call that was never placed has nothing. What cannot be read is named in it, and all else
    /// is there: one such item hides nothing from an auditor.
    ///
    /// # Errors
    /// [`LogError::Store`].
    pub async fn stored(&self, call_id: &CallId) -> Result<StoredCall, LogError> {
        let mut call = StoredCall { call_id: call_id.to_string(), ..StoredCall::default() };
        let mut pages = self.items_of(call_id).send();
        while let Some(found) = pages.next().await {
            add(&mut call, found.map_err(|e| store("Query")(e.into_service_error()))?);
        }
        Ok(call)
    }

    /// The same, for those who hand it on as the whole call.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when an item cannot be read.
    pub async fn stored_whole(&self, call_id: &CallId) -> Result<StoredCall, LogError> {
        let call = self.stored(call_id).await?;
        match call.unreadable.first() {
            None => Ok(call),
            Some(UnreadableItem { sk, why }) => Err(unreadable(sk)(why.as_str())),
        }
    }
}

pub(crate) fn add(call: &mut StoredCall, mut found: Item) {
    found.remove("pk");
    found.remove("day");
    found.remove("ttl");
    let sk = match found.remove("sk") {
        Some(AttributeValue::S(sk)) => sk,
        _ => String::new(),
    };
    match json(found) {
        Ok(body) => call.place(&sk, body),
        Err(why) => call.unreadable.push(UnreadableItem { sk, why }),
    }
}

/// An item as JSON, or why JSON cannot hold it.
pub(crate) fn json(found: Item) -> Result<Value, String> {
    let binary = found.iter().filter(|(_, value)| is_binary(value)).map(|(name, _)| name.clone()).min();
    let read = serde_dynamo::from_item(found);
    read.map_err(|error| match binary {
        Some(name) => format!("its attribute {name} is binary, and the log has none such"),
        None => format!("the log has nothing of its form: {error}"),
    })
}

fn is_binary(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::B(_) | AttributeValue::Bs(_) => true,
        AttributeValue::L(items) => items.iter().any(is_binary),
        AttributeValue::M(fields) => fields.values().any(is_binary),
        _ => false,
    }
}
