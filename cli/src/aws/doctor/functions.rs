//! Can the functions be run?

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{LastUpdateStatus, State};

use crate::aws::account::AwsError;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "functions";

/// Every function of the stack; those that are well are counted, the others named.
pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let client = Client::new(sdk);
    let (mut well, mut findings) = (0, vec![]);
    for function in stack.of_kind("AWS::Lambda::Function") {
        let name = &function.physical;
        match client.get_function_configuration().function_name(name).send().await {
            Ok(found) => match judge(name, found.state(), found.last_update_status(), found.state_reason()) {
                None => well += 1,
                Some(finding) => findings.push(finding),
            },
            Err(error) => findings.push(Finding::refused(ABOUT, name, &AwsError::of(&error))),
        }
    }
    if well > 0 {
        findings.insert(0, Finding::ok(ABOUT, format!("{well} can be run")));
    } else if findings.is_empty() {
        findings.push(Finding::failed(ABOUT, "the stack has none", "deploy it from this project's template"));
    }
    findings
}

fn judge(
    name: &str,
    state: Option<&State>,
    update: Option<&LastUpdateStatus>,
    reason: Option<&str>,
) -> Option<Finding> {
    let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    match (state, update) {
        (_, Some(LastUpdateStatus::Failed)) => {
            Some(Finding::failed(ABOUT, format!("{name}: its last update failed{why}"), "deploy the stack again"))
        }
        // A function that nobody asked for weeks sleeps; it wakes when it is asked.
        (None | Some(State::Active | State::Inactive), _) => None,
        (Some(State::Pending), _) => {
            Some(Finding::warning(ABOUT, format!("{name} is not ready yet"), "look again in a minute"))
        }
        (Some(state), _) => {
            Some(Finding::failed(ABOUT, format!("{name} is {}{why}", state.as_str()), "deploy the stack again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::finding::Outcome;

    #[test]
    fn a_function_runs_waits_or_has_failed() {
        let outcome = |state, update| judge("projector", state, update, None).map(|finding| finding.outcome);
        assert_eq!(outcome(Some(&State::Active), Some(&LastUpdateStatus::Successful)), None);
        assert_eq!(outcome(Some(&State::Pending), None), Some(Outcome::Warning));
        assert_eq!(outcome(Some(&State::Failed), None), Some(Outcome::Failed));
        assert_eq!(outcome(Some(&State::Active), Some(&LastUpdateStatus::Failed)), Some(Outcome::Failed));
    }
}
