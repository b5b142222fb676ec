//! The ledger: one line for each commit, chained, beside the log. Never personal text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CallId, CommitNo, Hash, TenantId};

/// That a commit was made. These types *are* the storage format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerEntry {
    /// The day (UTC) of the commit, and the bucket of its call: `2026-11-22#3`. Each has a chain of its own.
    pub chain: String,
    /// Which entry of the chain, from 1, without a gap.
    pub seq: u64,
    /// Whose call.
    pub tenant: TenantId,
    /// Which call.
    pub call_id: CallId,
    /// Which commit.
    pub n: CommitNo,
    /// The commit's hash.
    pub commit: Hash,
    /// The hash of the entry before; of the first, SHA-256 of the chain's name.
    pub prev: Hash,
    /// SHA-256 over the RFC 8785 form of everything above.
    pub hash: Hash,
}
