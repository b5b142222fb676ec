//! The result of a check.

use serde::Serialize;

use crate::aws::account::AwsError;

/// The section with the commands that undo what somebody deleted or changed by hand, outside CloudFormation. A deployment does not:
/// it compares the new template with the last one, and touches nothing of which both say the same.
pub const CHANGES_BY_HAND: &str = "docs/operators.md, “Changes by hand”";

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

    /// Something of the stack that somebody deleted.
    pub fn deleted_by_hand(about: &'static str, found: impl Into<String>) -> Self {
        let remedy = format!("deploying again does not create it: {CHANGES_BY_HAND}, has the commands that do");
        Self::failed(about, found, remedy)
    }

    /// Something of the stack that somebody changed.
    pub fn changed_by_hand(about: &'static str, found: impl Into<String>) -> Self {
        let remedy = format!("deploying again does not change it back: {CHANGES_BY_HAND}, has the commands that do");
        Self::failed(about, found, remedy)
    }

    /// The result of a request that AWS refused: failed when `thing`, which is the stack's, does not exist, otherwise unchecked.
    pub fn refused(about: &'static str, thing: &str, error: &AwsError) -> Self {
        if error.is_not_found() {
            return Self::deleted_by_hand(about, format!("{thing} does not exist"));
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
        assert_eq!(missing, CheckResult::deleted_by_hand("tables", "events does not exist"));
        let forbidden = CheckResult::refused("tables", "events", &error("AccessDeniedException"));
        assert_eq!(forbidden.outcome, Outcome::Unchecked);
        assert_eq!(forbidden.found, "events could not be checked: AccessDeniedException: no");
    }

    #[test]
    fn what_somebody_deleted_or_changed_is_not_to_be_deployed_again_and_the_page_has_the_commands() {
        for (by_hand, says) in [
            (CheckResult::deleted_by_hand("queues", "no"), "deploying again does not create it: "),
            (CheckResult::changed_by_hand("queues", "no"), "deploying again does not change it back: "),
        ] {
            assert_eq!(by_hand.outcome, Outcome::Failed);
            let remedy = by_hand.remedy.unwrap();
            assert!(remedy.starts_with(says) && remedy.contains(CHANGES_BY_HAND), "{remedy}");
        }
        let section =
            CHANGES_BY_HAND.strip_prefix("docs/operators.md, “").and_then(|rest| rest.strip_suffix('”')).unwrap();
        let page = include_str!("../../../../docs/operators.md");
        let (_, by_hand) = page.split_once(&format!("\n**{section}.** ")).unwrap();
        let by_hand = by_hand.split_once("\n## ").unwrap().0;
        for command in ["aws cloudformation detect-stack-drift ", "--deployment-mode REVERT_DRIFT"] {
            assert!(by_hand.contains(command), "{by_hand}");
        }
    }

    #[test]
    fn the_remedy_is_on_a_line_of_its_own() {
        let text = CheckResult::warning("queues", "d holds 3 messages", "ilock redrive d").text();
        assert_eq!(text, "warning queues    d holds 3 messages\n                  → ilock redrive d");
    }
}
