//! Checks that the functions can be invoked.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::{LastUpdateStatus, State};

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::{CHANGES_BY_HAND, CheckResult};
use crate::aws::stack::Stack;

const ABOUT: &str = "functions";

/// One result with the number of working functions, and one for each other function.
pub async fn check(sdk: &SdkConfig, stack: &Stack) -> Vec<CheckResult> {
    let client = Client::new(sdk);
    let (mut working, mut results) = (0, vec![]);
    let mut unasked = None;
    for function in stack.of_kind("AWS::Lambda::Function") {
        let name = &function.physical;
        match client.get_function_configuration().function_name(name).send().await {
            Ok(found) => {
                let reason = found.last_update_status_reason().or(found.state_reason());
                match judge(name, found.state(), found.last_update_status(), reason) {
                    Some(result) => results.push(result),
                    None => match reserved(&client, name).await {
                        Ok(Some(0)) => results.push(switched_off(name)),
                        Ok(_) => working += 1,
                        Err(error) => {
                            working += 1;
                            unasked = Some(error);
                        }
                    },
                }
            }
            Err(error) => results.push(CheckResult::refused(ABOUT, name, &AwsError::from_sdk(&error))),
        }
    }
    results.extend(unasked.map(|error| CheckResult::refused(ABOUT, "the reserved concurrency of functions", &error)));
    results.extend(aliases(&client, stack).await);
    if working > 0 {
        results.insert(0, CheckResult::ok(ABOUT, format!("{working} can be invoked")));
    } else if results.is_empty() {
        results.push(CheckResult::failed(
            ABOUT,
            "the stack has no functions",
            "deploy it again from this project's template",
        ));
    }
    results
}

/// How many executions are reserved for a function; none where it shares the account's with others.
pub async fn reserved(client: &Client, name: &str) -> Result<Option<i32>, AwsError> {
    let asked = client.get_function_concurrency().function_name(name).send().await;
    asked.map(|found| found.reserved_concurrent_executions()).map_err(|error| AwsError::from_sdk(&error))
}

/// With 0 reserved, Lambda throttles every invocation: that is how somebody stops a function in the console.
fn switched_off(name: &str) -> CheckResult {
    CheckResult::failed(
        ABOUT,
        format!("{name} is switched off: its reserved concurrency is 0, and every invocation is throttled"),
        format!(
            "aws lambda delete-function-concurrency --function-name {name}; where ReserveConcurrency is true, \
             put-function-concurrency with the number of template.yaml"
        ),
    )
}

/// Routes, streams and queues invoke a function by its alias. Where that is gone, nothing invokes it.
async fn aliases(client: &Client, stack: &Stack) -> Vec<CheckResult> {
    let mut results = vec![];
    for arn in stack.of_kind("AWS::Lambda::Alias").map(|alias| &alias.physical) {
        let Some((function, alias)) = arn.rsplit_once(':') else { continue };
        let name = function.rsplit(':').next().unwrap_or(function);
        if let Err(error) = client.get_alias().function_name(name).name(alias).send().await {
            results.push(match AwsError::from_sdk(&error) {
                error if error.is_not_found() => CheckResult::failed(
                    ABOUT,
                    format!("{name} has no alias {alias}: nothing can invoke it"),
                    format!("aws lambda create-alias --function-name {name} --name {alias} --function-version …; the newest of `aws lambda list-versions-by-function`"),
                ),
                error => CheckResult::refused(ABOUT, arn, &error),
            });
        }
    }
    results
}

fn judge(
    name: &str,
    state: Option<&State>,
    update: Option<&LastUpdateStatus>,
    reason: Option<&str>,
) -> Option<CheckResult> {
    let why = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    // A deployment updates a function only where its template differs from the last one.
    let remedy = || {
        format!(
            "remove the cause; if a deployment changed it last, deploy again; if somebody did by hand: {CHANGES_BY_HAND}"
        )
    };
    match (state, update) {
        (_, Some(LastUpdateStatus::Failed)) => {
            Some(CheckResult::failed(ABOUT, format!("{name}: its last update failed{why}"), remedy()))
        }
        // Lambda makes a function inactive when it was not invoked for weeks; the next invocation activates it.
        (None | Some(State::Active | State::Inactive), _) => None,
        (Some(State::Pending), _) => {
            Some(CheckResult::warning(ABOUT, format!("{name} is not ready yet"), "check again in a minute"))
        }
        (Some(state), _) => Some(CheckResult::failed(ABOUT, format!("{name} is {}{why}", state.as_str()), remedy())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    #[test]
    fn a_function_works_is_pending_or_has_failed() {
        let outcome = |state, update| judge("projector", state, update, None).map(|result| result.outcome);
        assert_eq!(outcome(Some(&State::Active), Some(&LastUpdateStatus::Successful)), None);
        assert_eq!(outcome(Some(&State::Pending), None), Some(Outcome::Warning));
        assert_eq!(outcome(Some(&State::Failed), None), Some(Outcome::Failed));
        assert_eq!(outcome(Some(&State::Active), Some(&LastUpdateStatus::Failed)), Some(Outcome::Failed));
        assert_eq!(switched_off("projector").outcome, Outcome::Failed);
        let failed = judge("projector", Some(&State::Failed), None, Some("its key is disabled")).unwrap();
        assert_eq!(failed.found, "projector is Failed: its key is disabled");
        assert!(failed.remedy.unwrap().ends_with(CHANGES_BY_HAND));
    }
}
