//! The file that proves a call: made here, checked by auditors.

use std::collections::HashMap;

use ilock_events::{CallId, ProofFile, ProofItem};
use serde_json::Value;

use crate::entry::{Entry, EntryKind};
use crate::item_digest::{entry_of_item, hashed_text};
use crate::note::tlog_proof::TlogProof;
use crate::stored_call::StoredCall;

/// What a proof is made of.
#[derive(Debug, Clone)]
pub struct MadeProofs {
    /// The ledger's name.
    pub origin: String,
    /// The keys that the ledger says sign it.
    pub keys: Vec<String>,
    /// The proof of each entry of the call.
    pub proofs: HashMap<Entry, TlogProof>,
}

/// Why there is no file for a call.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    #[error("{0:?} is no call id")]
    CallId(String),
    /// What is stored cannot be entered, or nobody proved its entry.
    #[error("a {} of it has no proof", .0.word())]
    Item(EntryKind),
    #[error(transparent)]
    Text(#[from] serde_json::Error),
}

/// The file for `call`, each of whose entries has a proof.
///
/// # Errors
/// [`Unproven`].
pub fn proof_file(call: &StoredCall, made: &MadeProofs) -> Result<ProofFile, Unproven> {
    let call_id = CallId::new(call.call_id.as_str()).map_err(|_| Unproven::CallId(call.call_id.clone()))?;
    let items = |kind: EntryKind, items: &[Value]| -> Result<Vec<ProofItem>, Unproven> {
        let proven = items.iter().map(|body| {
            let entry = entry_of_item(kind, &call_id, body);
            let proof = entry.and_then(|entry| made.proofs.get(&entry)).ok_or(Unproven::Item(kind))?;
            let text = String::from_utf8_lossy(&hashed_text(kind, &call_id, body)?).into_owned();
            Ok(ProofItem { text, proof: proof.to_string() })
        });
        proven.collect()
    };
    Ok(ProofFile {
        ilock_proof: ProofFile::VERSION,
        origin: made.origin.clone(),
        keys: made.keys.clone(),
        commits: items(EntryKind::Commit, &call.commits)?,
        receipts: items(EntryKind::Receipt, &call.receipts)?,
        alerts: items(EntryKind::Alert, &call.alerts)?,
        forgotten: items(EntryKind::Forgotten, &call.forgotten)?,
        call_id: call.call_id.clone(),
    })
}
