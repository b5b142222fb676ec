//! Checks that the HTTP API answers, and that it refuses a request without a token.

use std::time::Duration;

use ilock_events::Envelope;
use serde_json::Value;

use crate::aws::account::error_chain;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "http";

/// Sends a request without a token. A working backend refuses it with an envelope of its own.
pub async fn check(stack: &Stack) -> Vec<Finding> {
    let Some(api) = stack.outputs.get("ApiUrl") else { return vec![] };
    let url = format!("{}/api/calls", api.trim_end_matches('/'));
    let asked = async {
        let response = get(&url).await?;
        Ok((response.status().as_u16(), response.text().await?))
    };
    vec![match asked.await {
        Ok((status, body)) => judge(&url, status, &body),
        Err::<_, reqwest::Error>(error) => Finding::failed(
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

fn judge(url: &str, status: u16, body: &str) -> Finding {
    let envelope: Option<Envelope<Value>> = serde_json::from_str(body).ok();
    match (status, envelope) {
        (401, Some(envelope)) if envelope.code != 0 => {
            Finding::ok(ABOUT, format!("{url} answers, and refuses a request without a token"))
        }
        (200..=299, _) => Finding::failed(
            ABOUT,
            format!("{url} accepts a request without a token ({status})"),
            "the deployment is not as in the template: block access to the address and deploy again",
        ),
        (status, Some(envelope)) => Finding::failed(
            ABOUT,
            format!("{url} answers {status}: {} (code {})", envelope.message, envelope.code),
            "the logs of the function list-calls say why",
        ),
        (status, None) => Finding::failed(
            ABOUT,
            format!("{url} answers {status}, but not in iLock Call's format"),
            "the function may not start: the logs of the function list-calls say why",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::finding::Outcome;

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
}
