//! The result of a check.

use serde::Serialize;

use crate::aws::account::AwsError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok,
    /// It works, but needs attention.
    Warning,
    /// It does not work, or is not safe for production.
    Failed,
    /// AWS refused to tell, so the state is unknown.
    Unchecked,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// The group of the check, such as `stack` or `tables`.
    pub about: &'static str,
    pub outcome: Outcome,
    pub found: String,
    /// How to fix it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl CheckResult {
    pub fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, outcome: Outcome::Ok, found: found.into(), remedy: None }
    }

    pub fn warning(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, outcome: Outcome::Warning, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub fn failed(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, outcome: Outcome::Failed, found: found.into(), remedy: Some(remedy.into()) }
    }

    pub fn unchecked(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, outcome: Outcome::Unchecked, found: found.into(), remedy: None }
    }

    /// The result of a request that AWS refused: failed when `thing` does not exist, otherwise unchecked.
    pub fn refused(about: &'static str, thing: &str, error: &AwsError) -> Self {
        if error.is_not_found() {
            return Self::failed(about, format!("{thing} does not exist"), "deploy the stack again");
        }
        Self::unchecked(about, format!("{thing} could not be checked: {}", error.message))
    }

    /// One line, and the remedy on a second one.
    pub fn text(&self) -> String {
        let word = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "warning",
            Outcome::Failed => "FAILED",
            Outcome::Unchecked => "?",
        };
        let remedy = self.remedy.as_ref().map(|remedy| format!("\n{:18}→ {remedy}", "")).unwrap_or_default();
        format!("{word:<7} {:<9} {}{remedy}", self.about, self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_exist_has_failed_and_what_is_forbidden_is_unchecked() {
        let error = |code: &str| AwsError { code: Some(code.into()), message: format!("{code}: no") };
        let missing = CheckResult::refused("tables", "events", &error("ResourceNotFoundException"));
        assert_eq!(missing.outcome, Outcome::Failed);
        let forbidden = CheckResult::refused("tables", "events", &error("AccessDeniedException"));
        assert_eq!(forbidden.outcome, Outcome::Unchecked);
        assert_eq!(forbidden.found, "events could not be checked: AccessDeniedException: no");
    }

    #[test]
    fn the_remedy_is_on_a_line_of_its_own() {
        let text = CheckResult::warning("queues", "d holds 3 messages", "ilock redrive d").text();
        assert_eq!(text, "warning queues    d holds 3 messages\n                  → ilock redrive d");
    }
}
