//! Asks witnesses by HTTP.

use std::time::Duration;

use futures::future::BoxFuture;
use ilock_log::ledger::{MAX_ANSWER_BYTES, WitnessAnswer, WitnessClient, WitnessError};

/// A witness that takes longer is left to the next round.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An HTTP client for witnesses. It follows no redirect: a witness is where the operator says.
#[derive(Debug, Clone)]
pub struct HttpWitnesses(reqwest::Client);

impl HttpWitnesses {
    /// # Errors
    /// Why there can be no HTTP client.
    pub fn new() -> Result<Self, String> {
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        client.map(Self).map_err(|error| error.to_string())
    }
}

impl WitnessClient for HttpWitnesses {
    fn post(&self, url: String, body: String) -> BoxFuture<'_, Result<WitnessAnswer, WitnessError>> {
        Box::pin(async move {
            let failed = |error: reqwest::Error| WitnessError(error.to_string());
            let mut answer = self.0.post(url).body(body).send().await.map_err(failed)?;
            let status = answer.status().as_u16();
            let mut bytes = vec![];
            while let Some(chunk) = answer.chunk().await.map_err(failed)? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > MAX_ANSWER_BYTES {
                    return Err(WitnessError("the answer is too long".into()));
                }
            }
            let body = String::from_utf8(bytes).map_err(|_| WitnessError("the answer is not UTF-8".into()))?;
            Ok(WitnessAnswer { status, body })
        })
    }
}
