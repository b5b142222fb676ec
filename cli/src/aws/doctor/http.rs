//! Checks that the HTTP API answers, and that it refuses a request without a token.

use std::time::Duration;

use ilock_events::Envelope;
use serde_json::Value;

use crate::aws::doctor::check_result::{CHANGES_BY_HAND, CheckResult};
use crate::aws::stack::Stack;
use crate::ui::error::error_chain;

const ABOUT: &str = "http";

/// Sends a request without a token. A working backend refuses it with an envelope of its own; where API Gateway looks at tokens
/// first, the refusal is API Gateway's.
pub async fn check(stack: &Stack) -> Vec<CheckResult> {
    let Some(api) = stack.outputs.get("ApiUrl") else { return vec![] };
    let url = format!("{}/api/calls", api.trim_end_matches('/'));
    let asked = async {
        let response = get(&url).await?;
        Ok((response.status().as_u16(), response.text().await?))
    };
    vec![match asked.await {
        Ok((status, body)) if tokens_at_the_gateway(stack) => judge_gateway(&url, status, &body),
        Ok((status, body)) => judge(&url, status, &body),
        Err::<_, reqwest::Error>(error) => CheckResult::failed(
            ABOUT,
            format!("{url} does not answer: {}", error_chain(&error)),
            "is the address reachable from this machine? the API's access log shows which requests arrived",
        ),
    }]
}

pub(super) async fn get(url: &str) -> Result<reqwest::Response, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(15)).build()?;
    client.get(url).send().await
}

fn tokens_at_the_gateway(stack: &Stack) -> bool {
    stack.parameters.get("GatewayChecksTokens").is_some_and(|checks| checks == "true")
}

/// With `GatewayChecksTokens` no function sees the request.
fn judge_gateway(url: &str, status: u16, body: &str) -> CheckResult {
    let envelope: Option<Envelope<Value>> = serde_json::from_str(body).ok();
    match (status, envelope) {
        (401, None) => CheckResult::ok(
            ABOUT,
            format!("{url} answers: API Gateway refuses a request without a token, before it starts a function"),
        ),
        (401, Some(envelope)) if envelope.code != 0 => CheckResult::warning(
            ABOUT,
            format!("{url} refuses a request without a token, but in the function: API Gateway let it through"),
            // The routes are in the API's definition, which CloudFormation imports when it changes, and never reads.
            "somebody changed the API's routes, which CloudFormation does not see: \
             deploy with GatewayChecksTokens=false, and then with true again",
        ),
        _ => judge(url, status, body),
    }
}

fn judge(url: &str, status: u16, body: &str) -> CheckResult {
    let envelope: Option<Envelope<Value>> = serde_json::from_str(body).ok();
    match (status, envelope) {
        (401, Some(envelope)) if envelope.code != 0 => {
            CheckResult::ok(ABOUT, format!("{url} answers, and refuses a request without a token"))
        }
        (200..=299, _) => CheckResult::failed(
            ABOUT,
            format!("{url} accepts a request without a token ({status})"),
            format!(
                "block access to the address; then deploy from this project's template, and undo what somebody changed: \
                 {CHANGES_BY_HAND}"
            ),
        ),
        (status, Some(envelope)) => CheckResult::failed(
            ABOUT,
            format!("{url} answers {status}: {} (code {})", envelope.message, envelope.code),
            "the logs of the function list-calls say why",
        ),
        (status, None) => CheckResult::failed(
            ABOUT,
            format!("{url} answers {status}, but not in iLock Call's format"),
            "the function may not start: the logs of the function list-calls say why",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::check_result::Outcome;

    #[test]
    fn only_the_backends_own_refusal_is_ok() {
        let refusal = r#"{"code":40101,"message":"no","data":null}"#;
        for (status, body, outcome) in [
            (401, refusal, Outcome::Ok),
            (401, r#"{"message":"Unauthorized"}"#, Outcome::Failed),
            (401, r#"{"code":0,"message":"","data":null}"#, Outcome::Failed),
            (200, r#"{"code":0,"message":"","data":[]}"#, Outcome::Failed),
            (500, r#"{"message":"Internal Server Error"}"#, Outcome::Failed),
            (503, refusal, Outcome::Failed),
        ] {
            assert_eq!(judge("https://x/api/calls", status, body).outcome, outcome, "{status} {body}");
        }
    }

    #[test]
    fn where_api_gateway_looks_at_tokens_its_own_refusal_is_ok() {
        let refusal = r#"{"code":40101,"message":"no","data":null}"#;
        for (status, body, outcome) in [
            (401, r#"{"message":"Unauthorized"}"#, Outcome::Ok),
            (401, refusal, Outcome::Warning),
            (401, r#"{"code":0,"message":"","data":null}"#, Outcome::Failed),
            (403, r#"{"message":"Forbidden"}"#, Outcome::Failed),
            (200, r#"{"code":0,"message":"","data":[]}"#, Outcome::Failed),
            (500, r#"{"message":"Internal Server Error"}"#, Outcome::Failed),
        ] {
            assert_eq!(judge_gateway("https://x/api/calls", status, body).outcome, outcome, "{status} {body}");
        }
        let found = judge_gateway("https://x/api/calls", 401, r#"{"message":"Unauthorized"}"#).found;
        assert!(found.contains("API Gateway refuses"), "{found}");
        // The stack has the parameter already, and with the same definition no deployment imports the routes again.
        let let_through = judge_gateway("https://x/api/calls", 401, refusal).remedy.unwrap();
        assert!(
            let_through.ends_with("deploy with GatewayChecksTokens=false, and then with true again"),
            "{let_through}"
        );
        let template = include_str!("../../../../template.yaml");
        let (_, definition) = template.split_once("\n      DefinitionBody:\n").unwrap();
        let definition = definition.split_once("\n      DefaultRouteSettings:\n").unwrap().0;
        assert!(
            definition.contains("/api/calls:\n") && definition.contains("!If [TokensAtTheGateway, "),
            "{definition}"
        );
    }

    #[test]
    fn the_stack_s_parameter_says_who_looks_at_tokens_first() {
        let with = |checks: &str| Stack {
            parameters: [("GatewayChecksTokens".to_owned(), checks.to_owned())].into(),
            ..Stack::default()
        };
        assert!(tokens_at_the_gateway(&with("true")));
        assert!(!tokens_at_the_gateway(&with("false")));
        // A stack from before there was such a parameter.
        assert!(!tokens_at_the_gateway(&Stack::default()));
    }
}
