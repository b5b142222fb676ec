//! The ledger under faults: the log's stream in unstable batches and on slow shards, batches that become dead letters and are
//! redriven, two sequencers that are killed anywhere, and DynamoDB, S3 and KMS that throttle, lose requests and lose answers.

mod feed;
mod judge;
mod run;
mod seeds;
mod witness;

/// What the ledger of a simulation is called.
const ORIGIN: &str = "ledger.simulated";
const EVENTS: &str = "events";
const LEDGER: &str = "ledger";
