//! Checks that Lambda runs as many functions at once as the expected calls need.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::AccountLimit;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;
use crate::aws::doctor::functions::reserved;
use crate::aws::stack::Stack;

const ABOUT: &str = "quotas";
/// Lambda lets no function reserve the last 100.
const UNRESERVED: u64 = 100;
/// What one call a second may keep busy of the functions that reserve nothing: the projector before all, the ledger function,
/// expire-call, caller-action, registrations and what reads. `infra/template/account.py` has the same number, and its source.
const UNRESERVED_PER_CALL: u64 = 1;
/// What one call a second keeps busy, as the template reserves it: two seconds each of create-call, mqtt-authorizer,
/// trtc-callback and presence, and twelve of callee-action.
const AT_ONCE_PER_CALL: u64 = 20;
/// What the template reserves besides, at every load: five for each of the auditors' five functions, one for the sequencer.
const AT_ONCE_IN_ANY_CASE: u64 = 26;

/// What the account may run at once.
#[derive(Debug, Clone, Copy)]
struct Executions {
    at_once: u64,
    /// Reserved for functions that are not the stack's.
    of_others: u64,
}

pub async fn check(sdk: &SdkConfig, stack: &Stack) -> CheckResult {
    match executions(&Client::new(sdk), stack).await {
        Ok(found) => judge(found, expected_calls(stack)),
        Err(error) => CheckResult::refused(ABOUT, "the quotas of Lambda", &error),
    }
}

async fn executions(client: &Client, stack: &Stack) -> Result<Executions, AwsError> {
    let found = client.get_account_settings().send().await.map_err(|error| AwsError::from_sdk(&error))?;
    let limit = found.account_limit();
    let at_once = count(limit.map(AccountLimit::concurrent_executions));
    let unreserved = limit.and_then(AccountLimit::unreserved_concurrent_executions);
    let mut of_others = unreserved.map_or(0, |unreserved| at_once.saturating_sub(count(Some(unreserved))));
    // Most accounts reserve nothing, and then nobody's share is asked for.
    for function in stack.of_kind("AWS::Lambda::Function") {
        if of_others == 0 {
            break;
        }
        match reserved(client, &function.physical).await {
            Ok(own) => of_others = of_others.saturating_sub(count(own)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Executions { at_once, of_others })
}

fn count(number: Option<i32>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

fn expected_calls(stack: &Stack) -> u64 {
    stack.parameters.get("ExpectedCallsPerSecond").and_then(|calls| calls.parse().ok()).unwrap_or(25)
}

/// What the template reserves, and what the other functions share.
fn needed(calls: u64) -> u64 {
    AT_ONCE_PER_CALL * calls + AT_ONCE_IN_ANY_CASE + UNRESERVED.max(UNRESERVED_PER_CALL * calls)
}

fn judge(executions: Executions, calls: u64) -> CheckResult {
    let Executions { at_once, of_others } = executions;
    let (available, needed) = (at_once.saturating_sub(of_others), needed(calls));
    let others = if of_others == 0 {
        String::new()
    } else {
        format!(", of which {of_others} are reserved for functions of others")
    };
    let found = format!("Lambda runs {at_once} functions at once{others}; {calls} calls a second need {needed}");
    if available >= needed {
        return CheckResult::ok(ABOUT, found);
    }
    let remedy = format!(
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value {}; \
         then deploy again",
        (needed + of_others).max(1000)
    );
    // Below it a single call may use up all there is.
    if available < UNRESERVED {
        CheckResult::failed(ABOUT, found, remedy)
    } else {
        CheckResult::warning(ABOUT, found, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    fn outcome(at_once: u64, of_others: u64) -> Outcome {
        judge(Executions { at_once, of_others }, 25).outcome
    }

    #[test]
    fn a_new_account_runs_too_few_functions() {
        assert_eq!(outcome(10, 0), Outcome::Failed);
        assert_eq!(outcome(625, 0), Outcome::Warning);
        assert_eq!(outcome(626, 0), Outcome::Ok);
        let remedy = |at_once, calls| judge(Executions { at_once, of_others: 0 }, calls).remedy.unwrap();
        assert!(remedy(10, 25).contains("--desired-value 1000"));
        assert!(remedy(1000, 400).contains("--desired-value 8426"));
    }

    #[test]
    fn what_others_have_reserved_is_not_there_for_the_stack() {
        assert_eq!((outcome(1000, 374), outcome(1000, 375)), (Outcome::Ok, Outcome::Warning));
        let found = judge(Executions { at_once: 1000, of_others: 700 }, 25);
        assert!(found.found.contains("1000 functions at once, of which 700 are reserved for functions of others; 25"));
        assert!(found.remedy.unwrap().contains("--desired-value 1326"));
    }

    #[test]
    fn what_the_other_functions_share_grows_with_the_load() {
        assert_eq!(needed(100) - needed(0), 100 * AT_ONCE_PER_CALL);
        assert_eq!(needed(400) - needed(100), 300 * (AT_ONCE_PER_CALL + UNRESERVED_PER_CALL));
        let account = include_str!("../../../../infra/template/account.py");
        assert!(account.contains(&format!("\nUNRESERVED = {UNRESERVED}\n")));
        assert!(account.contains(&format!("\nUNRESERVED_PER_CALL = {UNRESERVED_PER_CALL}\n")));
    }

    #[test]
    fn what_is_needed_is_what_the_template_reserves() {
        let template = include_str!("../../../../template.yaml");
        let reserved = template.lines().filter_map(|line| line.trim().strip_prefix("ReservedConcurrentExecutions: "));
        let (mut per_call, mut in_any_case) = (0, 0);
        for value in reserved {
            let value =
                value.strip_prefix("!If [Reserved, ").and_then(|rest| rest.strip_suffix(", !Ref AWS::NoValue]"));
            match value.unwrap() {
                "!FindInMap [Throttles, !Ref ExpectedCallsPerSecond, AtOnce]" => per_call += 2,
                "!FindInMap [Throttles, !Ref ExpectedCallsPerSecond, CalleeAtOnce]" => per_call += 12,
                number => in_any_case += number.parse::<u64>().unwrap(),
            }
        }
        assert_eq!((per_call, in_any_case), (AT_ONCE_PER_CALL, AT_ONCE_IN_ANY_CASE));
        // For each size of the map: two seconds' worth of calls, and six times that for the actions of callees.
        let sizes = template.lines().filter_map(|line| line.strip_prefix("    \"")?.strip_suffix("\":"));
        let sizes: Vec<u64> = sizes.map(|calls| calls.parse().unwrap()).collect();
        assert_eq!(sizes.len(), 7);
        for (column, per_call) in [("AtOnce", 2), ("CalleeAtOnce", 12)] {
            let column = format!("      {column}: ");
            let values = template.lines().filter_map(|line| line.strip_prefix(&column));
            let values: Vec<u64> = values.map(|number| number.parse().unwrap()).collect();
            assert_eq!(values, sizes.iter().map(|calls| per_call * calls).collect::<Vec<_>>());
        }
    }
}
