//! One page of a partition, with a cursor that leads to the next.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Item, StoreError, text, text_in};

/// The items of one page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// In the order of the query.
    pub items: Vec<Item>,
    /// Where the next page starts; none after the last.
    pub next: Option<String>,
}

/// A cursor that no page gave out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this cursor was not given out")]
pub struct BadCursor;

/// A page of at most `most` items of the partition `pk`, after the cursor `after`. `query` names the table and, if need be, an
/// order; `is_sk` tells whether a text can be a sort key there. A cursor holds a sort key and is always joined with
/// `pk`, so a forged one leads nowhere else.
///
/// # Errors
/// [`StoreError`].
pub async fn page(
    query: QueryFluentBuilder,
    pk: &str,
    most: u16,
    after: Option<&str>,
    is_sk: fn(&str) -> bool,
) -> Result<Result<Page, BadCursor>, StoreError> {
    let mut query =
        query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", text(pk)).limit(i32::from(most));
    if let Some(after) = after {
        let Some(sk) = sort_key(after).filter(|sk| is_sk(sk)) else { return Ok(Err(BadCursor)) };
        query = query.exclusive_start_key("pk", text(pk)).exclusive_start_key("sk", text(sk));
    }
    let found = query.send().await.map_err(|error| StoreError::new("Query", error.into_service_error()))?;
    let next = found.last_evaluated_key.filter(|key| !key.is_empty());
    let next = next.map(|key| cursor(&text_in(&key, "sk")));
    Ok(Ok(Page { items: found.items.unwrap_or_default(), next }))
}

/// The cursor after which a page begins with what follows on the sort key `sk`.
#[must_use]
pub fn cursor(sk: &str) -> String {
    URL_SAFE_NO_PAD.encode(sk)
}

fn sort_key(cursor: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}
