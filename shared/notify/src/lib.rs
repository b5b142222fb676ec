//! Who is told what, and by whom.
//!
//! [`notices`] says, as a pure function of a commit, who is to be told what until when. [`Delivery`] hands that to a
//! carrier. The same code runs twice over each commit: at once by the function that appended it (the fast path), and
//! by the projector for whatever has no receipt yet.

mod carrier;
mod deliver;
#[cfg(feature = "aws")]
pub mod iot;
mod notices;
pub mod push;
#[cfg(feature = "aws")]
pub mod sns;
#[cfg(feature = "aws")]
pub mod sqs;

pub use carrier::{Alarm, CarrierError, Mqtt, Publish, RingTimer};
pub use deliver::{Delivery, Done, Round, TIME_PASSED, Tickets, settled};
pub use notices::{Message, Notice, Via, notices, notices_of};
