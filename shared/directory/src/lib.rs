//! The directory: one DynamoDB table of what changes. Call histories can be rebuilt from the log; registrations, ended logins, blocks
//! and settings can not.
//!
//! ```text
//! pk                         sk                     what
//! party#<kind>#<address>     client#<client_id>     an installed app, or a door station's connection; with tenant and id
//! party#<kind>#<address>     account                which logins were ended; counts slots and registrations; until when the history was seen
//! party#<kind>#<address>     blocks                 how many callers the person has blocked; none where it never was any
//! party#<kind>#<address>     denied#<caller's id>   a caller whom the person has blocked
//! party#<kind>#<address>     gone#<client_id>       when a client was logged out; DynamoDB drops it by its ttl
//! client#<client_id>         presence               whether its MQTT connection stands
//! party#user#<address>       live                   the calls that the person may be in, a hint; DynamoDB drops it by its ttl
//! party#user#<address>       settings               what the person has set
//! known#user#<address>       user#<address>         with whom the person has talked; DynamoDB drops it by its ttl
//! party#<kind>#<address>     presses                when the party pressed last, by which requests, and for whom; for two minutes
//! party#<kind>#<address>     proof#<digest>         what a nonce proves that is on its way by push; for a minute
//! push#<endpoint>            claim                  which client this push endpoint belongs to
//! room#<room_id>             guest#<TRTC user>      who went in or out last, and when, as TRTC told it
//! room#<room_id>             room                   a lease on a TRTC room id; DynamoDB drops it by its ttl
//! inbox#<kind>#<address>     <ms, 15 digits>#<call> one row of a party's history; DynamoDB drops it by its ttl
//! ```

mod account;
mod blocks;
mod client;
mod clients;
mod directory;
mod history;
mod history_rows;
mod known_callers;
mod live;
mod logout;
mod person_settings;
mod presence;
mod presses;
mod push_endpoints;
mod push_proofs;
mod recent;
mod registration;
mod room_lease;

pub use account::Account;
pub use blocks::{Blocked, MAX_BLOCKS, Unblocked};
pub use client::{Client, DIGITS_OF_TOKEN, EndpointOwner, EndpointSlot, OF_TOKEN, Passwords, PushEndpoint, Retirement};
pub use clients::{KnownCallee, StatusReport};
pub use directory::{Directory, DirectoryError, HISTORY_DAYS, TABLE};
pub use history::{Page, cursor_after};
pub use history_rows::{EveryRow, HistoryRecord, HistoryRow};
pub use ilock_dynamo::BadCursor;
pub use live::{Entered, LiveCall};
pub use presence::Presence;
pub use presses::{Press, PressLimits, Pressed, TakenSlot};
pub use push_endpoints::Taken;
pub use push_proofs::PushProof;
pub use recent::{Limit, Recent, TooOften};
pub use registration::{MAX_CLIENTS, NewRegistration, Registered, Registration};
pub use room_lease::{Guest, Lease, ROOM_LEASE, Reserved, Room, leased_until};
