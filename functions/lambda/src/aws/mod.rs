//! AWS: what carries messages there, what keeps the ledger, and the parts of a function on it.

mod bucket;
mod carriers;
mod delay_queue;
mod iot_control;
mod iot_core;
mod kept_account;
mod kms_key;
mod on_aws;
mod secrets;
mod sns;

pub use bucket::Bucket;
pub use carriers::{AwsCarriers, RetryPolicy, request_timeouts};
pub use delay_queue::DelayQueue;
pub use iot_control::IotControl;
pub use iot_core::IotCore;
pub use kept_account::KeptAccount;
pub use kms_key::KmsKey;
pub use on_aws::{OnAws, Warm};
pub use secrets::{SecretUnread, Secrets};
pub use sns::{ENDPOINT_DISABLED, ENDPOINT_NOT_FOUND, Sns};
