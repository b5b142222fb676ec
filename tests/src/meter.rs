//! Counts DynamoDB requests and the capacity units that DynamoDB reports for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeSerializationInterceptorContextMut, FinalizerInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};

/// Requests and capacity units that were consumed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Consumed {
    /// Requests, by operation.
    pub requests: BTreeMap<&'static str, usize>,
    /// Write capacity units.
    pub wcu: f64,
    /// Read capacity units.
    pub rcu: f64,
    /// Write capacity units of the ledger, counted apart from the call's own.
    pub ledger_wcu: f64,
    /// Write capacity units by table, all of them.
    pub by_table: BTreeMap<String, f64>,
    /// Read capacity units of the ledger.
    pub ledger_rcu: f64,
}

impl Consumed {
    /// Requests in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.requests.values().sum()
    }
}

/// The meter; its clones share one count.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Consumed>>);

impl Meter {
    /// What was consumed since the last call; resets the meter.
    #[must_use]
    pub fn take(&self) -> Consumed {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn add(&self, operation: &'static str, wcu: f64, rcu: f64) {
        let mut used = self.0.lock().unwrap();
        *used.requests.entry(operation).or_default() += 1;
        used.wcu += wcu;
        used.rcu += rcu;
    }

    fn write(&self, operation: &'static str, capacity: Option<&ConsumedCapacity>) {
        match of_ledger(capacity) {
            Some(units) => self.0.lock().unwrap().ledger_wcu += units,
            None => self.add(operation, units(capacity), 0.0),
        }
    }

    fn read(&self, operation: &'static str, capacity: Option<&ConsumedCapacity>) {
        match of_ledger(capacity) {
            Some(units) => self.0.lock().unwrap().ledger_rcu += units,
            None => self.add(operation, 0.0, units(capacity)),
        }
    }
}

fn units(capacity: Option<&ConsumedCapacity>) -> f64 {
    capacity.and_then(|capacity| capacity.capacity_units).unwrap_or_default()
}

/// The units of the ledger's table; none where it is another's.
fn of_ledger(capacity: Option<&ConsumedCapacity>) -> Option<f64> {
    let ledger = capacity.and_then(|capacity| capacity.table_name.as_deref()) == Some("ledger");
    ledger.then(|| units(capacity))
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        let total = Some(ReturnConsumedCapacity::Total);
        if let Some(input) = input.downcast_mut::<PutItemInput>() {
            input.return_consumed_capacity = total;
        } else if let Some(input) = input.downcast_mut::<UpdateItemInput>() {
            input.return_consumed_capacity = total;
        } else if let Some(input) = input.downcast_mut::<DeleteItemInput>() {
            input.return_consumed_capacity = total;
        } else if let Some(input) = input.downcast_mut::<GetItemInput>() {
            input.return_consumed_capacity = total;
        } else if let Some(input) = input.downcast_mut::<QueryInput>() {
            input.return_consumed_capacity = total;
        } else if let Some(input) = input.downcast_mut::<TransactWriteItemsInput>() {
            input.return_consumed_capacity = total;
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Ok(output)) = context.output_or_error() else {
            // A failed condition costs a unit as well.
            self.add("refused", 1.0, 0.0);
            return Ok(());
        };
        for written in written_by(context) {
            let table = written.table_name.clone().unwrap_or_default();
            *self.0.lock().unwrap().by_table.entry(table).or_default() += written.capacity_units.unwrap_or_default();
        }
        if let Some(output) = output.downcast_ref::<PutItemOutput>() {
            self.write("PutItem", output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<UpdateItemOutput>() {
            self.write("UpdateItem", output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<DeleteItemOutput>() {
            self.write("DeleteItem", output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<GetItemOutput>() {
            self.read("GetItem", output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<QueryOutput>() {
            self.read("Query", output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<TransactWriteItemsOutput>() {
            output.consumed_capacity().iter().for_each(|table| self.write("TransactWriteItems", Some(table)));
        } else {
            self.add("other", 0.0, 0.0);
        }
        Ok(())
    }
}

/// What a write says that it consumed, in each of its tables.
fn written_by(context: &FinalizerInterceptorContextRef<'_>) -> Vec<ConsumedCapacity> {
    let Some(Ok(output)) = context.output_or_error() else { return vec![] };
    if let Some(output) = output.downcast_ref::<PutItemOutput>() {
        output.consumed_capacity.iter().cloned().collect()
    } else if let Some(output) = output.downcast_ref::<UpdateItemOutput>() {
        output.consumed_capacity.iter().cloned().collect()
    } else if let Some(output) = output.downcast_ref::<DeleteItemOutput>() {
        output.consumed_capacity.iter().cloned().collect()
    } else if let Some(output) = output.downcast_ref::<TransactWriteItemsOutput>() {
        output.consumed_capacity().to_vec()
    } else {
        vec![]
    }
}
