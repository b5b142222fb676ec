//! How a caller shows itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::NO_CONTROLS;

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
