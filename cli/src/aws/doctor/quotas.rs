//! Checks what the account may use: functions at once, connections, connects a second and subscriptions of IoT Core.

use aws_config::SdkConfig;
use aws_sdk_lambda::Client as Lambda;
use aws_sdk_servicequotas::Client as Quotas;

use crate::aws::account::AwsError;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "quotas";
/// Lambda keeps as many for functions without any of their own.
const UNRESERVED: u64 = 100;
/// What one call a second keeps busy, as the template reserves it: two seconds each of create-call, callee-action,
/// mqtt-authorizer, trtc-callback and presence.
const AT_ONCE_PER_CALL: u64 = 10;
/// What the template reserves besides, at every load: five for each of the auditors' five functions, one for the sequencer.
const AT_ONCE_IN_ANY_CASE: u64 = 26;
/// A phone subscribes to three topics, a door station to one.
const SUBSCRIPTIONS_PER_PHONE: u64 = 3;
/// How long all clients may take to connect again, in seconds.
const RECONNECT: u64 = 30 * 60;

/// Names in Service Quotas, service `iotcore` ("AWS IoT Core endpoints and quotas", AWS General Reference).
const CONNECTIONS: &str = "Maximum concurrent client connections per account";
const CONNECTS: &str = "Connect requests per second per account";
const SUBSCRIPTIONS: &str = "Subscriptions per account";

/// `clients` is how many phones and door stations are to be connected at once, where the operator says so.
pub async fn check(sdk: &SdkConfig, stack: &Stack, clients: Option<u64>) -> Vec<Finding> {
    let mut findings = vec![];
    match Lambda::new(sdk).get_account_settings().send().await {
        Ok(found) => {
            let at_once = found.account_limit().map_or(0, aws_sdk_lambda::types::AccountLimit::concurrent_executions);
            findings.push(concurrency(u64::try_from(at_once).unwrap_or(0), expected_calls(stack)));
        }
        Err(error) => findings.push(Finding::refused(ABOUT, "the quotas of Lambda", &AwsError::from_sdk(&error))),
    }
    match iot(&Quotas::new(sdk)).await {
        Ok(iot) => findings.extend(iot.judge(clients)),
        Err(error) => findings.push(Finding::refused(ABOUT, "the quotas of IoT Core", &error)),
    }
    findings
}

fn expected_calls(stack: &Stack) -> u64 {
    stack.parameters.get("ExpectedCallsPerSecond").and_then(|calls| calls.parse().ok()).unwrap_or(25)
}

fn concurrency(at_once: u64, calls: u64) -> Finding {
    let needed = AT_ONCE_PER_CALL * calls + AT_ONCE_IN_ANY_CASE + UNRESERVED;
    let found = format!("Lambda runs {at_once} functions at once; {calls} calls a second need {needed}");
    if at_once >= needed {
        return Finding::ok(ABOUT, found);
    }
    let remedy = format!(
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value {}; \
         then deploy again",
        needed.max(1000)
    );
    // Below it a single call may use up all there is.
    if at_once < UNRESERVED { Finding::failed(ABOUT, found, remedy) } else { Finding::warning(ABOUT, found, remedy) }
}

/// What IoT Core lets the account do in this region; none where Service Quotas does not say.
#[derive(Debug, Default, Clone, Copy)]
struct Iot {
    connections: Option<u64>,
    connects: Option<u64>,
    subscriptions: Option<u64>,
}

async fn iot(client: &Quotas) -> Result<Iot, AwsError> {
    let mut found = Iot::default();
    let mut pages = client.list_service_quotas().service_code("iotcore").into_paginator().send();
    while let Some(page) = pages.next().await {
        for quota in page.map_err(|error| AwsError::from_sdk(&error))?.quotas() {
            let of_name = match quota.quota_name() {
                Some(CONNECTIONS) => &mut found.connections,
                Some(CONNECTS) => &mut found.connects,
                Some(SUBSCRIPTIONS) => &mut found.subscriptions,
                _ => continue,
            };
            *of_name = quota.value().and_then(whole);
        }
    }
    Ok(found)
}

/// Quotas are counts, and come as floating-point numbers.
fn whole(value: f64) -> Option<u64> {
    format!("{value:.0}").parse().ok()
}

