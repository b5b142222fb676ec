//! Checks that the pages are served, where the deployment has them, and that they may reach its broker.

use crate::aws::doctor::check_result::{CHANGES_BY_HAND, CheckResult};
use crate::aws::doctor::http;
use crate::aws::stack::Stack;
use crate::ui::error::error_chain;

const ABOUT: &str = "pages";

pub async fn check(stack: &Stack) -> Vec<CheckResult> {
    let [Some(pages), Some(broker)] = ["PagesUrl", "WebsocketHost"].map(|output| stack.outputs.get(output)) else {
        return vec![];
    };
    let mut results = vec![];
    for path in ["/phone", "/pages/pages.js"] {
        let url = format!("{pages}{path}");
        results.push(match http::get(&url).await {
            Ok(response) => judge(&url, response.status().as_u16(), policy(&response), broker),
            Err(error) => CheckResult::failed(
                ABOUT,
                format!("{url} does not answer: {}", error_chain(&error)),
                "does PagesDomainName point to the output PagesDomainTarget?",
            ),
        });
    }
    results
}

fn policy(response: &reqwest::Response) -> &str {
    let policy = response.headers().get("content-security-policy");
    policy.and_then(|policy| policy.to_str().ok()).unwrap_or_default()
}

fn judge(url: &str, status: u16, policy: &str, broker: &str) -> CheckResult {
    let names_broker = policy.split([' ', ';']).any(|source| source.strip_prefix("wss://") == Some(broker));
    match status {
        200 if names_broker => CheckResult::ok(ABOUT, format!("{url} is served, and may connect to {broker}")),
        // The broker's name and this header come from one template.
        200 => CheckResult::changed_by_hand(ABOUT, format!("{url} may not connect to {broker}")),
        // S3 says so too of what is not there.
        403 => {
            CheckResult::failed(ABOUT, format!("{url} is not in the bucket"), "tools/deploy uploads it: deploy again")
        }
        status => CheckResult::failed(
            ABOUT,
            format!("{url} answers {status}"),
            format!(
                "check again in a minute; where somebody changed the distribution or its bucket: {CHANGES_BY_HAND}"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    #[test]
    fn a_page_that_is_served_and_may_reach_the_broker_is_ok() {
        let policy = "default-src 'none'; connect-src 'self' wss://ws.example.com; worker-src blob:";
        for (status, policy, outcome) in [
            (200, policy, Outcome::Ok),
            (200, "", Outcome::Failed),
            (200, "connect-src 'self' wss://ws.example.com.evil", Outcome::Failed),
            (403, policy, Outcome::Failed),
            (502, policy, Outcome::Failed),
        ] {
            assert_eq!(
                judge("https://x/phone", status, policy, "ws.example.com").outcome,
                outcome,
                "{status} {policy}"
            );
        }
        let stranger = judge("https://x/phone", 200, "", "ws.example.com");
        assert_eq!(stranger, CheckResult::changed_by_hand(ABOUT, "https://x/phone may not connect to ws.example.com"));
    }
}
