//! S3 and KMS, as far as the ledger's sequencer asks for them. They note every checkpoint that was published, and every text
//! that was signed, so that the ledger at the end can be held against them.

use std::sync::Mutex;

use axum::body::{Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use ilock_tests::aws::kms;
use ilock_tests::bucket::{Objects, ledger_key};
use serde_json::Value;
use tokio::time::Instant;

use super::answer::Answer;

#[derive(Default)]
pub struct Vault {
    objects: Objects,
    published: Mutex<Vec<(Instant, String)>>,
    signed: Mutex<Vec<String>>,
}

impl Vault {
    pub fn store(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Answer {
        let answer = answer(self.objects.answer(method, uri, headers, body.clone()));
        if method == Method::PUT && ledger_key(uri.path()) == Some("checkpoint") && answer.status == 200 {
            let text = String::from_utf8(body.to_vec()).unwrap();
            self.published.lock().unwrap().push((Instant::now(), text));
        }
        answer
    }

    pub fn sign(&self, operation: &str, body: &Value) -> Answer {
        if operation == "Sign" {
            let text = STANDARD.decode(body["Message"].as_str().unwrap()).unwrap();
            self.signed.lock().unwrap().push(String::from_utf8(text).unwrap());
        }
        answer(kms(operation, body))
    }

    /// Every checkpoint that was published, in order, and when.
    pub fn published(&self) -> Vec<(Instant, String)> {
        self.published.lock().unwrap().clone()
    }

    /// Every text that was signed, published or not.
    pub fn signed(&self) -> Vec<String> {
        self.signed.lock().unwrap().clone()
    }
}

fn answer(response: Response) -> Answer {
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).now_or_never().unwrap().unwrap();
    Answer { status, headers, body: body.to_vec() }
}
