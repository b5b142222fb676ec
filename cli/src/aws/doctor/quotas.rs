//! Checks what the account may use: functions at once; connections and subscriptions of IoT Core, and how many a second.

use aws_config::SdkConfig;
use aws_sdk_servicequotas::Client;
use aws_sdk_servicequotas::types::ServiceQuota;

use crate::aws::account::AwsError;
use crate::aws::doctor::check_result::CheckResult;
use crate::aws::doctor::concurrency;
use crate::aws::stack::Stack;

const ABOUT: &str = "quotas";
/// A phone subscribes to three topics, a door station to one.
const SUBSCRIPTIONS_PER_PHONE: u64 = 3;
/// How long all clients may take to connect and to subscribe again, in seconds.
const RECONNECT: u64 = 30 * 60;

/// Names in Service Quotas, service `iotcore` ("AWS IoT Core endpoints and quotas", AWS General Reference).
const CONNECTIONS: &str = "Maximum concurrent client connections per account";
const CONNECTS: &str = "Connect requests per second per account";
const SUBSCRIPTIONS: &str = "Subscriptions per account";
const SUBSCRIBES: &str = "Subscriptions per second per account";

/// `clients` is how many phones and door stations are to be connected at once, where the operator says so.
pub async fn check(sdk: &SdkConfig, stack: &Stack, clients: Option<u64>) -> Vec<CheckResult> {
    let mut results = vec![concurrency::check(sdk, stack).await];
    match iot(&Client::new(sdk)).await {
        Ok(iot) => results.extend(iot.judge(clients)),
        Err(error) => results.push(CheckResult::refused(ABOUT, "the quotas of IoT Core", &error)),
    }
    results
}

/// What IoT Core lets the account do in this region; none where Service Quotas does not say.
#[derive(Debug, Default, Clone, Copy)]
struct Iot {
    connections: Option<u64>,
    connects: Option<u64>,
    subscriptions: Option<u64>,
    subscribes: Option<u64>,
}

async fn iot(client: &Client) -> Result<Iot, AwsError> {
    let mut found = Iot::default();
    let mut applied = client.list_service_quotas().service_code("iotcore").into_paginator().send();
    while let Some(page) = applied.next().await {
        found.add(page.map_err(|error| AwsError::from_sdk(&error))?.quotas());
    }
    if found.is_complete() {
        return Ok(found);
    }
    // "If the applied quota value is not available for a quota, the quota is not retrieved": the account has the default then.
    let mut defaults = client.list_aws_default_service_quotas().service_code("iotcore").into_paginator().send();
    while let Some(page) = defaults.next().await {
        found.add(page.map_err(|error| AwsError::from_sdk(&error))?.quotas());
    }
    Ok(found)
}

/// Quotas are counts, and come as floating-point numbers.
fn whole(value: f64) -> Option<u64> {
    format!("{value:.0}").parse().ok()
}

impl Iot {
    /// Takes from `quotas` what is not known yet.
    fn add(&mut self, quotas: &[ServiceQuota]) {
        for quota in quotas {
            let of_name = match quota.quota_name() {
                Some(CONNECTIONS) => &mut self.connections,
                Some(CONNECTS) => &mut self.connects,
                Some(SUBSCRIPTIONS) => &mut self.subscriptions,
                Some(SUBSCRIBES) => &mut self.subscribes,
                _ => continue,
            };
            *of_name = of_name.or_else(|| quota.value().and_then(whole));
        }
    }

    const fn is_complete(&self) -> bool {
        self.connections.is_some()
            && self.connects.is_some()
            && self.subscriptions.is_some()
            && self.subscribes.is_some()
    }

