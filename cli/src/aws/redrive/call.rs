//! Reads a call from the log and sends its commits to the stream's readers again. The log still has what the stream dropped.

use std::process::ExitCode;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use ilock_events::CallId;
use serde_json::{Value, json};

use crate::aws::account::cannot;
use crate::aws::redrive::image::image;
use crate::aws::redrive::invoke::{FunctionInvoker, InvokeError};
use crate::aws::stack::Stack;
use crate::ui::error::CommandError;
use crate::ui::output::{Level, Output};

/// The functions that read the log's stream.
const STREAM_READERS: [&str; 2] = ["projector", "ledger"];

/// Sends every commit of the call to the projector and the ledger, in the form that the stream has.
pub async fn redrive(output: Output, sdk: &SdkConfig, stack: &Stack, call: &CallId) -> Result<ExitCode, CommandError> {
    let prefix = stack.output("FunctionPrefix")?;
    let records = commits(sdk, stack.output("EventsTableName")?, call).await?;
    if records.is_empty() {
        return Err(CommandError::new(format!("there is no call {call}")));
    }
    let functions = FunctionInvoker::new(sdk);
    for reader in STREAM_READERS {
        let sent = functions.send_records(&format!("{prefix}{reader}:live"), &records).await;
        sent.map_err(|InvokeError(why)| CommandError::new(format!("{reader} failed at {call}: {why}")))?;
    }
    let commits = records.len();
    let text = format!("redriven {commits} commits of {call}");
    output.line(Level::Success, "redriven", &text, json!({ "call_id": call, "commits": commits }));
    Ok(ExitCode::SUCCESS)
}

async fn commits(sdk: &SdkConfig, table: &str, call: &CallId) -> Result<Vec<Value>, CommandError> {
    let mut items = Client::new(sdk)
        .query()
        .table_name(table)
        .consistent_read(true)
        .key_condition_expression("pk = :call AND begins_with(sk, :commit)")
        .expression_attribute_values(":call", AttributeValue::S(format!("call#{call}")))
        .expression_attribute_values(":commit", AttributeValue::S("commit#".into()))
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
