//! The functions on AWS Lambda: [`functions`] has them by name, [`aws`] is what carries their messages.

pub mod aws;
pub mod functions;
pub mod iot_endpoint;
mod logging;
mod ready;
mod start;

pub use lambda_runtime::Error;
pub use logging::{flush_metrics_after, install_metrics, lines_of_json, log_as_json};
pub use ready::{NotReady, Ready};