    fn judge(self, clients: Option<u64>) -> Vec<CheckResult> {
        let Self { connections, connects, subscriptions, subscribes } = self;
        let subscribed = clients.map(|clients| clients * SUBSCRIPTIONS_PER_PHONE);
        let of_each = [
            (CONNECTIONS, connections, clients),
            (SUBSCRIPTIONS, subscriptions, subscribed),
            (CONNECTS, connects, clients.map(|clients| clients.div_ceil(RECONNECT))),
            (SUBSCRIBES, subscribes, subscribed.map(|subscribed| subscribed.div_ceil(RECONNECT))),
        ];
        of_each.into_iter().map(|(name, quota, needed)| judge(name, quota, needed)).collect()
    }
}

fn judge(name: &str, quota: Option<u64>, needed: Option<u64>) -> CheckResult {
    let Some(quota) = quota else {
        let found = format!("IoT Core: Service Quotas does not say “{name}”");
        return CheckResult::unchecked(ABOUT, found);
    };
    match needed {
        None => CheckResult::unchecked(
            ABOUT,
            format!("IoT Core: {name}: {quota} ({}); --clients N says whether that is enough", room(name, quota)),
        ),
        Some(needed) if needed <= quota => {
            CheckResult::ok(ABOUT, format!("IoT Core: {name}: {quota}, and {needed} are needed"))
        }
        Some(needed) => CheckResult::failed(
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
        SUBSCRIBES => format!(
            "{} phones subscribe again within half an hour, to {SUBSCRIPTIONS_PER_PHONE} each",
            quota * RECONNECT / SUBSCRIPTIONS_PER_PHONE
        ),
        _ => format!("room for {quota} phones and door stations"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    #[test]
    fn each_quota_that_a_standby_needs_is_compared() {
        let standby = include_str!("../../../../infra/runbooks/standby.md");
        let (_, list) = standby.split_once("Lambda concurrency; IoT ").unwrap();
        let list = list.split_once('.').unwrap().0.replace(" and ", ", ");
        let names: Vec<&str> = list.split(", ").collect();
        let quotas = names.iter().map(|name| match *name {
            "connections" => CONNECTIONS,
            "subscriptions" => SUBSCRIPTIONS,
            "connects a second" => CONNECTS,
            "subscriptions a second" => SUBSCRIBES,
            other => panic!("no quota is called {other}"),
        });
        let judged = Iot::default().judge(Some(1));
        assert_eq!(judged.len(), names.len());
        for (quota, result) in quotas.zip(judged) {
            assert!(result.found.contains(&format!("“{quota}”")), "{}", result.found);
        }
    }

    #[test]
    fn a_million_households_need_more_than_iot_core_gives_at_first() {
        let first = Iot {
            connections: Some(500_000),
            connects: Some(500),
            subscriptions: Some(500_000),
            subscribes: Some(500),
        };
        let outcomes = |clients| first.judge(clients).into_iter().map(|found| found.outcome).collect::<Vec<_>>();
        // Nobody has said how many there are to be.
        assert_eq!(outcomes(None), [Outcome::Unchecked; 4]);
        assert_eq!(outcomes(Some(100_000)), [Outcome::Ok; 4]);
        assert_eq!(outcomes(Some(200_000)), [Outcome::Ok, Outcome::Failed, Outcome::Ok, Outcome::Ok]);
        // Subscriptions a second are used up long before connects a second.
        assert_eq!(outcomes(Some(400_000)), [Outcome::Ok, Outcome::Failed, Outcome::Ok, Outcome::Failed]);
        assert_eq!(outcomes(Some(4_000_000)), [Outcome::Failed; 4]);
        assert!(first.judge(None)[1].found.contains("room for 166666 phones"));
        assert!(first.judge(None)[3].found.contains("300000 phones subscribe again within half an hour"));
        assert!(first.judge(None).iter().all(|found| found.found.contains("--clients N")));
        assert_eq!(Iot::default().judge(Some(1))[0].outcome, Outcome::Unchecked);
    }

    #[test]
    fn a_quota_is_a_whole_number() {
        assert_eq!((whole(500_000.0), whole(-1.0)), (Some(500_000), None));
    }
}
