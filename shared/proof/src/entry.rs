//! What the log is made of: one fixed binary form for everything that is proven. It names nobody, and no call: a call's id
//! stands in it as a hash.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | the form's version: 1 |
//! | 1 | the type: [`EntryKind`] |
//! | 2–33 | the hash of what was entered |
//! | 34–49 | the first 16 bytes of SHA-256 of the call's id; zero where there is no call |
//! | 50–53 | the number of the commit, big-endian; zero where there is none |

use ilock_events::{CallId, CommitNo};
use sha2::{Digest, Sha256};

use crate::hour::Hour;
use crate::tree::Node;

/// How many bytes an entry has.
pub const ENTRY_BYTES: usize = 54;
const VERSION: u8 = 1;

/// The first 16 bytes of SHA-256 of a call's id.
pub type CallHash = [u8; 16];

/// What was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A commit: its hash, as it names it.
    Commit = 1,
    /// A receipt: its item digest.
    Receipt = 2,
    /// An alert beside a commit: its item digest.
    Alert = 3,
    /// A mark that personal text was deleted: its item digest.
    Forgotten = 4,
    /// An auditor's access: its item digest.
    Access = 5,
    /// A key of the log that began or ended: SHA-256 of its record.
    Key = 6,
    /// An hour that began: SHA-256 of its name.
    Hour = 7,
    /// A mark that a call is in the archive of its day: its item digest.
    Archived = 8,
}

impl EntryKind {
    const ALL: [Self; 8] = [
        Self::Commit,
        Self::Receipt,
        Self::Alert,
        Self::Forgotten,
        Self::Access,
        Self::Key,
        Self::Hour,
        Self::Archived,
    ];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Receipt => "receipt",
            Self::Alert => "alert",
            Self::Forgotten => "forgotten",
            Self::Access => "access",
            Self::Key => "key",
            Self::Hour => "hour",
            Self::Archived => "archived",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    pub kind: EntryKind,
    pub hash: Node,
    pub call: CallHash,
    pub n: u32,
}

/// The hash under which a call stands in entries.
#[must_use]
pub fn call_hash(call_id: &str) -> CallHash {
    let hash: Node = Sha256::digest(call_id.as_bytes()).into();
    hash.first_chunk().copied().unwrap_or_default()
}

impl Entry {
    /// Of something that belongs to a call.
    #[must_use]
    pub fn of_call(kind: EntryKind, call_id: &CallId, n: CommitNo, hash: Node) -> Self {
        Self { kind, hash, call: call_hash(call_id.as_str()), n: n.0 }
    }

    /// Of something that belongs to no call.
    #[must_use]
    pub const fn of_log(kind: EntryKind, hash: Node) -> Self {
        Self { kind, hash, call: [0; 16], n: 0 }
    }

    /// That `hour` began.
    #[must_use]
    pub fn of_hour(hour: Hour) -> Self {
        Self::of_log(EntryKind::Hour, Sha256::digest(hour.to_string().as_bytes()).into())
    }

    #[must_use]
    pub fn to_bytes(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[0] = VERSION;
        bytes[1] = self.kind as u8;
        bytes[2..34].copy_from_slice(&self.hash);
        bytes[34..50].copy_from_slice(&self.call);
        bytes[50..].copy_from_slice(&self.n.to_be_bytes());
        bytes
    }

    /// Reads an entry; none when it is of another form.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; ENTRY_BYTES] =
            bytes.try_into().ok().filter(|bytes: &&[u8; ENTRY_BYTES]| bytes[0] == VERSION)?;
        Some(Self {
            kind: EntryKind::ALL.into_iter().find(|kind| *kind as u8 == bytes[1])?,
            hash: bytes[2..34].try_into().ok()?,
            call: bytes[34..50].try_into().ok()?,
            n: u32::from_be_bytes(bytes[50..].try_into().ok()?),
        })
    }
}
