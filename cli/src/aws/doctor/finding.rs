//! What a check found.

use serde::Serialize;

use crate::aws::account::AwsError;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, and somebody should look.
    Warning,
    /// It does not work.
    Failed,
    /// It was not to be found out.
    Unchecked,
}

/// One thing, how it stands, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The group of the check: `stack`, `tables` and so on.
    pub about: &'static str,
    /// How it stands.
    pub outcome: Outcome,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(about: &'static str, found: impl Into<String>) -> Self {
        Self { about, outcome: Outcome::Ok, found: found.into(), remedy: None }
    }

    /// It works, but.
    pub fn warning(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, outcome: Outcome::Warning, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// It does not work.
    pub fn failed(about: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { about, outcome: Outcome::Failed, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// AWS would not say: what does not exist has failed, all else is not known.
    pub fn refused(about: &'static str, thing: &str, refusal: &AwsError) -> Self {
        if refusal.is_not_found() {
            return Self::failed(about, format!("{thing} does not exist"), "deploy the stack again");
        }
        let found = format!("{thing} could not be checked: {}", refusal.why);
        Self { about, outcome: Outcome::Unchecked, found, remedy: None }
    }

    /// For people.
    pub fn text(&self) -> String {
        let word = match self.outcome {
            Outcome::Ok => "ok",
            Outcome::Warning => "look",
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
    fn what_does_not_exist_has_failed_and_what_is_forbidden_is_not_known() {
        let refusal = |code: &str| AwsError { code: Some(code.into()), why: format!("{code}: no") };
        let missing = Finding::refused("tables", "events", &refusal("ResourceNotFoundException"));
        assert_eq!(missing.outcome, Outcome::Failed);
        let forbidden = Finding::refused("tables", "events", &refusal("AccessDeniedException"));
        assert_eq!(forbidden.outcome, Outcome::Unchecked);
        assert_eq!(forbidden.found, "events could not be checked: AccessDeniedException: no");
    }

    #[test]
    fn a_finding_says_what_to_do_on_a_line_of_its_own() {
        let text = Finding::warning("queues", "d holds 3 messages", "ilock redrive d").text();
        assert_eq!(text, "look    queues    d holds 3 messages\n                  → ilock redrive d");
    }
}