impl Iot {
    fn judge(self, clients: Option<u64>) -> Vec<Finding> {
        let Self { connections, connects, subscriptions } = self;
        let of_each = [
            (CONNECTIONS, connections, clients),
            (SUBSCRIPTIONS, subscriptions, clients.map(|clients| clients * SUBSCRIPTIONS_PER_PHONE)),
            (CONNECTS, connects, clients.map(|clients| clients.div_ceil(RECONNECT))),
        ];
        of_each.into_iter().map(|(name, quota, needed)| judge(name, quota, needed)).collect()
    }
}

fn judge(name: &str, quota: Option<u64>, needed: Option<u64>) -> Finding {
    let Some(quota) = quota else {
        let found = format!("IoT Core: Service Quotas does not say “{name}”");
        return Finding::unchecked(ABOUT, found);
    };
    match needed {
        None => Finding::unchecked(
            ABOUT,
            format!("IoT Core: {name}: {quota} ({}); --clients N says whether that is enough", room(name, quota)),
        ),
        Some(needed) if needed <= quota => {
            Finding::ok(ABOUT, format!("IoT Core: {name}: {quota}, and {needed} are needed"))
        }
        Some(needed) => Finding::failed(
            ABOUT,
            format!("IoT Core: {name}: {quota}, and {needed} are needed ({})", room(name, quota)),
            format!("Service Quotas, AWS IoT Core: ask for {needed} or more; AWS may take days"),
        ),
    }
}

/// What a quota has room for, in words.
fn room(name: &str, quota: u64) -> String {
    match name {
        SUBSCRIPTIONS => {
            format!("room for {} phones: each subscribes to {SUBSCRIPTIONS_PER_PHONE}", quota / SUBSCRIPTIONS_PER_PHONE)
        }
        CONNECTS => format!("{} clients connect again within half an hour", quota * RECONNECT),
        _ => format!("room for {quota} phones and door stations"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::finding::Outcome;

    #[test]
    fn a_new_account_runs_too_few_functions() {
        assert_eq!(concurrency(10, 25).outcome, Outcome::Failed);
        assert_eq!(concurrency(375, 25).outcome, Outcome::Warning);
        assert_eq!(concurrency(376, 25).outcome, Outcome::Ok);
        assert!(concurrency(10, 25).remedy.unwrap().contains("--desired-value 1000"));
        assert!(concurrency(1000, 400).remedy.unwrap().contains("--desired-value 4126"));
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
                number => in_any_case += number.parse::<u64>().unwrap(),
            }
        }
        assert_eq!((per_call, in_any_case), (AT_ONCE_PER_CALL, AT_ONCE_IN_ANY_CASE));
        // For each size of the map: two seconds' worth of calls.
        let sizes = template.lines().filter_map(|line| line.strip_prefix("    \"")?.strip_suffix("\":"));
        let at_once = template.lines().filter_map(|line| line.strip_prefix("      AtOnce: "));
        let sizes: Vec<u64> = sizes.map(|calls| 2 * calls.parse::<u64>().unwrap()).collect();
        let at_once: Vec<u64> = at_once.map(|number| number.parse().unwrap()).collect();
        assert_eq!((sizes.len(), sizes), (7, at_once));
    }

    #[test]
    fn a_million_households_need_more_than_iot_core_gives_at_first() {
        let first = Iot { connections: Some(500_000), connects: Some(500), subscriptions: Some(500_000) };
        let outcomes = |clients| first.judge(clients).into_iter().map(|found| found.outcome).collect::<Vec<_>>();
        // Nobody has said how many there are to be.
        assert_eq!(outcomes(None), [Outcome::Unchecked; 3]);
        assert_eq!(outcomes(Some(100_000)), [Outcome::Ok; 3]);
        assert_eq!(outcomes(Some(200_000)), [Outcome::Ok, Outcome::Failed, Outcome::Ok]);
        assert_eq!(outcomes(Some(4_000_000)), [Outcome::Failed; 3]);
        assert!(first.judge(None)[1].found.contains("room for 166666 phones"));
        assert!(first.judge(None).iter().all(|found| found.found.contains("--clients N")));
        assert_eq!(Iot::default().judge(Some(1))[0].outcome, Outcome::Unchecked);
    }

    #[test]
    fn a_quota_is_a_whole_number() {
        assert_eq!((whole(500_000.0), whole(-1.0)), (Some(500_000), None));
    }
}
