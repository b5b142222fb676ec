//! `ilock redrive`: processes dead letters again, once their cause is removed.
//!
//! There are two kinds. Messages in the dead-letter queue of another queue are moved back by SQS, or one by one where SQS
//! does not do that. A letter that Lambda or an IoT rule wrote names what a function failed at: that function is invoked
//! with it again, and the letter is deleted when it succeeds.

mod call;
mod command;
mod image;
mod invoke;
mod letter;
mod letters;
mod move_by_hand;
mod queue;
mod records;
mod sqs_move;
mod stream_filter;

pub use command::Redrive;
