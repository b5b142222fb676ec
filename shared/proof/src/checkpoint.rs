//! Checkpoints (C2SP tlog-checkpoint): how large the tree is, its root, and in lines of our own the hour, and the
//! checkpoint before.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ilock_events::Hash;

use crate::hour::Hour;
use crate::note::{BadNote, VerifyKey};
use crate::tree::{Node, Tree};

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many entries all bundles so far have.
    pub size: u64,
    /// The root over them.
    pub root: Node,
    /// Up to the end of which hour.
    pub hour: Hour,
    /// SHA-256 of the checkpoint of the hour before, signature and all; the first has none.
    pub previous: Option<Hash>,
}

impl Checkpoint {
    /// That of `tree` at the end of `hour`.
    #[must_use]
    pub fn of(tree: &Tree, hour: Hour, previous: Option<Hash>) -> Self {
        Self { size: tree.size(), root: tree.root(), hour, previous }
    }

    /// What is signed: of the ledger that is called `origin`, as its key is.
    #[must_use]
    pub fn text(&self, origin: &str) -> String {
        let previous = self.previous.as_deref().unwrap_or("none");
        let (size, root, hour) = (self.size, STANDARD.encode(self.root), self.hour);
        format!("{origin}\n{size}\n{root}\nhour {hour}\nprevious {previous}\n")
    }

    /// Reads a signed note.
    ///
    /// # Errors
    /// [`BadNote`] when it is not signed with `key`, or says something else.
    pub fn open(note: &str, key: &VerifyKey) -> Result<Self, BadNote> {
        let text = key.open(note)?;
        let read = || {
            let mut lines = text.lines();
            (lines.next()? == key.name()).then_some(())?;
            let size = lines.next()?.parse().ok()?;
            let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
            let hour = Hour::read(lines.next()?.strip_prefix("hour ")?)?;
            let previous = lines.next()?.strip_prefix("previous ")?;
            let previous = (previous != "none").then(|| previous.to_owned());
            lines.next().is_none().then_some(Self { size, root, hour, previous })
        };
        read().ok_or(BadNote("signed, but not a checkpoint of this ledger"))
    }
}
