//! The log as it is stored, unverified: for those who judge it.

use aws_sdk_dynamodb::types::AttributeValue;
use ilock_dynamo::Item;
use ilock_events::CallId;
use ilock_proof::StoredCall;

use crate::error::{LogError, store};
use crate::item;
use crate::log::EventLog;

impl EventLog {
    /// Reads a call as it is stored. A call that was never placed has nothing.
    ///
    /// # Errors
    /// [`LogError::Store`], or [`LogError::Item`] when an item is none that JSON could hold.
    pub async fn stored(&self, call_id: &CallId) -> Result<StoredCall, LogError> {
        let mut call = StoredCall { call_id: call_id.to_string(), ..StoredCall::default() };
        let mut pages = self.items_of(call_id).send();
        while let Some(found) = pages.next().await {
            add(&mut call, found.map_err(|e| store("Query")(e.into_service_error()))?)?;
        }
        Ok(call)
    }
}

pub(crate) fn add(call: &mut StoredCall, mut found: Item) -> Result<(), LogError> {
    found.remove("pk");
    found.remove("day");
    found.remove("ttl");
    let sk = match found.remove("sk") {
        Some(AttributeValue::S(sk)) => sk,
        _ => String::new(),
    };
    let body = item::body(&sk, found)?;
    call.place(&sk, body);
    Ok(())
}
