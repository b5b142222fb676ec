//! What a press of the button says.

use ilock_client_core::Input;
use serde_json::{Map, Value};

/// Whom to call, and how the caller shows itself.
#[derive(Debug, Clone, Default)]
pub struct Press {
    callees: Vec<String>,
    name: Option<String>,
    location: Option<String>,
    caller_info: Option<String>,
    ring_seconds: Option<u32>,
    invitation_data: Option<String>,
}

impl Press {
    /// Calls this person.
    #[must_use]
    pub fn person(id: impl Into<String>) -> Self {
        Self { callees: vec![id.into()], ..Self::default() }
    }

    /// Calls the members of a household: the first phone of any of them answers for all.
    #[must_use]
    pub fn household(ids: Vec<String>) -> Self {
        Self { callees: ids, ..Self::default() }
    }

    /// The name that phones show.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where the caller is.
    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// All that the caller says of itself, as a JSON object, in place of name and location.
    #[must_use]
    pub fn caller_info(mut self, object: impl Into<String>) -> Self {
        self.caller_info = Some(object.into());
        self
    }

    /// How long to ring: 5 to 120 seconds.
    #[must_use]
    pub fn ring_seconds(mut self, seconds: u32) -> Self {
        self.ring_seconds = Some(seconds);
        self
    }

    /// For the callee's app: a JSON object.
    #[must_use]
    pub fn invitation_data(mut self, object: impl Into<String>) -> Self {
        self.invitation_data = Some(object.into());
        self
    }

    pub(crate) fn input(self) -> Input {
        let fields = [("name", self.name), ("location", self.location)];
        let there = fields.into_iter().filter_map(|(field, text)| Some((field.to_owned(), Value::String(text?))));
        let shown: Map<String, Value> = there.collect();
        let shown = (!shown.is_empty()).then(|| Value::Object(shown).to_string());
        Input::Press {
            callees: self.callees,
            caller_info: self.caller_info.or(shown),
            ring_seconds: self.ring_seconds,
            invitation_data: self.invitation_data,
        }
    }
}
