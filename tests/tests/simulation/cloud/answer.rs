//! What AWS answers.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::http::StatusCode;

/// What is answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: vec![], body: body.into().into_bytes() }
    }

    pub fn response(self) -> HttpResponse {
        let mut response = HttpResponse::new(StatusCode::try_from(self.status).unwrap(), self.body.into());
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
