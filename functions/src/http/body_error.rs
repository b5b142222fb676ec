//! What is wrong with a body, in words for whoever wrote the app: which field, and what would be right.

use crate::error::ApiError;

/// How many levels the free part of a body may have. Readers of JSON in apps end somewhere; few below this.
pub const MAX_DEPTH: usize = 64;

/// The longest path that an answer names whole; of a longer one it names the first field.
const LONGEST_PATH: usize = 200;

/// What `error` of serde, at `path`, is answered with.
pub fn refused(path: &str, error: &serde_json::Error) -> ApiError {
    let said = error.to_string();
    let rule = said.rfind(" at line ").map_or(said.as_str(), |end| &said[..end]);
    if error.is_data() {
        return wrong_data(path, rule);
    }
    match rule {
        "number out of range" => ApiError::field(field(path), "must be a number up to 1.7e308"),
        "recursion limit exceeded" => ApiError::field(field(path), too_deep()),
        _ if error.is_eof() => ApiError::field("body", "must be JSON: it ends too early"),
        _ => ApiError::field("body", format!("must be JSON: {said}")),
    }
}

/// What is said of a value with too many levels.
pub fn too_deep() -> String {
    format!("must have at most {MAX_DEPTH} levels")
}

fn wrong_data(path: &str, rule: &str) -> ApiError {
    for (start, words) in [("missing field `", "is missing"), ("duplicate field `", "must be there only once")] {
        if let Some(name) = rule.strip_prefix(start).and_then(|rest| rest.strip_suffix('`')) {
            let whole = if path == "." { name.to_owned() } else { format!("{path}.{name}") };
            return ApiError::field(field(&whole), words);
        }
    }
    // Its name is the sender's, so it is in the rule and not in the field.
    if let Some(name) = rule.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next()) {
        return ApiError::field("body", format!("must not have the field {name}"));
    }
    // What is read whole before its fields are names the field itself.
    if let Some((name, rule)) = rule.strip_prefix("field `").and_then(|rest| rest.split_once("`: ")) {
        return wrong_data(&format!("{path}.{name}"), rule);
    }
    // null is the same as absent; an entry of a list is there.
    if rule.starts_with("invalid type: null, ") && !path.ends_with(']') {
        return ApiError::field(field(path), "is missing");
    }
    let field = field(path);
    // What was sent may stand in front of it, so the last one counts.
    let Some(expected) = rule.rfind(", expected ").map(|at| &rule[at + ", expected ".len()..]) else {
        return ApiError::field(field, rule);
    };
    let rule = if rule.starts_with("unknown variant ") {
        format!("must be one of {}", expected.trim_start_matches("one of ").replace('`', "").replace(" or ", ", "))
    } else {
        kind(field, expected).to_owned()
    };
    ApiError::field(field, rule)
}

/// What would be right, where serde expected `expected`.
fn kind(field: &str, expected: &str) -> &'static str {
    match (field, expected) {
        ("ring_seconds", _) => "must be a whole number, 5 to 120",
        ("priority", _) => "must be a whole number, 0 to 10",
        ("last_active" | "until", _) => "must be milliseconds since 1970",
        (_, "a string") => "must be a text",
        (_, "u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64") => "must be a whole number",
        (_, expected) if expected.starts_with("a user or device id") => "must be a text, or an integer",
        (_, "a boolean") => "must be true or false",
        (_, "a sequence") => "must be a list",
        (_, expected) if expected == "a map" || expected.starts_with("struct ") => "must be an object",
        _ => "must be of another kind",
    }
}

