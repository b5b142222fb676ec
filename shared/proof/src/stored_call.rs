//! A call as it is stored, unverified: what a verifier is handed.

use std::collections::BTreeSet;
use std::fmt;

use ilock_events::{CallId, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::commit_hash::canonical;
use crate::entry::{Entry, EntryKind};
use crate::item_digest::{entry_of_content, entry_of_item};

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
    pub commits: Vec<Value>,
    /// Which phones rang, after the first.
    #[serde(default)]
    pub alerts: Vec<Value>,
    pub receipts: Vec<Value>,
    /// The personal text beside it.
    pub personal: Vec<Value>,
    /// What says that some of it was deleted.
    pub forgotten: Vec<Value>,
    /// What says that it is in the archive of its day. It is no part of the call: it stays when the call is moved there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<Value>,
    /// What stands there and cannot be read. No export holds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableItem>,
}

/// An item that JSON cannot hold, such as one with binary data: nothing of the log is written so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableItem {
    /// Its sort key.
    pub sk: String,
    pub why: String,
}

impl fmt::Display for UnreadableItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "item {} cannot be read: {}", self.sk, self.why)
    }
}

/// The sort key that an item of the kind `name` has by its content, of a receipt all but its round; none where the content names
/// none.
#[must_use]
pub fn own_key(name: &str, body: &Value) -> Option<String> {
    Some(match name {
        "commit" => format!("commit#{:06}", body["n"].as_u64()?),
        "receipt" => format!("receipt#{:06}#", body["n"].as_u64()?),
        "alert" => format!("alert#{}", body["client_id"].as_str().unwrap_or("-")),
        "personal" | "forgotten" => format!("{name}#{:.16}", body["digest"].as_str()?),
        _ => name.to_owned(),
    })
}

impl StoredCall {
    /// Adds the item at `sk`, given without its keys. Items come in the order of their sort keys.
    pub fn place(&mut self, sk: &str, mut body: Value) {
        let name = sk.split('#').next().unwrap_or_default();
        if let Some(fields) = body.as_object_mut() {
            match name {
                "commit" => drop(fields.insert("call_id".into(), self.call_id.clone().into())),
                "personal" => {
                    fields.remove(UNPLACED_UNTIL);
                    fields.remove(PARTIES);
                }
                _ => {}
            }
        }
        let is_own = own_key(name, &body)
            .is_some_and(|own| if name == "receipt" { is_round(sk.strip_prefix(own.as_str())) } else { sk == own });
        // Where it stands elsewhere than it says, that is part of the evidence.
        if let Some(fields) = body.as_object_mut().filter(|_| !is_own) {
            fields.insert("sk".into(), sk.into());
        }
        match name {
            "commit" => self.commits.push(body),
            "alert" => self.alerts.push(body),
            "receipt" => self.receipts.push(body),
            "personal" => self.personal.push(body),
            "forgotten" => self.forgotten.push(body),
            "archived" => self.archived = Some(body),
            // Something newer than this code: not ours to judge.
            _ => {}
        }
    }

    /// Whether it was moved into the archive of its day: nothing is left of it but the mark that says so.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.archived.is_some() && self.is_gone()
    }

    /// Whether nothing is left of it, but for a mark that it was archived.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let Self { call_id: _, commits, alerts, receipts, personal, forgotten, archived: _, unreadable } = self;
        unreadable.is_empty() && [commits, alerts, receipts, personal, forgotten].into_iter().all(Vec::is_empty)
    }

    /// The entry of the mark that it was archived.
    #[must_use]
    pub fn entry_of_mark(&self) -> Option<Entry> {
        let call_id = CallId::new(self.call_id.as_str()).ok()?;
        entry_of_item(EntryKind::Archived, &call_id, self.archived.as_ref()?)
    }

    /// The first thing of it that `archive` has not, in words. An archive has no personal text, and no marks of its own.
    #[must_use]
    pub fn lacking_in(&self, archive: &Self) -> Option<&'static str> {
        if !self.unreadable.is_empty() {
            return Some("an item that cannot be read");
        }
        let lists = [
            ("a commit", &self.commits, &archive.commits),
            ("an alert", &self.alerts, &archive.alerts),
            ("a receipt", &self.receipts, &archive.receipts),
            ("a personal text", &self.personal, &vec![]),
            ("a mark of forgetting", &self.forgotten, &archive.forgotten),
        ];
        lists.into_iter().find_map(|(what, own, there)| {
            let texts: BTreeSet<Vec<u8>> = there.iter().filter_map(|item| canonical(item).ok()).collect();
            let is_there = |item: &Value| canonical(item).is_ok_and(|text| texts.contains(&text));
            (!own.iter().all(is_there)).then_some(what)
        })
    }

    /// What the ledger must have of the call: one entry for everything but personal text. That of a mark that it was archived
    /// stands apart: [`StoredCall::entry_of_mark`].
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.entries_in_time().into_iter().map(|(entry, _)| entry).collect()
    }

    /// The same, each with when it says that it happened; 0 where it does not say.
    #[must_use]
    pub fn entries_in_time(&self) -> Vec<(Entry, Millis)> {
        let Ok(call_id) = CallId::new(self.call_id.as_str()) else { return vec![] };
        let at = |body: &Value| Millis(body["at"].as_i64().unwrap_or_default());
        self.items().filter_map(|(kind, body)| Some((entry_of_item(kind, &call_id, body)?, at(body)))).collect()
    }

    /// Everything of the call that the ledger must have, and of which kind it is.
    pub fn items(&self) -> impl Iterator<Item = (EntryKind, &Value)> {
        let kinds = [
            (EntryKind::Commit, &self.commits),
            (EntryKind::Receipt, &self.receipts),
            (EntryKind::Forgotten, &self.forgotten),
            (EntryKind::Alert, &self.alerts),
        ];
        kinds.into_iter().flat_map(|(kind, items)| items.iter().map(move |body| (kind, body)))
    }

    /// The entry of the first item that does not hold what its entry is of: what it holds cannot be proven.
    #[must_use]
    pub fn first_changed(&self) -> Option<Entry> {
        let call_id = CallId::new(self.call_id.as_str()).ok()?;
        self.items().find_map(|(kind, body)| {
            let entry = entry_of_item(kind, &call_id, body)?;
            (entry_of_content(kind, &call_id, body) != Some(entry)).then_some(entry)
        })
    }
}

