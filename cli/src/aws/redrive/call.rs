//! Reads a call from the log and sends it to the stream's readers again. The log still has what the stream dropped.

use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use ilock_events::CallId;
use serde_json::{Map, Value, json};

use crate::aws::account::cannot;
use crate::aws::redrive::image::image;
use crate::aws::redrive::invoke::{FunctionInvoker, InvokeError};
use crate::aws::redrive::stream_filter::STREAM_FUNCTIONS;
use crate::aws::stack::Stack;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

/// Sends to each function that reads the stream what it is given of the call, in the form that the stream has.
pub async fn redrive(output: Output, sdk: &SdkConfig, stack: &Stack, call: &CallId) -> Result<ExitCode, CommandError> {
    let prefix = stack.output("FunctionPrefix")?;
    let records = records_of(sdk, stack.output("EventsTableName")?, call).await?;
    let given = STREAM_FUNCTIONS.each_ref().map(|function| (function.name, function.filtered(&records)));
    if given.iter().all(|(_, records)| records.is_empty()) {
        return Err(CommandError::new(format!("there is no call {call}")));
    }
    let functions = FunctionInvoker::new(sdk);
    let (mut counts, mut words) = (Map::new(), vec![]);
    for (function, records) in &given {
        let sent = functions.send_records(&format!("{prefix}{function}:live"), records).await;
        sent.map_err(|InvokeError(why)| CommandError::new(format!("{function} failed at {call}: {why}")))?;
        counts.insert((*function).to_owned(), records.len().into());
        words.push(format!("{} records to {function}", records.len()));
    }
    let text = format!("redriven {call}: {}", words.join(", "));
    output.line(Level::Success, "redriven", &text, json!({ "call_id": call, "records": counts }));
    Ok(ExitCode::SUCCESS)
}

/// All that stands under the call's key, as if it had just been inserted.
async fn records_of(sdk: &SdkConfig, table: &str, call: &CallId) -> Result<Vec<Value>, CommandError> {
    let mut items = Client::new(sdk)
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("pk = :call")
        .expression_attribute_values(":call", AttributeValue::S(format!("call#{call}")))
        .into_paginator()
        .items()
        .send();
    let mut records = vec![];
    while let Some(item) = items.next().await {
        let item = item.map_err(cannot("read the log"))?;
        let item = image(&item);
        let number = (records.len() + 1).to_string();
        records.push(json!({
            "eventID": format!("redrive-{number}"),
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": sdk.region().map(AsRef::<str>::as_ref),
            "dynamodb": {
                "Keys": { "pk": item["pk"], "sk": item["sk"] },
                "NewImage": item,
                "SequenceNumber": number,
                "SizeBytes": 0,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN": table,
        }));
    }
    Ok(records)
}
