//! The directory: one DynamoDB table of what changes. Everything but registrations can be rebuilt from the log.
//!
//! ```text
//! pk                         sk                     what
//! party#<kind>#<address>     client#<client_id>     an installed app, or a door station's connection; with tenant and id
//! party#<kind>#<address>     slots                  counts the slots given to clients, so that none is given twice
//! client#<client_id>         presence               whether its MQTT connection stands
//! push#<endpoint>            claim                  which client this push endpoint belongs to
//! room#<room_id>             guest#<TRTC user>      who went in or out last, and when, as TRTC told it
//! room#<room_id>             room                   a lease on a TRTC room id; DynamoDB drops it by its ttl
//! inbox#<kind>#<address>     <ms, 15 digits>#<call> one row of a party's history; DynamoDB drops it by its ttl
//! ```

mod client;
mod clients;
mod directory;
mod history;
mod history_rows;
mod presence;
mod push_endpoints;
mod registration;
mod room_lease;

pub use client::{Client, EndpointOwner, EndpointSlot, PushEndpoint, Retirement};
pub use clients::StatusReport;
pub use directory::{Directory, DirectoryError, HISTORY_DAYS, TABLE};
pub use history::Page;
pub use history_rows::{EveryRow, HistoryRow};
pub use ilock_dynamo::BadCursor;
pub use presence::Presence;
pub use registration::{MAX_CLIENTS, Registered};
pub use room_lease::{Guest, Lease, ROOM_LEASE, Reserved, Room, leased_until};
