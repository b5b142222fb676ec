//! The refusals: which codes an answer can have, and what its `data` then says. One schema for each of `openapi.yaml`'s
//! responses, so that generators make one class of it and not one for each operation.

use schemars::Schema;
use schemars::generate::Contract;
use serde_json::{Value, json};

use super::made::root;
use crate::{Envelope, ErrorData};

/// One kind of refusal.
struct Refusal {
    name: &'static str,
    description: &'static str,
    codes: &'static [u32],
    /// The fields of `data` that are always there. With none of them, `data` may be null.
    said: &'static [&'static str],
}

const fn refusal(
    name: &'static str,
    description: &'static str,
    codes: &'static [u32],
    said: &'static [&'static str],
) -> Refusal {
    Refusal { name, description, codes, said }
}

const REFUSALS: [Refusal; 18] = [
    refusal("BadRequest", "A field is wrong.", &[40_001], FIELD_RULE),
    refusal("BadAddress", "A part of the path or query is wrong.", &[40_001], FIELD_RULE),
    refusal("Unauthenticated", "No token, or an invalid one.", &[40_101], &["reason"]),
    refusal(
        "Forbidden",
        "The token is good, but not for this (40301), or its login was ended (40302).",
        &[40_301, 40_302],
        &["reason"],
    ),
    refusal("NoRoute", "No such route.", &[40_400], &[]),
    refusal("NoSuchCall", "No such call, or none of yours.", &[40_401], &[]),
    refusal("NotFound", "No such client.", &[40_402], &[]),
    refusal("WrongMethod", "The route takes another method.", &[40_500], &[]),
    refusal("TooSlow", "The body did not arrive in time.", &[40_801], FIELD_RULE),
    refusal(
        "OtherState",
        "The call is in another state already (40901), or has not been answered (40902).",
        &[40_901, 40_902],
        &["state"],
    ),
    refusal("TooManyBlocks", "The person has blocked as many callers as anybody may.", &[40_906], &["reason"]),
    refusal("Gone", "The call was moved into the archive of its day.", &[41_001], &["reason"]),
    refusal("TooLarge", "The body is too large.", &[41_301], FIELD_RULE),
    refusal("Encoded", "The body is compressed, or encoded in another way.", &[41_501], FIELD_RULE),
    refusal("KeyReused", "The idempotency key was used for another request.", &[42_201], &["field"]),
    refusal(
        "TooOften",
        "Too many calls of this caller (42901), or to the same person (42902); too many strangers ring that person (42903); too many registrations (42904). Ask again.",
        &[42_901, 42_902, 42_903, 42_904],
        &["retry_after"],
    ),
    refusal("Internal", "Internal error.", &[50_001], &[]),
    refusal(
        "Busy",
        "Too many writers at once (50301); a store (50302) or the ring timer (50303) did not answer. Ask again.",
        &[50_301, 50_302, 50_303],
        &["retry_after"],
    ),
];

const FIELD_RULE: &[&str] = &["field", "rule"];

/// The envelope of every answer that is not good: in general, and by what it answers.
pub(super) fn errors() -> Vec<(String, Schema)> {
    let general =
        Refusal { name: "Error", description: "Every answer that is not what was asked for.", codes: &[], said: &[] };
    let kinds = REFUSALS.iter().map(|kind| (format!("http.error.{}", kind.name), schema(kind)));
    [("http.error".to_owned(), schema(&general))].into_iter().chain(kinds).collect()
}

fn schema(kind: &Refusal) -> Schema {
    let mut schema = root::<Envelope<Option<ErrorData>>>(Contract::Serialize);
    schema.insert("title".into(), json!(format!("{}Reply", kind.name)));
    schema.insert("description".into(), json!(kind.description));
    if let Some(code) = schema.pointer_mut("/properties/code") {
        *code = match kind.codes {
            [] => {
                json!({ "description": "The stable number.", "type": "integer", "minimum": 40_000, "maximum": 59_999 })
            }
            codes => json!({ "description": "The stable number.", "type": "integer", "enum": codes }),
        };
    }
    if let (false, Some(data)) = (kind.said.is_empty(), schema.pointer_mut("/properties/data")) {
        let about = data["description"].take();
        let form: Value = data["anyOf"][0].take();
        *data = json!({ "description": about, "allOf": [form, { "required": kind.said }] });
    }
    schema
}
