//! The judgement over a ledger: no entry is lost, every root that was ever signed can be made again, no checkpoint went back.

use std::collections::{BTreeMap, BTreeSet};

use ilock_log::ledger::{Ledger, LedgerReader};
use ilock_proof::{Checkpoint, Entry, Tree, VerifyKey, checkpoint_text};
use ilock_tests::ledger::whole;

use super::{LEDGER, ORIGIN};
use crate::cloud::Cloud;

/// What a ledger is held against.
pub struct Court<'a> {
    pub cloud: &'a Cloud,
    pub reader: LedgerReader,
    pub ledger: Ledger,
    pub client: aws_sdk_dynamodb::Client,
    pub key: VerifyKey,
    /// What the log has.
    pub wanted: BTreeSet<Entry>,
}

impl Court<'_> {
    /// What is wrong, and the ledger's entries.
    pub async fn judge(&self) -> (Vec<String>, Vec<Entry>) {
        let mut found = vec![];
        let entries = whole(&self.reader, &self.key).await;
        let there: BTreeSet<Entry> = entries.iter().copied().collect();
        let lost = self.wanted.difference(&there).count();
        if lost > 0 {
            found.push(format!("{lost} of {} entries are lost", self.wanted.len()));
        }
        let roots = roots(&entries);
        for text in self.cloud.vault.signed() {
            // A checkpoint that was signed and never published counts too: a witness may have seen it.
            if !roots.contains(&text) {
                found.push(format!("signed, and no tree of this ledger: {text:?}"));
            }
        }
        let mut size = 0;
        for (_, note) in self.cloud.vault.published() {
            let checkpoint = Checkpoint::read(&note).unwrap();
            if checkpoint.head.size < size || !roots.contains(checkpoint.note.text()) {
                found.push(format!("the checkpoint went from {size} entries to {}", checkpoint.note.text()));
            }
            size = checkpoint.head.size;
        }
        found.extend(self.left_over().await);
        (found, entries)
    }

    /// Items that wait: only the last round's record should be left in the table.
    async fn left_over(&self) -> Vec<String> {
        let mut found = vec![];
        let items = self.client.scan().table_name(LEDGER).send().await.unwrap().items.unwrap();
        if items.len() != 1 || self.ledger.round().await.unwrap().is_none_or(|round| round.number == 0) {
            found.push(format!("{} items are left in the table", items.len()));
        }
        found
    }
}

/// The text of every checkpoint that this ledger can have had.
fn roots(entries: &[Entry]) -> BTreeSet<String> {
    let mut tree = Tree::default();
    let heads = entries.iter().map(|entry| {
        tree.push(&entry.to_bytes());
        ilock_proof::TreeHead { size: tree.size(), root: tree.root() }
    });
    heads.map(|head| checkpoint_text(ORIGIN, &head)).collect()
}

/// Where each entry stands first.
pub fn places(entries: &[Entry]) -> BTreeMap<Entry, u64> {
    let mut places = BTreeMap::new();
    for (index, entry) in (0..).zip(entries) {
        places.entry(*entry).or_insert(index);
    }
    places
}
