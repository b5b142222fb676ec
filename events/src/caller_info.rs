//! How a caller shows itself.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::id::NO_CONTROLS;
use crate::readable::readable_if_any;

/// How a caller shows itself. Other fields than these are kept and handed on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct CallerInfo {
    /// What the phone shows: "前门设备".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), regex(pattern = NO_CONTROLS))]
    pub name: Option<String>,
    /// Where it is: "小区大门".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), regex(pattern = NO_CONTROLS))]
    pub location: Option<String>,
    /// Whatever else the caller's app sent.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Of a name that stands twice the last one counts, as in every JSON that apps send along. A derived implementation would
/// refuse a second `name`.
impl<'de> Deserialize<'de> for CallerInfo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut more = Map::<String, Value>::deserialize(deserializer)?;
        let mut text = |field: &str| {
            let value = more.remove(field).unwrap_or_default();
            // The place in the JSON is behind the deserializer by now, so the error names the field.
            Option::<String>::deserialize(value)
                .map_err(|error| D::Error::custom(format_args!("field `{field}`: {error}")))
        };
        Ok(Self { name: text("name")?, location: text("location")?, more })
    }
}

impl CallerInfo {
    /// As others are shown it: a blank text counts as none.
    #[must_use]
    pub fn shown(self) -> Self {
        let shown = |text: Option<String>| text.as_deref().and_then(readable_if_any);
        Self { name: shown(self.name), location: shown(self.location), more: self.more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_name_that_stands_twice_the_last_one_counts() {
        let info: CallerInfo =
            serde_json::from_str(r#"{"name":7,"location":"gate","q":1,"name":"x","q":2,"location":null}"#).unwrap();
        let more = [("q".to_owned(), Value::from(2))].into_iter().collect();
        assert_eq!(info, CallerInfo { name: Some("x".into()), location: None, more });
        assert_eq!(serde_json::to_string(&info).unwrap(), r#"{"name":"x","q":2}"#);
        let error = serde_json::from_str::<CallerInfo>(r#"{"name":"x","name":7}"#).unwrap_err().to_string();
        assert!(error.starts_with("field `name`: invalid type"), "{error}");
    }

    #[test]
    fn a_caller_shows_no_text_that_turns_round_or_is_blank() {
        let info = |name: &str, location: &str| CallerInfo {
            name: Some(name.into()),
            location: Some(location.into()),
            ..CallerInfo::default()
        };
        assert_eq!(info("Police \u{202E}011", "\u{2066}gate").shown(), info("Police 011", "gate"));
        assert_eq!(info("   ", "\u{200F} ").shown(), CallerInfo::default());
    }
}
