//! A small ledger in a folder, for tests.

use std::path::PathBuf;
use std::sync::Arc;

use ilock_local::ledger_folder::LedgerFolder;
use ilock_log::ledger::{HourMark, LedgerReader, kept_checkpoint};
use ilock_proof::{Checkpoint, Entry, Hour, Note, SignKey, Tree, TreeHead, checkpoint_text, leaf_hash};

use crate::audit::ledger_args::OpenLedger;

const ORIGIN: &str = "example.org/ledger";

pub struct MadeLedger {
    folder: tempfile::TempDir,
    pub ledger: OpenLedger,
}

pub fn signed(head: TreeHead) -> Checkpoint {
    let text = checkpoint_text(ORIGIN, &head);
    let signature = SignKey::new(ORIGIN, &[7; 32]).unwrap().sign(&text);
    Checkpoint { origin: ORIGIN.into(), head, note: Note::new(text, vec![signature]).unwrap() }
}

impl MadeLedger {
    /// With fewer entries than fill a tile; a checkpoint is kept of each size, and `marks` says where hours begin.
    pub fn of(entries: &[Entry], marks: &[(Hour, u64)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for below in ["checkpoints", "hours", "keys", "tile/0/000.p", "tile/entries/000.p"] {
            std::fs::create_dir_all(folder.path().join(below)).unwrap();
        }
        let (mut tree, mut leaves, mut bundle) = (Tree::default(), vec![], vec![]);
        let mut head = TreeHead { size: 0, root: tree.root() };
        for entry in entries {
            let bytes = entry.to_bytes();
            tree.push(&bytes);
            leaves.extend(leaf_hash(&bytes));
            bundle.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            bundle.extend(bytes);
            head = TreeHead { size: tree.size(), root: tree.root() };
            std::fs::write(folder.path().join(kept_checkpoint(head.size)), signed(head).note.to_string()).unwrap();
        }
        for (hour, index) in marks {
            std::fs::write(folder.path().join(HourMark(*hour).name()), HourMark::bytes(*index, index + 1)).unwrap();
        }
        for (kind, bytes) in [("0", leaves), ("entries", bundle)] {
            std::fs::write(folder.path().join(format!("tile/{kind}/000.p/{}", head.size)), bytes).unwrap();
        }
        let ledger = OpenLedger {
            reader: LedgerReader::new(Arc::new(LedgerFolder::new(folder.path()))),
            checkpoint: signed(head),
            place: "a folder".into(),
            keys: vec![SignKey::new(ORIGIN, &[7; 32]).unwrap().verify_key().clone()],
            policy: None,
        };
        Self { folder, ledger }
    }

    /// The file of this name.
    pub fn at(&self, name: String) -> PathBuf {
        self.folder.path().join(name)
    }
}
