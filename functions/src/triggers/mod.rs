//! The functions that an event starts: the log's stream, queues, the broker, SNS, the clock.

pub mod changed_commit;
pub mod expire_call;
pub mod ledger;
pub mod mqtt_authorizer;
pub mod presence;
pub mod projector;
pub mod projector_retry;
pub mod push_feedback;
pub mod queue_batch;
pub mod retry_queue;
pub mod sequencer;
pub mod stream_batch;
