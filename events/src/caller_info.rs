//! How a caller shows itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::NO_CONTROLS;
use crate::readable::readable_if_any;

/// How a caller shows itself. Other fields than these are kept and handed on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    pub more: serde_json::Map<String, serde_json::Value>,
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
