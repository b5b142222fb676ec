//! A phone or a door station of iLock Call, on tokio.
//!
//! A phone that answers every call:
//!
//! ```no_run
//! # async fn run(token: String) -> Result<(), ilock_client::StartError> {
//! use ilock_client::{AccessTokens, Event, phone};
//!
//! let (client, mut events) = phone("https://calls.example", AccessTokens::fixed(token)).start()?;
//! while let Some(event) = events.next().await {
//!     if let Event::Ring { call } = event { client.answer(&call.call_id); }
//! }
//! # Ok(()) }
//! ```
//!
//! A door station that calls somebody:
//!
//! ```no_run
//! # async fn run(token: String) -> Result<(), ilock_client::StartError> {
//! use ilock_client::{AccessTokens, Press, door};
//!
//! let (client, mut events) = door("https://calls.example", AccessTokens::fixed(token)).start()?;
//! client.press(Press::person("user456").named("前门设备").at("小区大门"));
//! while let Some(event) = events.next().await {
//!     println!("{event:?}");
//! }
//! # Ok(()) }
//! ```
//!
//! The client registers, connects, reconnects, renews its password, retries and gives up by itself: the rules are those
//! of [`ilock_client_core`]. [`Event`] says what each event asks of the app. Entering a TRTC room is the app's part.

#![warn(missing_docs)]

mod broker;
mod builder;
mod driver;
mod handle;
mod http;
mod net;
mod press;
mod tokens;
mod wire;
mod wish;

pub use builder::{Builder, StartError, door, phone};
pub use handle::{Events, Handle, Stopped};
pub use ilock_client_core::{
    CallInfo, Ending, Event, LogoutReason, Problem, Progress, PushTokens, Room, Secret, Status,
};
pub use press::Press;
pub use tokens::{AccessTokens, Token};
