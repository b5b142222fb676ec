//! The log contract: what the event log guarantees, whatever DynamoDB holds it. The targets `embedded` and `localstack`
//! both include this module, and their own `engine()` says which DynamoDB it runs on. So no test of the contract can
//! exist for one engine alone.

mod append;
mod archive;
mod endpoints;
mod faults;
mod ledger;
mod live;
mod load;
mod personal;
mod presses;
mod race;
mod receipts;
mod replayed;
mod table;
mod tampering;

use crate::engine;
