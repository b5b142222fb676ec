//! A proof in the hand: one call's commits and what stands beside them, each with the proof that it is in the ledger. Whoever
//! is handed the file needs nothing else to check it, but for the keys of those whom they believe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file of `ilock prove`, and the answer of `GET /api/audit/calls/{call_id}/proof`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    /// The form's version: 1.
    pub ilock_proof: u32,
    /// The call.
    pub call_id: String,
    /// The ledger's name, as its checkpoints have it.
    pub origin: String,
    /// The keys that the ledger said sign it (C2SP signed-note). Nothing in the file vouches for them.
    pub keys: Vec<String>,
    /// The commits, from the first.
    pub commits: Vec<ProofItem>,
    /// Who was told, round by round.
    pub receipts: Vec<ProofItem>,
    /// Which phones rang, after the first.
    pub alerts: Vec<ProofItem>,
    /// That personal text was deleted.
    pub forgotten: Vec<ProofItem>,
}

/// One thing that is proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofItem {
    /// The JSON text that is hashed: SHA-256 of it stands in the ledger.
    pub text: String,
    /// That it is in the ledger: C2SP tlog-proof.
    pub proof: String,
}

impl ProofFile {
    /// The version that is written now.
    pub const VERSION: u32 = 1;

    /// The file's content.
    ///
    /// # Errors
    /// What serialising says.
    pub fn to_text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}
