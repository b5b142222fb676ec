//! What holds of the log, whatever DynamoDB it is kept in. Each test target includes these and says by its `engine()`
//! which one that is, so that no test can be there for one engine alone.

mod append;
mod endpoints;
mod faults;
mod ledger;
mod load;
mod personal;
mod race;
mod receipts;
mod replayed;
mod table;
mod tampering;

use crate::engine;