/// Whether a sort key ends as that of a delivery round does.
fn is_round(end: Option<&str>) -> bool {
    end.is_some_and(|round| round.len() == 4 && round.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::commit_hash::digest;

    #[test]
    fn what_finds_a_text_is_left_out_beside_texts_and_nowhere_else() {
        let mut call = StoredCall::default();
        let with = |field: &str, value: Value| json!({ field: value, UNPLACED_UNTIL: 2, PARTIES: ["anna"] });
        call.place("personal#0123456789abcdef", with("digest", "0123456789abcdef01".into()));
        call.place("receipt#000001#0000", with("n", 1.into()));
        assert_eq!(call.personal, [json!({ "digest": "0123456789abcdef01" })]);
        assert_eq!(call.receipts, [with("n", 1.into())]);
    }

    #[test]
    fn what_stands_elsewhere_than_it_says_has_its_key_with_it() {
        let digest = "0123456789abcdef01";
        for (own, others, body) in [
            ("commit#000002", &["commit#2", "commit#000003"][..], json!({ "n": 2 })),
            ("receipt#000002#0007", &["receipt#", "receipt#000003#0007", "receipt#000002#x"], json!({ "n": 2 })),
            ("alert#a_1", &["alert#a_2", "alert#", "alert#-"], json!({ "client_id": "a_1" })),
            ("alert#-", &["alert#a_1"], json!({ "callee": "a" })),
            ("forgotten#0123456789abcdef", &["forgotten#00", "forgotten#"], json!({ "digest": digest })),
            ("personal#0123456789abcdef", &["personal#0000000000000000"], json!({ "digest": digest })),
            ("archived", &["archived#1"], json!({ "commits": 1 })),
        ] {
            let placed = |sk: &str| {
                let mut call = StoredCall::default();
                call.place(sk, body.clone());
                let StoredCall { commits, alerts, receipts, personal, forgotten, archived, .. } = call;
                let lists = [commits, alerts, receipts, personal, forgotten, archived.into_iter().collect()];
                lists.concat().remove(0)
            };
            assert_eq!(placed(own).get("sk"), None, "{own}");
            for other in others {
                assert_eq!(placed(other)["sk"], *other);
            }
        }
    }

    #[test]
    fn the_first_item_that_is_not_what_its_entry_is_of_is_named() {
        let mut call = StoredCall { call_id: "call_a_b_1".into(), ..StoredCall::default() };
        for n in 1..4 {
            let mut commit = json!({ "call_id": "call_a_b_1", "n": n, "actor": { "client": "anna_phone" } });
            commit["hash"] = digest(&canonical(&commit).unwrap()).into();
            call.commits.push(commit);
        }
        call.receipts.push(json!({ "n": 1, "path": "fast" }));
        assert_eq!(call.first_changed(), None);
        let found = |call: &StoredCall| call.first_changed().map(|entry| (entry.kind, entry.n));
        let mut receipt = call.clone();
        // It is no part of an item's digest, and would be one of its text.
        receipt.receipts[0]["ttl"] = 1.into();
        assert_eq!(found(&receipt), Some((EntryKind::Receipt, 1)));
        call.commits[2]["actor"]["client"] = "anna_other".into();
        assert_eq!(found(&call), Some((EntryKind::Commit, 3)));
        call.commits[1]["call_id"] = "call_a_b_2".into();
        assert_eq!(found(&call), Some((EntryKind::Commit, 2)));
    }

    #[test]
    fn what_an_archive_lacks_is_found_and_a_mark_is_no_part_of_the_call() {
        let mut call = StoredCall { call_id: "call_a_b_1".into(), ..StoredCall::default() };
        call.place("commit#000001", json!({ "n": 1 }));
        call.place("receipt#000001#0000", json!({ "n": 1, "path": "fast" }));
        let archive = call.clone();
        call.place("archived", json!({ "commits": 1 }));
        assert_eq!((call.lacking_in(&archive), call.is_archived(), call.entries().len()), (None, false, 2));
        assert_eq!(call.entry_of_mark().map(|entry| (entry.kind, entry.n)), Some((EntryKind::Archived, 0)));
        // An archive may have more: what was deleted already.
        let rest = StoredCall { receipts: vec![], ..call.clone() };
        assert_eq!(rest.lacking_in(&archive), None);
        call.receipts[0]["path"] = "projector".into();
        assert_eq!(call.lacking_in(&archive), Some("a receipt"));
        call.receipts.clear();
        call.personal.push(json!({ "salt": "00" }));
        assert_eq!(call.lacking_in(&archive), Some("a personal text"));
        let unreadable = UnreadableItem { sk: "note#1".into(), why: "binary".into() };
        let unread = StoredCall { unreadable: vec![unreadable], commits: vec![], personal: vec![], ..call.clone() };
        assert_eq!((unread.lacking_in(&archive), unread.is_archived()), (Some("an item that cannot be read"), false));
        let gone = StoredCall { commits: vec![], personal: vec![], ..call };
        assert!(gone.is_archived() && !StoredCall { archived: None, ..gone.clone() }.is_archived());
    }
}