fn field(path: &str) -> &str {
    match path {
        "." | "" => "body",
        _ if path.len() > LONGEST_PATH => path.split(['.', '[']).next().unwrap_or("body"),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use ilock_events::{
        CalleeAction, CallerAction, PersonSettings, PlaceCall, RegisterClient, RegisterPushToken, UpdateStatus,
    };
    use serde::de::DeserializeOwned;

    use super::*;

    fn said<T: DeserializeOwned>(body: &str) -> (String, String) {
        let mut json = serde_json::Deserializer::from_str(body);
        let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut json) else { panic!("{body} was taken") };
        match refused(&error.path().to_string(), error.inner()) {
            ApiError::Field { field, rule } => (field, rule),
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn every_mistake_has_words_that_name_the_field_and_what_would_be_right() {
        let place = |body: &str, field: &str, rule: &str| {
            assert_eq!(said::<PlaceCall>(body), (field.to_owned(), rule.to_owned()), "{body}");
        };
        place(r#"{"callee_ids":"a"}"#, "callee_ids", "must be a list");
        place(r#"{"callee_id":["a"]}"#, "callee_id", "must be a text, or an integer");
        place(r#"{"callee_id":"a","callee_id":"b"}"#, "callee_id", "must be there only once");
        place(r#"{"callee_id":"a","ring_seconds":"30"}"#, "ring_seconds", "must be a whole number, 5 to 120");
        place(r#"{"callee_ids":[null]}"#, "callee_ids[0]", "must be a text, or an integer");
        place(r#"{"callee_id":"a","caller_info":{"name":7}}"#, "caller_info.name", "must be a text");
        place(r#"{"callee_id":"a","caller_info":{"location":[]}}"#, "caller_info.location", "must be a text");
        place(r#"{"callee_id":"a","caller_info":"x, expected u8"}"#, "caller_info", "must be an object");
        place(r#"{"callee_id":"a","invitation_data":[1]}"#, "invitation_data", "must be an object");
        place(
            r#"{"callee_id":"a","invitation_data":{"a":[1e400]}}"#,
            "invitation_data.a[0]",
            "must be a number up to 1.7e308",
        );
        place(
            &format!(r#"{{"callee_id":"a","invitation_data":{{"a":{}"#, "[".repeat(200)),
            "invitation_data",
            "must have at most 64 levels",
        );
        place(r#"{"callee_id":"a""#, "body", "must be JSON: it ends too early");
    }

    #[test]
    fn a_field_that_must_be_there_is_missing_where_it_is_null() {
        for (field, body) in [
            ("call_id", r#"{"call_id":null,"action":"accepted"}"#),
            ("action", r#"{"call_id":"a","action":null}"#),
            ("action", r#"{"call_id":"a"}"#),
        ] {
            assert_eq!(said::<CalleeAction>(body), (field.to_owned(), "is missing".to_owned()), "{body}");
        }
        let missing = |field: &str| (field.to_owned(), "is missing".to_owned());
        assert_eq!(said::<CallerAction>(r#"{"call_id":"a","action":null}"#), missing("action"));
        assert_eq!(said::<PersonSettings>(r#"{"when_busy":null}"#), missing("when_busy"));
        assert_eq!(said::<RegisterPushToken>(r#"{"platform":null,"push_token":"a"}"#), missing("platform"));
        let body = r#"{"client_id":"a_b","status":null,"priority":3,"last_active":1679886400000}"#;
        assert_eq!(said::<UpdateStatus>(body), missing("status"));
    }

    /// That `field` takes one of `words`, and no other JSON: `body` has `$` in its place.
    fn takes_one_of<T: DeserializeOwned>(field: &str, body: &str, words: &str) {
        let word = words.split(", ").next().unwrap();
        let (list, object) = (format!(r#"["{word}"]"#), format!(r#"{{"{word}":null}}"#));
        let refused = |sent: &str, rule: &str| {
            assert_eq!(said::<T>(&body.replace('$', sent)), (field.to_owned(), rule.to_owned()), "{field}: {sent}");
        };
        refused(r#""open, expected x""#, &format!("must be one of {words}"));
        for sent in ["5", "1.5", "true", "[]", "{}", list.as_str(), object.as_str()] {
            refused(sent, "must be a text");
        }
    }

    #[test]
    fn a_word_that_is_none_of_those_is_answered_with_those() {
        let callee = "ringing, accepted, declined, rejected, hangup";
        takes_one_of::<CalleeAction>("action", r#"{"call_id":"a","action":$}"#, callee);
        takes_one_of::<CallerAction>("action", r#"{"call_id":"a","action":$}"#, "cancelled, hangup");
        let body = r#"{"client_id":"a_b","status":$,"priority":3,"last_active":1679886400000}"#;
        takes_one_of::<UpdateStatus>("status", body, "active, background, offline");
        takes_one_of::<PersonSettings>("when_busy", r#"{"when_busy":$}"#, "ring, refuse");
        let environments = "production, sandbox";
        takes_one_of::<RegisterClient>("environment", r#"{"client_id":"a_b","environment":$}"#, environments);
        takes_one_of::<RegisterPushToken>("environment", r#"{"platform":"ios","environment":$}"#, environments);
        for absent in [r#"{"client_id":"a_b"}"#, r#"{"client_id":"a_b","environment":null}"#] {
            assert_eq!(serde_json::from_str::<RegisterClient>(absent).unwrap().environment, None, "{absent}");
        }
        let (field, rule) = said::<RegisterClient>(r#"{"client_id":"a_b","platform":{"a":1}}"#);
        assert_eq!((field.as_str(), rule.as_str()), ("platform", "must be a text"));
        let (field, rule) = said::<UpdateStatus>(r#"{"client_id":"a_b","status":"active","priority":300}"#);
        assert_eq!((field.as_str(), rule.as_str()), ("priority", "must be a whole number, 0 to 10"));
    }
}
