//! A call as it is stored, unverified: what a verifier is handed.

use ilock_events::CallId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::entry::{Entry, EntryKind};
use crate::item_digest::entry_of_item;

/// Beside a text that was written for a call: until when that may still be placed. It finds the text of a call that never was,
/// and is no part of what is kept.
pub const UNPLACED_UNTIL: &str = "unplaced_until";
/// The same: who the parties of the call would be.
pub const PARTIES: &str = "parties";

/// All that stands under one call's key, as JSON, in the order of the sort keys. Nothing in it has been checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredCall {
    /// The call's id.
    pub call_id: String,
    /// Its commits.
    pub commits: Vec<Value>,
    /// Which phones rang, after the first.
    #[serde(default)]
    pub alerts: Vec<Value>,
    /// Its receipts.
    pub receipts: Vec<Value>,
    /// The personal text beside it.
    pub personal: Vec<Value>,
    /// What says that some of it was deleted.
    pub forgotten: Vec<Value>,
}

impl StoredCall {
    /// Adds the item at `sk`, given without its keys. Items come in the order of their sort keys.
    pub fn place(&mut self, sk: &str, mut body: Value) {
        match sk.split('#').next() {
            Some("commit") => {
                let named = body["n"].as_u64().map(|n| format!("commit#{n:06}"));
                if let Some(body) = body.as_object_mut() {
                    body.insert("call_id".into(), self.call_id.clone().into());
                    // Where it stands elsewhere than it says, that is part of the evidence.
                    if named.as_deref() != Some(sk) {
                        body.insert("sk".into(), sk.into());
                    }
                }
                self.commits.push(body);
            }
            Some("alert") => self.alerts.push(body),
            Some("receipt") => self.receipts.push(body),
            Some("personal") => {
                if let Some(body) = body.as_object_mut() {
                    body.remove(UNPLACED_UNTIL);
                    body.remove(PARTIES);
                }
                self.personal.push(body);
            }
            Some("forgotten") => self.forgotten.push(body),
            // Something newer than this code: not ours to judge.
            _ => {}
        }
    }

    /// What the ledger must have of it: one entry for everything but personal text.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let Ok(call_id) = CallId::new(self.call_id.as_str()) else { return vec![] };
        let kinds = [
            (EntryKind::Commit, &self.commits),
            (EntryKind::Receipt, &self.receipts),
            (EntryKind::Forgotten, &self.forgotten),
            (EntryKind::Alert, &self.alerts),
        ];
        let items = kinds.into_iter().flat_map(|(kind, items)| items.iter().map(move |body| (kind, body)));
        items.filter_map(|(kind, body)| entry_of_item(kind, &call_id, body)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_finds_a_text_is_left_out_beside_texts_and_nowhere_else() {
        let mut call = StoredCall::default();
        let with = |field: &str| json!({ field: 1, UNPLACED_UNTIL: 2, PARTIES: ["anna"] });
        call.place("personal#00", with("text"));
        call.place("receipt#1", with("n"));
        assert_eq!(call.personal, [json!({ "text": 1 })]);
        assert_eq!(call.receipts, [with("n")]);
    }
}
