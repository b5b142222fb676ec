//! Pushes by HTTP, straight to the push services of the makers of phones.
//!
//! [`HttpPush`] is the one carrier. Its table has a [`PushProvider`] for each push service, which knows what a request looks
//! like and what an answer means; everything that is the same for all is the carrier's. Google's [`Fcm`] is the first. Why:
//! docs/decisions/0019-push-services-by-http.md.

mod access;
mod carrier;
mod fcm;
mod google;
mod holds;
mod provider;

pub use access::{AccessIssuer, AccessToken};
pub use carrier::{HttpPush, for_the_log};
pub use fcm::{FCM_URL, Fcm};
pub use google::{AccountSource, GoogleAccess};
pub use provider::{HttpAnswer, PushProvider, Verdict, Wait};
