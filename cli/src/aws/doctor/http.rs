//! Does the HTTP API answer, as iLock Call does?

use std::time::Duration;

use ilock_events::Envelope;
use serde_json::Value;

use crate::aws::account::causes;
use crate::aws::doctor::finding::Finding;
use crate::aws::stack::Stack;

const ABOUT: &str = "http";

/// Asks without a token: a backend that works refuses that, in its own words.
pub async fn check(stack: &Stack) -> Vec<Finding> {
    let Some(api) = stack.outputs.get("ApiUrl") else { return vec![] };
    let url = format!("{}/api/calls", api.trim_end_matches('/'));
    vec![match ask(&url).await {
        Ok((status, body)) => judge(&url, status, &body),
        Err(error) => Finding::failed(
            ABOUT,
            format!("{url} does not answer: {}", causes(&error)),
            "is the address reachable from here? the API's access log says whether it was asked",
        ),
    }]
}

async fn ask(url: &str) -> Result<(u16, String), reqwest::Error> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(15)).build()?;
    let answer = client.get(url).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

fn judge(url: &str, status: u16, body: &str) -> Finding {
    let envelope: Option<Envelope<Value>> = serde_json::from_str(body).ok();
    match (status, envelope) {
        (401, Some(envelope)) if envelope.code != 0 => {
            Finding::ok(ABOUT, format!("{url} answers, and refuses who has no token"))
        }
        (200..=299, _) => Finding::failed(
            ABOUT,
            format!("{url} lets in who has no token ({status})"),
            "this is not as deployed: take the address off the network and deploy again",
        ),
        (status, Some(envelope)) => Finding::failed(
            ABOUT,
            format!("{url} answers {status}: {} (code {})", envelope.message, envelope.code),
            "the logs of list-calls say why",
        ),
        (status, None) => Finding::failed(
            ABOUT,
            format!("{url} answers {status}, but not as iLock Call does"),
            "a function that does not start is seen here: the logs of list-calls say why",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::doctor::finding::Outcome;

    #[test]
    fn only_our_own_refusal_is_well() {
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
