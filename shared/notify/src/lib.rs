//! Who is told what, and by whom.
//!
//! [`due`] says, as a pure function of a commit, who is to be told what until when; [`notices`] puts it into words. [`Delivery`] hands that to a
//! carrier. The same code runs twice over each commit: at once by the function that appended it (the fast path), and
//! by the projector for whatever has no receipt yet.

mod carrier;
mod deliver;
mod due;
mod notices;
pub mod push;

pub use carrier::{
    Alarm, AlarmKind, CarrierError, Mqtt, NO_LONGER_RANG, Publish, QueueError, RingTimer, StillRinging, TIME_PASSED,
};
pub use deliver::{Delivered, Delivery, MessageCredentials, Round, settled};
pub use due::{Due, Recipient, Step, Target, What, WhyPush, due};
pub use notices::{Channel, Message, Notice, notices};
