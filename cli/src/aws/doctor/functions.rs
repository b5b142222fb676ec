//! Checks that the functions can be invoked.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{LastUpdateStatus, State};

use crate::aws::account::AwsError;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "functions";

/// One finding with the number of working functions, and one for each other function.
pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<Finding> {
    let client = Client::new(sdk);
    let (mut working, mut findings) = (0, vec![]);
    let mut unasked = None;
    for function in stack.of_kind("AWS::Lambda::Function") {
        let name = &function.physical;
        match client.get_function_configuration().function_name(name).send().await {
            Ok(found) => match judge(name, found.state(), found.last_update_status(), found.state_reason()) {
                Some(finding) => findings.push(finding),
                None => match reserved(&client, name).await {
                    Ok(Some(0)) => findings.push(switched_off(name)),
                    Ok(_) => working += 1,
                    Err(error) => {
                        working += 1;
                        unasked = Some(error);
                    }
                },
            },
            Err(error) => findings.push(Finding::refused(ABOUT, name, &AwsError::from_sdk(&error))),
        }
    }
    findings.extend(unasked.map(|error| Finding::refused(ABOUT, "the reserved concurrency of functions", &error)));
    findings.extend(aliases(&client, stack).await);
    if working > 0 {
        findings.insert(0, Finding::ok(ABOUT, format!("{working} can be invoked")));
    } else if findings.is_empty() {
        findings.push(Finding::failed(
            ABOUT,
            "the stack has no functions",
            "deploy it again from this project's template",
        ));
    }
    findings
}

/// How many executions are reserved for a function; none where it shares the account's with others.
async fn reserved(client: &Client, name: &str) -> Result<Option<i32>, AwsError> {
    let asked = client.get_function_concurrency().function_name(name).send().await;
    asked.map(|found| found.reserved_concurrent_executions()).map_err(|error| AwsError::from_sdk(&error))
}

/// With 0 reserved, Lambda throttles every invocation: that is how somebody stops a function in the console.
fn switched_off(name: &str) -> Finding {
    Finding::failed(
        ABOUT,
        format!("{name} is switched off: its reserved concurrency is 0, and every invocation is throttled"),
        format!(
            "aws lambda delete-function-concurrency --function-name {name}; where ReserveConcurrency is true, \
             put-function-concurrency with the number of template.yaml"
        ),
    )
}

/// Routes, streams and queues invoke a function by its alias. Where that is gone, nothing invokes it.
async fn aliases(client: &Client, stack: &Stack) -> Vec<Finding> {
    let mut findings = vec![];
    for arn in stack.of_kind("AWS::Lambda::Alias").map(|alias| &alias.physical) {
        let Some((function, alias)) = arn.rsplit_once(':') else { continue };
        let name = function.rsplit(':').next().unwrap_or(function);
        if let Err(error) = client.get_alias().function_name(name).name(alias).send().await {
            findings.push(match AwsError::from_sdk(&error) {
                error if error.is_not_found() => Finding::failed(
                    ABOUT,
                    format!("{name} has no alias {alias}: nothing can invoke it"),
                    format!("aws lambda create-alias --function-name {name} --name {alias} --function-version …; the newest of `aws lambda list-versions-by-function`"),
                ),
                error => Finding::refused(ABOUT, arn, &error),
            });
        }
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
        // Lambda makes a function inactive when it was not invoked for weeks; the next invocation activates it.
        (None | Some(State::Active | State::Inactive), _) => None,
        (Some(State::Pending), _) => {
            Some(Finding::warning(ABOUT, format!("{name} is not ready yet"), "check again in a minute"))
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
    fn a_function_works_is_pending_or_has_failed() {
        let outcome = |state, update| judge("projector", state, update, None).map(|finding| finding.outcome);
        assert_eq!(outcome(Some(&State::Active), Some(&LastUpdateStatus::Successful)), None);
        assert_eq!(outcome(Some(&State::Pending), None), Some(Outcome::Warning));
        assert_eq!(outcome(Some(&State::Failed), None), Some(Outcome::Failed));
        assert_eq!(outcome(Some(&State::Active), Some(&LastUpdateStatus::Failed)), Some(Outcome::Failed));
        assert_eq!(switched_off("projector").outcome, Outcome::Failed);
    }
}
