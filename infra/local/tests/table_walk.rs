//! A walk through a table takes as long as the table is, and not as long as its square.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what goes wrong here is a broken test")]

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use dynoxide::{ImportOptions, Item};
use ilock_local::dynamodb;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const ITEMS: usize = 9_000;
/// What a page may have at most, unless the request says less.
const OF_A_PAGE: usize = 2_000;

fn item(n: usize) -> Item {
    let text = |text: String| dynoxide::AttributeValue::S(text);
    Item::from([("pk".to_owned(), text("day".into())), ("sk".to_owned(), text(format!("{n:06}")))])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_ends_after_two_thousand_items_and_the_pages_are_all_of_it() {
    let database = dynamodb::open(None).unwrap();
    let definition = json!({
        "TableName": "log",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            { "AttributeName": "pk", "AttributeType": "S" },
            { "AttributeName": "sk", "AttributeType": "S" },
        ],
        "KeySchema": [
            { "AttributeName": "pk", "KeyType": "HASH" },
            { "AttributeName": "sk", "KeyType": "RANGE" },
        ],
    });
    database.create_table(serde_json::from_value(definition).unwrap()).unwrap();
    let options = ImportOptions { record_streams: false, set_cached_at: false };
    database.import_items("log", (0..ITEMS).map(item).collect(), options).unwrap();

    let (listener, at) = dynamodb::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let client = dynamodb::client(at, None);
    let stop = CancellationToken::new();
    let serving = dynamodb::serve(listener, database, stop.clone());

    let query = || {
        let query = client.query().table_name("log").key_condition_expression("pk = :pk");
        query.expression_attribute_values(":pk", AttributeValue::S("day".into()))
    };
    let (mut scanned, mut queried) = (BTreeSet::new(), BTreeSet::new());
    let mut pages = client.scan().table_name("log").into_paginator().send();
    while let Some(page) = pages.next().await {
        let items = page.unwrap().items.unwrap();
        assert!(items.len() <= OF_A_PAGE, "{}", items.len());
        scanned.extend(items.iter().map(|item| item["sk"].as_s().unwrap().clone()));
    }
    let mut pages = query().into_paginator().send();
    while let Some(page) = pages.next().await {
        let items = page.unwrap().items.unwrap();
        assert!(items.len() <= OF_A_PAGE, "{}", items.len());
        queried.extend(items.iter().map(|item| item["sk"].as_s().unwrap().clone()));
    }
    assert_eq!((scanned.len(), queried.len()), (ITEMS, ITEMS));
    assert_eq!(query().limit(7).send().await.unwrap().count, 7);
    stop.cancel();
    serving.await.unwrap();
}
