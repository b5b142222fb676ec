//! The statements that a key of the ledger began or ended. Each is a file, and the ledger has the entry of its hash.

use std::collections::BTreeSet;

use ilock_audit::{Finding, Kind};
use ilock_proof::{Entry, EntryKind, key_file, key_file_of};

use crate::audit::ledger_args::{OpenLedger, ledger_error};
use crate::ui::error::CommandError;

/// What is wrong with the statements of which `entries` has entries.
pub async fn judge(
    ledger: &OpenLedger,
    entries: impl IntoIterator<Item = Entry>,
) -> Result<Vec<Finding>, CommandError> {
    let keys: BTreeSet<Entry> = entries.into_iter().filter(|entry| entry.kind == EntryKind::Key).collect();
    let mut findings = vec![];
    for Entry { hash, .. } in keys {
        let name = key_file(&hash);
        let (kind, what) = match ledger.reader.file(&name).await.map_err(ledger_error)? {
            Some(bytes) if key_file_of(&bytes) == name => continue,
            Some(_) => (Kind::Changed, "is not the one that was entered"),
            None => (Kind::Missing, "was entered, and is not there any more"),
        };
        let why = format!("{name}, the statement that a key of the ledger began or ended, {what}");
        findings.push(Finding::new(kind, why));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use ilock_events::Millis;
    use ilock_proof::{KeyEvent, KeyRecord};

    use super::*;
    use crate::audit::made_ledger::MadeLedger;

    #[tokio::test]
    async fn a_statement_that_was_edited_is_changed_and_one_that_was_deleted_is_missing() {
        let key = MadeLedger::of(&[], &[]).ledger.keys[0].clone();
        let record = KeyRecord::new(&key, KeyEvent::Began, Millis(1_795_305_600_000));
        let (name, bytes) = record.file().unwrap();
        let entry = record.entry().unwrap();
        let made = MadeLedger::of(&[entry], &[]);
        let file = made.at(name);
        let found = async || {
            let findings = judge(&made.ledger, [entry, entry]).await.unwrap();
            findings.into_iter().map(|finding| finding.kind).collect::<Vec<_>>()
        };
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(found().await, []);
        let mut edited = bytes.clone();
        edited[6] ^= 1;
        std::fs::write(&file, edited).unwrap();
        assert_eq!(found().await, [Kind::Changed]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(found().await, [Kind::Missing]);
    }
}
